"""Pacifica's streams: which connection carries what, and what a listener hears."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from desk.core.errors import StaleData
from desk.core.secret import Secret
from desk.core.stream import (
    FillSeen,
    OrderSeen,
    QuoteSeen,
    StatsSeen,
    StreamDown,
    StreamEvent,
    StreamUp,
)
from desk.venues.sockets import SocketLost
from pacifica_client import PacificaClient
from test.venues.pacifica_venue import ACCOUNT, OUR_ID, FakeVenue, client
from test.venues.sockets import FakeServer, FakeSocket
from test.virtual import run_virtual

SYMBOLS = ("BTC", "ETH")
ACCOUNT_CHANNELS = {
    "account_order_updates",
    "account_trades",
    "account_positions",
    "account_info",
}
UPDATE = {
    "i": 7,
    "I": OUR_ID,
    "s": "BTC",
    "d": "bid",
    "p": "100000",
    "ip": "100000",
    "a": "0.5",
    "f": "0.5",
    "oe": "fulfill_limit",
    "os": "filled",
    "ot": "limit",
    "r": False,
    "ct": 1,
}
TRADE = {
    "h": 11,
    "i": 7,
    "I": OUR_ID,
    "s": "BTC",
    "p": "100000",
    "a": "0.5",
    "te": "fulfill_taker",
    "ts": "open_long",
    "f": "20",
    "t": 5,
}
PRICE = {
    "mark": "1",
    "oracle": "1",
    "next_funding": "0",
    "volume_24h": "1",
    "timestamp": 5,
}


class Stage:
    """An open client on scripted sockets, and what its listener heard."""

    def __init__(self, made: PacificaClient, server: FakeServer) -> None:
        self.client = made
        self.server = server
        self.events: list[StreamEvent] = []
        made.listen(self.events.append)

    async def push(self, channel: str, data: Any, **beside: Any) -> None:
        """Let the venue send a frame on the newest connection, and let it be read."""
        self.server.last.push(json.dumps({"channel": channel, "data": data, **beside}))
        await asyncio.sleep(0.1)

    async def book(self, bid: int, ask: int, *, li: int, symbol: str = "BTC") -> None:
        """Let the venue send a book."""
        sides = [[{"p": str(price), "a": "1", "n": 1}] for price in (bid, ask)]
        await self.push("book", {"s": symbol, "t": 1, "l": sides, "li": li})

    def kinds(self) -> list[type]:
        """Return the kinds of the events heard."""
        return [type(event) for event in self.events]


Story = Callable[[Stage], Awaitable[None]]


def play(story: Story, **changes: Any) -> Stage:
    """Run a story against an open client that watches two markets, on virtual time."""

    async def main() -> Stage:
        server = FakeServer()
        stage = Stage(client(FakeVenue(), server, **changes), server)
        try:
            stage.client.watch(SYMBOLS)
            await stage.client.open()
            await story(stage)
        finally:
            await stage.client.close()
        return stage

    return run_virtual(main())


async def nothing(stage: Stage) -> None:
    """Tell no story."""


def wishes(socket: FakeSocket) -> list[Mapping[str, Any]]:
    """Return the parameters of the subscriptions a socket was sent."""
    sent = [json.loads(text) for text in socket.sent]
    return [each["params"] for each in sent if each["method"] == "subscribe"]


def test_one_connection_carries_account_and_markets() -> None:
    """Statistics, the account's four channels, and two channels per market."""
    found = wishes(play(nothing).server.last)

    assert ACCOUNT_CHANNELS == {each["source"] for each in found if "account" in each}
    assert {ACCOUNT} == {each["account"] for each in found if "account" in each}
    assert {"source": "prices"} in found
    assert {"source": "book", "symbol": "BTC", "agg_level": 1} in found
    assert {"source": "bbo", "symbol": "ETH"} in found


def test_reader_without_credentials_follows_markets_only() -> None:
    """Without an account none of its channels is asked for."""
    found = wishes(play(nothing, credentials=None).server.last)

    assert not any("account" in each for each in found)


def test_api_key_goes_into_the_upgrade() -> None:
    """The venue reads the rate-limit key from the upgrade's headers."""
    stage = play(nothing, api_key=Secret("AbCdEfGh_2mT8x"))

    assert {"PF-API-KEY": "AbCdEfGh_2mT8x"} == stage.server.headers


