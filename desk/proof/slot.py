"""One slot, hour by hour: what the rules of the bot make of it when each decision sees the past
alone.

The only simulator of hours: made markets, the record and an account's own symbols are all played
here. Every rule in it is `desk.hedge`'s; what is left out is what hours do not show: prices, the
minutes between, and anything that goes wrong. Amounts paid are floats, bp of one leg's notional.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from desk.core.funding import SETTLEMENT_PERIOD_MS, HourlyRate
from desk.core.venue import VenueName
from desk.hedge import renewing, worth
from desk.hedge.config import Config
from desk.hedge.economics import settlements_between
from desk.hedge.forecast import Forecast
from desk.hedge.history import BOOKED_MS
from desk.hedge.select import Refusal, is_hopeless, lacking, merit, plan_for
from desk.hedge.worth import Call, Plan

NOT_KNOWN = Refusal("funding of the hour not known")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a decision sees of a symbol right after an hour has settled.

    `spread_bps` is what that hour paid, Lighter less Pacifica, None where nobody knows. `forecast`
    is None where the history is too short for one.
    """

    spread_bps: float | None
    forecast: Forecast | None


@dataclass(slots=True)
class Trade:
    """A pair that was opened right after the hour `since`, and closed right after `until`.

    `paid_bps` is what came while it was held, `planned_bps` what came in the hours it was planned
    for, which may be others. `is_cut`: an hour nobody knows lies in them, so neither is a figure.
    `ended` says why it was closed, empty while it stands.
    """

    symbol: str
    long_venue: VenueName
    since: int
    plan: Plan
    until: int = 0
    paid_bps: float = 0.0
    planned_bps: float = 0.0
    is_cut: bool = False
    ended: str = ""

    @property
    def expected_bps(self) -> float:
        """Return the net it was opened for, over the hours it was planned for."""
        return float(self.plan.net_bps)

    @property
    def net_bps(self) -> float:
        """Return what it came to."""
        return self.paid_bps - float(self.plan.cost_bps)


@dataclass(frozen=True, slots=True)
class _Offer:
    symbol: str
    long_venue: VenueName
    plan: Plan
    is_prior: bool
    merit: Decimal


