"""Lighter's stream as its listener sees it, on a scripted socket and virtual time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from desk.core.errors import StaleData
from desk.core.order import OrderStatus
from desk.core.stream import (
    FillSeen,
    OrderSeen,
    QuoteSeen,
    StatsSeen,
    StreamDown,
    StreamEvent,
    StreamUp,
)
from desk.engine.clock import LoopClock
from desk.venues.lighter.api import AuthTokens, SigningThread
from desk.venues.lighter.feed import LighterFeed
from desk.venues.lighter.wire import instrument, read_market_details
from test.venues.lighter_fakes import ACCOUNT, NOW_MS, python_signer
from test.venues.lighter_payloads import body, own
from test.venues.sockets import FakeServer
from test.virtual import run_virtual


class Stage:
    """A feed on a scripted server, with what its listener heard."""

    def __init__(self, *, public: bool) -> None:
        """Watch ETH."""
        clock = LoopClock(asyncio.get_running_loop(), NOW_MS)
        signer = python_signer(clock.now_ms)
        self.server = FakeServer()
        self.heard: list[StreamEvent] = []
        self.feed = LighterFeed(
            ws_url="ws://venue/stream",
            opener=self.server,
            clock=clock,
            jitter=lambda: 0.0,
            tokens=None if public else AuthTokens(signer, clock, SigningThread(None)),
            account_index=None if public else ACCOUNT,
        )
        self.feed.listen(self.heard.append)
        markets = read_market_details(body("orderBookDetails"))
        self.feed.set_instruments(instrument(market) for market in markets.values())
        self.feed.watch(["ETH", "NOT LISTED"])

    async def push(self, *frames: Any) -> None:
        """Let the server send frames."""
        for frame in frames:
            text = frame if isinstance(frame, str) else json.dumps(frame)
            self.server.last.push(text)
        await asyncio.sleep(0.01)

    async def push_book(self, begin: int, nonce: int, **sides: Any) -> None:
        """Let the server send an update of the ETH book."""
        book = {"begin_nonce": begin, "nonce": nonce, "offset": 0, "asks": [], "bids": [], **sides}
        frame = {"channel": "order_book:0", "type": "update/order_book", "order_book": book}
        await self.push(frame)

    async def answer(self) -> None:
        """Let the server confirm the account's channels."""
        await self.push(*(empty(kind) for kind in ("orders", "trades")))

    def asked(self, verb: str = "subscribe") -> list[str]:
        """Return the channels asked for on this connection."""
        sent = [json.loads(text) for text in self.server.last.sent]
        return [message["channel"] for message in sent if message["type"] == verb]

    def said(self, kind: type[StreamEvent]) -> list[Any]:
        """Return what was heard of one kind."""
        return [event for event in self.heard if isinstance(event, kind)]


def empty(kind: str) -> dict[str, Any]:
    """Return the first frame of an account channel without rows."""
    name = f"account_all_{kind}"
    return {"channel": f"{name}:{ACCOUNT}", "type": f"subscribed/{name}", kind: {}}


def level(price: str, size: str) -> dict[str, str]:
    """Return a book level."""
    return {"price": price, "size": size}


def play(story: Callable[[Stage], Awaitable[None]], *, public: bool = False) -> Stage:
    """Run a story against a started feed and close it."""

    async def main() -> Stage:
        stage = Stage(public=public)
        start = asyncio.create_task(stage.feed.start(10))
        await asyncio.sleep(0.01)
        try:
            await story(stage)
        finally:
            await stage.feed.close()
            await start
        return stage

    return run_virtual(main())


def test_it_asks_for_everything_with_a_token_where_one_is_needed() -> None:
    """One book, all statistics, and the account's four channels."""

    async def story(stage: Stage) -> None:
        sent = [json.loads(text) for text in stage.server.last.sent]
        with_token = {each["channel"] for each in sent if "auth" in each}
        names = ("account_all_orders", "account_all_trades", "account_tx", "user_stats")
        assert {f"{name}/77" for name in names} == with_token
        assert {"order_book/0", "market_stats/all"} == set(stage.asked()) - with_token

    play(story)


def test_without_an_account_it_is_up_at_once() -> None:
    """Public data needs no confirmation and no token."""

    async def story(stage: Stage) -> None:
        assert [StreamUp] == [type(event) for event in stage.heard]
        assert {"order_book/0", "market_stats/all"} == set(stage.asked())

    play(story, public=True)


def test_it_is_up_when_the_account_has_answered() -> None:
    """Orders and trades must both have come; before that a fill could be missed."""

    async def story(stage: Stage) -> None:
        await stage.push(empty("orders"))
        assert [] == stage.said(StreamUp)
        await stage.push(empty("trades"))
        assert 1 == len(stage.said(StreamUp))

    play(story)


