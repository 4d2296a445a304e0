"""The recorded hours once through, in their own order: what each rule would have made of them.

A decision sees the hours before it and earns from the next one on; each symbol has a slot of its
own, as if capital were no matter. Hours that nobody recorded cannot be paid: a trade that meets one
is left out, and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from statistics import mean

from desk.hedge.config import Config
from desk.hedge.forecast import Belief
from desk.proof.players import FIXED_HOURS, THRESHOLD_BPS
from desk.proof.records import Hour
from desk.proof.slot import Sight, Slot
from desk.proof.tally import BEST_LEFT_OUT, Tally

COST_BPS = Decimal(8)  # four taker fees, books not crossed: as the recorded figure was reckoned
_ONE = "the one"
REPORTED_FROM = int(datetime(2025, 12, 29, tzinfo=UTC).timestamp()) // 3600

Rows = Mapping[int, Hour]


@dataclass(slots=True)
class Trades:
    """Net of each finished trade, bp, and how many a gap cut off."""

    net_bps: list[float] = field(default_factory=list)
    cut: int = 0

    def told(self) -> str:
        """Return the figures in a line: few trades are no evidence, whatever they made."""
        tally = Tally(self.net_bps)
        text = f"{tally.count} trades, {self.cut} cut off by gaps"
        if tally.count < BEST_LEFT_OUT + 2:
            return f"{text}: no evidence"
        text += (
            f", {tally.mean_bps:+.2f} bp each (deviation {tally.deviation_bps:.1f}), "
            f"{mean(tally.rest_bps):+.2f} without the best {BEST_LEFT_OUT}"
        )
        return text if tally.is_evidence else f"{text}: no evidence"


def fixed_trades(symbols: Mapping[str, Rows]) -> Trades:
    """Return what the fixed rule made of every recorded hour."""
    found = Trades()
    for rows in symbols.values():
        hour, last = min(rows), max(rows)
        while hour <= last:
            spread = _spread(rows, hour)
            if spread is None or abs(spread) < THRESHOLD_BPS:
                hour += 1
                continue
            _book(found, rows, range(hour + 1, hour + 1 + FIXED_HOURS), spread > 0)
            hour += FIXED_HOURS
    return found


def our_trades(symbols: Mapping[str, Rows], *, since_hour: int = REPORTED_FROM) -> Trades:
    """Return what our rules made of the hours from `since_hour` on, after learning from those
    before."""
    found = Trades()
    for rows in symbols.values():
        _walk(found, rows, since_hour)
    return found


def _walk(found: Trades, rows: Rows, since_hour: int) -> None:
    belief, slot, last = Belief(), Slot(Config(), {_ONE: COST_BPS}), max(rows)
    for hour in range(min(rows), last + 1):
        spread = _spread(rows, hour)
        if spread is None:
            belief.pass_over()
        else:
            belief.learn(spread)
        if hour >= since_hour:
            sights = {_ONE: Sight(spread, belief.forecast())}
            slot.live(hour, sights, is_last=hour == last)
    found.cut += sum(trade.is_cut for trade in slot.trades)
    found.net_bps += [trade.net_bps for trade in slot.trades if not trade.is_cut]


def _spread(rows: Rows, hour: int) -> float | None:
    pair = rows.get(hour)
    return None if pair is None else pair[0] - pair[1]


def _book(found: Trades, rows: Rows, hours: Sequence[int], is_short_on_lighter: bool) -> None:
    """Add a trade that was paid in `hours`, or count it as cut off."""
    spreads = [_spread(rows, hour) for hour in hours]
    paid = [spread for spread in spreads if spread is not None]
    if len(paid) < len(spreads):
        found.cut += 1
        return
    sign = 1 if is_short_on_lighter else -1
    found.net_bps.append(sign * sum(paid) - float(COST_BPS))