class Slot:
    """Holds one pair at a time, by one configuration, at costs (bp a round trip) that stand.

    `trades` are all it opened; `refused` counts, where `tells_why`, why symbols were not: one for
    each hour and symbol that was looked at, with the key that would change it.
    """

    def __init__(
        self, config: Config, costs: Mapping[str, Decimal], *, tells_why: bool = False
    ) -> None:
        """Begin flat; only symbols with a cost are looked at."""
        self.trades: list[Trade] = []
        self.refused: Counter[Refusal] = Counter()
        self._config = config
        self._costs = costs
        self._tells_why = tells_why
        self._held: Trade | None = None
        self._planned: list[Trade] = []
        self._review = self._free_from = 0

    def live(self, hour: int, sights: Mapping[str, Sight], *, is_last: bool = False) -> None:
        """Be paid what the hour brought, then decide about the next one; `is_last`: be out."""
        self._collect(hour, sights)
        held = self._held
        if held is None:
            if not is_last and hour >= self._free_from:
                self._open(hour, self._best(hour, sights))
            return
        rival = None if is_last else self._best(hour, sights, apart_from=held.symbol)
        why = "the hours end" if is_last else self._why_close(hour, held, sights, rival)
        if why:
            held.until, held.ended, self._held = hour, why, None
            self._free_from = hour + self._config.wait_ms // SETTLEMENT_PERIOD_MS
            if not is_last and hour >= self._free_from:
                self._open(hour, self._best(hour, sights))

    def _collect(self, hour: int, sights: Mapping[str, Sight]) -> None:
        """Pay what is held, and note what those would have been paid that were planned for this
        hour."""
        for trade in self._planned:
            spread = sights[trade.symbol].spread_bps
            if spread is None:
                trade.is_cut = True
                continue
            paid = spread if trade.long_venue is VenueName.PACIFICA else -spread
            trade.paid_bps += paid if trade is self._held else 0.0
            trade.planned_bps += paid if hour <= trade.since + trade.plan.settlements else 0.0
        self._planned = [
            trade
            for trade in self._planned
            if trade is self._held or hour < trade.since + trade.plan.settlements
        ]

    def _open(self, hour: int, offer: _Offer | None) -> None:
        if offer is None:
            return
        self._held = Trade(offer.symbol, offer.long_venue, hour, offer.plan)
        self.trades.append(self._held)
        self._planned.append(self._held)
        self._review = self._review_after(hour, hour)

    def _review_after(self, hour: int, since: int) -> int:
        """Return when a hold that begins now ends; what is shorter than an hour counts as one."""
        hours = max(1, self._config.hold_ms // SETTLEMENT_PERIOD_MS)
        if not self._config.max_hold_ms:
            return hour + hours
        return min(hour + hours, since + max(1, self._config.max_hold_ms // SETTLEMENT_PERIOD_MS))

    def _why_close(
        self, hour: int, held: Trade, sights: Mapping[str, Sight], rival: _Offer | None
    ) -> str:
        """Return why to close what is held, empty to keep it."""
        sight, config = sights[held.symbol], self._config
        is_over = hour >= self._review
        if is_over and not config.renew_hold:
            return "hold over"
        max_hours = config.max_hold_ms / SETTLEMENT_PERIOD_MS
        if is_over and max_hours and hour - held.since >= max_hours:
            return "max_hold_hours"
        if sight.spread_bps is None:
            return ""  # nobody can say what it earns: the review is put off
        if renewing.applies(config) and sight.forecast is not None:
            value = worth.holding_bps(sight.forecast, held.long_venue)
            plan = None if rival is None or rival.is_prior else rival.plan
            call = worth.judge(value, self._costs[held.symbol], plan)
            if call is not Call.KEEP:
                return call.value
        elif is_over and not renewing.still_earns(config, _rate(_earned(held, sight.spread_bps))):
            return "below threshold"
        if is_over:
            self._review = self._review_after(hour, held.since)
        return ""

    def _best(
        self, hour: int, sights: Mapping[str, Sight], *, apart_from: str | None = None
    ) -> _Offer | None:
        """Return the pair to be opened first, apart from the one in hand."""
        others = (row for row in sights.items() if row[0] != apart_from and row[0] in self._costs)
        offers = (self._offer(hour, symbol, sight) for symbol, sight in others)
        return max(
            (offer for offer in offers if offer is not None),
            key=lambda offer: offer.merit,
            default=None,
        )

    def _offer(self, hour: int, symbol: str, sight: Sight) -> _Offer | None:
        """Return a symbol's pair, None where the bot would not open it."""
        config, cost, forecast = self._config, self._costs[symbol], sight.forecast
        if sight.spread_bps is None:
            self._count(NOT_KNOWN)
            return None
        spread = _rate(abs(sight.spread_bps))
        if not self._tells_why and is_hopeless(config, forecast, spread, cost):
            return None
        long_venue = VenueName.PACIFICA if sight.spread_bps > 0 else VenueName.LIGHTER
        at_ms = hour * SETTLEMENT_PERIOD_MS + BOOKED_MS
        payments = settlements_between(at_ms, at_ms + config.hold_ms)
        plan = plan_for(config, forecast, spread, long_venue, payments=payments, cost_bps=cost)
        is_prior = forecast is None
        lacks = lacking(config, spread, plan, is_prior=is_prior)
        if lacks:
            self._count(lacks[0])
            return None
        value = merit(config, spread, plan, is_prior=is_prior)
        return _Offer(symbol, long_venue, plan, is_prior, value)

    def _count(self, refusal: Refusal) -> None:
        if self._tells_why:
            self.refused[Refusal(refusal.reason, refusal.key)] += 1


def _earned(held: Trade, spread_bps: float) -> float:
    return spread_bps if held.long_venue is VenueName.PACIFICA else -spread_bps


def _rate(bps: float) -> HourlyRate:
    """Return an hour's payment as the rate it is: the way back from floats."""
    return HourlyRate.from_hourly(Decimal(str(round(bps, 9))) / 10_000)
