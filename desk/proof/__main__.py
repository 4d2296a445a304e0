"""`python -m desk.proof`: play every family of markets, print both distributions and the verdict.

Exit code 0 when the three promises are kept, else 1. How near the forecasts came is told besides.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from desk.hedge.config import EntryStyle
from desk.proof.judging import (
    STYLES,
    Outcome,
    bias,
    calibration,
    captured,
    goals,
    no_worse,
    outcomes,
    quantile,
    shares,
    traded,
)
from desk.proof.markets import Family, families
from desk.proof.records import RECORDS, Records, load
from desk.proof.walk import COST_BPS, fixed_trades, our_trades

FIRST_SEED = 1
MARKETS = 224
TUNED_SEEDS = range(5000, 5110)
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the proof. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m desk.proof", description=__doc__)
    parser.add_argument("--markets", type=int, default=MARKETS, help="at least so many, in all")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--records", type=Path, default=RECORDS, help="folder of the record")
    options = parser.parse_args(arguments)
    records = load(options.records)
    every = families(records)
    each = -(-options.markets // len(every))
    seeds = range(options.seed, options.seed + each)
    if set(seeds) & set(TUNED_SEEDS):
        parser.error(f"seeds {TUNED_SEEDS[0]} to {TUNED_SEEDS[-1]} were used to choose parameters")
    _introduce(every, seeds, has_record=records is not None)
    rows = [row for family in every for seed in seeds for row in outcomes(family, seed)]
    code = _report(rows, every)
    if records is not None:
        _print_walk(records)
    return code


def _introduce(every: Sequence[Family], seeds: range, *, has_record: bool) -> None:
    print(f"{len(every)} families of {len(seeds)} markets, seeds {seeds[0]} to {seeds[-1]}.")
    print(f"Parameters were chosen on seeds {TUNED_SEEDS[0]} to {TUNED_SEEDS[-1]} and frozen.")
    if not has_record:
        print("No record of funding here: models of it stand in for it.")
    for family in every:
        print(f"  {family.name:9} {'edge' if family.has_edge else 'none'}  {family.about}")


def _report(rows: Sequence[Outcome], every: Sequence[Family]) -> int:
    is_kept = True
    for style in STYLES:
        own = [row for row in rows if row.style is style]
        _print_style(style, own, every)
        promised = goals(own)
        is_kept = is_kept and all(goal.is_met for goal in promised)
        near = calibration(own)
        for goal in promised if near is None else [*promised, near]:
            print(f"  {'met   ' if goal.is_met else 'MISSED'} {goal.text}: {goal.figure}")
    return 0 if is_kept else 1


def _print_walk(records: Records) -> None:
    """Print what the recorded hours themselves would have made, once through."""
    print(f"\nThe recorded fortnight, Lighter against Hyperliquid, taker at {COST_BPS} bp:")
    print(f"  the fixed rule, all of it: {fixed_trades(records.dated).told()}")
    print(f"  ours, 29 December to 5 January: {our_trades(records.dated).told()}")


def _print_style(style: EntryStyle, rows: Sequence[Outcome], every: Sequence[Family]) -> None:
    """Print a line for each family, then both distributions over all its markets."""
    cost = sum(row.cost_bps for row in rows) / len(rows)
    print(f"\n{style}: a round trip costs {cost:.1f} bp; bp of one leg in four weeks, means")
    print(
        f"  {'':9} {'perfect':>8} {'ours':>8} {'fixed':>8} {'captured':>8} {'pairs':>6} "
        f"{'hold h':>6} {'traded':>6} {'≥ fixed':>7}  expected less paid"
    )
    for family in every:
        print(_line(family.name, [row for row in rows if row.family is family]))
    resampled = [row for row in rows if row.family.is_recorded and row.family.has_edge]
    if resampled:
        print(_line("(record)", resampled))
    print(_line("all", rows))
    ours = sorted(row.ours.net_bps for row in rows)
    margin = sorted(row.ours.net_bps - row.fixed_bps for row in rows)
    print(f"  {'quantiles':26} {' '.join(f'{share:>8.0%}' for share in _QUANTILES)}")
    for text, values, scale in (
        ("share of the perfect net, %", shares(rows), 100),
        ("ours, bp", ours, 1),
        ("ours less fixed, bp", margin, 1),
    ):
        told = " ".join(f"{quantile(values, share) * scale:8.1f}" for share in _QUANTILES)
        print(f"  {text:26} {told}")


def _line(name: str, rows: Sequence[Outcome]) -> str:
    count = len(rows)
    share, off = captured(rows), bias(rows)
    holds = [hold for row in rows for hold in row.ours.holds]
    return (
        f"  {name:9} {sum(row.perfect_bps for row in rows) / count:8.1f} "
        f"{sum(row.ours.net_bps for row in rows) / count:8.1f} "
        f"{sum(row.fixed_bps for row in rows) / count:8.1f} "
        f"{'–' if share is None else f'{share:.0%}':>8} "
        f"{len(holds) / count:6.1f} {sum(holds) / len(holds) if holds else 0:6.0f} "
        f"{traded(rows):6.0%} {no_worse(rows):7.0%}  "
        + ("–" if off is None else f"{off.bps:+.1f} ± {off.error_bps:.1f} ({off.count})")
    )


if __name__ == "__main__":
    raise SystemExit(main())
