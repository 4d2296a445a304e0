"""A configuration replayed on the funding that both venues have settled, hour by hour.

The forecasts are the bot's own, from histories as the bot keeps them; a decision has no way to see
a later hour.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from desk.core.funding import SETTLEMENT_PERIOD_MS, HourlyRate
from desk.hedge.config import Config
from desk.hedge.economics import Costs
from desk.hedge.history import BOOKED_MS, SpreadHistory, bps_of, foresee, window
from desk.hedge.select import Refusal
from desk.proof.slot import Sight, Slot, Trade
from desk.proof.tally import Tally

Hours = Mapping[int, int]
"""Spreads by hour since 1970: Lighter's settled rate less Pacifica's, billionths of notional."""
_PER_UNIT = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a configuration in `hours`, the first decision right after the first of them.

    `known` is how many of them both venues tell of each symbol, `left_out` what was not replayed
    and why. `refused` counts why nothing was opened, by symbol and hour.
    """

    config: Config
    hours: range
    costs: Mapping[str, Costs]
    left_out: Mapping[str, str]
    known: Mapping[str, int]
    trades: tuple[Trade, ...]
    refused: Mapping[Refusal, int]

    @property
    def whole(self) -> list[Trade]:
        """Return the trades of which every hour is known."""
        return [trade for trade in self.trades if not trade.is_cut]

    @property
    def tally(self) -> Tally:
        """Return what they come to."""
        return Tally([trade.net_bps for trade in self.whole])

    def usd(self, bps: float) -> float:
        """Return basis points of one leg as money."""
        return bps / 10_000 * float(self.config.base_capital_allocation)


def replay(
    config: Config,
    costs: Mapping[str, Costs],
    spreads: Mapping[str, Hours],
    *,
    hours: range,
    left_out: Mapping[str, str] | None = None,
    tell: Callable[[int], None] = lambda hour: None,
) -> Replay:
    """Return what the bot would have done in `hours` (ascending) with one slot.

    Each symbol with a cost has its `spreads`, from before the first hour on where it can learn.
    `tell` hears each hour that is done.
    """
    totals = {symbol: cost.total_bps for symbol, cost in costs.items()}
    slot = Slot(config, totals, tells_why=True)
    for hour in hours:
        sights = {symbol: _sight(spreads[symbol], hour) for symbol in costs}
        slot.live(hour, sights, is_last=hour == hours[-1])
        tell(hour)
    return Replay(
        config=config,
        hours=hours,
        costs=costs,
        left_out=left_out or {},
        known={symbol: sum(hour in spreads[symbol] for hour in hours) for symbol in costs},
        trades=tuple(slot.trades),
        refused=slot.refused,
    )


def _sight(known: Hours, hour: int) -> Sight:
    """Return what is known of a symbol right after `hour` has been published.

    What the venues said then of the hour to come is in no history; the hour just settled stands in
    for it, and counts as little as an hour does that has hardly begun.
    """
    spread = known.get(hour)
    if spread is None:
        return Sight(None, None)
    kept = SpreadHistory(asked_at_ms=0, last_hour=hour, spreads=window(known, hour))
    estimate = HourlyRate.from_hourly(Decimal(spread) / _PER_UNIT)
    at_ms = hour * SETTLEMENT_PERIOD_MS + BOOKED_MS
    return Sight(bps_of(spread), foresee(kept, estimate, at_ms))
