"""What a whole life costs in requests: from a cold start over an opening and a hold to the books.

Counts, not times, but for the one time that a budget decides.
"""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from desk.commands.start import at_a_bearable_pace
from desk.core.actions import Action, Alert, Level
from desk.core.events import AccountsRead, MarketsRead
from desk.core.venue import VenueName
from desk.hedge.state import Phase
from test.lives import BRISK, HEAVY, HOLD_S, LIGHTER, PACIFICA, Tally, live
from test.virtual import run_virtual


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    """Return what one life cost."""
    return run_virtual(live(tmp_path_factory.mktemp("life")))


def is_warning(action: Action) -> bool:
    """Return whether an action tells the owner of trouble."""
    return isinstance(action, Alert) and action.level is not Level.INFO


def test_the_life_was_a_whole_one(life: Tally) -> None:
    """One cycle, held as long as asked, closed flat, with complete books."""
    result = life.records[-1].decision.state.result
    assert result is not None
    assert result.is_complete
    assert HOLD_S <= (result.closed_at_ms - (result.opened_at_ms or 0)) / 1000 < HOLD_S + 3


def test_a_start_is_cheap(life: Tally) -> None:
    """From nothing to knowing what both venues hold."""
    assert life.count(LIGHTER, "start") <= 8
    assert life.credits("start") <= 12


@pytest.mark.parametrize("venue", VenueName)
def test_a_look_is_cheap(life: Tally, venue: VenueName) -> None:
    """Markets, rates and the account's fees, for all symbols at once."""
    assert life.count(venue, "look") <= 4


def test_an_opening_is_cheap(life: Tally) -> None:
    """Two looks at the symbol, leverage set and read back, the order, the verification; and, once
    in a life, the nonce of the key."""
    sent = [path for path in life.sent[LIGHTER, "open"] if not path.endswith("nextNonce")]
    assert len(sent) <= 8
    assert life.count(LIGHTER, "open") <= 9
    assert life.credits("open") <= 13


@pytest.mark.parametrize("venue", VenueName)
def test_a_check_of_a_hold_is_cheap(life: Tally, venue: VenueName) -> None:
    """Equity and positions, the markets once a minute; marks and books come by stream, triggers
    are read back once."""
    triggers_sent, read_back, markets = 2, 1, 1
    assert life.checks() >= 2
    once = triggers_sent + read_back + markets
    assert life.count(venue, "hold") <= 2 * life.checks() + once


def test_a_close_with_its_books_is_cheap(life: Tally) -> None:
    """What is there, the order, then accounts and rows together: one heavy request."""
    assert life.count(LIGHTER, "close") <= 10
    assert life.credits("close") <= 60
    assert 1 == sum(path.endswith(HEAVY) for path in life.sent[PACIFICA, "close"])


def test_heavy_rows_are_read_for_the_books_alone(life: Tally) -> None:
    """Nothing that went well needs a history before its end."""
    rows = (*HEAVY, "/trades", "/positionFunding", "/funding/history")
    stages = {
        stage
        for (_, stage), paths in life.sent.items()
        if any(path.endswith(rows) for path in paths)
    }
    assert {"close"} == stages


def test_no_venue_ever_asked_for_patience(life: Tally) -> None:
    """The venues count as they publish, and never refused; no read of ours failed."""
    assert [] == life.refused
    events = (row.event for row in life.records)
    reads = [event for event in events if isinstance(event, AccountsRead | MarketsRead)]
    assert [{}] * len(reads) == [event.failures for event in reads]


def test_only_the_first_minute_is_waited_for(life: Tally) -> None:
    """Half of it counts as spent before we came, so the opening waits; nothing does later."""
    waits = [row for row in life.records if "; opening in " in row.decision.reason]
    alerts = [row for each in life.records for row in each.decision.actions if is_warning(row)]
    assert (1, []) == (len(waits), alerts)
    assert life.entered_s(Phase.OPEN) <= 62


def test_checks_asked_for_too_often_keep_the_pace_they_are_slowed_to(tmp_path: Path) -> None:
    """Through minutes of holding no check is refused for want of requests, nor comes late."""
    minutes = 4
    eager = replace(
        BRISK,
        check_interval_seconds=Decimal("0.5"),
        hold_duration_hours=Decimal(minutes) / 60,
    )
    slowed = at_a_bearable_pace(eager, {})
    life = run_virtual(live(tmp_path, slowed))

    held = [row for row in life.records if row.before.label == Phase.HOLD]
    checks = [row.event for row in held if isinstance(row.event, AccountsRead)]
    assert [] == life.refused
    assert [{}] * len(checks) == [event.failures for event in checks]
    expected = minutes * 60 / slowed.check_interval_seconds
    assert expected * Decimal("0.85") <= len(checks) <= expected + 1
