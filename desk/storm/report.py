"""What many runs came to: sums that can be added up across processes, and their table."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from desk.storm.rules import RARE, Rule
from desk.storm.runs import Outcome
from desk.storm.shrink import shrink

SHOWN_MAX = 10
SHRUNK_MAX = 5


@dataclass(slots=True)
class Tally:
    """The sum of some runs. Times in seconds, `hours` simulated.

    `failures` are the first outcomes that broke a rule; `digest` depends on every decision of
    every run, in order.
    """

    runs: int = 0
    hours: float = 0.0
    effects: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    helped_s_max: float = 0.0
    alone_s_max: float = 0.0
    cut_off_s_max: float = 0.0
    size_ratio_max: float = 0.0
    longest: str = ""
    digest: str = ""

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.hours += outcome.hours
        self.effects += outcome.effects
        self.reached += outcome.reached
        for rule in dict.fromkeys(row.rule for row in outcome.violations):
            self.broken[rule] += 1
        if outcome.violations and len(self.failures) < SHOWN_MAX:
            self.failures.append(outcome)
        self._note_longest(outcome.helped_s_max, str(outcome.plan))
        self.alone_s_max = max(self.alone_s_max, outcome.alone_s_max)
        self.cut_off_s_max = max(self.cut_off_s_max, outcome.cut_off_s_max)
        self.size_ratio_max = max(self.size_ratio_max, outcome.size_ratio_max)
        self._chain(outcome.digest)

    def merge(self, other: "Tally") -> None:
        """Add the sum of later runs."""
        self.runs += other.runs
        self.hours += other.hours
        self.effects += other.effects
        self.reached += other.reached
        self.broken += other.broken
        self.failures = (self.failures + other.failures)[:SHOWN_MAX]
        self._note_longest(other.helped_s_max, other.longest)
        self.alone_s_max = max(self.alone_s_max, other.alone_s_max)
        self.cut_off_s_max = max(self.cut_off_s_max, other.cut_off_s_max)
        self.size_ratio_max = max(self.size_ratio_max, other.size_ratio_max)
        self._chain(other.digest)

    def _note_longest(self, helped_s: float, plan: str) -> None:
        if helped_s > self.helped_s_max:
            self.helped_s_max, self.longest = helped_s, plan

    def _chain(self, digest: str) -> None:
        self.digest = hashlib.sha256((self.digest + digest).encode()).hexdigest()


def table(tally: Tally, *, wall_s: float, jobs: int) -> Iterator[str]:
    """Yield the lines of the summary; `wall_s` is real time spent with `jobs` processes."""
    speed = tally.hours / wall_s / jobs if wall_s else 0.0
    yield f"runs                {tally.runs:,}"
    yield f"simulated           {tally.hours:,.0f} hours, {tally.effects:,} saves and requests"
    yield f"real time           {wall_s:.1f} s with {jobs} processes: {speed:.0f} h/s each"
    yield f"violations          {sum(tally.broken.values())}"
    for rule in Rule:
        if tally.broken[rule]:
            yield f"  {tally.broken[rule]:>6}  {rule}"
    yield f"naked, longest      {tally.helped_s_max:.1f} s with both venues answering"
    yield f"                    {tally.longest}"
    yield f"                    {tally.alone_s_max:.1f} s with the twin's venue away"
    yield f"                    {tally.cut_off_s_max:.1f} s with its own venue away"
    yield f"naked, largest      {tally.size_ratio_max:.2f} of a leg"
    yield f"digest              {tally.digest[:16]}"


def branches(tally: Tally) -> Iterator[str]:
    """Yield how often each rare branch was reached, the unreached ones marked."""
    for name in sorted({*tally.reached, *RARE}):
        count = tally.reached[name]
        yield f"  {count:>9,}  {name}" + ("" if count else "   NEVER REACHED")


def failures(found: Sequence[Outcome]) -> Iterator[str]:
    """Yield what went wrong, each with its shrunk faults and the command that plays it again."""
    for outcome in found[:SHRUNK_MAX]:
        small = shrink(outcome)
        first = small.violations[0]
        yield f"FAILED seed {outcome.plan.seed}: {first.rule}"
        yield f"  after {first.at_s:.1f} s: {first.text}"
        yield f"  {len(small.plan.strikes)} of {len(outcome.plan.strikes)} faults needed"
        yield f'  python -m desk.storm --replay "{small.plan}"'
