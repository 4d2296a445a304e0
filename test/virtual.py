"""Run a coroutine on virtual time: the way every test here waits."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from desk.sim.virtual_loop import VirtualLoop

_T = TypeVar("_T")


def run_virtual(main: Coroutine[Any, Any, _T]) -> _T:
    """Return what `main` returns, on a fresh loop whose time starts at zero and jumps."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
