"""Pacifica's stream frames in our words, and what is refused as unreadable."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.core.errors import BadMessage
from desk.core.order import OrderStatus, Side
from desk.venues.pacifica import frames

UPDATE = {
    "i": 7,
    "I": "68656467-0001-8000-8000-000000010000",
    "s": "BTC",
    "d": "bid",
    "p": "99000",
    "ip": "99000",
    "a": "0.5",
    "f": "0.2",
    "oe": "fulfill_limit",
    "os": "partially_filled",
    "ot": "limit",
    "sp": None,
    "r": True,
    "ct": 1,
    "ut": 2,
}


TRADE = {
    "h": 11,
    "i": 7,
    "I": None,
    "s": "BTC",
    "p": "100000",
    "a": "0.5",
    "te": "fulfill_maker",
    "ts": "open_long",
    "tc": "normal",
    "f": "7.5",
    "t": 5,
}


def frame(channel: str, data: Any, **beside: Any) -> Any:
    """Return the frame of a channel's data."""
    return frames.parse(json.dumps({"channel": channel, "data": data, **beside}))


@pytest.mark.parametrize(
    ("event", "word", "status"),
    [
        ("fulfill_limit", "partially_filled", OrderStatus.OPEN),
        ("fulfill_limit", "filled", OrderStatus.FILLED),
        ("cancel", "partially_filled", OrderStatus.CANCELED),
        ("expired", "open", OrderStatus.CANCELED),
        ("post_only_rejected", "open", OrderStatus.REJECTED),
        ("stop_triggered", "open", OrderStatus.OPEN),
    ],
)
def test_event_that_ends_an_order_outweighs_its_status(
    event: str, word: str, status: OrderStatus
) -> None:
    """A cancel is final even where the status word lags behind."""
    seen = frame("account_order_updates", [UPDATE | {"oe": event, "os": word}])

    assert status is seen.orders[0].status
    assert seen.orders[0].reduce_only


def test_unfilled_update_has_no_average() -> None:
    """The average price of nothing is not a price."""
    seen = frame("account_order_updates", [UPDATE | {"f": "0", "p": "99000"}])

    assert seen.orders[0].average_price is None


def test_trade_update_is_a_fill() -> None:
    """The stream's short names carry what the long ones do."""
    (fill,) = frame("account_trades", [TRADE]).fills

    assert ("11", Side.BUY, True, Decimal("7.5")) == (
        fill.fill_id,
        fill.side,
        fill.is_maker,
        fill.fee_usd,
    )


def test_positions_frame_is_the_whole_list() -> None:
    """No row means flat; the sequence beside the data is kept."""
    assert frames.PositionsFrame((), 42) == frame("account_positions", [], li=42)


MALFORMED = [
    "",
    "<html>",
    "[]",
    "5",
    '{"channel":5}',
    '{"channel":"book","data":null}',
    '{"channel":"book","data":{"s":"BTC","t":1,"l":[[]]}}',
    '{"channel":"book","data":{"s":"BTC","t":1,"l":[[{"p":"NaN","a":"1"}],[]]}}',
    '{"channel":"bbo","data":{"s":"BTC","t":1,"b":"much"}}',
    '{"channel":"prices","data":[{"symbol":"BTC"}]}',
    '{"channel":"account_order_updates","data":[{"i":1}]}',
    '{"channel":"account_trades","data":{}}',
    '{"channel":"account_positions","data":[{"s":"BTC","d":"up","a":"1","p":"1"}]}',
    '{"channel":"account_info","data":[]}',
    "[" * 5_000,
]


@pytest.mark.parametrize(
    "text",
    MALFORMED,
)
def test_malformed_frames_are_refused(text: str) -> None:
    """A frame of ours that cannot be read is an error, not an absence."""
    with pytest.raises(BadMessage):
        frames.parse(text)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin1")))
@settings(max_examples=200)
def test_any_text_is_a_frame_or_refused(text: str) -> None:
    """No text the venue could send gets past the one error."""
    try:
        frames.parse(text)
    except BadMessage:
        return


def test_half_empty_book_is_read() -> None:
    """A null side is an empty one."""
    seen = frame("book", {"s": "BTC", "t": 1, "l": [None, [{"p": "2", "a": "1", "n": 1}]], "li": 3})

    assert ([], [(Decimal(2), Decimal(1))]) == (seen.row.bids, seen.row.asks)
