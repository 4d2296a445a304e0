"""Plans and strikes can be written down and read back."""

from __future__ import annotations

import pytest

from desk.core.venue import VenueName
from desk.storm.draw import draw
from desk.storm.runs import Plan, parse_plan
from desk.storm.strikes import Kind, Strike, parse_strike


@pytest.mark.parametrize(
    ("text", "strike"),
    [
        ("#12:crash_before", Strike("", 12, Kind.CRASH_BEFORE)),
        ("OPEN#3:late:600", Strike("OPEN", 3, Kind.LATE, 600.0)),
        (
            "send#1:outage:30:lighter",
            Strike("send", 1, Kind.OUTAGE, 30.0, venue=VenueName.LIGHTER),
        ),
        ("save#2:crash_torn:down=20", Strike("save", 2, Kind.CRASH_TORN, down_s=20.0)),
        ("HOLD#9:shock:-2", Strike("HOLD", 9, Kind.SHOCK, -2.0)),
    ],
)
def test_a_strike_reads_as_it_is_written(text: str, strike: Strike) -> None:
    """The text in a report is the text a replay takes."""
    assert strike == parse_strike(text)
    assert text == str(strike)


@pytest.mark.parametrize("text", ["late:600", "OPEN#x:late", "OPEN#1:nonsense", "#1:late:soon"])
def test_what_is_no_strike_is_refused(text: str) -> None:
    """A spelling mistake is not a run without faults."""
    with pytest.raises(ValueError, match=r".+"):
        parse_strike(text)


def test_a_drawn_plan_reads_as_it_is_written() -> None:
    """Seeds, settings and strikes of a hundred drawn plans survive the round trip."""
    for seed in range(100):
        assert draw(seed) == parse_plan(str(draw(seed)))


def test_an_unknown_setting_is_refused() -> None:
    """A plan names keys of the configuration."""
    with pytest.raises(ValueError, match="no setting hold_hours"):
        _ = Plan(1, None, settings=(("hold_hours", "1"),)).config
