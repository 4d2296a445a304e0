"""What we ask of Lighter, in its scaled integers, and what its gateway answers.

Pure: requests in, the signer's fields and form fields out; the gateway's words in, a verdict out.
Numbers and limits are those of the venue's public signer (elliottech/lighter-go) and its API
documentation. Nothing is rounded here: a price off the tick raises.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from desk.core.errors import InvariantBroken
from desk.core.market import Instrument
from desk.core.order import OrderKind, OrderRequest, Side, TimeInForce
from desk.venues.lighter.crypto.limits import DAY_MS, OrderType
from desk.venues.lighter.crypto.limits import TimeInForce as WireTimeInForce
from desk.venues.lighter.crypto.port import SignedTx, Signer
from desk.venues.lighter.decode import decode
from desk.venues.rows import Row

CLIENT_INDEX_MAX = 2**48 - 1
ORDER_LIFE_MS = 28 * DAY_MS  # the venue's own default, made explicit
# The gateway's own words: "maximum 50 transactions allowed per batch". Newer notes name 15 for the
# stream; whoever is told that fifty are too many should try those.
BATCH_MAX = 50
BATCH_MAX_SURE = 15
CODE_BATCH_TOO_LONG = 21514
CODE_INVALID_NONCE = 21104
CODE_INVALID_SIGNATURE = 21120
CODE_TX_NOT_FOUND = 21500
CODE_TOO_MANY_REQUESTS = 23000
# "internal server error" and "process timeout": the gateway does not know what it did.
CODES_UNSURE = frozenset((29500, 29501))
OVERLOAD_STATUSES = (429, 405)  # 405 is the firewall's word for too many requests, for ~60 s

_TYPES = {
    OrderKind.LIMIT: OrderType.LIMIT,
    OrderKind.STOP: OrderType.STOP_LOSS,
    OrderKind.TAKE_PROFIT: OrderType.TAKE_PROFIT,
}
_TIMES = {
    TimeInForce.GTC: WireTimeInForce.GOOD_TILL_TIME,
    TimeInForce.IOC: WireTimeInForce.IMMEDIATE_OR_CANCEL,
    TimeInForce.POST_ONLY: WireTimeInForce.POST_ONLY,
}

BuildTx = Callable[[int], SignedTx]
"""Signs one transaction for a nonce."""


@dataclass(slots=True)
class LighterWrite:
    """A transaction that can be signed for any nonce, and its latest signed form.

    `is_guard`: it cannot increase anything (a cancel, a reduce-only order). Bytes that were
    never sent may be replaced by the same transaction under another nonce. `is_urgent`: it may use
    what the request budget keeps for closes, although it may increase something.
    """

    client_id: str
    build: BuildTx
    is_guard: bool
    is_urgent: bool = False
    signed: SignedTx | None = None
    is_spent: bool = False

    def spend(self) -> None:
        """Note that it is being sent; raises `InvariantBroken` the second time: under another
        nonce it would be another order."""
        if self.is_spent:
            raise InvariantBroken(f"write {self.client_id} was sent before: sign it anew")
        self.is_spent = True


def order_write(
    signer: Signer, request: OrderRequest, instrument: Instrument, *, now_ms: int
) -> LighterWrite:
    """Return an order as a write, not signed yet.

    Raises `NotAligned` for a price off the tick or a size off the lot, `InvariantBroken` for a
    client id that is none.
    """
    fields = order_fields(request, instrument, now_ms=now_ms)
    return LighterWrite(
        request.client_id,
        lambda nonce: signer.create_order(**fields, nonce=nonce),
        is_guard=request.reduce_only,
        is_urgent=request.goes_through,
    )


def order_fields(request: OrderRequest, instrument: Instrument, *, now_ms: int) -> dict[str, int]:
    """Return the signer's arguments for an order, all but the nonce.

    A market-like order is a limit order, immediate or cancel, at the worst price. Triggers watch
    the mark price, execute at once within `price`, and need an expiry though they are
    "immediate".
    """
    instrument.check_size(request.size)
    instrument.check_price(request.price)
    rests = request.kind is not OrderKind.LIMIT or request.time_in_force is not TimeInForce.IOC
    default_expiry_ms = now_ms + ORDER_LIFE_MS
    return {
        "market_index": market_id(instrument),
        "client_order_index": client_index(request.client_id),
        "base_amount": steps(request.size, instrument.size_lot),
        "price": steps(request.price, instrument.price_tick),
        "is_ask": int(request.side is Side.SELL),
        "order_type": int(_TYPES[request.kind]),
        "time_in_force": int(_wire_time(request)),
        "reduce_only": int(request.reduce_only),
        "trigger_price": _trigger(request, instrument),
        "order_expiry_ms": (request.expires_at_ms or default_expiry_ms) if rests else 0,
    }


def _wire_time(request: OrderRequest) -> WireTimeInForce:
    if request.kind is OrderKind.LIMIT:
        return _TIMES[request.time_in_force]
    return WireTimeInForce.IMMEDIATE_OR_CANCEL


def _trigger(request: OrderRequest, instrument: Instrument) -> int:
    if (request.kind is OrderKind.LIMIT) != (request.trigger_price is None):
        raise InvariantBroken(f"{request.kind} order with trigger price {request.trigger_price}")
    if request.trigger_price is None:
        return 0
    instrument.check_price(request.trigger_price)
    return steps(request.trigger_price, instrument.price_tick)


def steps(value: Decimal, step: Decimal) -> int:
    """Return how many steps an aligned value has."""
    count = value / step
    if count != count.to_integral_value():
        raise InvariantBroken(f"{value} is not a multiple of {step}")
    return int(count)


def market_id(instrument: Instrument) -> int:
    """Return the market index; zero is one."""
    if instrument.market_id is None:
        raise InvariantBroken(f"{instrument.symbol} has no market index")
    return instrument.market_id


def client_index(client_id: str) -> int:
    """Return a client order index (1 .. 2^48 - 1) from its text."""
    if not (client_id.isascii() and client_id.isdigit()):
        raise InvariantBroken(f"client id {client_id!r} is not a number")
    if not 1 <= int(client_id) <= CLIENT_INDEX_MAX:
        raise InvariantBroken(f"client id {client_id} is outside 1..{CLIENT_INDEX_MAX}")
    return int(client_id)


def margin_fraction(leverage: int) -> int:
    """Return the initial margin fraction in ten-thousandths, rounded up: never more leverage
    than asked for."""
    if leverage < 1:
        raise InvariantBroken(f"leverage {leverage}")
    return -(-10_000 // leverage)


# The gateway


def send_form(signed: SignedTx) -> dict[str, str]:
    """Return the form fields of `sendTx`."""
    return {"tx_type": str(int(signed.tx_type)), "tx_info": signed.tx_info}


def batch_form(batch: Sequence[SignedTx]) -> dict[str, str]:
    """Return the form fields of `sendTxBatch`: two JSON texts, the second of texts."""
    return {
        "tx_types": json.dumps([int(signed.tx_type) for signed in batch]),
        "tx_infos": json.dumps([signed.tx_info for signed in batch]),
    }


class SendReply(Row, frozen=True):
    """The gateway's answer; 200 means taken, not executed."""

    code: int
    message: str | None = None
    tx_hash: str | list[str] | None = None

    @property
    def hashes(self) -> list[str]:
        """Return the hashes named, none for a refusal."""
        if self.tx_hash is None:
            return []
        return [self.tx_hash] if isinstance(self.tx_hash, str) else self.tx_hash


def read_send_reply(body: bytes) -> SendReply:
    """Return the answer to `sendTx` or `sendTxBatch`."""
    return decode(body, SendReply, "sendTx")


class _NextNonce(Row, frozen=True):
    nonce: int


def read_next_nonce(body: bytes) -> int:
    """Return the nonce the gateway takes next."""
    return decode(body, _NextNonce, "nextNonce").nonce
