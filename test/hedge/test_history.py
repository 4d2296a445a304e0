"""What is kept of two venues' funding, what is asked for next, and what follows from it."""

from dataclasses import replace

from desk.core.funding import FundingPoint
from desk.hedge.forecast import Belief
from desk.hedge.history import (
    ASK_AGAIN_MS,
    ASKED_AT_ONCE_MAX,
    BOOKED_MS,
    DAY_HOURS,
    HISTORIES_MAX,
    HOURS_LATE_MAX,
    HOURS_MAX,
    HOURS_MIN,
    SpreadHistory,
    bps_of,
    foresee,
    mark_asked,
    take_in,
    wanted,
)
from desk.hedge.select import BOTH
from desk.hedge.worth import expected_bps
from test.hedge.builders import HOUR_MS, LIGHTER, PACIFICA, SYMBOL, T0, apr, d, markets

NOW_HOUR = T0 // HOUR_MS


def points(percent: str, hours: range, *, late_ms: int = 0) -> tuple[FundingPoint, ...]:
    """Return settled hours at that yearly rate, stamped a little after each hour."""
    return tuple(FundingPoint(SYMBOL, apr(percent), hour * HOUR_MS + late_ms) for hour in hours)


def told(lighter: tuple[FundingPoint, ...], pacifica: tuple[FundingPoint, ...]) -> SpreadHistory:
    """Return the history after both venues told these rows."""
    venues = markets()
    for venue, rows in ((LIGHTER, lighter), (PACIFICA, pacifica)):
        venues[venue] = replace(venues[venue], history={SYMBOL: rows})
    return take_in({SYMBOL: SpreadHistory(T0)}, venues)[SYMBOL]


def stood(percent: str, hours: int = 200) -> SpreadHistory:
    """Return the history of a spread that stood at that yearly rate up to now."""
    rows = range(NOW_HOUR - hours + 1, NOW_HOUR + 1)
    return told(points(percent, rows), points("0", rows))


def test_spreads_are_lighters_rate_less_pacificas_by_the_hour() -> None:
    """Rows stamped some seconds late belong to their hour."""
    rows = range(NOW_HOUR - 2, NOW_HOUR + 1)
    kept = told(points("87.6", rows), points("8.76", rows, late_ms=4_000))
    assert (NOW_HOUR, (90_000,) * 3) == (kept.last_hour, kept.spreads)


def test_an_hour_that_one_venue_lacks_is_unknown_not_nothing() -> None:
    """A hole stays a hole, and is filled when the row comes."""
    rows = [NOW_HOUR - 2, NOW_HOUR]
    kept = told(points("87.6", range(NOW_HOUR - 2, NOW_HOUR + 1)), points("0", range(0)))
    assert () == kept.spreads
    kept = told(
        points("87.6", range(NOW_HOUR - 2, NOW_HOUR + 1)),
        tuple(row for hour in rows for row in points("0", range(hour, hour + 1))),
    )
    assert (100_000, None, 100_000) == kept.spreads
    assert 2 == kept.known_hours


def test_a_history_has_a_length() -> None:
    """Two weeks are kept, the newest, from the beginning of their first day."""
    kept = stood("5", HOURS_MAX + 50)
    begin = kept.last_hour - len(kept.spreads) + 1
    assert 0 == begin % DAY_HOURS
    assert HOURS_MAX <= len(kept.spreads) < HOURS_MAX + DAY_HOURS


def test_what_was_learnt_day_by_day_is_what_was_learnt_at_once() -> None:
    """A history that grew an hour at a time foretells the same as one that was read whole."""
    rates = tuple(1_000 * (hour % 7) for hour in range(130))
    for length in range(HOURS_MIN, len(rates)):
        belief = Belief()
        for rate in rates[:length]:
            belief.learn(bps_of(rate))
        first = belief.next_bps()
        belief.learn(first)
        seen = foresee(SpreadHistory(T0, NOW_HOUR, rates[:length]), apr(0), NOW_HOUR * HOUR_MS)
        assert seen is not None
        assert belief.forecast(first_bps=first).expected_bps(24) == seen.expected_bps(24)


def test_a_first_ask_reaches_back_two_weeks_and_a_later_one_to_the_last_row() -> None:
    """What is known is not asked for again."""
    assert {SYMBOL: T0 - HOURS_MAX * HOUR_MS} == wanted({}, [SYMBOL], T0)
    kept = {SYMBOL: stood("5")}
    assert {} == wanted(kept, [SYMBOL], T0)
    settled_ms = (NOW_HOUR + 1) * HOUR_MS + BOOKED_MS
    assert {} == wanted(kept, [SYMBOL], settled_ms - 1)
    assert {SYMBOL: (NOW_HOUR + 1) * HOUR_MS} == wanted(kept, [SYMBOL], settled_ms)


def test_a_venue_that_does_not_answer_is_not_asked_at_every_look() -> None:
    """After an ask without an answer a quarter of an hour goes by."""
    asked = mark_asked({}, [SYMBOL], T0)
    assert {} == wanted(asked, [SYMBOL], T0 + ASK_AGAIN_MS - 1)
    assert [SYMBOL] == list(wanted(asked, [SYMBOL], T0 + ASK_AGAIN_MS))


def test_few_are_asked_for_at_once_and_few_are_kept() -> None:
    """The first in line come first; the one asked for longest ago goes."""
    names = [f"S{number}" for number in range(HISTORIES_MAX + 1)]
    assert names[:ASKED_AT_ONCE_MAX] == list(wanted({}, names, T0))
    kept = mark_asked({}, names[:1], T0)
    kept = mark_asked(kept, names[1:], T0 + 1)
    assert names[1:] == sorted(kept)


def test_too_little_or_too_old_a_history_has_no_forecast() -> None:
    """Then the prior speaks."""
    assert foresee(None, apr(40), T0) is None
    assert foresee(stood("40", HOURS_MIN - 1), apr(40), T0) is None
    assert foresee(stood("40", HOURS_MIN), apr(40), T0) is not None
    late_ms = T0 + (HOURS_LATE_MAX + 1) * HOUR_MS
    assert foresee(stood("40"), apr(40), late_ms) is None


def test_the_estimate_counts_as_far_as_the_hour_has_gone() -> None:
    """Right after a settlement it says nothing, just before the next one it is the payment."""
    begin_ms, kept = NOW_HOUR * HOUR_MS, stood("40")
    first = [foresee(kept, apr(-500), at_ms) for at_ms in (begin_ms, begin_ms + HOUR_MS - 1)]
    payments = [row.expected_bps(1) for row in first if row is not None]
    assert payments[0] > 0
    assert abs(payments[1] - apr(-500).bps) < d("0.001")


def test_a_missed_hour_only_fades() -> None:
    """Rows that are late make the forecast smaller, not wrong."""
    kept = stood("40")
    now, later = (foresee(kept, apr(40), NOW_HOUR * HOUR_MS + late) for late in (0, 2 * HOUR_MS))
    assert now is not None
    assert later is not None
    assert now.expected_bps(24) > later.expected_bps(24) > 0


def test_a_forecast_is_the_same_each_time() -> None:
    """What was learnt once is not learnt again by asking."""
    kept = stood("40")
    every = [foresee(kept, apr(60), T0) for _ in range(3)]
    assert 1 == len({row.expected_bps(48) for row in every if row is not None})
    assert all(expected_bps(row, PACIFICA, 48) > 0 for row in every if row is not None)
    assert set(BOTH) == {LIGHTER, PACIFICA}