def test_it_comes_up_without_an_answer_after_a_while() -> None:
    """A venue that sends no first frame for an empty account does not keep us waiting."""

    async def story(stage: Stage) -> None:
        await asyncio.sleep(5.1)
        assert 1 == len(stage.said(StreamUp))

    play(story)


def test_a_refused_subscription_begins_again() -> None:
    """An error and no answer: the connection is replaced, and its reason told."""

    async def story(stage: Stage) -> None:
        await stage.push({"error": {"code": 20013, "message": "invalid auth"}})
        await asyncio.sleep(6)
        assert "invalid auth" in stage.said(StreamDown)[0].reason
        assert 2 == len(stage.server.sockets)

    play(story)


def test_a_new_connection_asks_with_a_fresh_token() -> None:
    """After a drop everything is asked for again, under a token of that minute."""

    async def story(stage: Stage) -> None:
        await stage.answer()
        first = [text for text in stage.server.last.sent if "auth" in text]
        await asyncio.sleep(2)
        stage.server.last.drop()
        await asyncio.sleep(1)
        again = [text for text in stage.server.last.sent if "auth" in text]
        assert (len(first), 1) == (len(again), len(stage.said(StreamDown)))
        assert not set(first) & set(again)

    play(story)


def test_pings_are_answered_and_a_shutdown_is_obeyed() -> None:
    """The venue closes on a missing pong; before a restart we leave first."""

    async def story(stage: Stage) -> None:
        await stage.push({"type": "ping"})
        assert '{"type":"pong"}' == stage.server.last.sent[-1]
        await stage.push({"type": "shutdown", "close_in_ms": 30_000})
        await asyncio.sleep(1)
        assert (2, "restarts") == (
            len(stage.server.sockets),
            stage.said(StreamDown)[0].reason.split()[-1],
        )

    play(story)


def test_up_is_heard_before_anything_else() -> None:
    """What comes before the account has answered is held back, not lost."""

    async def story(stage: Stage) -> None:
        await stage.push(own("stream_order_book"), own("stream_orders"))
        assert [] == stage.heard
        await stage.answer()
        assert [StreamUp, QuoteSeen, OrderSeen] == [type(event) for event in stage.heard]

    play(story)


# Books


def test_a_book_gives_quotes_stamped_with_the_last_data() -> None:
    """Only a changed top is an event; the copy handed out is the reader's own."""

    async def story(stage: Stage) -> None:
        await stage.answer()
        await stage.push(own("stream_order_book"))
        await stage.push_book(100, 101, bids=[level("1999", "5")])
        await stage.push_book(101, 102, asks=[level("2000.40", "1")])
        assert ["2000.50", "2000.40"] == [str(e.quote.ask) for e in stage.said(QuoteSeen)]
        assert NOW_MS + 40 == stage.feed.quote("ETH").received_at_ms
        stage.feed.book("ETH").apply([], [(stage.feed.quote("ETH").ask, Decimal(0))])
        assert "2000.40" == str(stage.feed.quote("ETH").ask)

    play(story)


def test_a_gap_is_stale_until_the_next_snapshot() -> None:
    """The book is asked for again, once, and its connection stays."""

    async def story(stage: Stage) -> None:
        await stage.push(own("stream_order_book"))
        await asyncio.sleep(6)
        await stage.push_book(101, 102)
        await stage.push_book(102, 103)
        with pytest.raises(StaleData):
            stage.feed.quote("ETH")
        assert (["order_book/0"], 2) == (
            stage.asked("unsubscribe"),
            stage.asked().count("order_book/0"),
        )
        await stage.push(own("stream_order_book"))
        assert "2000.30" == str(stage.feed.quote("ETH").bid)

    play(story)


def test_a_quiet_book_is_asked_for_again() -> None:
    """A minute without a frame of one market, on a living connection, calls for a snapshot."""

    async def story(stage: Stage) -> None:
        await stage.push(own("stream_order_book"))
        for _ in range(62):
            await asyncio.sleep(0.99)
            await stage.push(own("stream_market_stats"))
        assert 2 == stage.asked().count("order_book/0")
        with pytest.raises(StaleData):
            stage.feed.quote("ETH")
        await stage.push(own("stream_order_book"))
        assert "2000.30" == str(stage.feed.quote("ETH").bid)

    play(story)


def test_a_book_is_stale_without_its_connection_a_side_or_a_wish() -> None:
    """Each reason has its words."""

    async def story(stage: Stage) -> None:
        reasons = []
        for frame in (None, own("stream_order_book") | {"order_book": {"asks": [], "bids": []}}):
            await stage.push(*([frame] if frame else []))
            with pytest.raises(StaleData) as error:
                stage.feed.quote("ETH")
            reasons.append(str(error.value).rpartition(": ")[2])
        with pytest.raises(StaleData, match="not watched"):
            stage.feed.quote("BTC")
        stage.server.last.drop()
        await asyncio.sleep(0.01)
        with pytest.raises(StaleData, match="closed by the server"):
            stage.feed.book("ETH")
        assert ["no snapshot since the last gap", "a side of the book is empty"] == reasons

    play(story)


