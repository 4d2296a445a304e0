"""Books of the watched markets: the later frame wins, and no quote is better than a wrong one."""

from decimal import Decimal

import pytest

from desk.core.errors import StaleData
from desk.core.order import Side
from desk.venues.pacifica.feed import BOOK_SILENCE_MS_MAX, MarketFeed
from desk.venues.pacifica.frames import BboRow
from desk.venues.pacifica.wire import BookRow, LevelRow


def book(
    bid: int | None, ask: int | None, *, li: int | None = None, symbol: str = "BTC"
) -> BookRow:
    """Return a book with at most one level a side."""
    sides = [
        [] if price is None else [LevelRow(p=Decimal(price), a=Decimal(1))] for price in (bid, ask)
    ]
    return BookRow(s=symbol, t=1, l=(sides[0], sides[1]), li=li)


def bbo(bid: int, ask: int, *, li: int | None = None) -> BboRow:
    """Return the top of a book."""
    return BboRow(s="BTC", t=1, b=Decimal(bid), B=Decimal(2), a=Decimal(ask), A=Decimal(2), li=li)


def feed(*rows: BookRow | BboRow) -> MarketFeed:
    """Return a feed that watches BTC and saw these rows at 1, 2, 3 … ms."""
    made = MarketFeed()
    made.begin("BTC", at_ms=0)
    for at_ms, row in enumerate(rows, start=1):
        if isinstance(row, BookRow):
            made.apply_book(row, at_ms=at_ms)
        else:
            made.apply_bbo(row, at_ms=at_ms)
    return made


def top(made: MarketFeed) -> tuple[int, int]:
    """Return bid and ask."""
    quote = made.quote("BTC", received_at_ms=9)
    return int(quote.bid), int(quote.ask)


def test_quote_is_stamped_with_the_connection_s_last_frame() -> None:
    """The age that gates an opening is the connection's, not the last change of the price."""
    assert 9 == feed(book(10, 11)).quote("BTC", received_at_ms=9).received_at_ms


def test_top_is_the_later_of_both_channels() -> None:
    """A top that is newer than the last whole book wins, and the other way round."""
    assert (10, 12) == top(feed(book(10, 11, li=1), bbo(10, 12, li=2)))
    assert (10, 11) == top(feed(bbo(10, 12, li=1), book(10, 11, li=2)))


def test_late_frame_is_dropped() -> None:
    """A frame older than one already seen changes nothing."""
    assert (10, 12) == top(feed(bbo(10, 12, li=5), book(10, 11, li=4)))


def test_frames_without_a_sequence_are_taken_as_they_come() -> None:
    """Older servers send none."""
    assert (10, 11) == top(feed(bbo(10, 12, li=5), book(10, 11)))


def test_only_changes_are_told() -> None:
    """A repeated top is no event, a changed one is, an empty side is none."""
    made = feed()

    assert made.apply_book(book(10, 11), at_ms=1) is not None
    assert made.apply_book(book(10, 11), at_ms=2) is None
    assert made.apply_book(book(10, 12), at_ms=3) is not None
    assert made.apply_book(book(None, 12), at_ms=4) is None


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no frame yet"),
        ([book(None, 11)], "empty"),
        ([book(10, None)], "empty"),
        ([book(11, 11)], "crossed"),
        ([book(10, 11, symbol="ETH")], "no frame yet"),
    ],
)
def test_no_quote_from_half_a_book(rows: list[BookRow], reason: str) -> None:
    """Missing, one-sided and crossed books have no quote and are no book."""
    made = feed(*rows)

    with pytest.raises(StaleData, match=reason):
        made.quote("BTC", received_at_ms=9)
    with pytest.raises(StaleData):
        made.book("BTC", received_at_ms=9)


def test_market_that_stopped_is_stale_on_a_live_connection() -> None:
    """Other markets' frames do not keep a silent one alive."""
    with pytest.raises(StaleData, match="no frame of this market"):
        feed(book(10, 11)).quote("BTC", received_at_ms=2 + BOOK_SILENCE_MS_MAX)


def test_nothing_is_known_after_a_break() -> None:
    """A lost connection forgets every book, sequence included."""
    made = feed(book(10, 11, li=5))
    made.forget(at_ms=5)
    with pytest.raises(StaleData):
        made.quote("BTC", received_at_ms=9)

    made.apply_book(book(8, 9, li=1), at_ms=9)
    assert (8, 9) == top(made)


def test_book_is_the_last_whole_one() -> None:
    """Depth comes from whole books only."""
    made = feed(book(10, 11, li=1), bbo(10, 12, li=2))

    assert (Decimal(11), Decimal(1)) == made.book("BTC", received_at_ms=9).best(Side.SELL)


def test_unwatched_market_is_refused() -> None:
    """After `end` a market's late frames are ignored."""
    made = feed(book(10, 11))
    made.end("BTC")

    assert made.apply_book(book(10, 11), at_ms=5) is None
    with pytest.raises(StaleData, match="not watched"):
        made.quote("BTC", received_at_ms=9)
