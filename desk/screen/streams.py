"""Gaps in the venues' streams, told when they happen and not over and over."""

from dataclasses import dataclass

from desk.core.stream import StreamDown, StreamEvent, StreamUp
from desk.core.venue import VenueName
from desk.core.words import span

# After a gap was told, shorter ones are only counted for so long.
QUIET_MS = 5 * 60_000
# A gap among those that are only counted is told all the same once it has lasted so long.
LONG_MS = 10_000


@dataclass(slots=True)
class _Line:
    """One venue's streams. `down_since_ms` None: live."""

    down_since_ms: int | None = None
    reason: str = ""
    is_told: bool = False
    quiet_until_ms: int = 0
    untold: int = 0
    untold_ms: int = 0


class StreamNotes:
    """Turns stream events into lines for people."""

    def __init__(self) -> None:
        """Take every stream for live until it says otherwise."""
        self._lines = {venue: _Line() for venue in VenueName}

    def hear(self, venue: VenueName, event: StreamEvent) -> str | None:
        """Return what to tell at once of a stream event, None if nothing."""
        line = self._lines[venue]
        if isinstance(event, StreamDown) and line.down_since_ms is None:
            line.down_since_ms, line.reason = event.at_ms, event.reason
            line.is_told = event.at_ms >= line.quiet_until_ms
            return _down(venue, line) if line.is_told else None
        if isinstance(event, StreamUp) and line.down_since_ms is not None:
            return self._back(venue, line, event.at_ms)
        return None

    def _back(self, venue: VenueName, line: _Line, at_ms: int) -> str | None:
        gap_ms = at_ms - (line.down_since_ms or at_ms)
        line.down_since_ms = None
        if not line.is_told:
            line.untold, line.untold_ms = line.untold + 1, line.untold_ms + gap_ms
            return None
        line.quiet_until_ms = at_ms + QUIET_MS
        return f"{venue} live data is back after {_gap(gap_ms)}"

    def due(self, at_ms: int) -> list[str]:
        """Return what has become worth telling since: a gap that lasts, and the sum of many."""
        said = []
        for venue, line in self._lines.items():
            since_ms = line.down_since_ms
            if since_ms is not None and not line.is_told and at_ms - since_ms >= LONG_MS:
                line.is_told = True
                said.append(_down(venue, line))
            if line.untold and at_ms >= line.quiet_until_ms:
                gaps = "1 more gap" if line.untold == 1 else f"{line.untold} more gaps"
                said.append(f"{venue} live data had {gaps}, {_gap(line.untold_ms)} in all")
                line.untold = line.untold_ms = 0
        return said


def _down(venue: VenueName, line: _Line) -> str:
    return f"{venue} live data has stopped: {line.reason}"


def _gap(gap_ms: int) -> str:
    return span(gap_ms) if gap_ms >= 1000 else "less than a second"
