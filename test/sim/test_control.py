"""The control plane: what it shows, what it causes, and how it refuses nonsense."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from aiohttp import ClientError, ClientSession

from desk.core.order import Side
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.accounts import PACIFICA_ACCOUNT_ID
from desk.sim.exchange import Exchange, NewOrder, TimeInForce
from desk.sim.market_table import market_rows
from desk.sim.serve import Embedded, start_embedded
from desk.sim.world import World
from test.virtual import run_virtual

START_MS = 1_767_700_860_000
BUMP_S = 0.5
Body = dict[str, Any]
_T = TypeVar("_T")


class Control:
    """Both venues, and a hand on their control plane."""

    def __init__(self, embedded: Embedded, session: ClientSession) -> None:
        self.embedded = embedded
        self.world = embedded.world
        self._session = session

    async def ask(self, method: str, name: str, body: object = None) -> tuple[int, Body]:
        url = f"{self.embedded.endpoints.lighter_url}/_sim/{name}"
        data = body if isinstance(body, str) else None
        json = None if isinstance(body, str) else body
        async with self._session.request(method, url, data=data, json=json) as reply:
            return reply.status, await reply.json()

    async def truth(self, venue: VenueName) -> Body:
        """Return the one account of a venue."""
        answer = (await self.ask("GET", "truth"))[1]
        (account,) = answer[venue.value]["accounts"].values()
        return dict(account)

    def account_id(self, venue: VenueName) -> int:
        lighter = self.embedded.credentials.lighter.account_index
        return lighter if venue is VenueName.LIGHTER else PACIFICA_ACCOUNT_ID

    def exchange(self, venue: VenueName) -> Exchange:
        return self.world.exchanges[venue]

    async def buy(self, venue: VenueName, *, client_id: str | None = None) -> None:
        """Buy 0.01 BTC on a venue and wait until it is done."""
        mark = self.exchange(venue).stats("BTC").mark
        price = self.exchange(venue).markets["BTC"].instrument.price_up(mark * Decimal("1.01"))
        size = Decimal("0.01")
        tif = TimeInForce.IOC
        order = NewOrder("BTC", Side.BUY, size, price, tif=tif, client_id=client_id)
        self.exchange(venue).submit(self.account_id(venue), order)
        await asyncio.sleep(BUMP_S)
        self.world.sync(self.world.now_ms + 1)


def controlled(play: Callable[[Control], Awaitable[_T]]) -> _T:
    """Run `play` on virtual time with both venues listening."""

    async def main() -> _T:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        world = World(5, start_ms=START_MS, markets=market_rows(("BTC", "ETH")))
        embedded = await start_embedded(world, clock=clock)
        try:
            async with ClientSession() as session:
                return await play(Control(embedded, session))
        finally:
            await embedded.close()

    return run_virtual(main())


def test_the_truth_names_each_account_as_its_venue_does() -> None:
    """Lighter's account by its index, Pacifica's by its address, each with 10,000."""

    async def play(control: Control) -> tuple[Body, list[str]]:
        accounts = control.embedded.credentials
        names = [str(accounts.lighter.account_index), accounts.pacifica.account]
        return (await control.ask("GET", "truth"))[1], names

    truth, names = controlled(play)
    empty = {"equity": "10000", "positions": {}, "orders": [], "fills": [], "funding": []}

    assert {"now_ms", "lighter", "pacifica"} == set(truth)
    assert [{names[0]: empty}, {names[1]: empty}] == [
        truth[venue]["accounts"] for venue in ("lighter", "pacifica")
    ]


@pytest.mark.parametrize("venue", list(VenueName))
def test_the_truth_shows_positions_and_fills(venue: VenueName) -> None:
    """Sizes are signed, sides are buy and sell, money is text, flat markets are absent."""

    async def play(control: Control) -> Body:
        await control.buy(venue, client_id="7")
        return await control.truth(venue)

    account = controlled(play)
    fill = account["fills"][0]

    assert {"BTC"} == set(account["positions"])
    assert Decimal("0.01") == Decimal(account["positions"]["BTC"])
    assert ("BTC", "buy", "7") == (fill["symbol"], fill["side"], fill["client_id"])
    assert {"symbol", "side", "size", "price", "fee", "client_id", "at_ms"} == set(fill)


def test_the_truth_shows_resting_orders() -> None:
    """An order has its price, its client id and no trigger price."""

    async def play(control: Control) -> Body:
        price, size = Decimal(80_000), Decimal("0.01")
        order = NewOrder("BTC", Side.BUY, size, price, tif=TimeInForce.POST_ONLY)
        control.exchange(VenueName.PACIFICA).submit(PACIFICA_ACCOUNT_ID, order)
        return await control.truth(VenueName.PACIFICA)

    expected = {"symbol": "BTC", "side": "buy", "size": "0.01", "price": "80000"}
    expected_rest = {"reduce_only": False, "trigger_price": None, "client_id": None}

    assert [{**expected, **expected_rest}] == controlled(play)["orders"]


def test_the_truth_shows_funding() -> None:
    """A pinned rate is settled on the hour: a long pays it, and the row says what and when."""

    async def play(control: Control) -> Body:
        await control.buy(VenueName.PACIFICA)
        wish = {"symbol": "BTC", "funding_hourly": "0.001", "venue": "pacifica"}
        await control.ask("POST", "market", wish)
        await asyncio.sleep(3_600)
        row: Body = (await control.truth(VenueName.PACIFICA))["funding"][0]
        return row

    row = controlled(play)

    assert ("BTC", "0.001", 0) == (row["symbol"], row["rate_hourly"], row["at_ms"] % 3_600_000)
    assert Decimal(row["payment"]) < 0


def test_requests_are_counted_against_the_published_limits() -> None:
    """Each request is spent, more than the limit is refused, and looking at it costs nothing."""

    async def play(control: Control) -> tuple[Body, Body]:
        before = (await control.ask("GET", "requests"))[1]
        async with ClientSession(control.embedded.endpoints.lighter_url) as session:
            for _ in range(62):
                (await session.get("/api/v1/orderBooks")).release()
        return before, (await control.ask("GET", "requests"))[1]

    before, after = controlled(play)

    assert {"spent": "0", "refused": 0, "left": "60"} == before["lighter"]
    assert {"spent": "60", "refused": 2, "left": "0"} == after["lighter"]
    assert {"spent": "0", "refused": 0, "left": "100"} == after["pacifica"]


SHOCKS = [
    ({"symbol": "BTC", "shock_pct": "-10"}, {"lighter": -10, "pacifica": -10}),
    ({"symbol": "BTC", "shock_pct": 8, "venue": "pacifica"}, {"lighter": 0, "pacifica": 8}),
]


@pytest.mark.parametrize(("wish", "moved_pct"), SHOCKS)
def test_markets_move_by_a_shock(wish: Body, moved_pct: dict[str, int]) -> None:
    """On both venues, or on one alone."""

    async def play(control: Control) -> list[Decimal]:
        def mids() -> list[Decimal]:
            stats = [control.exchange(venue).stats("BTC") for venue in VenueName]
            return [row.mid or row.mark for row in stats]

        before = mids()
        await control.ask("POST", "market", wish)
        return [after / mid * 100 - 100 for mid, after in zip(before, mids(), strict=True)]

    moved = controlled(play)
    expected = [moved_pct[venue] for venue in VenueName]

    assert expected == [pytest.approx(float(change), abs=0.5) for change in moved]


def test_a_mid_can_be_set() -> None:
    """The price of both venues goes to about where it was told."""

    async def play(control: Control) -> Decimal:
        await control.ask("POST", "market", {"symbol": "BTC", "mid": "70000"})
        return control.exchange(VenueName.LIGHTER).stats("BTC").mark

    assert 70_000 == pytest.approx(float(controlled(play)), rel=0.005)


@pytest.mark.parametrize("venue", list(VenueName))
def test_one_side_can_be_liquidated(venue: VenueName) -> None:
    """Half of the position goes by the venue's hand, and the answer says so."""

    async def play(control: Control) -> tuple[Body, Body]:
        await control.buy(venue)
        wish = {"venue": venue.value, "symbol": "BTC", "fraction": "0.5"}
        return (await control.ask("POST", "liquidate", wish))[1], await control.truth(venue)

    answer, account = controlled(play)

    assert answer["fills"] == account["fills"][-1:]
    assert Decimal(answer["fills"][0]["fee"]) > 3
    assert [("sell", "0.005")] == [(fill["side"], fill["size"]) for fill in answer["fills"]]
    assert {"BTC": "0.005"} == account["positions"]