def test_no_channel_holds_more_than_the_venue_allows() -> None:
    """The twenty-first market opens a second connection, and no channel exceeds twenty."""

    async def story(stage: Stage) -> None:
        stage.client.watch([f"M{number}" for number in range(45)])
        await asyncio.sleep(1)
        books = [
            [
                each
                for each in wishes(socket)
                if each["source"] == "book" and each["symbol"][0] == "M"
            ]
            for socket in stage.server.sockets
        ]
        assert [20, 20, 5] == [len(found) for found in books]

    play(story)


def test_dropped_market_is_unsubscribed() -> None:
    """A market no longer watched is let go, on both channels, and has no quote."""

    async def story(stage: Stage) -> None:
        await stage.book(10, 11, li=1)
        stage.client.watch(["ETH"])
        await asyncio.sleep(0.1)
        gone = [json.loads(text) for text in stage.server.last.sent[-2:]]
        assert ["unsubscribe", "unsubscribe"] == [each["method"] for each in gone]
        with pytest.raises(StaleData, match="not watched"):
            stage.client.quote("BTC")

    play(story)


def test_too_many_markets_are_refused() -> None:
    """More than all connections can carry is the caller's mistake."""

    async def story(stage: Stage) -> None:
        with pytest.raises(ValueError, match="more than"):
            stage.client.watch([f"M{number}" for number in range(321)])

    play(story)


def test_listener_hears_orders_and_fills() -> None:
    """An order's end and its execution arrive as such, and the client remembers the order."""

    async def story(stage: Stage) -> None:
        await stage.push("account_order_updates", [UPDATE])
        await stage.push("account_trades", [TRADE])
        found = await stage.client.find_order("BTC", OUR_ID)
        assert found is not None
        assert Decimal("0.5") == found.filled

    assert [StreamUp, OrderSeen, FillSeen] == play(story).kinds()


def test_late_update_does_not_revive_an_order() -> None:
    """What is filled stays filled, whatever a late frame says."""

    async def story(stage: Stage) -> None:
        await stage.push("account_order_updates", [UPDATE])
        await stage.push("account_order_updates", [UPDATE | {"f": "0", "oe": "make", "os": "open"}])
        found = await stage.client.find_order("BTC", OUR_ID)
        assert found is not None
        assert found.status.is_final

    play(story)


def test_statistics_are_of_watched_markets() -> None:
    """The venue sends all markets, the listener hears of the watched ones."""

    async def story(stage: Stage) -> None:
        await stage.push("prices", [PRICE | {"symbol": each} for each in ("BTC", "SOL", "X-USDC")])

    seen = [event for event in play(story).events if isinstance(event, StatsSeen)]
    assert ["BTC"] == [event.stats.symbol for event in seen]


def test_account_channels_are_kept_for_people() -> None:
    """The latest positions and money can be looked at without a request."""

    async def story(stage: Stage) -> None:
        row = {"s": "BTC", "d": "ask", "a": "0.5", "p": "1", "m": "0", "i": False, "l": None}
        await stage.push("account_positions", [row], li=5)
        money = {"ae": "9", "as": "8", "b": "7", "mu": "1", "f": 0, "t": 5}
        await stage.push("account_info", money)
        seen = stage.client.account_seen
        assert seen.positions is not None
        assert seen.money is not None
        assert (Decimal("-0.5"), Decimal(9)) == (seen.positions[0].size, seen.money.equity)

    play(story)


def test_quote_lives_and_dies_with_its_connection() -> None:
    """After a break there is no quote until a frame of the new connection."""

    async def story(stage: Stage) -> None:
        await stage.book(10, 11, li=9)
        assert Decimal(10) == stage.client.quote("BTC").bid
        stage.server.last.drop()
        await asyncio.sleep(1)
        with pytest.raises(StaleData, match="no frame yet"):
            stage.client.quote("BTC")
        await stage.book(20, 21, li=1)
        assert Decimal(20) == stage.client.quote("BTC").bid

    assert [StreamUp, QuoteSeen, StreamDown, StreamUp, QuoteSeen] == play(story).kinds()


