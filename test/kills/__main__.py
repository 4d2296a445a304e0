"""The kills: `python -m test.kills`, or `make storm-kills`.

Several venues at once, on each the daemon of one home, killed with SIGKILL in every state and
started again. Exit 0: nothing was broken. 1: something was, with the command that draws the same
moments. Real time: fifty kills take about ten minutes.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random

from rich.console import Console
from rich.text import Text

from desk.engine.usage import OneLineParser, whole_number
from test.daemons import venues
from test.kills.life import PHASES, Life
from test.kills.record import Kill
from test.kills.report import figures, kill_line, table, violations

WHOLE = 50  # so many kills must have struck every state


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; exits 2 with one line on a bad one."""
    parser = OneLineParser(
        prog="python -m test.kills",
        description="Kill the real daemon in every state, on embedded venues in real time.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--kills", type=whole_number, default=WHOLE, metavar="N", help="kills in all (50)")
    add("--lives", type=whole_number, default=2, metavar="N", help="venues at the same time (2)")
    add("--seed", type=whole_number, default=1, metavar="N", help="draws every moment (1)")
    return parser.parse_args(arguments)


async def main(options: argparse.Namespace, console: Console, folder: Path) -> int:
    """Run every life to its end, show the table, and return the exit code. SIGTERM ends it like
    Ctrl-C: no process stays behind."""
    if (task := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    def tell(kill: Kill) -> None:
        console.print(kill_line(kill), soft_wrap=True)

    began_s = time.monotonic()
    with ExitStack() as stack:
        lives = [make_life(number, options, folder, stack) for number in range(options.lives)]
        await asyncio.gather(*(life.run(tell) for life in lives))
        found = [text for life in lives for text in violations(life)]
        if options.kills >= WHOLE:
            struck = {kill.phase for life in lives for kill in life.kills}
            found += [f"{phase} was never struck" for phase in PHASES if phase not in struck]
        console.print(table(lives))
        for text in figures(lives, wall_s=time.monotonic() - began_s):
            console.print(text, soft_wrap=True)
    for text in found:
        console.print(Text(f"BROKEN {text}", style="red"), soft_wrap=True)
    if found:
        words = f"--kills {options.kills} --lives {options.lives} --seed {options.seed}"
        again = f"see it again: python -m test.kills {words}; the homes are in {folder}"
        console.print(again, soft_wrap=True)
    return 1 if found else 0


def make_life(index: int, options: argparse.Namespace, folder: Path, stack: ExitStack) -> Life:
    """Return one life on venues of its own, which `stack` ends; the kills are shared out evenly."""
    room = folder / str(index + 1)
    room.mkdir()
    seed = options.seed * 1_000 + index
    served = stack.enter_context(venues(room, "--seed", str(seed)))
    kills_max = options.kills // options.lives + (index < options.kills % options.lives)
    return Life(index + 1, served, room, random=Random(seed), kills_max=kills_max)


def run(arguments: Sequence[str]) -> int:
    """Run the command; what it leaves on the disk is kept where something was broken."""
    options = parse(arguments)
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    code = asyncio.run(main(options, Console(highlight=False), folder))
    if code == 0:
        shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("stopped")
