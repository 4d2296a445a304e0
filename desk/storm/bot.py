"""The bot's own strategy, at the pace of its own or at one that saves time."""

from dataclasses import replace

from desk.core.actions import Decision, Watch
from desk.core.events import Event
from desk.hedge import machine
from desk.hedge.state import BotState


class Bot:
    """The bot's own strategy; without `is_ticking`, ticks that nothing can come of are left out.

    While it holds, the bot is ticked every second. A tick acts when a time has come or a mark is
    beyond a guard line; the engine feeds one for each crossing, and here one for each time.
    """

    def __init__(self, *, is_ticking: bool) -> None:
        """Choose the pace."""
        self._is_ticking = is_ticking

    def decide(self, state: BotState, event: Event) -> Decision[BotState]:
        """Return what the bot decides."""
        return machine.decide(state, event)

    def watch(self, state: BotState) -> Watch:
        """Return what the bot keeps an eye on."""
        watch = machine.watch(state)
        if self._is_ticking or watch.tick_ms is None:
            return watch
        return replace(watch, tick_ms=None, wake_at_ms=_next_time_ms(state))


def _next_time_ms(state: BotState) -> int | None:
    hedge = state.hedge
    if state.waiting or hedge is None or not hedge.is_standing:
        return None
    assert hedge.review_at_ms is not None, "a hedge that stands has a review time"
    looks = () if hedge.guard is None else (hedge.guard.look_at_ms,)
    return min(hedge.review_at_ms, hedge.next_check_at_ms, *looks)
