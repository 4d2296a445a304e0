"""Three who play the same market: ours, the fixed rule, and one who knows the future.

All hold one pair at a time, in either direction, decide right after an hour has settled, earn from
the next one on, and are out by the end. Only the last one sees more than the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from desk.core.book import Quote
from desk.core.funding import HOURS_PER_YEAR
from desk.core.venue import VenueName
from desk.hedge import economics, worth
from desk.hedge.config import Config, EntryStyle
from desk.hedge.forecast import Belief, Forecast
from desk.proof.markets import HISTORY_HOURS, HOURS, Market, Series

FIXED_HOURS = 12
_FIRST, _LAST = HISTORY_HOURS - 1, HOURS - 1
_SHIPPED = Config()
THRESHOLD_BPS = float(_SHIPPED.min_net_apr_threshold) * 100 / HOURS_PER_YEAR


@dataclass(slots=True)
class Play:
    """What came of one market, bp of one leg's notional.

    `spans` are the hours of opening and closing, one for each pair opened. `forecasts` holds, for
    each plan that ended before the market did, what was expected of it and what it would have been
    paid, net.
    """

    net_bps: float = 0.0
    spans: list[tuple[int, int]] = field(default_factory=list)
    forecasts: list[tuple[float, float]] = field(default_factory=list)

    @property
    def holds(self) -> list[int]:
        """Return how many settlements each pair was held for."""
        return [closed - opened for opened, closed in self.spans]


def cost_bps(series: Series, style: EntryStyle) -> Decimal:
    """Return the round trip, reckoned as the bot does for an account nobody has asked about."""
    quotes = {
        venue: _quote(Decimal(width))
        for venue, width in zip(VenueName, series.books_bps, strict=True)
    }
    return economics.round_trip(economics.PUBLISHED_FEES, quotes, style=style).total_bps


def _quote(width_bps: Decimal) -> Quote:
    half, one = width_bps / 20_000, Decimal(1)
    return Quote("", one - half, one, one + half, one, 0)


def play_ours(market: Market, costs: Sequence[Sequence[Decimal]]) -> list[Play]:
    """Play by the rules of the bot, once for each row of `costs` (bp by symbol)."""
    beliefs = [Belief() for _ in market]
    players = [_Ours(market, row) for row in costs]
    for hour in range(HOURS):
        for belief, series in zip(beliefs, market, strict=True):
            belief.learn(series.spreads[hour])
        if hour >= _FIRST:
            forecasts = [belief.forecast() for belief in beliefs]
            for player in players:
                player.decide(hour, forecasts)
    return [player.play for player in players]


@dataclass(frozen=True, slots=True)
class _Held:
    symbol: int
    long_venue: VenueName
    since: int
    plan: worth.Plan


class _Ours:
    def __init__(self, market: Market, costs: Sequence[Decimal]) -> None:
        self.play = Play()
        self._market = market
        self._costs = costs
        self._held: _Held | None = None

    def decide(self, hour: int, forecasts: Sequence[Forecast]) -> None:
        """Close or keep what is held, then open what pays."""
        best = self._best(hour, forecasts) if hour < _LAST else None
        held = self._held
        if held is not None:
            holding = worth.holding_bps(forecasts[held.symbol], held.long_venue)
            plan = None if best is None else best.plan
            call = worth.judge(holding, self._costs[held.symbol], plan)
            if hour < _LAST and call is worth.Call.KEEP:
                return
            self._close(held, hour)
        self._held = best

    def _best(self, hour: int, forecasts: Sequence[Forecast]) -> _Held | None:
        """Return the pair that is surest to pay, apart from the one in hand."""
        found: list[_Held] = []
        for symbol, (series, forecast) in enumerate(zip(self._market, forecasts, strict=True)):
            spread, cost = series.spreads[hour], self._costs[symbol]
            in_hand = self._held is not None and self._held.symbol == symbol
            if in_hand or abs(spread) < THRESHOLD_BPS or not forecast.may_exceed(cost):
                continue
            long_venue = VenueName.PACIFICA if spread > 0 else VenueName.LIGHTER
            plan = worth.best_plan(forecast, long_venue, cost)
            if plan.pays:
                found.append(_Held(symbol, long_venue, hour, plan))
        return max(found, key=lambda held: held.plan.sure_bps, default=None)

    def _close(self, held: _Held, hour: int) -> None:
        cost = float(self._costs[held.symbol])
        self.play.net_bps += self._paid(held, hour) - cost
        self.play.spans.append((held.since, hour))
        end = held.since + held.plan.settlements
        if end < HOURS:
            outcome = self._paid(held, end) - cost
            self.play.forecasts.append((float(held.plan.net_bps), outcome))

    def _paid(self, held: _Held, until: int) -> float:
        paid = sum(self._market[held.symbol].spreads[held.since + 1 : until + 1])
        return paid if held.long_venue is VenueName.PACIFICA else -paid


def play_fixed(market: Market, costs: Sequence[Decimal]) -> Play:
    """Play the plain rule: the widest spread from the threshold on, held for twelve payments."""
    play, hour = Play(), _FIRST
    while hour < _LAST:
        symbol = max(range(len(market)), key=lambda at: abs(market[at].spreads[hour]))
        spreads = market[symbol].spreads
        if abs(spreads[hour]) < THRESHOLD_BPS:
            hour += 1
            continue
        end = min(_LAST, hour + FIXED_HOURS)
        paid = sum(spreads[hour + 1 : end + 1])
        play.net_bps += (paid if spreads[hour] > 0 else -paid) - float(costs[symbol])
        play.spans.append((hour, end))
        hour = end + 1
    return play


def perfect_bps(market: Market, costs: Sequence[Decimal]) -> float:
    """Return the most anyone could have made, knowing every rate: exact, backwards in time.

    Half a round trip is paid on the way in and half on the way out.
    """
    halves = [float(cost) / 2 for cost in costs]
    flat = 0.0
    held = [(-half, -half) for half in halves]
    for hour in range(_LAST - 1, _FIRST - 1, -1):
        kept = []
        for series, after in zip(market, held, strict=True):
            paid = series.spreads[hour + 1]
            kept.append((after[0] + paid, after[1] - paid))
        flat = max(flat, *(max(pair) - half for pair, half in zip(kept, halves, strict=True)))
        held = [
            (max(pair[0], flat - half), max(pair[1], flat - half))
            for pair, half in zip(kept, halves, strict=True)
        ]
    return flat
