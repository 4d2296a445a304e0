"""The control plane of the embedded venues: see the truth, cause faults, move markets.

For tests and for people who try things out. It listens on the Lighter port under `/_sim/` and
answers loopback only. Shapes are fixed; bad input is a 400 with one line that says what is allowed.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from desk.core.funding import HourlyRate
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.sim import acts
from desk.sim.exchange import Exchange, Fill, FundingPaid, OrderView, Refusal
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.web import CONTROL_PREFIX, Spending, json_response, plain
from desk.sim.world import World

ROWS_MAX = 100_000
Namer = Callable[[VenueName, int], str]
Purses = Mapping[VenueName, Callable[[], Spending]]
Shape = TypeVar("Shape", bound=msgspec.Struct)
Row = dict[str, Any]


class BadControl(Exception):
    """The control plane was asked for something it cannot do; the text is one line."""


class FaultAsk(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /_sim/fault`; see `Fault` for the meaning of each key."""

    venue: VenueName
    kind: FaultKind
    match: str = ""
    count: int = 1
    probability: float = 1.0
    delay_s: float = 0.0
    code: str = ""


class MarketAsk(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /_sim/market`: one of a mid in USD, a shock in percent, or a pinned
    funding rate as a fraction per hour; without a venue it is for both."""

    symbol: str
    mid: Decimal | None = None
    shock_pct: Decimal | None = None
    funding_hourly: Decimal | None = None
    venue: VenueName | None = None


class LiquidateAsk(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /_sim/liquidate`: the part of the position to close, above 0 up to 1."""

    venue: VenueName
    symbol: str
    fraction: Decimal = Decimal(1)


class ControlPlane:
    """Handlers of `/_sim/*` on one world."""

    def __init__(
        self, world: World, *, plan: FaultPlan, clock: Clock, name_of: Namer, purses: Purses
    ) -> None:
        """Act on `world` and `plan`; `name_of` is how a venue calls an account, `purses` tell what
        was asked of each."""
        self._world = world
        self._plan = plan
        self._clock = clock
        self._name_of = name_of
        self._purses = purses

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(CONTROL_PREFIX + "truth", self._guard(self._truth)),
            web.get(CONTROL_PREFIX + "requests", self._guard(self._requests)),
            web.get(CONTROL_PREFIX + "fault", self._guard(self._list_faults)),
            web.post(CONTROL_PREFIX + "fault", self._guard(self._add_fault)),
            web.delete(CONTROL_PREFIX + "fault", self._guard(self._clear_faults)),
            web.post(CONTROL_PREFIX + "market", self._guard(self._move_market)),
            web.post(CONTROL_PREFIX + "liquidate", self._guard(self._liquidate)),
        ]

    def _guard(
        self, act: Callable[[bytes], object]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            if not _is_loopback(request.remote):
                return json_response({"error": "the control plane is for loopback"}, status=403)
            body = await request.read()
            self._world.sync(self._clock.now_ms())
            try:
                answer = act(body)
            except (BadControl, ValueError, Refusal) as error:
                return json_response({"error": str(error)}, status=400)
            return json_response(answer)

        return handle

    # What is

    def _truth(self, body: bytes) -> Row:
        """Return every account of both venues as the exchanges hold it."""
        venues = {
            venue.value: {
                "accounts": {
                    self._name_of(venue, account_id): account_truth(exchange, account_id)
                    for account_id in exchange.account_ids()
                }
            }
            for venue, exchange in self._world.exchanges.items()
        }
        return {"now_ms": self._world.now_ms, **venues}

    def _requests(self, body: bytes) -> Row:
        """Return what was spent of each venue's published limits, and how often more was asked."""
        return {venue.value: _spending_row(purse()) for venue, purse in self._purses.items()}

    def _list_faults(self, body: bytes) -> Row:
        return {"faults": [_fault_row(fault) for fault in self._plan.faults]}

    # What shall be

    def _add_fault(self, body: bytes) -> Row:
        ask = _read(body, FaultAsk)
        if ask.count < 1 or not 0 <= ask.probability <= 1:
            raise BadControl("count must be at least 1 and probability between 0 and 1")
        if ask.delay_s < 0 and ask.kind is not FaultKind.CLOCK_SKEW:
            raise BadControl("delay_s must not be negative (only clock_skew may run behind)")
        fault = Fault(
            venue=ask.venue,
            kind=ask.kind,
            match=ask.match,
            count=ask.count,
            probability=ask.probability,
            delay_s=ask.delay_s,
            code=ask.code,
            since_ms=self._clock.now_ms(),
        )
        acts.befall(self._world.exchanges[ask.venue], fault)
        self._plan.add(fault)
        return {"ok": True, "fault": _fault_row(fault)}

    def _clear_faults(self, body: bytes) -> Row:
        return {"ok": True, "cleared": self._plan.clear()}

    def _move_market(self, body: bytes) -> Row:
        ask = _read(body, MarketAsk)
        self._check_symbol(ask.symbol)
        given = [ask.mid, ask.shock_pct, ask.funding_hourly]
        if sum(value is not None for value in given) != 1:
            raise BadControl("give exactly one of mid, shock_pct, funding_hourly")
        if ask.mid is not None:
            self._set_mid(ask.symbol, ask.mid, ask.venue)
        elif ask.shock_pct is not None:
            self._shock(ask.symbol, ask.shock_pct, ask.venue)
        elif ask.funding_hourly is not None:
            for venue in [ask.venue] if ask.venue else list(VenueName):
                rate = HourlyRate.from_hourly(ask.funding_hourly)
                self._world.set_funding(ask.symbol, venue, rate)
        return {"ok": True}

    def _set_mid(self, symbol: str, mid: Decimal, venue: VenueName | None) -> None:
        if mid <= 0:
            raise BadControl("mid must be above zero")
        self._world.set_mid(symbol, mid, venue=venue)

    def _shock(self, symbol: str, shock_pct: Decimal, venue: VenueName | None) -> None:
        if shock_pct <= -100:
            raise BadControl("shock_pct must be above -100")
        if venue is None:
            self._world.shock(symbol, shock_pct)
            return
        mark = self._world.exchanges[venue].stats(symbol).mark
        self._world.set_mid(symbol, mark * (1 + shock_pct / 100), venue=venue)

    def _liquidate(self, body: bytes) -> Row:
        ask = _read(body, LiquidateAsk)
        self._check_symbol(ask.symbol)
        if not 0 < ask.fraction <= 1:
            raise BadControl("fraction must be above 0 and at most 1")
        exchange = self._world.exchanges[ask.venue]
        fills = acts.close_by_venue(exchange, ask.symbol, ask.fraction)
        if not fills:
            raise BadControl(f"no account holds {ask.symbol} on {ask.venue}")
        return {"ok": True, "fills": [_fill_row(fill) for fill in fills]}

    def _check_symbol(self, symbol: str) -> None:
        if symbol not in self._world.rows:
            raise BadControl(f"no market {symbol}: there are {', '.join(self._world.rows)}")


def account_truth(exchange: Exchange, account_id: int) -> Row:
    """Return one account: equity, signed positions, open orders, fills and funding, both oldest
    first."""
    view = exchange.account(account_id)
    fills = exchange.fills(account_id, limit=ROWS_MAX)
    funding = exchange.funding_payments(account_id, limit=ROWS_MAX)
    return {
        "equity": plain(view.equity),
        "positions": {symbol: plain(row.size) for symbol, row in view.positions.items()},
        "orders": [_order_row(order) for order in exchange.orders(account_id)],
        "fills": [_fill_row(fill) for fill in reversed(fills)],
        "funding": [_funding_row(row) for row in reversed(funding)],
    }


def _order_row(order: OrderView) -> Row:
    return {
        "symbol": order.symbol,
        "side": order.side.value,
        "size": plain(order.remaining),
        "price": None if order.price is None else plain(order.price),
        "reduce_only": order.reduce_only,
        "trigger_price": None if order.trigger_price is None else plain(order.trigger_price),
        "client_id": order.client_id,
    }


def _fill_row(fill: Fill) -> Row:
    return {
        "symbol": fill.symbol,
        "side": fill.side.value,
        "size": plain(fill.size),
        "price": plain(fill.price),
        "fee": plain(fill.fee),
        "client_id": fill.client_id,
        "at_ms": fill.at_ms,
    }


def _funding_row(row: FundingPaid) -> Row:
    return {
        "symbol": row.symbol,
        "payment": plain(row.usd),
        "rate_hourly": plain(row.rate.fraction),
        "at_ms": row.at_ms,
    }


def _spending_row(row: Spending) -> Row:
    return {"spent": plain(row.spent), "refused": row.refused, "left": plain(row.left)}


def _fault_row(fault: Fault) -> Row:
    return {
        "venue": fault.venue.value,
        "kind": fault.kind.value,
        "match": fault.match,
        "count": fault.count,
        "probability": fault.probability,
        "delay_s": fault.delay_s,
        "code": fault.code,
    }


def _read(body: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise BadControl(_explain(str(error))) from error
    except msgspec.DecodeError as error:
        raise BadControl(f"the body is not JSON: {error}") from error


def _explain(text: str) -> str:
    """Return the decoder's sentence with what would have been allowed."""
    for key, words in (("kind", FaultKind), ("venue", VenueName)):
        if text.endswith(f"`$.{key}`"):
            return f"{text}; allowed: {', '.join(word.value for word in words)}"
    return text


def _is_loopback(address: str | None) -> bool:
    return address is not None and ipaddress.ip_address(address).is_loopback