def test_a_stream_that_only_answers_pings_is_replaced() -> None:
    """Fifteen seconds without data are a dead stream, pongs or not."""

    async def story(stage: Stage) -> None:
        await stage.answer()
        for _ in range(16):
            await asyncio.sleep(1)
            stage.server.sockets[0].push("")
        assert "nothing came" in stage.said(StreamDown)[0].reason

    play(story)


def test_watching_less_unsubscribes() -> None:
    """A symbol dropped from the list costs one message and has no quote."""

    async def story(stage: Stage) -> None:
        await stage.push(own("stream_order_book"))
        stage.feed.watch(["kPEPE"])
        await asyncio.sleep(0.01)
        assert (["order_book/0"], "order_book/4") == (
            stage.asked("unsubscribe"),
            stage.asked()[-1],
        )
        with pytest.raises(StaleData):
            stage.feed.quote("ETH")

    play(story)


# The account


def test_orders_fills_and_rejections_are_told() -> None:
    """Rows keyed by market become events; a market we do not know is passed over."""

    async def story(stage: Stage) -> None:
        await stage.answer()
        strange = own("stream_orders")
        strange["orders"]["0"][0]["market_index"] = 200
        await stage.push(strange, own("stream_orders"), own("stream_trades"), own("stream_tx"))
        seen = [event.order.status for event in stage.said(OrderSeen)]
        assert [OrderStatus.FILLED, OrderStatus.REJECTED] == seen
        assert ["9001"] == [event.fill.fill_id for event in stage.said(FillSeen)]

    play(story)


def test_an_order_seen_at_its_end_is_remembered() -> None:
    """What the stream has shown as final needs no request."""

    async def story(stage: Stage) -> None:
        assert stage.feed.ended_order("ETH", "42") is None
        await stage.push(own("stream_orders"))
        ended = stage.feed.ended_order("ETH", "42")
        assert ended is not None
        assert OrderStatus.FILLED is ended.status
        assert stage.feed.ended_order("BTC", "42") is None

    play(story)


def test_statistics_are_told_for_watched_markets_and_go_stale() -> None:
    """They are fresh for ten seconds, and gone with their connection."""

    async def story(stage: Stage) -> None:
        assert {} == stage.feed.fresh_stats()
        await stage.push(own("stream_market_stats"))
        assert ["ETH"] == [event.stats.symbol for event in stage.said(StatsSeen)]
        assert ["ETH"] == list(stage.feed.fresh_stats())
        await asyncio.sleep(11)
        assert {} == stage.feed.fresh_stats()

    play(story, public=True)


def test_a_market_the_channel_no_longer_tells_of_goes_stale_alone() -> None:
    """A row that cannot be read must not leave the last one standing for ever."""
    broken = own("stream_market_stats")
    broken["market_stats"] = {
        key: row if row["market_id"] else row | {"mark_price": "?"}
        for key, row in broken["market_stats"].items()
    }

    async def story(stage: Stage) -> None:
        await stage.push(own("stream_market_stats"))
        for _ in range(7):
            await asyncio.sleep(9)
            await stage.push(broken)
        assert "ETH" not in stage.feed.fresh_stats()

    play(story, public=True)


def test_the_accounts_sums_are_kept() -> None:
    """Collateral and free balance as the stream told them last."""

    async def story(stage: Stage) -> None:
        await stage.push(own("stream_user_stats"))
        assert stage.feed.user_stats is not None
        assert "700.5" == str(stage.feed.user_stats.available_balance)

    play(story)


@pytest.mark.parametrize(
    ("name", "connections"),
    [("stream_orders", 2), ("stream_order_book", 1), ("stream_market_stats", 1)],
)
def test_an_unreadable_frame_is_repaired(name: str, connections: int) -> None:
    """A book by a snapshot, the account by a new connection; statistics come by themselves."""

    async def story(stage: Stage) -> None:
        await stage.answer()
        frame = own(name)
        frame[{"stream_orders": "orders"}.get(name, name.removeprefix("stream_"))] = 5
        await stage.push(frame)
        await asyncio.sleep(2)
        assert connections == len(stage.server.sockets)

    play(story)


def test_a_text_that_is_no_frame_begins_again() -> None:
    """Half a frame may have been a fill."""

    async def story(stage: Stage) -> None:
        await stage.answer()
        await stage.push('{"channel":"account_all_tr')
        await asyncio.sleep(2)
        assert 2 == len(stage.server.sockets)

    play(story)
