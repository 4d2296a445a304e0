"""Whether a hedge is worth opening, holding, renewing or closing: every rule that weighs payments
against costs.

Pure: forecasts and costs come in, verdicts with their reasons go out. What is read, and when, is
decided elsewhere; `desk.proof` judges these very functions on markets nobody tuned them on.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from desk.core.funding import HOURS_PER_YEAR
from desk.core.venue import VenueName
from desk.hedge.forecast import HORIZONS, Forecast

DOUBT_WEIGHT = Decimal("1.5")
"""Deviations of a forecast that an opening must still pay after."""
SLACK_BPS = Decimal(2)
"""What a plan must leave besides: a leg topped up, a book that moved between look and fill."""
CHOICE_DOUBTS = Decimal("0.54")
"""Deviations by which a forecast is too high once it has been chosen: what looks best among many
symbols, holds and hours is likelier to have been overrated than underrated. Measured on 4,795 plans
of the markets that parameters were chosen on, to 0.07. Forecasts nobody chose are right but for
0.1."""
FLOOR_GAP_BPS = Decimal("0.005")
"""Lighter's funding rests at 10.51 % a year, Pacifica's at 10.95 % (both venues' interest
component): this much an hour is no reason to do anything."""
SWITCH_SHARE = Decimal("0.5")
"""The share of a round trip by which another pair must be better before one is closed for it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The hold that is expected to leave most, in bp of one leg's notional.

    `funding_bps` is the forecast over `settlements`, `doubt_bps` its deviation.
    """

    settlements: int
    funding_bps: Decimal
    doubt_bps: Decimal
    cost_bps: Decimal

    @property
    def expected_bps(self) -> Decimal:
        """Return the payments expected of it as the one that was chosen."""
        return self.funding_bps - CHOICE_DOUBTS * self.doubt_bps

    @property
    def net_bps(self) -> Decimal:
        """Return what is expected to be left."""
        return self.expected_bps - self.cost_bps

    @property
    def sure_bps(self) -> Decimal:
        """Return what is left if payments fall short by the doubt, and execution takes its
        slack."""
        return self.funding_bps - self.cost_bps - DOUBT_WEIGHT * self.doubt_bps - SLACK_BPS

    @property
    def pays(self) -> bool:
        """Return whether it is expected to pay, with caution."""
        return self.sure_bps > 0

    def told(self) -> str:
        """Return the plan in words; the prior knows no doubt, so none is told of it."""
        doubt = f", {self.doubt_bps:.2f} of doubt" if self.doubt_bps else ""
        expected = f"{self.expected_bps:.2f} bp expected in {self.settlements} h"
        return f"{expected}{doubt}, {self.cost_bps:.2f} of costs"

    @property
    def net_apr_pct(self) -> Decimal:
        """Return the net a year on one leg's notional: waiting for the first payment counts as
        holding."""
        return self.net_bps / 100 / self.settlements * HOURS_PER_YEAR

    @property
    def margin_apr_pct(self) -> Decimal:
        """Return the net a year on the capital of both legs, at 1x."""
        return self.net_apr_pct / 2


def best_plan(
    forecast: Forecast,
    long_venue: VenueName,
    cost_bps: Decimal,
    *,
    horizons: tuple[int, ...] = HORIZONS,
) -> Plan:
    """Return the hold among `horizons` that leaves most for sure."""
    plans = (
        Plan(count, expected_bps(forecast, long_venue, count), forecast.doubt_bps(count), cost_bps)
        for count in horizons
    )
    return max(plans, key=lambda plan: plan.sure_bps)


def expected_bps(forecast: Forecast, long_venue: VenueName, settlements: int) -> Decimal:
    """Return what a pair that is long on `long_venue` is expected to be paid, negative if it
    pays."""
    amount = forecast.expected_bps(settlements)
    return amount if long_venue is VenueName.PACIFICA else -amount


def break_even(forecast: Forecast, long_venue: VenueName, cost_bps: Decimal) -> int | None:
    """Return after how many settlements the costs are expected back, None if never."""
    return next(
        (count for count in HORIZONS if expected_bps(forecast, long_venue, count) >= cost_bps),
        None,
    )


def holding_bps(forecast: Forecast, long_venue: VenueName) -> Decimal:
    """Return what holding on is worth, at its best: the way out costs the same now or later.

    The floors' difference is forgiven, so a pair whose venues both rest there is worth nothing,
    not less.
    """
    return max(
        expected_bps(forecast, long_venue, count) + FLOOR_GAP_BPS * count for count in HORIZONS
    )


class Call(StrEnum):
    """What to do with a hedge that stands."""

    KEEP = "keep"
    TURNED = "turned"
    BETTER = "better"


def judge(holding: Decimal, cost_bps: Decimal, other: Plan | None) -> Call:
    """Return whether to keep a pair whose holding is worth `holding` bp and whose round trip costs
    `cost_bps`.

    `other` is the best pair that could be opened in its place.
    """
    if holding < 0:
        return Call.TURNED
    if other is not None and other.sure_bps > holding + SWITCH_SHARE * cost_bps:
        return Call.BETTER
    return Call.KEEP