def test_quote_is_as_old_as_the_connection_s_last_data() -> None:
    """Data of any channel renews the stamp, the price may be the same; a pong proves nothing."""

    async def story(stage: Stage) -> None:
        await stage.book(10, 11, li=9)
        before_ms = stage.client.quote("BTC").received_at_ms
        await asyncio.sleep(5)
        await stage.push("pong", None)
        assert before_ms == stage.client.quote("BTC").received_at_ms
        await stage.push("prices", [PRICE | {"symbol": "SOL"}])
        assert before_ms + 5_000 <= stage.client.quote("BTC").received_at_ms

    play(story)


def test_break_is_told_once() -> None:
    """However many attempts fail, the listener hears of one break and one return."""

    async def story(stage: Stage) -> None:
        stage.server.failures = [SocketLost("no route")] * 3
        stage.server.last.drop()
        await asyncio.sleep(10)

    assert [StreamUp, StreamDown, StreamUp] == play(story).kinds()


def test_unreadable_book_costs_a_moment_without_a_quote() -> None:
    """No book survives a frame we could not read; the next frame mends it."""

    async def story(stage: Stage) -> None:
        await stage.book(10, 11, li=1)
        await stage.push("book", {"s": "BTC", "l": "?"})
        with pytest.raises(StaleData):
            stage.client.quote("BTC")
        await stage.book(10, 11, li=2)
        assert Decimal(10) == stage.client.quote("BTC").bid

    assert [StreamUp, QuoteSeen, QuoteSeen] == play(story).kinds()


def test_unreadable_fill_is_told_as_a_break() -> None:
    """Something of ours was missed: the listener asks by request; the socket stays."""

    async def story(stage: Stage) -> None:
        await stage.push("account_trades", [{"h": "?"}])
        assert 1 == len(stage.server.sockets)

    assert [StreamUp, StreamDown, StreamUp] == play(story).kinds()


def test_ping_keeps_the_connection() -> None:
    """The venue drops who is silent for a minute; we ping long before, in its own words."""

    async def story(stage: Stage) -> None:
        await asyncio.sleep(11)
        assert {"method": "ping"} == json.loads(stage.server.last.sent[-1])

    play(story)


def test_gateway_that_only_answers_pings_is_replaced() -> None:
    """Fifteen seconds without data are a dead feed, pongs or not."""

    async def story(stage: Stage) -> None:
        for _ in range(16):
            await stage.push("pong", None)
            await asyncio.sleep(0.95)
        assert 2 == len(stage.server.sockets)

    assert [StreamUp, StreamDown, StreamUp] == play(story).kinds()


def test_book_that_stopped_is_asked_for_again() -> None:
    """A subscription lost on a living connection is stale after half a minute, and then mended."""

    async def story(stage: Stage) -> None:
        await stage.book(10, 11, li=1)
        for _ in range(32):
            await stage.push("prices", [PRICE | {"symbol": "SOL"}])
            await asyncio.sleep(0.95)
        with pytest.raises(StaleData):
            stage.client.quote("BTC")
        asked = [each for each in wishes(stage.server.last) if each.get("symbol") == "BTC"]
        assert 4 == len(asked)
        await stage.book(20, 21, li=1)
        assert Decimal(20) == stage.client.quote("BTC").bid

    play(story)


def test_unreadable_statistics_cost_no_book() -> None:
    """A push of prices may hold nothing but rows we do not read."""

    async def story(stage: Stage) -> None:
        await stage.book(10, 11, li=1)
        await stage.push("prices", [{"symbol": "X-USDC"}])
        assert Decimal(10) == stage.client.quote("BTC").bid

    play(story)


def test_each_connection_fails_alone() -> None:
    """While one of two connections is away, the other's markets keep their quotes."""

    async def story(stage: Stage) -> None:
        stage.client.watch([*SYMBOLS, *(f"M{number}" for number in range(20))])
        await asyncio.sleep(1)
        await stage.book(10, 11, li=1, symbol="M19")
        stage.server.sockets[0].drop()
        stage.server.failures = [SocketLost("no route")] * 9
        await asyncio.sleep(1)
        assert Decimal(10) == stage.client.quote("M19").bid
        with pytest.raises(StaleData):
            stage.client.quote("BTC")

    play(story)
