"""Lighter's stream frames become values, and a book with a hole in it is no book."""

import json
from decimal import Decimal
from typing import Any

import pytest

from desk.core.errors import BadMessage
from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.venues.lighter.books import StreamedBook
from desk.venues.lighter.frames import (
    BookFrame,
    OrdersFrame,
    Ping,
    Problem,
    Shutdown,
    StatsFrame,
    TradesFrame,
    TxFrame,
    UserStats,
    channel_of,
    read_frame,
    stats,
)
from test.venues.lighter_payloads import REMOVE, changed, own

D = Decimal


def book_frame(
    *, begin: int | None, nonce: int | None, offset: int = 0, snapshot: bool = False, **sides: Any
) -> BookFrame:
    """Return a frame with these levels."""
    return BookFrame(
        0,
        snapshot,
        [(D(price), D(size)) for price, size in sides.get("bids", [])],
        [(D(price), D(size)) for price, size in sides.get("asks", [])],
        offset,
        begin,
        nonce,
    )


def started() -> StreamedBook:
    """Return a book at nonce 10: 99 bid, 101 asked."""
    streamed = StreamedBook()
    sides = {"bids": [(99, 1), (98, 1)], "asks": [(101, 1)]}
    assert streamed.apply(book_frame(begin=0, nonce=10, offset=5, snapshot=True, **sides))
    return streamed


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("stream_order_book", BookFrame),
        ("stream_market_stats", StatsFrame),
        ("stream_orders", OrdersFrame),
        ("stream_trades", TradesFrame),
        ("stream_tx", TxFrame),
        ("stream_user_stats", UserStats),
    ],
)
def test_each_channel_has_its_frame(name: str, kind: type) -> None:
    """What we subscribe to, we read."""
    assert kind is type(read_frame(json.dumps(own(name))))


MALFORMED = [
    ("stream_order_book", "order_book/asks/0/price", "NaN"),
    ("stream_order_book", "order_book/asks/0/price", "0"),
    ("stream_order_book", "order_book/bids/0/size", "-1"),
    ("stream_order_book", "order_book/bids/0/size", REMOVE),
    ("stream_order_book", "order_book", None),
    ("stream_order_book", "channel", "order_book:ETH"),
    ("stream_market_stats", "market_stats/0/mark_price", "high"),
    ("stream_market_stats", "market_stats", []),
    ("stream_orders", "orders/0/0/is_ask", "yes"),
    ("stream_orders", "orders/0/0/price", REMOVE),
    ("stream_trades", "trades/0/0/ask_account_id", None),
    ("stream_tx", "txs/0/status", "failed"),
    ("stream_user_stats", "stats/collateral", ""),
]


@pytest.mark.parametrize(("name", "path", "value"), MALFORMED)
def test_a_malformed_frame_is_a_bad_message(name: str, path: str, value: object) -> None:
    """A frame of ours that does not read is reported, not skipped."""
    with pytest.raises(BadMessage):
        read_frame(changed(own(name), path, value).decode())


@pytest.mark.parametrize("text", ["", "{", "[1]", '"ping"', '{"type":5}', "\ud800"])
def test_what_is_no_frame_is_a_bad_message(text: str) -> None:
    """Cut and foreign texts are refused, and name no channel."""
    assert "" == channel_of(text)
    with pytest.raises(BadMessage):
        read_frame(text)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"type": "ping"}, Ping()),
        ({"type": "shutdown", "close_in_ms": 30_000}, Shutdown()),
        ({"error": {"code": 30005, "message": "no"}}, Problem(30005, "no")),
        ({"type": "error", "code": 30003, "message": "again"}, Problem(30003, "again")),
        ({"type": "connected", "session_id": "x"}, None),
        ({"type": "unsubscribed", "channel": "order_book:0"}, None),
        ({"type": "update/height", "channel": "height", "height": 1}, None),
        ({"type": "pong"}, None),
    ],
)
def test_the_sessions_own_frames(frame: dict[str, object], expected: object) -> None:
    """Pings, shutdowns and both forms of errors are told apart; the rest says nothing."""
    assert expected == read_frame(json.dumps(frame))