def test_an_outage_of_lighter_leaves_its_control_plane() -> None:
    """The venue is cut off, the plane on its port still answers and can end it."""

    async def play(control: Control) -> list[object]:
        url = control.embedded.endpoints.lighter_url
        told: list[object] = [
            (await control.ask("POST", "fault", {"venue": "lighter", "kind": "outage"}))[0]
        ]
        try:
            await control._session.get(url)
        except ClientError:
            told.append("cut")
        told.append((await control.ask("DELETE", "fault"))[1])
        async with control._session.get(url) as reply:
            return [*told, reply.status]

    assert [200, "cut", {"ok": True, "cleared": 1}, 200] == controlled(play)


@pytest.mark.parametrize("kind", ["liquidation", "adl"])
def test_a_fault_can_be_done_to_the_account(kind: str) -> None:
    """The position in the market that `match` names is closed by the venue."""

    async def play(control: Control) -> Body:
        await control.buy(VenueName.PACIFICA)
        await control.ask("POST", "fault", {"venue": "pacifica", "kind": kind, "match": "BTC"})
        return await control.truth(VenueName.PACIFICA)

    assert {} == controlled(play)["positions"]


@pytest.mark.parametrize("venue", list(VenueName))
def test_the_owner_can_trade_by_hand(venue: VenueName) -> None:
    """An order without a client id, as a click in the venue's app sends it."""

    async def play(control: Control) -> Body:
        fault = {"venue": venue.value, "kind": "owner_trades", "match": "ETH sell 0.5"}
        await control.ask("POST", "fault", fault)
        await asyncio.sleep(BUMP_S)
        return await control.truth(venue)

    account = controlled(play)

    assert {"ETH": "-0.5"} == account["positions"]
    assert {None} == {fill["client_id"] for fill in account["fills"]}


