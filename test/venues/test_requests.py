"""What each call costs: the table of docs/venues/requests.md, held to the letter."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desk.core.actions import ReadAccounts, ReadMarkets
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.engine.reads import Reader
from desk.sim.accounts import CHAIN_ID
from desk.sim.serve import Embedded, start_embedded
from desk.sim.world import World
from desk.venues.http import HttpRequest, HttpResponse
from desk.venues.lighter.signer import PythonSigner
from desk.venues.limits import Priority
from lighter_client import LighterClient
from pacifica_client import PacificaClient
from test.venues.lighter_fakes import ACCOUNT, BUY, KEY, Gateway, StillClock, python_signer, reply
from test.venues.lighter_payloads import own
from test.venues.pacifica_venue import OUR_ID, REQUEST, FakeVenue, ask, ok
from test.venues.sockets import FakeServer
from test.virtual import run_virtual

TABLE = Path(__file__).resolve().parents[2] / "docs" / "venues" / "requests.md"
START_MS = 1_767_700_860_000
DETAILS = ["orderBookDetails"]
Call = Callable[[Any], Awaitable[Any]]


async def order(made: Any, request: Any) -> None:
    """Sign and send."""
    await made.send(await made.sign(request))


async def written_between(made: Any) -> None:
    """Read the account, change the leverage, read it back."""
    await made.account()
    await made.set_leverage("ETH", value=1)
    await made.leverage("ETH")


LIGHTER: dict[str, tuple[Call, list[str]]] = {
    "instruments": (lambda made: made.instruments(), DETAILS),
    "market_stats": (lambda made: made.market_stats(), [*DETAILS, "funding-rates"]),
    "instruments with market_stats": (
        lambda made: asyncio.gather(made.instruments(), made.market_stats()),
        [*DETAILS, "funding-rates"],
    ),
    "funding_history": (
        lambda made: made.funding_history("ETH", since_ms=0, until_ms=3_600_000),
        ["fundings"],
    ),
    "account": (lambda made: made.account(), ["account"]),
    "account, then leverage": (
        lambda made: _in_turn(made.account, lambda: made.leverage("ETH")),
        ["account"],
    ),
    "leverage, then account": (
        lambda made: _in_turn(lambda: made.leverage("ETH"), made.account),
        ["account", "account"],
    ),
    "leverage after a write": (written_between, ["account", "nextNonce", "sendTx", "account"]),
    "open_orders": (lambda made: made.open_orders("ETH"), ["accountActiveOrders"]),
    "find_order, live": (lambda made: made.find_order("ETH", "42"), ["accountActiveOrders"]),
    "find_order, gone": (
        lambda made: made.find_order("ETH", "7"),
        ["accountActiveOrders", "accountInactiveOrders"],
    ),
    "fills": (lambda made: made.fills(since_ms=0), ["trades"]),
    "funding_payments": (lambda made: made.funding_payments(since_ms=0), ["positionFunding"]),
    "movements": (
        lambda made: made.books.movements(since_ms=0),
        ["account", "deposit/history", "withdraw/history", "transfer/history"],
    ),
    "fees, twice": (lambda made: _in_turn(made.fees, made.fees), ["accountLimits"]),
    "first order": (lambda made: order(made, BUY), ["nextNonce", "sendTx"]),
    "cancel": (lambda made: made.cancel("ETH", client_id="42"), ["nextNonce", "sendTx"]),
}


async def _in_turn(*calls: Callable[[], Awaitable[Any]]) -> None:
    for call in calls:
        await call()


def lighter_venue() -> Gateway:
    """Return a venue that answers everything, on single pages."""
    gateway = Gateway()
    gateway.answers = {name: _fixed(own(name)) for name in LIGHTER_PAYLOADS}
    orders = own("orders") | {"next_cursor": ""}
    gateway.answers["accountActiveOrders"] = _fixed(orders)
    gateway.answers["accountInactiveOrders"] = _fixed(orders | {"orders": []})
    gateway.answers["trades"] = _fixed(own("trades") | {"next_cursor": ""})
    for name, key in (("deposit", "deposits"), ("withdraw", "withdraws")):
        gateway.answers[f"{name}/history"] = _fixed({"code": 200, key: []})
    gateway.answers["transfer/history"] = _fixed({"code": 200, "transfers": []})
    return gateway


def _fixed(payload: Any) -> Callable[[HttpRequest], HttpResponse]:
    return lambda _: reply(200, payload)


LIGHTER_PAYLOADS = (
    "orderBookDetails",
    "funding-rates",
    "fundings",
    "account",
    "positionFunding",
    "accountLimits",
)


@pytest.mark.parametrize("name", LIGHTER)
def test_a_call_to_lighter_costs_what_the_table_says(name: str) -> None:
    """Each request counts one; markets were read a while ago."""
    call, expected = LIGHTER[name]
    clock, gateway = StillClock(), lighter_venue()
    client = LighterClient(
        clock=clock,
        jitter=lambda: 0.0,
        account_index=ACCOUNT,
        api_key_index=KEY,
        signer=python_signer(clock.now_ms),
        transport=gateway,
        opener=FakeServer(),
    )
    run_virtual(call_a_while_later(client, clock, gateway, call))

    assert expected == gateway.asked


async def call_a_while_later(
    client: LighterClient, clock: StillClock, gateway: Gateway, call: Call
) -> None:
    """Read the markets, let a minute pass, and make the call that counts."""
    await client.instruments()
    clock.at_ms += 60_000
    gateway.asked.clear()
    await call(client)
    await client.close()


PACIFICA: dict[str, tuple[Call, Decimal]] = {
    "instruments": (lambda made: made.instruments(), Decimal(1)),
    "market_stats": (lambda made: made.market_stats(), Decimal(1)),
    "instruments with market_stats": (
        lambda made: asyncio.gather(made.instruments(), made.market_stats()),
        Decimal(2),
    ),
    "funding_history": (
        lambda made: made.funding_history("BTC", since_ms=START_MS, until_ms=START_MS),
        Decimal(1),
    ),
    "account": (lambda made: made.account(), Decimal(2)),
    "leverage": (lambda made: made.leverage("BTC"), Decimal(1)),
    "account, then fees": (lambda made: _in_turn(made.account, made.fees), Decimal(2)),
    "fees, twice": (lambda made: _in_turn(made.fees, made.fees), Decimal(1)),
    "open_orders": (lambda made: made.open_orders("BTC"), Decimal(1)),
    "find_order, gone": (
        lambda made: made.find_order("BTC", OUR_ID),
        Decimal(13),
    ),
    "order, then find_order": (
        lambda made: _in_turn(lambda: order(made, REQUEST), lambda: made.find_order("BTC", OUR_ID)),
        Decimal(3),
    ),
    "fills": (lambda made: made.fills(since_ms=START_MS - 1), Decimal(12)),
    "funding_payments": (lambda made: made.funding_payments(since_ms=START_MS), Decimal(1)),
    "movements": (lambda made: made.books.movements(since_ms=START_MS), Decimal(12)),
    "order": (lambda made: order(made, REQUEST), Decimal(1)),
    "cancel of a known order": (
        lambda made: _in_turn(
            lambda: made.sign(REQUEST), lambda: made.cancel("BTC", client_id=OUR_ID)
        ),
        Decimal("0.5"),
    ),
    "cancel of an unknown id": (
        lambda made: made.cancel("BTC", client_id=OUR_ID),
        Decimal(1),
    ),
    "set_leverage": (lambda made: made.set_leverage("BTC", value=1), Decimal(2)),
}


def pacifica_venue() -> FakeVenue:
    """Return a venue that answers everything, on single pages."""
    venue = FakeVenue()
    empty = ["/info/prices", "/funding_rate/history", "/orders/history", "/trades/history"]
    empty.append("/account/balance/history")
    venue.answers |= {path: ok([]) for path in [*empty, "/funding/history"]}
    venue.answers |= {"/orders/history_by_id": ok([_filled()]), "/account/leverage": ok(None)}
    return venue


@pytest.mark.parametrize("name", PACIFICA)
def test_a_call_to_pacifica_costs_what_the_table_says(name: str) -> None:
    """In credits of an address without a key; markets were read a while ago."""
    call, expected = PACIFICA[name]

    async def counted(made: PacificaClient) -> Decimal:
        await asyncio.sleep(60)
        before = made.budget.left(priority=Priority.GUARD)
        await call(made)
        after = made.budget.left(priority=Priority.GUARD)
        assert before is not None
        assert after is not None
        return Decimal(before - after) / 2

    assert expected == ask(pacifica_venue(), counted, limits="published")


def _filled() -> dict[str, Any]:
    amounts = {"initial_amount": "0.005", "filled_amount": "0.005", "cancelled_amount": "0"}
    words = {"side": "bid", "order_type": "limit", "order_status": "filled", "price": "100000"}
    ids = {"history_id": 1, "order_id": 77, "client_order_id": OUR_ID, "symbol": "BTC"}
    return ids | amounts | words | {"event_type": "x", "reduce_only": False, "created_at": 1}


def start_cost(make: Callable[[Embedded, Clock], Any]) -> int:
    """Return what a daemon that holds nothing spends until it has looked at the markets."""

    async def main() -> int:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        venue = await start_embedded(World(7, start_ms=START_MS), clock=clock)
        client = make(venue, clock)
        before = client.budget.left(priority=Priority.GUARD)
        try:
            await client.open()
            await client.account()
            reader = Reader({client.name: client}, clock)
            await reader.read_accounts(ReadAccounts(1, orders=True))
            await asyncio.sleep(2)
            read = await reader.read_markets(ReadMarkets(2, ("BTC", "ETH")))
            assert {} == read.failures
            return int(before - client.budget.left(priority=Priority.GUARD))
        finally:
            await client.close()
            await venue.close()

    spent: int = run_virtual(main())
    return spent


def _lighter(venue: Embedded, clock: Clock) -> LighterClient:
    account = venue.credentials.lighter
    return LighterClient(
        clock=clock,
        jitter=lambda: 0.5,
        base_url=venue.endpoints.lighter_url,
        ws_url=venue.endpoints.lighter_ws_url,
        account_index=account.account_index,
        api_key_index=account.key.index,
        signer=PythonSigner(
            account.key.private_key,
            account_index=account.account_index,
            api_key_index=account.key.index,
            chain_id=CHAIN_ID,
            now_ms=clock.now_ms,
        ),
    )


def test_a_start_costs_at_most_eight_lighter_requests() -> None:
    """Opening, the account twice, open orders, and one look at the markets."""
    assert 8 == start_cost(_lighter)


def test_a_start_costs_eleven_pacifica_credits() -> None:
    """The same at Pacifica, in half credits: no heavy request among them."""
    assert 21 == start_cost(
        lambda venue, clock: PacificaClient.from_environment(venue.env(), clock=clock)
    )


@pytest.mark.parametrize(
    ("venue", "names"), [(VenueName.LIGHTER, LIGHTER), (VenueName.PACIFICA, PACIFICA)]
)
def test_the_table_names_every_count(venue: VenueName, names: dict[str, Any]) -> None:
    """A count that changes here changes in the document too."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", TABLE.read_text("utf-8"), re.MULTILINE)
    column = 1 if venue is VenueName.LIGHTER else 2
    told = {row[0]: row[column] for row in rows}
    for name, (_, cost) in names.items():
        assert str(len(cost) if isinstance(cost, list) else cost) == told[name].split()[0]
