"""A venue that is gone for hours while a hedge stands: no guess, no storm, and the guards alive."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from desk.core.actions import Alert, SendOrders
from desk.core.venue import VenueName
from desk.hedge.state import CloseReason, Phase
from desk.sim.faults import Fault, FaultKind
from desk.sim.serve import Embedded
from test.lives import BRISK, Mishap, Tally, live
from test.virtual import run_virtual

OUTAGE_S = 4.5 * 3600
LONG = replace(
    BRISK,
    symbols_to_monitor=("BTC",),
    hold_duration_hours=Decimal(5),
    check_interval_seconds=Decimal(60),
)


def outage(venue: VenueName) -> Mishap:
    """Return a venue's absence from the third minute on."""

    async def happen(embedded: Embedded) -> None:
        await asyncio.sleep(180)
        embedded.plan.add(Fault(venue, FaultKind.OUTAGE))
        await asyncio.sleep(OUTAGE_S)
        embedded.plan.clear()

    return happen


def sent_in(life: Tally, phase: Phase) -> Sequence[SendOrders]:
    """Return the batches of orders that a phase sent."""
    return [
        action
        for row in life.records
        if row.after.label == phase
        for action in row.decision.actions
        if isinstance(action, SendOrders)
    ]


def alerts(life: Tally) -> list[str]:
    """Return every alert of a life."""
    actions = (action for row in life.records for action in row.decision.actions)
    return [action.text for action in actions if isinstance(action, Alert)]


@pytest.mark.parametrize("venue", VenueName)
def test_a_hedge_outlives_the_outage_of_one_venue(venue: VenueName, tmp_path: Path) -> None:
    """For 4.5 h nothing is closed, nothing guessed; it is told once, and asked within limits."""
    life = run_virtual(live(tmp_path, LONG, outage(venue)))

    result = life.records[-1].decision.state.result
    assert result is not None
    assert (CloseReason.HOLD_ENDED, True) == (result.close_reason, result.is_complete)
    assert 1 == len(sent_in(life, Phase.CLOSE))
    told = [text for text in alerts(life) if text.startswith(f"no news from {venue}")]
    assert 1 == len(told)
    assert life.refused == []
    assert life.count(venue, "hold") <= OUTAGE_S / 60 * 4
