"""Thousands of random but legal steps: the rules that keep money safe hold after each of them.

The rules themselves stand in `fake_engine`, where every decision passes.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from desk.hedge.config import Config
from desk.hedge.state import CloseReason, Phase
from test.hedge.builders import ZERO, config
from test.hedge.fake_engine import FakeEngine

SEEDS = range(40)
STEPS = 500


def short_holds() -> Config:
    """Return a configuration whose hedges end often, guarded by the venues too."""
    return config(
        hold_duration_hours=Decimal(2), max_hold_hours=Decimal(24), venue_triggers=True
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_whose_answers_resume_ends_flat_or_hedged(seed: int) -> None:
    """After faults, crashes and outages our fills cancel out, and are zero where no hedge is."""
    engine = FakeEngine(seed, short_holds())
    engine.run(STEPS)
    engine.settle()
    ours = engine.ours()
    assert ZERO == sum(ours.values(), ZERO)
    if engine.state.hedge is None:
        assert {ZERO} == set(ours.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_owner_may_trade_by_hand_at_any_time(seed: int) -> None:
    """Somebody else's trades in our symbol break no rule, what is theirs is never closed, and a
    hedge that stands in the end has two equal legs, which are there."""
    large = replace(short_holds(), base_capital_allocation=Decimal(400))
    engine = FakeEngine(seed, large if seed % 2 else short_holds(), owner_trades=True)
    engine.run(STEPS)
    engine.settle()
    hedge = engine.state.hedge
    if hedge is not None and hedge.is_standing:
        assert hedge.is_even
        for name, venue in engine.venues.items():
            assert abs(hedge.held(name)) <= venue.position * hedge.side_at(name).sign


def test_chance_cuts_legs_that_are_held_on() -> None:
    """The random hands are worth something: some hedges go on smaller than they were opened."""
    config = replace(short_holds(), base_capital_allocation=Decimal(400))
    reasons = set()
    for seed in SEEDS:
        engine = FakeEngine(seed, config, owner_trades=True)
        engine.run(STEPS)
        reasons |= engine.reasons
    assert CloseReason.REDUCED in reasons


def test_chance_reaches_every_phase() -> None:
    """The random runs are worth something: each phase is seen, HOLD and HALT among them."""
    phases: set[Phase] = set()
    for seed in SEEDS:
        engine = FakeEngine(seed, short_holds())
        engine.run(STEPS)
        phases |= engine.phases
    assert set(Phase) == phases


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Nothing but the events decides: two runs of one seed end in equal states."""
    states = []
    for _ in range(2):
        engine = FakeEngine(5, short_holds())
        engine.run(STEPS)
        states.append(engine.state)
    assert states[0] == states[1]
