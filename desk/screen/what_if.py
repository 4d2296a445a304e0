"""What a configuration would have made of the past: the lines, and the same as JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import mean
from typing import Any

from desk.core.funding import SETTLEMENT_PERIOD_MS
from desk.core.venue import VenueName
from desk.hedge.select import Refusal
from desk.proof.past import Replay
from desk.proof.slot import Trade
from desk.proof.tally import BEST_LEFT_OUT, EVIDENCE_MIN
from desk.screen.tables import columns

TRADES_MAX = 200
REASONS_MAX = 5
TRADES_HEAD = (
    "opened", "symbol", "long", "hold h", "planned h", "expected bp", "USD", "result bp", "USD",
    "closed because",
)  # fmt: skip
COSTS_HEAD = ("symbol", "fees", "impact", "round trip", "hours known")
NOT_IN_IT = (
    "Not in it: prices (the gap between the venues' marks, legging), books other than today's, and "
    "what the venues said of an hour before it was over."
)


def what_if_lines(found: Replay, fees: Mapping[VenueName, str], width: int) -> list[str]:
    """Return the whole answer, tables no wider than `width`; `fees` says of each venue whose fees
    they are."""
    sources = ", ".join(f"{venue} {text}" for venue, text in fees.items())
    lines = [
        _title(found),
        "Each decision sees the hours before it alone, by the rules and estimates of the bot; what "
        "it opens is paid from the next settlement on.",
        "",
        f"Costs assumed, bp of one leg: fees {sources}; half the spread and the impact of "
        f"{found.config.base_capital_allocation.normalize():f} USD, in and out, from the books as "
        "they are now.",
        *columns([COSTS_HEAD, *_cost_rows(found)], left=(0,), width=width),
        *(f"Left out: {symbol}, {why}." for symbol, why in found.left_out.items()),
        "",
    ]
    if found.trades:
        rows = [TRADES_HEAD, *(_trade_row(found, row) for row in found.trades[-TRADES_MAX:])]
        lines += [*columns(rows, left=(0, 1, 2, len(TRADES_HEAD) - 1), width=width), ""]
    return [*lines, *_sums(found), *_reasons(found), NOT_IN_IT]


def _title(found: Replay) -> str:
    first, last = found.hours[0], found.hours[-1]
    symbols = "1 symbol" if len(found.costs) == 1 else f"{len(found.costs)} symbols"
    return (
        f"What if: {_moment(first)} to {_moment(last)}, {symbols}, one pair at a time, "
        f"{found.config.base_capital_allocation.normalize():f} USD each leg."
    )


def _cost_rows(found: Replay) -> list[tuple[str, ...]]:
    hours = len(found.hours)
    return [
        (
            symbol,
            f"{cost.fees_bps:.2f}",
            f"{cost.impact_bps:.2f}",
            f"{cost.total_bps:.2f}",
            f"{found.known[symbol]} of {hours}",
        )
        for symbol, cost in found.costs.items()
    ]


def _trade_row(found: Replay, trade: Trade) -> tuple[str, ...]:
    head = (
        _moment(trade.since),
        trade.symbol,
        trade.long_venue.value,
        str(trade.until - trade.since),
        str(trade.plan.settlements),
        f"{trade.expected_bps:+.2f}",
        f"{found.usd(trade.expected_bps):+.4f}",
    )
    if trade.is_cut:
        return (*head, "–", "–", "an hour not known")
    usd = f"{found.usd(trade.net_bps):+.4f}"
    return (*head, f"{trade.net_bps:+.2f}", usd, trade.ended)


def _sums(found: Replay) -> list[str]:
    """Return how many trades there were, and what they come to."""
    cut = len(found.trades) - len(found.whole)
    tally = found.tally
    lines = [f"{_counted(tally.count)}{f', {cut} more cut off by gaps' if cut else ''}."]
    if tally.mean_bps is not None and tally.won_share is not None:
        usd = found.usd(tally.total_bps)
        scatter = tally.deviation_bps
        around = "" if scatter is None else f" (deviation {scatter:.2f})"
        expected = mean(trade.expected_bps for trade in found.whole)
        lines[0] += (
            f" Net {tally.total_bps:+.2f} bp, {usd:+.4f} USD; {tally.mean_bps:+.2f} bp "
            f"each{around} where {expected:+.2f} were expected; {tally.won_share:.0%} won."
        )
        rest = sum(tally.rest_bps)
        lines.append(
            f"Without the best {BEST_LEFT_OUT}: {rest:+.2f} bp, {found.usd(rest):+.4f} USD."
            if tally.rest_bps
            else f"Without the best {BEST_LEFT_OUT} there is none left."
        )
    if not tally.is_evidence:
        lines.append(f"Fewer than {EVIDENCE_MIN} trades: no evidence, whatever they made.")
    return lines


def _counted(count: int) -> str:
    return "1 trade" if count == 1 else f"{count} trades"


def _reasons(found: Replay) -> list[str]:
    """Return the most frequent reasons why nothing was opened, each with its key."""
    if found.trades or not found.refused:
        return []
    total = sum(found.refused.values())
    lines = ["Most often because (share of all symbols and hours looked at):"]
    for refusal, count in _most_frequent(found):
        key = f" ({refusal.key})" if refusal.key is not None else ""
        lines.append(f"  {count / total:>4.0%}  {refusal.reason}{key}")
    return lines


def _most_frequent(found: Replay) -> list[tuple[Refusal, int]]:
    ranked = sorted(found.refused.items(), key=lambda row: (-row[1], row[0].reason))
    return ranked[:REASONS_MAX]


def what_if_json(found: Replay, fees: Mapping[VenueName, str]) -> dict[str, Any]:
    """Return the same as plain values: bp of one leg, USD, hours, instants UTC."""
    tally, rest = found.tally, found.tally.rest_bps
    return {
        "from": _moment(found.hours[0]),
        "until": _moment(found.hours[-1]),
        "leg_usd": float(found.config.base_capital_allocation),
        "fees": {venue.value: text for venue, text in fees.items()},
        "costs": {
            symbol: {
                "fees_bps": float(cost.fees_bps),
                "impact_bps": float(cost.impact_bps),
                "round_trip_bps": float(cost.total_bps),
                "hours_known": found.known[symbol],
            }
            for symbol, cost in found.costs.items()
        },
        "left_out": dict(found.left_out),
        "trades": [_trade_json(found, trade) for trade in found.trades],
        "net_bps": tally.total_bps,
        "net_usd": found.usd(tally.total_bps),
        "without_best_bps": sum(rest) if rest else None,
        "mean_bps": tally.mean_bps,
        "deviation_bps": tally.deviation_bps,
        "won_share": tally.won_share,
        "is_evidence": tally.is_evidence,
        "refused": [
            {"reason": row.reason, "key": row.key, "count": count}
            for row, count in _most_frequent(found)
        ],
    }


def _trade_json(found: Replay, trade: Trade) -> dict[str, Any]:
    net = None if trade.is_cut else trade.net_bps
    return {
        "symbol": trade.symbol,
        "long": trade.long_venue.value,
        "opened": _moment(trade.since),
        "hold_h": trade.until - trade.since,
        "planned_h": trade.plan.settlements,
        "expected_bps": trade.expected_bps,
        "expected_usd": found.usd(trade.expected_bps),
        "net_bps": net,
        "net_usd": None if net is None else found.usd(net),
        "ended": trade.ended,
    }


def _moment(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour * SETTLEMENT_PERIOD_MS / 1000, UTC):%Y-%m-%dT%H:%MZ}"
