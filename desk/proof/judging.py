"""What the plays of many markets come to, and whether that is what was promised.

Sums and shares, nothing else. Figures are bp of one leg's notional.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from desk.hedge.config import EntryStyle
from desk.proof.markets import Family, market
from desk.proof.players import Play, cost_bps, perfect_bps, play_fixed, play_ours

STYLES = (EntryStyle.TAKER, EntryStyle.MAKER)
CAPTURED_MIN = 0.5
IDLE_TRADED_MAX = 0.05
NO_WORSE_MIN = 0.95
MARKETS_MIN = 200
BIAS_SHARE_MAX = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """One market, played by everybody by one style of entry. `cost_bps` is the mean round trip."""

    family: Family
    style: EntryStyle
    ours: Play
    fixed_bps: float
    perfect_bps: float
    cost_bps: float

    @property
    def is_no_worse(self) -> bool:
        """Return whether ours made at least what the fixed rule did."""
        return self.ours.net_bps >= self.fixed_bps


def outcomes(family: Family, seed: int) -> list[Outcome]:
    """Return what became of that market, once for each style."""
    made = market(family, seed)
    costs = [[cost_bps(series, style) for series in made] for style in STYLES]
    return [
        Outcome(
            family=family,
            style=style,
            ours=play,
            fixed_bps=play_fixed(made, row).net_bps,
            perfect_bps=perfect_bps(made, row),
            cost_bps=float(sum(row)) / len(row),
        )
        for style, row, play in zip(STYLES, costs, play_ours(made, costs), strict=True)
    ]


def captured(rows: Iterable[Outcome]) -> float | None:
    """Return the share of the perfect net that ours made, over the markets where there was one."""
    paying = [row for row in rows if row.perfect_bps > 0]
    if not paying:
        return None
    return sum(row.ours.net_bps for row in paying) / sum(row.perfect_bps for row in paying)


def shares(rows: Iterable[Outcome]) -> list[float]:
    """Return the captured share of each market that pays a perfect trader, least first."""
    return sorted(row.ours.net_bps / row.perfect_bps for row in rows if row.perfect_bps > 0)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0..1) of the sorted `values` lie; they are not
    empty."""
    return values[min(len(values) - 1, int(share * len(values)))]


def traded(rows: Sequence[Outcome]) -> float:
    """Return the share of the markets in which ours opened anything."""
    return sum(bool(row.ours.holds) for row in rows) / len(rows)


def no_worse(rows: Sequence[Outcome]) -> float:
    """Return the share of the markets in which ours made at least what the fixed rule did."""
    return sum(row.is_no_worse for row in rows) / len(rows)


@dataclass(frozen=True, slots=True)
class Bias:
    """By how much more was expected than paid, over `count` plans: mean and its standard error."""

    bps: float
    error_bps: float
    count: int


def bias(rows: Iterable[Outcome]) -> Bias | None:
    """Return how far forecasts were off, None with fewer than two of them."""
    off = [expected - paid for row in rows for expected, paid in row.ours.forecasts]
    if len(off) < 2:
        return None
    return Bias(mean(off), stdev(off) / len(off) ** 0.5, len(off))


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise and what was measured of it."""

    text: str
    figure: str
    is_met: bool


def goals(rows: Sequence[Outcome]) -> list[Goal]:
    """Return the promises for one style; `rows` are all of its markets."""
    share = captured(rows) or 0.0
    idle = traded([row for row in rows if not row.family.has_edge])
    better = no_worse(rows)
    return [
        Goal(
            "captures at least 50 % of the perfect net where there is one",
            f"{share:.0%}",
            share >= CAPTURED_MIN,
        ),
        Goal(
            "trades in less than 5 % of the markets without an edge",
            f"{idle:.1%}",
            idle < IDLE_TRADED_MAX,
        ),
        Goal(
            f"nets at least the fixed rule in 95 % of {MARKETS_MIN} markets or more",
            f"{better:.1%} of {len(rows)}",
            better >= NO_WORSE_MIN and len(rows) >= MARKETS_MIN,
        ),
    ]


def calibration(rows: Sequence[Outcome]) -> Goal | None:
    """Return how near the forecasts of one style came, None where there were none to speak of."""
    off = bias(rows)
    if off is None:
        return None
    cost = mean(row.cost_bps for row in rows)
    return Goal(
        "expects what is paid, but for 10 % of a round trip",
        f"{off.bps:+.1f} ± {off.error_bps:.1f} bp of {cost:.1f} bp",
        abs(off.bps) <= BIAS_SHARE_MAX * cost,
    )
