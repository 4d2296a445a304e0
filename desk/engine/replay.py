"""Decide a journal again: the same events must give the same decisions, byte for byte.

Reads journals and asks a strategy; carries nothing out. A difference means that the program has
changed since, or that a decision read something that was not in its event. Idle ticks, which a
journal only counts, are not decided again: they changed nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from desk.core.actions import Decision, Strategy
from desk.core.errors import DeskError
from desk.core.events import Event
from desk.engine.journal import COUNTS, STATE, encode_body, read_journal

S = TypeVar("S")
LIFE_LINES_MAX = 500_000  # some twenty seconds of deciding again, months of a hold


class ReplayError(DeskError):
    """A journal that cannot be replayed: the text names the line and why."""


@dataclass(frozen=True, slots=True)
class Replayed(Generic[S]):
    """One decision made again.

    `line` is the journal's, `decision` what the strategy says now; `is_same` says that it would
    have written that very line.
    """

    line: Mapping[str, Any]
    decision: Decision[S]
    is_same: bool


def event_registry(kinds: Iterable[type]) -> dict[str, type]:
    """Return the event types of a strategy by the name the journal uses."""
    return {kind.__name__: kind for kind in kinds}


def replay(
    lines: Iterable[Mapping[str, Any]],
    strategy: Strategy[S],
    *,
    state_kind: type[S],
    event_kinds: Mapping[str, type],
) -> Iterator[Replayed[S]]:
    """Yield each decision of a journal made again, from the state its file begins with.

    `lines` come from `desk.engine.journal.read_journal`. Raises `ReplayError` where a file does
    not begin with a state, or an event is not in the registry.
    """
    state: S | None = None
    for line in lines:
        if line["event"] == STATE:
            state = _read(line, state_kind)
            continue
        if state is None:
            raise ReplayError(f"{_place(line)}: no state to start from; begin with a whole file")
        kind = event_kinds.get(line["event"])
        if kind is None:
            raise ReplayError(f"{_place(line)}: no such event, the program is older or newer")
        replayed = _decide(line, strategy, state, _read(line, kind))
        state = replayed.decision.state
        yield replayed


def _decide(
    line: Mapping[str, Any], strategy: Strategy[S], state: S, event: Event
) -> Replayed[S]:
    decision = strategy.decide(state, event)
    before, after = strategy.watch(state).label, strategy.watch(decision.state).label
    now = encode_body(event, decision, before=before, after=after)
    then = msgspec.json.encode({key: value for key, value in line.items() if key not in COUNTS})
    return Replayed(line, decision, is_same=now == then)


def _read(line: Mapping[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(line["data"], kind)
    except msgspec.ValidationError as error:
        raise ReplayError(f"{_place(line)}: {error}") from error


def _place(line: Mapping[str, Any]) -> str:
    return f"line {line['n']} of {line['at']}, {line['event']}"


def last_state(
    path: Path,
    strategy: Strategy[S],
    *,
    state_kind: type[S],
    event_kinds: Mapping[str, type],
) -> tuple[S, str] | None:
    """Return the state after the last decision in a journal, and when that was made (UTC text).

    None where nobody can vouch for it: no journal, a line lost, a life too long to be decided
    again, or a program that decides differently now.
    """
    try:
        begin, count = _last_life(path)
        if not 0 < count <= LIFE_LINES_MAX:
            return None
        lines = islice(read_journal(path), begin, None)
        head = next(lines)
        state, number, at = _read(head, state_kind), head["n"], head["at"]
        rows = replay(
            chain([head], lines), strategy, state_kind=state_kind, event_kinds=event_kinds
        )
        for row in rows:
            number += 1 + row.line.get("idle_ticks", 0)
            if not row.is_same or row.line["n"] != number:
                return None
            state, at = row.decision.state, row.line["at"]
    except (OSError, ReplayError):
        return None
    return state, at


def _last_life(path: Path) -> tuple[int, int]:
    """Return where the last life in a journal begins, and how many lines it has."""
    begin = count = 0
    for number, line in enumerate(read_journal(path)):
        if line["event"] == STATE:
            begin, count = number, 0
        count += 1
    return begin, count
