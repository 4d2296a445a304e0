"""The conformance run: `python -m test.conformance`, or `make conformance` to prepare it, too.

Runs every script at venues of its own, one after the other, and shows one table. Exit 0: all
checks passed, but for named limits of the clients themselves. 1: a check failed. 2: something is
missing, with the mend.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.status import Status
from rich.text import Text

from test.conformance.plan import CCXT, ROOT, SDK, Run, runs
from test.conformance.processes import Ended, NotReady, play, signer_library, version
from test.conformance.results import failed, markdown, summary, table, with_table

DOCUMENT = ROOT / "docs" / "conformance.md"
EXIT_FAILED, EXIT_USAGE = 1, 2


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; exits 2 with one line on a bad one."""
    parser = argparse.ArgumentParser(
        prog="python -m test.conformance",
        description="Run ccxt and lighter-sdk, unmodified, against the embedded venues.",
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="runs whose title contains TEXT")
    parser.add_argument("--write", action="store_true", help=f"renew the table in {DOCUMENT.name}")
    return parser.parse_args(arguments)


async def main(options: argparse.Namespace, console: Console) -> int:
    """Run what is asked for and return the exit code. SIGTERM ends it like Ctrl-C: cleanly."""
    if (task := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    chosen = [run for run in runs() if options.only.lower() in run.title.lower()]
    if not chosen:
        titles = "; ".join(run.title for run in runs())
        raise NotReady(f"no run is called {options.only}. There are: {titles}")
    if options.write and options.only:
        raise NotReady("--write renews the whole table: leave out --only")
    versions = f"{CCXT.package} {version(CCXT)}, {SDK.package} {version(SDK)}"
    library, begin_s = signer_library(), time.monotonic()
    console.print(f"{len(chosen)} runs with {versions}")
    ended = [await show(run, library, console) for run in chosen]
    results = [result for each in ended for result in each.results]
    console.print(table(results))
    console.print(f"{len(results)} checks: {summary(results)}; {time.monotonic() - begin_s:.0f} s")
    if failed(results):
        return EXIT_FAILED
    if options.write:
        text = with_table(DOCUMENT.read_text("utf-8"), f"{versions}.\n\n{markdown(results)}")
        DOCUMENT.write_text(text, "utf-8")
        console.print(f"{DOCUMENT.relative_to(ROOT)} is renewed")
    return 0


async def show(run: Run, library: str, console: Console) -> Ended:
    """Run one script, with the check under way on the screen, and say how it went."""
    with Status(run.title, console=console) as status:
        ended = await play(
            run, library, lambda seen: status.update(f"{run.title}: {Text(seen.now).markup}")
        )
    bad = failed(ended.results)
    console.print(f"{run.title}: {summary(ended.results)}", style="red" if bad else "")
    for result in bad:
        console.print(Text(f"  {result.check}: {result.text}", style="red"))
    if bad and ended.log:
        console.print(Text(ended.log, style="dim"))
    return ended


if __name__ == "__main__":
    screen = Console(highlight=False)
    try:
        sys.exit(asyncio.run(main(parse(sys.argv[1:]), screen)))
    except NotReady as problem:
        screen.print(Text(str(problem)))
        sys.exit(EXIT_USAGE)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("stopped")
