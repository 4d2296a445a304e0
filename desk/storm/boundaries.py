"""Every effect of the bot passes here, is counted, and may be struck.

An effect is a save of the state or a request to a venue. The count goes on through all lives of a
run, so that a place in a run has one name.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desk.storm.strikes import TO_THE_EFFECT, Effect, Strike

START_PHASE = "START"


@dataclass(frozen=True, slots=True)
class Boundary:
    """One effect that was reached: in which phase, its number in the run, and what it was."""

    phase: str
    index: int
    effect: Effect
    operation: str


class Boundaries:
    """Counts effects and lets strikes fall. `phase` is that of the state last saved."""

    def __init__(
        self,
        strikes: Sequence[Strike],
        *,
        begin: Callable[[Strike], None],
        fell: Callable[[Strike, Boundary], None],
        is_traced: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """`begin` starts what is not about the effect itself; `fell` hears of every strike, `tell`
        of every effect."""
        self.phase = START_PHASE
        self.trace: list[Boundary] = []
        self.reached = 0
        self.is_open = True
        self._is_traced = is_traced
        self._tell = tell
        self._begin = begin
        self._fell = fell
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[tuple[str, int], list[Strike]] = defaultdict(list)
        for strike in strikes:
            self._waiting[strike.place, strike.number].append(strike)

    def reach(self, effect: Effect, call: str, operation: str) -> Strike | None:
        """Count an effect that is about to happen; return what strikes it, None for nothing.

        `call` is the operation's own word ("send"), by which it is counted, too.
        """
        self.reached += 1
        counts, phase = self._counts, self.phase
        counts[phase] += 1
        counts[call] += 1
        if self._is_traced:
            self.trace.append(Boundary(phase, self.reached, effect, operation))
        if self._tell is not None:
            self._tell(f"   {operation}?")
        if not self._waiting:
            return None
        places = ((phase, counts[phase]), (call, counts[call]), ("", self.reached))
        struck = [strike for place in places for strike in self._waiting.pop(place, ())]
        if not struck or not self.is_open:
            return None
        return self._strike(struck, Boundary(phase, self.reached, effect, operation))

    def _strike(self, struck: list[Strike], boundary: Boundary) -> Strike | None:
        at_effect = None
        for strike in struck:
            if strike.kind in TO_THE_EFFECT and at_effect is not None:
                continue
            self._fell(strike, boundary)
            if strike.kind in TO_THE_EFFECT:
                at_effect = strike
            else:
                self._begin(strike)
        return at_effect
