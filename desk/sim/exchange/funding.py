"""Funding: the formula, the running average of one market, and what a position pays.

Pure arithmetic. Who is charged, and when, is `settlement`'s.
"""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from desk.core.funding import SETTLEMENT_PERIOD_MS, HourlyRate
from desk.sim.exchange.rules import FundingFormula

ZERO = Decimal(0)


def hourly_rate(formula: FundingFormula, premium: Decimal) -> HourlyRate:
    """Return the rate for an average `premium` (a signed fraction of index).

    rate per 8 h = premium + clamp(interest - premium, +-small), an eighth of it per hour, bounded,
    cut to the published step (Lighter docs, funding; Pacifica docs, funding rates).
    """
    gap = formula.interest_8h - premium
    small = formula.clamp_small_8h
    rate = (premium + max(-small, min(small, gap))) / 8
    return bounded(formula, rate)


def bounded(formula: FundingFormula, rate: Decimal) -> HourlyRate:
    """Return an hourly fraction inside the cap, cut towards zero to the published step."""
    cap = formula.cap_hourly
    capped = max(-cap, min(cap, rate))
    return HourlyRate(
        (capped / formula.quantum).to_integral_value(ROUND_DOWN) * formula.quantum + ZERO
    )


def period_fraction(formula: FundingFormula, rate: HourlyRate) -> Decimal:
    """Return the fraction of notional one settlement moves: the hourly rate unless the interval
    was changed."""
    if formula.interval_ms == SETTLEMENT_PERIOD_MS:
        return rate.fraction
    return rate.fraction * formula.interval_ms / SETTLEMENT_PERIOD_MS


def payment(formula: FundingFormula, rate: HourlyRate, size: Decimal, price: Decimal) -> Decimal:
    """Return the USD a position of signed `size` receives at `price`; negative when it pays."""
    usd = -size * price * period_fraction(formula, rate)
    return usd.quantize(formula.payment_step, ROUND_HALF_EVEN) + ZERO


class FundingMeter:
    """The time average of one market's premium since its last settlement."""

    __slots__ = ("_area", "_at_ms", "_formula", "_pinned", "_premium", "_since_ms")

    def __init__(self, formula: FundingFormula, now_ms: int) -> None:
        """Start a period at `now_ms` with a premium of zero."""
        self._formula = formula
        self._since_ms = self._at_ms = now_ms
        self._premium = self._area = ZERO
        self._pinned: HourlyRate | None = None

    def pin(self, rate: HourlyRate | None) -> None:
        """Estimate and settle `rate`, cut to its bounds, until given None."""
        self._pinned = bounded(self._formula, rate.fraction) if rate is not None else None

    def sample(self, now_ms: int, premium: Decimal) -> None:
        """Let `premium` hold from `now_ms` until the next sample."""
        if premium == self._premium:
            return
        if now_ms > self._at_ms:
            self._area += self._premium * (now_ms - self._at_ms)
            self._at_ms = now_ms
        self._premium = premium

    def average(self, now_ms: int) -> Decimal:
        """Return the average premium so far, the last sample if no time has passed."""
        elapsed = now_ms - self._since_ms
        if elapsed <= 0:
            return self._premium
        return (self._area + self._premium * (now_ms - self._at_ms)) / elapsed

    def estimate(self, now_ms: int) -> HourlyRate:
        """Return the rate that would be settled if the period ended now."""
        if self._pinned is not None:
            return self._pinned
        return hourly_rate(self._formula, self.average(now_ms))

    def restart(self, now_ms: int) -> None:
        """Begin the next period; the last premium holds on."""
        self._since_ms = self._at_ms = now_ms
        self._area = ZERO
