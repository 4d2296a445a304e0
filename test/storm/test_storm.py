"""The short storm: the enumeration of a cycle, some drawn runs, and the same bytes each time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from desk.storm.__main__ import play_all, play_seeds
from desk.storm.draw import draw
from desk.storm.report import failures
from desk.storm.runs import parse_plan, play
from desk.storm.sweep import scenes, singles

ROOT = Path(__file__).resolve().parents[2]
DRAWN = range(1, 301)
# A leg is cut, and the order that lets its twin follow is refused three times in a row. The
# budget's pause after a refusal is five seconds for what guards.
REFUSED = parse_plan(
    "seed=7 hours=0.1 hold_duration_hours=0.5 base_capital_allocation=400 "
    "strikes=HOLD#25:deleveraged:lighter,send#7:throttled,send#8:throttled,send#9:throttled"
)
REFUSED_S_MAX = 3 * 5 + 2


def test_a_cycle_survives_every_single_strike() -> None:
    """Crash before and after, reply lost, effect late, late after a crash: at every boundary."""
    tally = play_all(list(singles()))

    assert [] == list(failures(tally.failures))
    assert 200 < tally.runs


def test_a_cycle_survives_what_single_strikes_do_not_make() -> None:
    """Streams silent until after the close, a full disk, a book with nobody, a cut, a bad word."""
    plans = list(scenes())
    tally = play_all(plans)

    assert [] == list(failures(tally.failures))
    struck = sum(count for name, count in tally.reached.items() if name.startswith("struck by"))
    assert sum(len(plan.strikes) for plan in plans) == struck


def test_drawn_runs_break_no_rule() -> None:
    """Clusters of faults of every kind: flat or hedged in the end, and never naked for long."""
    tally = play_seeds(DRAWN)

    assert [] == list(failures(tally.failures))
    assert 500 < tally.hours


def test_a_naked_leg_is_closed_as_soon_as_the_venue_lets_us() -> None:
    """Not after pauses of our own on top of the venue's."""
    outcome = play(REFUSED)

    assert 3 == outcome.reached["struck by throttled"]
    assert outcome.helped_s_max <= REFUSED_S_MAX


def test_a_run_is_the_same_each_time() -> None:
    """The same plan gives the same decisions and fills, told or not."""
    plan = draw(5)

    assert play(plan).digest == play(plan, is_told=True, is_traced=True).digest


def digest_of(hash_seed: str, jobs: str) -> str:
    """Return the digest that a storm of its own process prints."""
    command = [sys.executable, "-m", "desk.storm", "--sweep", "none", "--runs", "6", "--jobs", jobs]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = [row for row in done.stdout.splitlines() if row.startswith("digest")]
    return line.split()[1]


def test_a_storm_is_the_same_in_every_process() -> None:
    """Neither hash seeds nor the number of processes changes a byte."""
    assert digest_of("0", "1") == digest_of("4711", "2")
