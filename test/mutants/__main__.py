"""Plant each bug and show which invariant of the storm found it: `python -m test.mutants`.

Exit 0: the tree itself is clean, and every bug was found. 1: not so. 2: a bug cannot be planted,
because its text is not in the source any more.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from test.mutants.hunt import Hunted, Stale, check, hunt
from test.mutants.mutant import Mutant
from test.mutants.planted import MUTANTS

EXIT_MISSED, EXIT_USAGE = 1, 2


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; exits 2 with one line on a bad one."""
    parser = argparse.ArgumentParser(prog="python -m test.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="bugs whose name contains TEXT")
    parser.add_argument("--runs", type=int, default=400, help="random runs at most, for each bug")
    parser.add_argument("--seed", type=int, default=100, help="the first random run's seed")
    parser.add_argument("--jobs", type=int, default=2, help="bugs hunted at once")
    parser.add_argument("--no-control", action="store_true", help="leave the tree itself out")
    return parser.parse_args(arguments)


async def main(args: argparse.Namespace) -> int:
    """Hunt what is asked for and return the exit code."""
    began_s = time.monotonic()
    named = [row for row in MUTANTS if args.only in row.name]
    for mutant in named:  # before the first hunt: nothing is left half done
        check(mutant)
    chosen: list[Mutant | None] = [*named]
    if not args.no_control:
        chosen.insert(0, None)  # the longest comes first
    slots = asyncio.Semaphore(args.jobs)

    async def one(mutant: Mutant | None) -> Hunted:
        async with slots:
            hunted = await hunt(mutant, runs=args.runs, seed=args.seed)
        print(line(hunted), flush=True)
        return hunted

    control = 0 if args.no_control else 1
    hunts = await asyncio.gather(*map(one, chosen))
    found = [row for row in hunts[control:] if row.is_found]
    clean = all(row.is_clean for row in hunts[:control])
    print(f"\n{len(found)} of {len(hunts) - control} found in {time.monotonic() - began_s:.0f} s")
    for row in found:
        print(f"{row.name}\n  {row.replay}")
    if not clean:
        print("and the tree itself is not clean")
    return 0 if clean and len(found) == len(hunts) - control else EXIT_MISSED


def line(row: Hunted) -> str:
    """Return what came of one bug in one line."""
    found = row.rule or f"NOT FOUND {row.note}".strip()
    return f"{row.name:<32} {found:<46} {row.runs:>6} runs {row.seconds:>6.1f} s"


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(parse(None))))
    except Stale as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_USAGE)
