"""The showcase: something to open at any time, both ways, on several symbols, for hours."""

import itertools
from collections import Counter
from decimal import Decimal

from desk.core.venue import VenueName
from desk.sim.exchange import hourly_rate, lighter_rules, pacifica_rules
from desk.sim.market_model import MarketModel, Profile
from desk.sim.market_table import MARKET_ROWS, MarketRow
from desk.sim.showcase import VOLUME_USD_MIN, Showcase

HOUR_MS = 3_600_000
STEP_MS = HOUR_MS // 12
START_MS = 1_767_225_600_000
HOURS = 48
SEEDS = range(1, 21)
PAYMENTS_EXPECTED = 5.46  # what the bot's prior makes of twelve settlements
FEES_BPS = 8.0
RULES = {VenueName.LIGHTER: lighter_rules(), VenueName.PACIFICA: pacifica_rules()}

LIQUID = tuple(
    row
    for row in MARKET_ROWS[:6]
    if all(side.volume_24h_usd >= VOLUME_USD_MIN for side in row.venues.values())
)


def _estimates(model: MarketModel, row: MarketRow, venue: VenueName) -> list[float]:
    """Return the running hourly rate in bp at each step of the last `HOURS`."""
    instants = range(START_MS - HOURS * HOUR_MS, START_MS, STEP_MS)
    premiums = [step.premium for step in model.live_past(row.symbol, instants)[venue]]
    estimates = []
    for hour in range(HOURS):
        within = premiums[hour * 12 : hour * 12 + 12]
        for seen in range(1, 13):
            mean = Decimal(sum(within[:seen]) / seen)
            estimates.append(float(hourly_rate(RULES[venue].funding, mean).bps))
    return estimates


def _spreads_bps(seed: int) -> dict[str, list[float]]:
    """Return Lighter's rate less Pacifica's, per symbol, bp an hour, every five minutes."""
    spreads = {}
    for row in LIQUID:
        lighter, pacifica = (
            _estimates(MarketModel(seed, LIQUID, start_ms=START_MS, profile=Profile.SHOWCASE),
                       row, venue)
            for venue in VenueName
        )  # fmt: skip
        spreads[row.symbol] = [a - b for a, b in zip(lighter, pacifica, strict=True)]
    return spreads


def _cost_bps(symbol: str) -> float:
    row = next(row for row in LIQUID if row.symbol == symbol)
    return FEES_BPS + sum(side.spread_bps for side in row.venues.values())


def _pays(symbol: str, spread_bps: float) -> bool:
    """Return whether the bot would expect a profit from a hold of twelve hours."""
    return abs(spread_bps) * PAYMENTS_EXPECTED > _cost_bps(symbol)


SPREADS = {seed: _spreads_bps(seed) for seed in SEEDS}


def _paying(spreads: dict[str, list[float]]) -> list[bool]:
    """Return, for each step, whether anything pays."""
    return [any(_pays(s, row[at]) for s, row in spreads.items()) for at in range(HOURS * 12)]


def test_the_first_opportunity_comes_within_an_hour() -> None:
    """Twenty seeds: who begins to look finds something within twelve steps of five minutes."""
    assert all(any(_paying(spreads)[:12]) for spreads in SPREADS.values())


def test_the_next_opportunity_comes_within_about_an_hour() -> None:
    """Twenty seeds, two days each: never as much as ninety minutes without anything that pays."""
    for spreads in SPREADS.values():
        waits = [len(list(run)) for pays, run in itertools.groupby(_paying(spreads)) if not pays]
        assert max(waits, default=0) < 18


def test_something_pays_nearly_always() -> None:
    """Over all seeds fewer than one look in fifty finds nothing."""
    paying = [pays for spreads in SPREADS.values() for pays in _paying(spreads)]
    assert sum(paying) / len(paying) > 0.98


def test_not_everything_pays() -> None:
    """At most times most symbols are refused, so that choosing means something."""
    counts = [
        sum(_pays(symbol, row[at]) for symbol, row in spreads.items())
        for spreads in SPREADS.values()
        for at in range(0, HOURS * 12, 12)
    ]
    assert 1 <= sum(counts) / len(counts) <= 2


def test_every_liquid_symbol_and_both_directions_have_their_turn() -> None:
    """Each symbol is the widest now and then, each direction about as often as the other."""
    widest: Counter[tuple[str, bool]] = Counter()
    for spreads in SPREADS.values():
        for at in range(0, HOURS * 12, 12):
            symbol = max(spreads, key=lambda name: abs(spreads[name][at]))
            widest[symbol, spreads[symbol][at] > 0] += 1
    symbols = {symbol for symbol, _ in widest}
    up = sum(count for (_, is_up), count in widest.items() if is_up)
    assert symbols == {row.symbol for row in LIQUID}
    assert 0.3 < up / sum(widest.values()) < 0.7


def test_bursts_are_of_plausible_size() -> None:
    """The widest spread is a few hundred percent a year, hardly ever above six hundred."""
    aprs = sorted(
        max(abs(row[at]) for row in spreads.values()) * 8760 / 100
        for spreads in SPREADS.values()
        for at in range(0, HOURS * 12, 12)
    )
    assert 150 < aprs[len(aprs) // 2] < 400
    assert aprs[len(aprs) * 99 // 100] < 700


def test_rates_last_and_turn() -> None:
    """Twelve hours after it paid, a spread is still of use about half the time, and sometimes has
    turned round."""
    later: Counter[str] = Counter()
    for spreads in SPREADS.values():
        for symbol, row in spreads.items():
            for at in range(0, (HOURS - 12) * 12, 12):
                if _pays(symbol, row[at]):
                    apr = row[at + 144] * (1 if row[at] > 0 else -1) * 87.6
                    later["lasts" if apr >= 5 else "turned" if apr < -5 else "over"] += 1
    share = {name: count / sum(later.values()) for name, count in later.items()}
    assert 0.35 < share["lasts"] < 0.75
    assert share["turned"] > 0.1


def test_the_same_seed_shows_the_same() -> None:
    """Asked in any order of symbols and instants, a seed answers the same."""
    first, second = (Showcase(3, MARKET_ROWS, origin_ms=START_MS) for _ in range(2))
    instants = [START_MS + hour * HOUR_MS + 1_000_000 for hour in range(24)]
    asked = [(symbol, at) for symbol in ("BTC", "ETH") for at in instants]
    forward = {key: first.premium_bps(key[0], VenueName.LIGHTER, key[1]) for key in asked}
    backward = {
        key: second.premium_bps(key[0], VenueName.LIGHTER, key[1]) for key in reversed(asked)
    }
    assert forward == backward


def test_only_default_symbols_burst() -> None:
    """The others stay as recorded, and nothing bursts before the origin."""
    showcase = Showcase(3, MARKET_ROWS, origin_ms=START_MS)
    later_ms = START_MS + 48 * HOUR_MS
    seen = {
        row.symbol
        for row in MARKET_ROWS
        for hour in range(48)
        if showcase.premium_bps(row.symbol, VenueName.LIGHTER, later_ms - hour * HOUR_MS)
    }
    assert seen <= {row.symbol for row in MARKET_ROWS[:6]}
    assert showcase.premium_bps("BTC", VenueName.LIGHTER, START_MS - 1) == 0
