"""What a client script is made of: named checks with deadlines, one line of JSON for each.

Standard library only. Knows nothing of any client or venue.
"""

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TextIO, TypeVar

CHECK_S_MAX = 20.0
UNTIL_S_MAX = 8.0
POLL_S = 0.05
GIVE_UP_S = 1.0
ERROR_CHARS_MAX = 600

Subject = TypeVar("Subject")
Value = TypeVar("Value")


class Mismatch(AssertionError):
    """What a client saw is not what is; the text names both."""


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """One fact about a client. `run` answers what was seen, in a few words, or raises.

    With a `limit` the check proves what the client itself cannot do, and the text says so: it
    holds as long as the client fails in exactly the way that `run` expects.
    """

    name: str
    run: Callable[[Subject], Awaitable[str]]
    limit: str = ""
    deadline_s: float = CHECK_S_MAX


@dataclass(slots=True)
class Suite(Generic[Subject]):
    """Checks in the order in which they were written down."""

    checks: list[Check[Subject]] = field(default_factory=list)

    def check(
        self, name: str, *, limit: str = "", deadline_s: float = CHECK_S_MAX
    ) -> Callable[[Callable[[Subject], Awaitable[str]]], Callable[[Subject], Awaitable[str]]]:
        """Return a decorator that adds a function as a check."""

        def add(run: Callable[[Subject], Awaitable[str]]) -> Callable[[Subject], Awaitable[str]]:
            self.checks.append(Check(name, run, limit, deadline_s))
            return run

        return add


def equal(expected: object, actual: object, what: str) -> None:
    """Raise `Mismatch` unless both are equal."""
    if expected != actual:
        raise Mismatch(f"{what}: expected {expected!r}, the client saw {actual!r}")


def require(condition: object, what: str) -> None:
    """Raise `Mismatch` with `what` unless the condition holds."""
    if not condition:
        raise Mismatch(what)


async def until(
    read: Callable[[], Awaitable[Value]], wanted: Callable[[Value], object], what: str
) -> Value:
    """Read again and again until the value is the wanted one, and return it.

    Raises `Mismatch` after `UNTIL_S_MAX` seconds, with the last value.
    """
    give_up_s = time.monotonic() + UNTIL_S_MAX
    value = await read()
    while not wanted(value):
        if time.monotonic() > give_up_s:
            raise Mismatch(f"{what}: not within {UNTIL_S_MAX:g} s; last seen {value!r}")
        await asyncio.sleep(POLL_S)
        value = await read()
    return value


async def refused(request: Awaitable[object], kind: type[Exception], word: str) -> str:
    """Return the text of the error that the client raises for `request`.

    Raises `Mismatch` when it goes through, or the text lacks `word`. An error of another kind
    than `kind` is left to fail the check.
    """
    try:
        answer = await request
    except kind as error:
        require(word in str(error), f"refused, but not with {word!r}: {error}")
        return f"{type(error).__name__}: {word}"
    raise Mismatch(f"not refused: {str(answer)[:ERROR_CHARS_MAX]}")


async def run_all(
    checks: Sequence[Check[Subject]], subject: Subject, out: TextIO = sys.stdout
) -> None:
    """Run the checks one after the other. First tell their names, then one line for each."""
    tell(out, {"plan": [check.name for check in checks]})
    for check in checks:
        tell(out, {"begin": check.name})
        tell(out, await run_one(check, subject))


def tell(out: TextIO, line: dict[str, Any]) -> None:
    """Write one line of JSON, at once."""
    print(json.dumps(line), file=out, flush=True)


async def run_one(check: Check[Subject], subject: Subject) -> dict[str, Any]:
    """Return the line for one check, whatever happens in it."""
    begin_s = time.monotonic()
    task = asyncio.ensure_future(check.run(subject))
    done, _ = await asyncio.wait({task}, timeout=check.deadline_s)
    seen, error = "", ""
    if not done:
        error = f"no answer within {check.deadline_s:g} s"
        task.cancel()
        await asyncio.wait({task}, timeout=GIVE_UP_S)
    elif task.cancelled():
        error = "cancelled from within"
    elif (raised := task.exception()) is not None:
        error = f"{type(raised).__name__}: {raised}"[:ERROR_CHARS_MAX]
        traceback.print_exception(raised, file=sys.stderr)
    else:
        seen = task.result()
    return {
        "check": check.name,
        "seen": seen,
        "error": error,
        "limit": check.limit,
        "seconds": round(time.monotonic() - begin_s, 3),
    }
