"""A book is its levels: absolute sizes by price, best first."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.core.book import Book, Level, held_usd, impact, taking_price
from desk.core.order import Side

level_lists = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), max_size=30)


def levels(*pairs: tuple[int, int]) -> list[Level]:
    """Return levels from whole numbers."""
    return [(Decimal(price), Decimal(size)) for price, size in pairs]


def test_levels_come_best_first() -> None:
    """Bids fall and asks rise, in whatever order they were given."""
    book = Book(levels((98, 1), (99, 2)), levels((103, 1), (101, 2)))
    assert levels((99, 2), (98, 1)) == list(book.levels(Side.BUY))
    assert levels((101, 2), (103, 1)) == list(book.levels(Side.SELL))


@given(level_lists)
def test_a_book_holds_the_last_size_of_each_price(updates: list[tuple[int, int]]) -> None:
    """A later size replaces an earlier one, and zero removes the level, known or not."""
    book, last = Book(), {}
    for price, size in updates:
        book.apply(levels((price, size)), ())
        last[Decimal(price)] = Decimal(size)
    kept = {price: size for price, size in last.items() if size}
    assert sorted(kept.items(), reverse=True) == list(book.levels(Side.BUY))


def test_the_top_of_the_book_is_its_quote() -> None:
    """Best bid and ask with their sizes, the middle, and the width in basis points."""
    quote = Book(levels((99, 2)), levels((101, 3))).quote("ETH", received_at_ms=7)
    assert quote is not None
    assert (Decimal(99), Decimal(2), Decimal(101), Decimal(3)) == (
        quote.bid,
        quote.bid_size,
        quote.ask,
        quote.ask_size,
    )
    assert (Decimal(100), Decimal(200), 7) == (quote.mid, quote.spread_bps, quote.received_at_ms)


@pytest.mark.parametrize("book", [Book(), Book(levels((99, 1))), Book((), levels((101, 1)))])
def test_an_empty_side_has_no_quote(book: Book) -> None:
    """Where a side is missing there is no price, and no stand-in for one."""
    assert book.quote("ETH", received_at_ms=0) is None
    assert not book.is_crossed


@pytest.mark.parametrize(("ask", "is_crossed"), [(98, True), (99, True), (100, False)])
def test_a_bid_that_reaches_the_ask_crosses(ask: int, is_crossed: bool) -> None:
    """Equal prices are crossed too: a live book has matched them."""
    assert is_crossed is Book(levels((99, 1)), levels((ask, 1))).is_crossed


@pytest.mark.parametrize(
    ("size", "price"),
    [
        (1, (Decimal(101), Decimal(101))),
        (2, (Decimal(101), Decimal(101))),
        (4, (Decimal(102), Decimal(103))),
        (6, None),
    ],
)
def test_taking_walks_the_levels(size: int, price: tuple[Decimal, Decimal] | None) -> None:
    """Average and worst price of a size, and nothing where the book is too thin."""
    assert price == taking_price(levels((101, 2), (103, 3)), Decimal(size))


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 3)), min_size=1), st.integers(1, 9))
def test_the_average_is_never_worse_than_the_worst(pairs: list[tuple[int, int]], size: int) -> None:
    """For a buyer the average price lies between the first and the last level touched."""
    asks = levels(*sorted(pairs))
    taken = taking_price(asks, Decimal(size))
    if taken is not None:
        assert asks[0][0] <= taken[0] <= taken[1]


def test_nothing_cannot_be_taken() -> None:
    """A size of zero has no price."""
    with pytest.raises(ValueError, match="nothing to take"):
        taking_price(levels((101, 2)), Decimal(0))


def test_impact_is_what_taking_costs_against_the_middle() -> None:
    """200 USD take a level and half of the next one; the other side is a level alone."""
    book = Book(levels((99, 9)), levels((101, 1), (102, 9)))
    found = impact(book, Decimal(200))
    assert found is not None
    assert (Decimal(150), Decimal(100)) == (found.buy_bps, found.sell_bps)
    assert Decimal(250) == found.round_trip_bps


def test_a_book_is_walked_no_further_than_an_order_may_go() -> None:
    """What lies beyond the band takes nothing; what the thinner side holds inside it is told."""
    book = Book(levels((99, 9)), levels((101, 1), (102, 9)))
    within = {"band_bps": Decimal(100)}  # to 101
    assert impact(book, Decimal(100), **within) is not None
    assert impact(book, Decimal(200), **within) is None
    assert Decimal(101) == held_usd(book, **within)
    assert Decimal(891) == held_usd(book)
    assert Decimal(0) == held_usd(Book())


@pytest.mark.parametrize("book", [Book(), Book(levels((99, 9)), levels((101, 1)))])
def test_a_book_that_cannot_take_it_has_no_impact(book: Book) -> None:
    """An empty side, or one that holds less than is wanted, has no price for it."""
    assert impact(book, Decimal(200)) is None
