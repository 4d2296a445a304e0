"""The command: enumerate, draw, judge, and say honestly what was found.

    python -m desk.storm --sweep pairs --runs 10000 --jobs 2
    python -m desk.storm --replay "seed=7 hours=cycle strikes=#34:late:20"
"""

import argparse
import gc
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import Any, NoReturn

import structlog

from desk.storm.draw import draw, draw_brisk
from desk.storm.report import Tally, branches, failures, table
from desk.storm.rules import Rule
from desk.storm.runs import Plan, parse_plan, play
from desk.storm.sweep import beside_the_owner, scenes, singles

CHUNK = 50
PROGRESS_S = 10.0
BRISK_RUNS = 10  # so many for each long one


def main(argv: Sequence[str] | None = None) -> int:
    """Run as the command line says. Returns 1 when a rule was broken."""
    args = _parse(argv)
    be_quiet(for_good=True)
    if args.replay is not None:
        return _replay(args.replay)
    if args.until_broken:
        return _until_broken(args)
    began_s = time.monotonic()
    total = Tally()
    for name, work in _works(args):
        _do(name, work, total, jobs=args.jobs)
    _say(table(total, wall_s=time.monotonic() - began_s, jobs=args.jobs))
    _say(branches(total))
    _say(failures(total.failures))
    return 1 if total.broken else 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m desk.storm", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000, help="random runs")
    parser.add_argument("--seed", type=int, default=1, help="the first random run's seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--sweep", choices=("none", "singles", "pairs"), default="singles")
    parser.add_argument(
        "--until-broken",
        action="store_true",
        help="stop at the first run that breaks a rule, our own faults not counted",
    )
    parser.add_argument("--replay", metavar="PLAN", help="play one plan and tell its story")
    return parser.parse_args(argv)


Work = Callable[[], Tally]


def _works(args: argparse.Namespace) -> Iterator[tuple[str, list[Work]]]:
    """Yield what is to be done, in the order of its digest: stages, each in parts."""
    if args.sweep != "none":
        first = list(singles())
        yield "singles", [partial(play_all, part) for part in _parts(first)]
        if args.sweep == "pairs":
            yield "pairs", [partial(play_pairs, plan) for plan in first]
    seeds = range(args.seed, args.seed + args.runs)
    yield "random", [partial(play_seeds, part) for part in _parts(seeds)]


def _parts(items: Sequence[Any]) -> Iterator[Any]:
    rows = iter(items)
    while part := tuple(islice(rows, CHUNK)):
        yield part


def play_all(plans: Sequence[Plan]) -> Tally:
    """Return the sum of some plans."""
    tally = Tally()
    with _little_garbage():
        for plan in plans:
            tally.add(play(plan))
            gc.collect()
    return tally


def play_pairs(plan: Plan) -> Tally:
    """Return the sum of everything that can strike after a single strike."""
    return play_all(list(singles(plan)))


def play_seeds(seeds: Sequence[int]) -> Tally:
    """Return the sum of some drawn plans."""
    return play_all([draw(seed) for seed in seeds])


def _do(name: str, work: list[Work], total: Tally, *, jobs: int) -> None:
    """Do the parts of one stage in their order, telling how it goes."""
    told_s = time.monotonic()
    with ProcessPoolExecutor(jobs, initializer=partial(be_quiet, for_good=True)) as pool:
        for number, tally in enumerate(pool.map(_call, work), start=1):
            total.merge(tally)
            if time.monotonic() - told_s > PROGRESS_S:
                told_s = time.monotonic()
                done = f"{name}: part {number:,} of {len(work):,}"
                found = sum(total.broken.values())
                print(f"{done}, {total.runs:,} runs, {found} violations", file=sys.stderr)


def _call(work: Work) -> Tally:
    return work()


def _until_broken(args: argparse.Namespace) -> int:
    """Play one run after the other, cheap ones first. Returns 1 when a rule was broken.

    A program that breaks down is no finding here: what tells a wrong program is a broken rule.
    """
    swept = chain(singles(), scenes(), beside_the_owner())
    first = swept if args.sweep != "none" else iter(())
    seeds = range(args.seed, args.seed + args.runs)
    drawn = chain(map(draw_brisk, seeds), map(draw, seeds[::BRISK_RUNS]))
    runs = faults = 0
    for runs, plan in enumerate(chain(first, drawn), start=1):
        outcome = play(plan)
        if outcome.violations and outcome.violations[0].rule is not Rule.OUR_FAULT:
            print(f"runs                {runs:,}")
            _say(failures([outcome]))
            return 1
        faults += bool(outcome.violations)
    broke = f", {faults:,} ended by a fault of our own" if faults else ""
    print(f"runs                {runs:,}{broke}")
    return 0


def _replay(text: str) -> int:
    """Play one plan and tell what happened."""
    outcome = play(parse_plan(text), is_told=True)
    _say(outcome.story)
    _say(f"{row.rule}: {row.text}" for row in outcome.violations)
    return 1 if outcome.violations else 0


def _say(lines: Iterator[str] | Sequence[str]) -> None:
    for line in lines:
        print(line)


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Leave the collection of garbage to the caller: half of a run's objects die with it.

    What is there before the first run is never looked at.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def be_quiet(*, for_good: bool = False) -> None:
    """Let nothing be logged: the judge sees all of it. For good, it costs nothing either."""
    structlog.configure(
        processors=[_drop],
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=for_good,
    )


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


if __name__ == "__main__":
    sys.exit(main())
