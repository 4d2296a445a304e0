"""When a hedge must not be held any longer."""

from decimal import Decimal

import pytest

from desk.core.events import MarkView, VenueAccount
from desk.core.venue import VenueName
from desk.hedge.risk import guard_lines, stop_price, stopped_leg, thin_margin
from desk.hedge.state import Hedge, Role
from test.hedge.builders import (
    LIGHTER,
    PACIFICA,
    SIZE,
    T0,
    account,
    bare_hedge,
    config,
    d,
    filled,
    intent,
    position,
    quote,
    seen,
    standing,
    stats,
)

CONFIG = config(stop_loss_pct=Decimal(50))


def marks(lighter: str | None, pacifica: str | None, index: str = "0") -> dict[VenueName, MarkView]:
    """Return marks; their index is the mark itself unless it is given."""
    given = {LIGHTER: lighter, PACIFICA: pacifica}
    return {
        venue: MarkView(d(text), d(text) if index == "0" else d(index), T0)
        for venue, text in given.items()
        if text is not None
    }


def with_liquidation(price: str | None) -> VenueAccount:
    """Return Lighter's answer with our position and its liquidation price."""
    return seen(account=account(position(SIZE, liquidation=price)))


def test_each_leg_has_its_stop_on_its_losing_side() -> None:
    """The long stops at half its entry, the short at half above it."""
    assert d(1500) == stop_price(CONFIG, standing(), LIGHTER)
    assert d(4500) == stop_price(CONFIG, standing(), PACIFICA)


def test_the_stop_is_measured_from_what_was_filled() -> None:
    """Two fills at two prices stop at half their average, not at half of what was planned."""
    first = filled(LIGHTER, size=SIZE / 2)
    second = intent(
        LIGHTER, attempt=1, in_doubt=False, filled=SIZE / 2, average_price=d(2800), size=SIZE / 2
    )
    assert d(1450) == stop_price(CONFIG, bare_hedge(intents=(first, second)), LIGHTER)


def test_a_partial_close_does_not_move_the_stop() -> None:
    """What was paid for the rest is what was paid for the whole."""
    closing = filled(LIGHTER, Role.CLOSE, SIZE / 2)
    hedge = standing(intents=(filled(LIGHTER), filled(PACIFICA), closing))
    assert d(1500) == stop_price(CONFIG, hedge, LIGHTER)


def test_a_closed_leg_is_guarded_no_more() -> None:
    """Its entry is history; the other leg keeps its line."""
    hedge = standing(intents=(filled(LIGHTER), filled(PACIFICA), filled(LIGHTER, Role.CLOSE)))
    assert [PACIFICA] == [line.venue for line in guard_lines(CONFIG, hedge)]


def test_a_fill_without_a_price_counts_at_its_limit() -> None:
    """A leg is never without a stop: the limit is the worst it can have cost."""
    row = intent(LIGHTER, in_doubt=False, filled=SIZE, price=d(3003))
    assert d("1501.5") == stop_price(CONFIG, bare_hedge(intents=(row,)), LIGHTER)


@pytest.mark.parametrize("hedge", [bare_hedge(), bare_hedge(intents=(intent(LIGHTER),))])
def test_nothing_filled_has_no_stop(hedge: Hedge) -> None:
    """Where nothing is held nothing is guarded."""
    assert stop_price(CONFIG, hedge, LIGHTER) is None
    assert () == guard_lines(CONFIG, hedge)


def test_the_engine_is_given_both_lines() -> None:
    """Below for the long, above for the short."""
    lines = guard_lines(CONFIG, standing())
    assert [(LIGHTER, d(1500), False), (PACIFICA, d(4500), True)] == [
        (line.venue, line.price, line.above) for line in lines
    ]


@pytest.mark.parametrize(
    ("lighter", "pacifica", "venue"),
    [
        ("1500", "1501", LIGHTER),
        ("1501", "1501", None),
        ("4500", "4500", PACIFICA),
        ("4499", "4499", None),
        ("3000", None, None),
        (None, "4600", PACIFICA),
        (None, None, None),
    ],
)
def test_a_leg_at_its_stop_fires(
    lighter: str | None, pacifica: str | None, venue: VenueName | None
) -> None:
    """At the line or beyond, on its own venue's mark; a missing mark fires nothing."""
    wanted = None if venue is None else (venue, True)
    assert wanted == stopped_leg(CONFIG, standing(), marks(lighter, pacifica))


def test_a_mark_that_stands_alone_is_not_believed() -> None:
    """Far from its own index and from the other venue's mark it may be broken."""
    assert (LIGHTER, False) == stopped_leg(CONFIG, standing(), marks("100", "3000", "3000"))
    assert (LIGHTER, False) == stopped_leg(CONFIG, standing(), marks("100", None, "3000"))
    assert (LIGHTER, True) == stopped_leg(CONFIG, standing(), marks("100", "101", "3000"))


def test_a_broken_mark_does_not_hide_a_true_one() -> None:
    """When both legs are at their stops, the one that can be believed is named."""
    views = marks("100", "4600")
    views[LIGHTER] = MarkView(d(100), d(3000), T0)
    assert (PACIFICA, True) == stopped_leg(CONFIG, standing(), views)


def test_a_witness_of_zero_supports_nothing() -> None:
    """An index or a mark of zero is no price, and no reason to crash."""
    views = {LIGHTER: MarkView(d(0), d(0), T0), PACIFICA: MarkView(d(0), d(0), T0)}
    assert (LIGHTER, False) == stopped_leg(CONFIG, standing(), views)


@pytest.mark.parametrize(
    ("price", "is_thin"), [("2551", True), ("2549", False), ("3449", True), (None, False)]
)
def test_a_leg_too_near_its_liquidation_is_thin(price: str | None, is_thin: bool) -> None:
    """15 % of the mark, on either side; a leg without a liquidation price is safe."""
    text = thin_margin(config(), standing(), {LIGHTER: with_liquidation(price)})
    assert is_thin is (text is not None)


def test_without_a_mark_the_book_measures_the_margin() -> None:
    """A fresh middle stands in; without either nothing can be said, and nothing fires."""
    row = with_liquidation("2900")
    no_mark = VenueAccount(row.account, quote=quote(), stats=None)
    zero_mark = VenueAccount(row.account, quote=quote(), stats=stats(mark=d(0)))
    assert thin_margin(config(), standing(), {LIGHTER: no_mark}) is not None
    assert thin_margin(config(), standing(), {LIGHTER: zero_mark}) is not None
    blind = VenueAccount(row.account)
    assert thin_margin(config(), standing(), {LIGHTER: blind}) is None


def test_other_symbols_do_not_count() -> None:
    """The owner's own position near its liquidation is the owner's."""
    row = seen(account=account(position(SIZE, symbol="BTC", liquidation="2999")))
    assert thin_margin(config(), standing(), {LIGHTER: row}) is None
