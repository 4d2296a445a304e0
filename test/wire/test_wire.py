"""The whole bot with its real clients, whose bytes are lost, late, broken and garbled."""

import pytest

from test.wire.plan import draw
from test.wire.play import Outcome, play

SEEDS = 24
# Each broke something once.
LEVERAGE_IN_DOUBT = 68  # a refused leverage, for a write in doubt that nothing settled
CANCEL_UNREACHED = 204  # a cancel at a venue that had been away since the start


def played(seed: int) -> Outcome:
    """Return what comes of a seed."""
    return play(seed, draw(seed))


@pytest.mark.parametrize("seed", [*range(1, SEEDS + 1), LEVERAGE_IN_DOUBT, CANCEL_UNREACHED])
def test_the_cycle_ends_flat_whatever_happens_to_the_bytes(seed: int) -> None:
    """Orders by hand of nobody, no halt, nothing left, and no leg alone for long."""
    assert () == played(seed).broken


def test_a_run_is_the_same_again() -> None:
    """What it finds can be found again by its seed."""
    first, second = played(7), played(7)
    assert (first.naked_s_max, first.lives, first.struck) == (
        second.naked_s_max,
        second.lives,
        second.struck,
    )


def test_the_faults_do_strike() -> None:
    """A storm that hits nothing would prove nothing."""
    outcomes = [played(seed) for seed in range(1, 7)]
    assert all(outcome.struck for outcome in outcomes)
    assert any(outcome.lives > 1 for outcome in outcomes)