NONSENSE = [
    ("fault", {"venue": "binance", "kind": "outage"}, "allowed: lighter, pacifica"),
    ("fault", {"venue": "lighter", "kind": "bang"}, "allowed: request_lost_before"),
    ("fault", {"venue": "lighter"}, "missing required field `kind`"),
    ("fault", {"venue": "lighter", "kind": "outage", "why": 1}, "unknown field `why`"),
    ("fault", {"venue": "lighter", "kind": "outage", "count": 0}, "count must be at least 1"),
    ("fault", {"venue": "lighter", "kind": "adl", "match": "BTC"}, "no account holds 'BTC'"),
    ("fault", {"venue": "pacifica", "kind": "nonce_gap"}, "pacifica has no nonces"),
    ("fault", {"venue": "lighter", "kind": "owner_trades"}, 'must read like "BTC buy 0.001"'),
    ("fault", "zz", "the body is not JSON"),
    ("market", {"symbol": "BTC"}, "give exactly one of mid, shock_pct, funding_hourly"),
    ("market", {"symbol": "XYZ", "mid": "1"}, "no market XYZ: there are BTC, ETH"),
    ("market", {"symbol": "BTC", "mid": "0"}, "mid must be above zero"),
    ("market", {"symbol": "BTC", "shock_pct": "-100"}, "shock_pct must be above -100"),
    ("liquidate", {"venue": "lighter", "symbol": "BTC"}, "no account holds BTC on lighter"),
    ("liquidate", {"venue": "lighter", "symbol": "BTC", "fraction": 2}, "fraction must be"),
]


@pytest.mark.parametrize(("name", "body", "error"), NONSENSE)
def test_nonsense_is_refused_in_one_clear_line(name: str, body: object, error: str) -> None:
    """A 400 whose sentence names what is wrong or what is allowed."""

    async def play(control: Control) -> tuple[int, Body]:
        return await control.ask("POST", name, body)

    status, answer = controlled(play)

    assert 400 == status
    assert error in answer["error"]
    assert "\n" not in answer["error"]
