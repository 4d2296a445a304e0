"""SIGINT and SIGTERM: before the engine runs they end the start; while it runs the first asks
politely and the second exits, as does lost patience; afterwards they just end the process."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

FINISH_S_MAX = 8.0
EXIT_FAILED = 1
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_on_signals_while_starting() -> None:
    """Treat SIGTERM like Ctrl-C from now on: a `KeyboardInterrupt` while we start.

    SIGINT too, where it came to us ignored: a shell's script gives that to what it starts with `&`.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def end_at_once_on_signals() -> None:
    """Let a signal end the process without a word: all has been said."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def signals_heeded(ask: Callable[[], None], last_words: Callable[[str], None]) -> Iterator[None]:
    """Within, the first signal calls `ask`; the next one, or eight seconds, end the process.

    `last_words` is given the reason before the process ends without ceremony, with code 1.
    """
    loop = asyncio.get_running_loop()
    patience: asyncio.TimerHandle | None = None

    def leave_now(why: str) -> None:
        try:
            with suppress(OSError):  # a terminal that is gone must not keep the process alive
                last_words(why)
                sys.stderr.flush()
                sys.stdout.flush()
        finally:
            os._exit(EXIT_FAILED)

    def on_signal() -> None:
        nonlocal patience
        if patience is not None:
            leave_now("second signal")
        patience = loop.call_later(
            FINISH_S_MAX, leave_now, f"not finished within {FINISH_S_MAX:g} s"
        )
        ask()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        if patience is not None:
            patience.cancel()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
