"""How long and how large a leg was without its twin, counted by who could have helped.

A stop-watch, told of every change of what it depends on. Judges nothing.
"""

from dataclasses import dataclass

from desk.core.venue import VenueName
from desk.storm.truth import Gap


@dataclass(slots=True)
class Episode:
    """One time a leg was naked, milliseconds by circumstance.

    `helped_ms`: the bot ran and both venues answered; `alone_ms`: it ran and the naked leg's own
    venue answered, the other did not; `kept_ms`: so, and that other one had acknowledged the twin;
    `cut_off_ms`: its own venue did not answer; `dead_ms`: no bot ran.
    """

    began_at_ms: int
    helped_ms: int = 0
    alone_ms: int = 0
    kept_ms: int = 0
    cut_off_ms: int = 0
    dead_ms: int = 0


@dataclass(slots=True)
class Circumstances:
    """Who could help at this moment."""

    gap: Gap | None = None
    is_alive: bool = False
    out: frozenset[VenueName] = frozenset()
    is_twin_taken: bool = False


class StopWatch:
    """Counts the present episode, keeps the worst of each kind."""

    def __init__(self, now_ms: int) -> None:
        """Begin with nothing held."""
        self._now_ms = now_ms
        self._is = Circumstances()
        self.episode: Episode | None = None
        self.helped_ms_max = 0
        self.alone_ms_max = 0
        self.cut_off_ms_max = 0

    def turn(self, now_ms: int, circumstances: Circumstances) -> None:
        """Count the time since the last turn as it was, then go on as it is now."""
        self._count(now_ms - self._now_ms)
        self._now_ms = now_ms
        self._is = circumstances
        if circumstances.gap is None:
            self.episode = None
        elif self.episode is None:
            self.episode = Episode(now_ms)

    def _count(self, passed_ms: int) -> None:
        episode, gap = self.episode, self._is.gap
        if episode is None or gap is None or passed_ms <= 0:
            return
        if not self._is.is_alive:
            episode.dead_ms += passed_ms
        elif gap.venue in self._is.out:
            episode.cut_off_ms += passed_ms
        elif self._is.out and self._is.is_twin_taken:
            episode.kept_ms += passed_ms
        elif self._is.out:
            episode.alone_ms += passed_ms
        else:
            episode.helped_ms += passed_ms
        self.helped_ms_max = max(self.helped_ms_max, episode.helped_ms)
        self.alone_ms_max = max(self.alone_ms_max, episode.alone_ms)
        self.cut_off_ms_max = max(self.cut_off_ms_max, episode.cut_off_ms)