@pytest.mark.parametrize("rows", [None, {}, {"0": None}, []])
@pytest.mark.parametrize("kind", ["orders", "trades"])
def test_empty_rows_come_in_many_shapes(kind: str, rows: object) -> None:
    """Null, an empty object, a market without rows and an empty list all mean none."""
    frame = {"channel": f"account_all_{kind}:77", "type": f"subscribed/account_all_{kind}"}
    read = read_frame(json.dumps({**frame, kind: rows}))

    assert isinstance(read, OrdersFrame | TradesFrame)
    assert ([], True) == (read.rows, read.is_snapshot)


@pytest.mark.parametrize("channel", ["account_orders:0", "account_orders:0:77"])
def test_the_account_part_of_a_channel_may_be_missing(channel: str) -> None:
    """Both spellings of an orders channel carry the same rows."""
    frame = {**own("stream_orders"), "channel": channel, "type": "update/account_orders"}
    read = read_frame(json.dumps(frame))

    assert isinstance(read, OrdersFrame)
    assert [42] == [row.client_order_index for row in read.rows]


def test_streamed_funding_is_a_percent_per_hour() -> None:
    """-0.0028 percent an hour is the estimate, 0.0012 the hour already settled."""
    frame = read_frame(json.dumps(own("stream_market_stats")))
    assert isinstance(frame, StatsFrame)
    seen = stats(frame.rows[0], "ETH", at_ms=9)

    assert seen is not None
    assert (HourlyRate(D("-0.000028")), HourlyRate(D("0.000012")), D("2000000.5")) == (
        seen.funding_next,
        seen.funding_last,
        seen.open_interest_usd,
    )


def test_one_unreadable_market_does_not_hide_the_others() -> None:
    """Statistics of a market we cannot read are missing; the rest arrives."""
    payload = own("stream_market_stats")
    payload["market_stats"]["5"] = {"market_id": 5, "mark_price": "?"}
    frame = read_frame(json.dumps(payload))

    assert isinstance(frame, StatsFrame)
    assert [0] == [row.market_id for row in frame.rows]


# Books


def test_an_update_sets_and_removes_levels() -> None:
    """Sizes are absolute, zero removes."""
    streamed = started()
    update = book_frame(begin=10, nonce=12, bids=[(99, 0)], asks=[(101, 3), (100, 1)])

    assert streamed.apply(update)
    assert streamed.book is not None
    assert [(D(98), D(1))] == list(streamed.book.levels(Side.BUY))
    assert [(D(100), D(1)), (D(101), D(3))] == list(streamed.book.levels(Side.SELL))


@pytest.mark.parametrize(("begin", "nonce"), [(11, 12), (9, 12), (12, 20)])
def test_an_update_that_does_not_follow_loses_the_book(begin: int, nonce: int) -> None:
    """A gap leaves no book until the next snapshot, whatever comes in between."""
    streamed = started()

    assert not streamed.apply(book_frame(begin=begin, nonce=nonce))
    assert streamed.book is None
    assert not streamed.apply(book_frame(begin=nonce, nonce=nonce + 1))
    assert streamed.apply(book_frame(begin=0, nonce=40, snapshot=True))


def test_a_repeated_update_changes_nothing() -> None:
    """A frame seen before is not a gap, and not applied again."""
    streamed = started()
    update = book_frame(begin=10, nonce=12, asks=[(101, 3)])
    streamed.apply(update)
    streamed.apply(book_frame(begin=12, nonce=13, asks=[(101, 5)]))

    assert streamed.apply(update)
    assert streamed.book is not None
    assert (D(101), D(5)) == streamed.book.best(Side.SELL)


def test_without_nonces_offsets_count_the_frames() -> None:
    """Old recordings number each frame; a missing number is a gap."""
    streamed = started()

    assert streamed.apply(book_frame(begin=None, nonce=None, offset=6))
    assert streamed.apply(book_frame(begin=None, nonce=None, offset=6))
    assert not streamed.apply(book_frame(begin=None, nonce=None, offset=8))


def test_a_crossed_book_is_a_broken_feed() -> None:
    """A bid above the ask never stands."""
    streamed = started()

    assert not streamed.apply(book_frame(begin=10, nonce=11, bids=[(102, 1)]))
    assert streamed.book is None
