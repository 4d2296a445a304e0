"""What a new process can know of the one before: the saved state, or the best that is left of it.

Reads the files of a home and touches nothing. What a strategy makes of a memory that may be behind
the truth is its own affair.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from desk.core.actions import Strategy
from desk.engine.journal import has_journal, utc_text
from desk.engine.replay import event_registry, last_state
from desk.engine.store import StateStore

S = TypeVar("S")
READ_AGAIN = "; read again from the journal"


@dataclass(frozen=True, slots=True)
class Recalled(Generic[S]):
    """The last known state, None where none is left.

    `behind` tells why more may have been done than it knows; None where it is what was saved last.
    `is_first`: there is no trace of a former life at all.
    """

    state: S | None
    behind: str | None = None
    is_first: bool = False


def recall(
    store: StateStore[S],
    journal: Path,
    strategy: Strategy[S],
    *,
    state_kind: type[S],
    events: Iterable[type],
    are_akin: Callable[[S, S], bool],
) -> Recalled[S]:
    """Return the state as it was saved last, or the newest that the rest of the home tells.

    The journal is written with every decision, so it may know more: than an older generation, and
    than a file that could not be written any more or was put back by hand. `are_akin` tells whether
    two states are of one installation: a journal of another one says nothing about a good file.
    Raises `StateError` as `StateStore.load` does.
    """
    loaded = store.load()
    if loaded is None and not has_journal(journal):
        return Recalled(None, is_first=True)
    told = last_state(journal, strategy, state_kind=state_kind, event_kinds=event_registry(events))
    if loaded is None:
        missing = f"{store.path.name} is missing"
        return Recalled(None, missing) if told is None else Recalled(told[0], missing + READ_AGAIN)
    saved_at = utc_text(loaded.saved_at_ms)
    if told is None or told[1] < saved_at or told[0] == loaded.state:
        return Recalled(loaded.state, loaded.notice)
    if loaded.notice is not None:
        return Recalled(told[0], loaded.notice + READ_AGAIN)
    if told[1] == saved_at or not are_akin(told[0], loaded.state):
        return Recalled(loaded.state)
    return Recalled(told[0], f"{store.path.name} is older than the journal{READ_AGAIN}")
