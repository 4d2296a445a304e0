"""The first signal asks, the second ends the process, and so does lost patience."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = """
import asyncio, os, signal, sys
from desk.engine.signals import signals_heeded
from desk.sim.virtual_loop import VirtualLoop

def say(text):
    print(text, flush=True)

async def main(numbers, finishes):
    asked = asyncio.Event()
    def ask():
        say("asked")
        asked.set()
    with signals_heeded(ask, lambda why: say(f"last words: {why}")):
        for number in numbers:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.1)
        if not finishes:
            await asyncio.sleep(100)
            os._exit(7)  # nobody ended it
    await asyncio.sleep(100)
    say("done")

with asyncio.Runner(loop_factory=VirtualLoop) as runner:
    runner.run(main([int(word) for word in sys.argv[2:]], sys.argv[1] == "finishes"))
"""


def signalled(how: str, *numbers: int) -> tuple[int, list[str]]:
    """Return exit code and words of a process that gets these signals a tenth of a second apart."""
    command = [sys.executable, "-c", SCRIPT, how, *map(str, numbers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "" == done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("number", [2, 15], ids=["SIGINT", "SIGTERM"])
def test_one_signal_asks(number: int) -> None:
    """The program is asked to leave, once, and ends in its own time; no timer catches up later."""
    assert (0, ["asked", "done"]) == signalled("finishes", number)


@pytest.mark.parametrize("numbers", [(2, 2), (15, 15), (2, 15)], ids=str)
def test_two_signals_end_the_process(numbers: tuple[int, int]) -> None:
    """The second signal of either kind ends it at once, after its last words, with code 1."""
    assert (1, ["asked", "last words: second signal"]) == signalled("lingers", *numbers)


def test_patience_ends_after_eight_seconds() -> None:
    """A program that was asked and does not end is ended."""
    code, words = signalled("lingers", 2)

    assert (1, ["asked", "last words: not finished within 8 s"]) == (code, words)


def test_a_terminal_that_is_gone_does_not_keep_the_process_alive() -> None:
    """When the last words find no reader, the process ends all the same."""
    command = [sys.executable, "-c", SCRIPT, "lingers", "2", "2"]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=write, timeout=60)
    finally:
        os.close(write)

    assert 1 == done.returncode


def test_no_signal_changes_nothing() -> None:
    """Without a signal nobody is asked anything."""
    assert (0, ["done"]) == signalled("finishes")
