"""The halt latch: a file beside the state that stops the bot, whoever wrote it.

It is no part of the state, so it can be set while a daemon holds the state, and where the state is
damaged. Its existence is the message, its text is for people; only the owner deletes it, by hand
or by `resume`. What a
bot makes of it is the strategy's.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import ParamSpec, TypeVar

POLL_S = 0.25  # a running bot shall have stopped within a second
FILE_MODE = 0o600
P = ParamSpec("P")
T = TypeVar("T")


class _Forsaken(Executor):
    """Runs a job in a thread that ends with the process, whatever it waits for."""

    def submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin a job that may raise `OSError`."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(job(*args, **kwargs))
            except OSError as error:
                future.set_exception(error)

        Thread(target=work, daemon=True).start()
        return future


class Latch:
    """One latch file."""

    def __init__(self, path: Path) -> None:
        """Use `path`; nothing is touched."""
        self.path = path

    def set(self, reason: str) -> None:
        """Write the file and wait until the disk has it. Raises `OSError`."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        try:
            os.write(handle, f"{reason}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        self._sync_folder()

    def set_soon(self, reason: str) -> asyncio.Future[None]:
        """Begin to set it, and return what ends when the disk has it, or with the `OSError`.

        Raises nothing itself. A disk that hangs holds up nobody.
        """
        loop = asyncio.get_running_loop()
        return asyncio.ensure_future(loop.run_in_executor(_Forsaken(), self.set, reason))

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def lift(self) -> bool:
        """Delete the file, and wait until the disk knows. Returns whether there was one.

        Raises `OSError`.
        """
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        self._sync_folder()
        return True

    def read(self) -> str | None:
        """Return why it is set, None where it is not. Raises `OSError` where nobody can say."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        return text.strip() or "no reason given"


@asynccontextmanager
async def latch_heeded(
    latch: Latch, *, was_set: bool, tell: Callable[[str | None], None]
) -> AsyncIterator[None]:
    """Within, call `tell` with the reason when the latch is set, with None when it is gone.

    `was_set` is what the strategy knows already; a difference is told before the first step of
    what runs within. Raises `OSError` when the latch cannot be looked at then; later such a
    failure changes nothing.
    """
    reason = latch.read()
    if (reason is not None) != was_set:
        tell(reason)
    watch = asyncio.create_task(_watch(latch, was_set=reason is not None, tell=tell))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(latch: Latch, *, was_set: bool, tell: Callable[[str | None], None]) -> None:
    while True:
        await asyncio.sleep(POLL_S)
        with suppress(OSError):
            reason = latch.read()
            if (reason is not None) != was_set:
                was_set = reason is not None
                tell(reason)
