"""What an edited configuration changes, and what it may do to a hedge at once."""

import re
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desk.hedge.config import Config
from desk.hedge.edits import FROM_NEXT_OPENING, edits, may_close
from desk.hedge.events import ConfigChanged
from desk.hedge.machine import decide
from desk.hedge.state import Phase
from test.hedge.builders import HOUR_MS, T0, bot, config, standing

MANUAL = Path(__file__).resolve().parent.parent.parent / "docs" / "configuration.md"


def test_the_manual_says_when_each_key_acts() -> None:
    """Its column and the code agree, key by key."""
    rows = re.findall(r"^\| `(\w+)` \|.*\| (now|next opening) \|", MANUAL.read_text("utf-8"), re.M)
    assert {row.name for row in fields(Config)} == {key for key, _ in rows}
    assert FROM_NEXT_OPENING == {key for key, acts in rows if acts == "next opening"}


def test_an_edit_is_shown_as_its_owner_wrote_it() -> None:
    """Lists, switches and numbers."""
    new = Config(symbols_to_monitor=(), renew_hold=False, stop_loss_pct=Decimal("12.5"))
    assert [
        "symbols_to_monitor: BTC, ETH, SOL, BNB, ASTER, DOGE -> all, acts from the next opening on",
        "renew_hold: true -> false, acts from now on",
        "stop_loss_pct: 50 -> 12.5, acts from now on",
    ] == [str(row) for row in edits(Config(), new)]


def test_the_journal_has_what_changed() -> None:
    """The reason of the decision names each key."""
    edit = ConfigChanged(T0, config(renew_hold=False))
    reason = decide(bot(Phase.WAIT, wake_at_ms=T0, look_at_ms=T0), edit).reason
    assert "configuration changed: renew_hold: true -> false, acts from now on" == reason


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({"stop_loss_pct": Decimal(60)}, []),
        ({"stop_loss_pct": Decimal(40)}, ["stop_loss_pct"]),
        ({"min_margin_distance_pct": Decimal(16)}, ["min_margin_distance_pct"]),
        ({"hold_duration_hours": Decimal(11)}, []),
        ({"hold_duration_hours": Decimal(1)}, ["hold_duration_hours"]),
        ({"max_hold_hours": Decimal(100)}, []),
        ({"max_hold_hours": Decimal(1), "hold_duration_hours": Decimal(11)}, ["max_hold_hours"]),
    ],
)
def test_a_tighter_guard_and_a_past_end_may_close(change: dict[str, Any], keys: list[str]) -> None:
    """Two hours into a hold of twelve; without a hedge nothing may."""
    state = bot(Phase.HOLD, hedge=standing())
    assert keys == may_close(state, config(**change), T0 + 2 * HOUR_MS)
    assert [] == may_close(bot(Phase.WAIT), config(**change), T0 + 2 * HOUR_MS)
