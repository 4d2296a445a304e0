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
from desk.hedge import economics
from desk.hedge.config import Config, EntryStyle
from desk.hedge.forecast import Belief
from desk.proof.markets import HISTORY_HOURS, HOURS, Market, Series
from desk.proof.slot import Sight, Slot

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
    names = [str(number) for number in range(len(market))]
    beliefs = [Belief() for _ in market]
    slots = [Slot(_SHIPPED, dict(zip(names, row, strict=True))) for row in costs]
    for hour in range(HOURS):
        for belief, series in zip(beliefs, market, strict=True):
            belief.learn(series.spreads[hour])
        if hour < _FIRST:
            continue
        sights = {
            name: Sight(series.spreads[hour], belief.forecast())
            for name, series, belief in zip(names, market, beliefs, strict=True)
        }
        for slot in slots:
            slot.live(hour, sights, is_last=hour == _LAST)
    return [_play(slot) for slot in slots]


def _play(slot: Slot) -> Play:
    return Play(
        net_bps=sum(trade.net_bps for trade in slot.trades),
        spans=[(trade.since, trade.until) for trade in slot.trades],
        forecasts=[
            (trade.expected_bps, trade.planned_bps - float(trade.plan.cost_bps))
            for trade in slot.trades
            if trade.since + trade.plan.settlements < HOURS
        ],
    )


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
