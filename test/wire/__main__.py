"""The storm of bytes: `python -m test.wire`, the last part of `make storm`.

Exit 0: every run ended flat and proved, with no leg alone for longer than its faults excuse. 1:
something broke, with the faults that were enough for it and the command that plays it again.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NoReturn

import structlog

from desk.engine.usage import OneLineParser, whole_number
from test.wire.plan import draw
from test.wire.play import Outcome, play, shrink

SHOWN_MAX = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says."""
    options = _parse(arguments)
    began_s = time.monotonic()
    seeds = range(options.seed, options.seed + options.runs)
    with ProcessPoolExecutor(options.jobs, initializer=be_quiet) as pool:
        outcomes = list(pool.map(play_seed, seeds))
    broken = [outcome for outcome in outcomes if outcome.broken]
    lines = [*_summary(outcomes, time.monotonic() - began_s), *_failures(broken)]
    print("\n".join(lines))
    return 1 if broken else 0


def play_seed(seed: int) -> Outcome:
    """Return what comes of a seed, by the fewest faults that break something."""
    outcome = play(seed, draw(seed))
    return shrink(outcome) if outcome.broken else outcome


def _summary(outcomes: Sequence[Outcome], wall_s: float) -> Iterable[str]:
    struck = sum(row.struck for row in outcomes)
    longest = max(outcomes, key=lambda row: row.naked_s_max)
    kinds = Counter(
        str(row.fault.kind) if row.fault is not None else "death"
        for outcome in outcomes
        for row in outcome.mischiefs
    )
    yield f"runs of the real clients {len(outcomes):,}"
    yield f"faults that struck       {struck:,}"
    yield f"lives                    {sum(row.lives for row in outcomes):,}"
    yield f"real time                {wall_s:.1f} s"
    yield f"violations               {sum(bool(row.broken) for row in outcomes)}"
    yield f"naked, longest           {longest.naked_s_max:.1f} s, seed {longest.seed}"
    planned = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    yield f"planned                  {planned}"


def _failures(broken: Sequence[Outcome]) -> Iterable[str]:
    for outcome in broken[:SHOWN_MAX]:
        yield f"FAILED seed {outcome.seed}: {'; '.join(outcome.broken)}"
        yield from (f"  {row}" for row in outcome.mischiefs)
        yield f"  python -m test.wire --seed {outcome.seed} --runs 1"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m test.wire",
        description="Break the connections of the real clients, on virtual time.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--runs", type=whole_number, default=300, metavar="N", help="runs (300)")
    add("--seed", type=whole_number, default=1, metavar="N", help="the first run's seed (1)")
    add("--jobs", type=whole_number, default=2, metavar="N", help="processes (2)")
    return parser.parse_args(arguments)


def be_quiet() -> None:
    """Let nothing be logged: the judge sees all of it."""
    logging.disable()
    structlog.configure(processors=[_drop])


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


if __name__ == "__main__":
    sys.exit(main())
