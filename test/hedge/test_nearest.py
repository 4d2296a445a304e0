"""Which settings would have the nearest symbol opened: judged again, not guessed."""

from typing import Any

from desk.hedge.config import Config
from desk.hedge.history import SpreadHistory
from desk.hedge.nearest import Change, changes_that_open
from desk.hedge.select import rank
from test.hedge.builders import HOUR_MS, SYMBOL, T0, apr, config, markets


def ways(spread: str, **changes: Any) -> list[list[str]]:
    """Return the changes that would open a spread that has stood for a week, as written."""
    keys: Config = config(require_expected_profit=True, **changes)
    stood = (-int(apr(spread).fraction * 10**9),) * 200
    look: dict[str, Any] = {
        "at_ms": T0,
        "set_aside": {},
        "histories": {SYMBOL: SpreadHistory(T0, T0 // HOUR_MS, stood)},
    }
    venues = markets(spread)
    (row,) = rank(keys, venues, **look)
    return [[str(each) for each in way] for way in changes_that_open(keys, venues, row, **look)]


def test_what_may_be_opened_needs_no_change() -> None:
    """A level that pays its costs."""
    assert [] == ways("60")


def test_a_hold_that_is_too_short_names_renewing_it() -> None:
    """Twelve hours do not pay a round trip, four days of the same do."""
    assert ["renew_hold = true"] in ways("60", renew_hold=False)


def test_a_threshold_is_named_with_the_value_that_would_do() -> None:
    """Only where it alone is in the way."""
    assert [["min_net_apr_threshold = 60.00"]] == ways("60", min_net_apr_threshold=100)


def test_what_no_single_key_changes_is_named_in_pairs() -> None:
    """Below the threshold and its hold too short: both together."""
    found = ways("60", renew_hold=False, min_net_apr_threshold=100)
    assert ["renew_hold = true", "min_net_apr_threshold = 60.00"] in found
    assert {2} == {len(way) for way in found}


def test_what_no_setting_is_the_cause_of_names_none() -> None:
    """A symbol set aside stays so."""
    (row,) = rank(config(), markets("60"), at_ms=T0, set_aside={SYMBOL: "by hand"})
    assert [] == changes_that_open(
        config(), markets("60"), row, at_ms=T0, set_aside={SYMBOL: "by hand"}, histories={}
    )


def test_a_change_is_written_as_in_the_file() -> None:
    """Words in lower case, numbers plain."""
    assert "renew_hold = true" == str(Change("renew_hold", True))
