"""The simulated markets: seeded, sane at every step size, and close to what was recorded."""

import itertools
import statistics
from decimal import Decimal

import pytest

from desk.core.book import taking_price
from desk.core.venue import VenueName
from desk.sim.market_model import MarketModel, Move, PastStep, Profile
from desk.sim.market_table import MARKET_ROWS, market_rows

_HOUR_MS = 3_600_000
_QUARTER_MS = _HOUR_MS // 4
_SYMBOLS = tuple(row.symbol for row in MARKET_ROWS)


def _moves(count: int, *, seed: int = 1, step_ms: int = 1_000) -> list[Move]:
    model = MarketModel(seed, start_ms=0)
    turns = itertools.islice(itertools.cycle(_SYMBOLS), count)
    return [
        move
        for number, symbol in enumerate(turns, 1)
        for move in model.step(symbol, number * step_ms)
    ]


def _hourly_rates(steps: list[PastStep], *, quantum: float) -> list[float]:
    """Return what both venues' documented formula makes of an hour of premiums."""
    rates = []
    for first in range(0, len(steps), 4):
        premium = statistics.mean(step.premium for step in steps[first : first + 4])
        rate = (premium + max(-0.0005, min(0.0005, 0.0001 - premium))) / 8
        rates.append(int(rate / quantum) * quantum)
    return rates


def _history(
    profile: Profile, *, seed: int, hours: int
) -> dict[tuple[VenueName, str], list[float]]:
    model = MarketModel(seed, start_ms=hours * _HOUR_MS, profile=profile)
    quanta = {VenueName.LIGHTER: 1e-6, VenueName.PACIFICA: 1e-8}
    instants = range(_QUARTER_MS, hours * _HOUR_MS + 1, _QUARTER_MS)
    return {
        (venue, symbol): _hourly_rates(steps, quantum=quanta[venue])
        for symbol in _SYMBOLS
        for venue, steps in model.live_past(symbol, instants).items()
    }


_RECORD = _history(Profile.RECORD, seed=5, hours=20 * 24)


def test_the_same_seed_gives_the_same_moves() -> None:
    """Two models of one seed agree to the last digit; another seed does not."""
    assert _moves(200) == _moves(200)
    assert _moves(200) != _moves(200, seed=2)


@pytest.mark.parametrize("step_ms", [100, 1_000, 60_000, _HOUR_MS])
def test_books_are_aligned_sorted_and_never_crossed(step_ms: int) -> None:
    """Whatever the step, a book is on its grid, best first, and bids stay below asks."""
    instruments = {
        (venue, row.symbol): side.instrument
        for row in MARKET_ROWS
        for venue, side in row.venues.items()
    }
    for move in _moves(160, step_ms=step_ms):
        instrument = instruments[move.venue, move.symbol]
        for price, size in move.bids + move.asks:
            instrument.check_price(price)
            instrument.check_size(size)
        assert move.bids == sorted(move.bids, reverse=True)
        assert move.asks == sorted(move.asks)
        assert move.bids[0][0] < move.asks[0][0]


def test_spreads_are_the_recorded_ones() -> None:
    """Median spreads on Lighter match the recorded books within a third."""
    recorded = {"BTC": 0.12, "ETH": 0.67, "SOL": 0.88, "HYPE": 1.55, "XRP": 2.37, "ZEC": 5.78}
    for symbol, expected_bps in recorded.items():
        seen = [
            float((move.asks[0][0] - move.bids[0][0]) / move.mark * 10_000)
            for move in _moves(1_600)
            if move.venue is VenueName.LIGHTER and move.symbol == symbol
        ]
        assert expected_bps == pytest.approx(statistics.median(seen), rel=0.35, abs=0.05)


def test_ten_thousand_dollars_slip_as_recorded() -> None:
    """Taking 10,000 USD of asks on Lighter costs about the recorded distance from the mid."""
    recorded = {"BTC": 0.38, "ETH": 0.48, "SOL": 0.69, "HYPE": 1.93, "XRP": 1.47, "PAXG": 1.40}
    for symbol, expected_bps in recorded.items():
        seen = []
        for move in _moves(1_600):
            if move.venue is VenueName.LIGHTER and move.symbol == symbol:
                mid = (move.asks[0][0] + move.bids[0][0]) / 2
                taken = taking_price(move.asks, Decimal(10_000) / mid)
                assert taken is not None
                seen.append(float(taken[0] / mid - 1) * 10_000)
        assert expected_bps == pytest.approx(statistics.median(seen), rel=0.35)


def test_rates_sit_at_their_floor_as_often_as_recorded() -> None:
    """Recorded: 64 % of Lighter's hours and 86 % of Pacifica's are at the floor."""
    share = {}
    for venue, floor in ((VenueName.LIGHTER, 1.2e-5), (VenueName.PACIFICA, 1.25e-5)):
        rates = [rate for key, row in _RECORD.items() if key[0] is venue for rate in row]
        share[venue] = sum(abs(rate - floor) < 6e-7 for rate in rates) / len(rates)
    assert share[VenueName.LIGHTER] == pytest.approx(0.64, abs=0.08)
    assert share[VenueName.PACIFICA] == pytest.approx(0.82, abs=0.08)


def test_funding_persists_for_hours() -> None:
    """Autocorrelation at one hour lies in the recorded 0.45 to 0.8 for the moving markets."""
    found = [statistics.correlation(row, row[1:] + row[:1]) for row in _RECORD.values()]
    assert 0.45 < statistics.median(found) < 0.8
    day = [statistics.correlation(row, row[24:] + row[:24]) for row in _RECORD.values()]
    assert statistics.median(day) < 0.3


def test_funding_changes_sign() -> None:
    """Some markets pay both ways within twenty days."""
    both = [key for key, row in _RECORD.items() if min(row) < 0 < max(row)]
    assert len(both) > len(_RECORD) / 2


def test_the_past_ends_at_the_level_of_the_table() -> None:
    """History leads up to the start: the last past price is where the first step begins."""
    model = MarketModel(9, start_ms=_HOUR_MS)
    past = model.live_past("BTC", range(0, _HOUR_MS + 1, 60_000))
    row = market_rows(("BTC",))[0]
    assert row.level == pytest.approx(model.index("BTC"))
    assert row.level == pytest.approx(past[VenueName.LIGHTER][-1].index, rel=1e-3)


def test_a_shock_moves_the_index_for_good() -> None:
    """A shock of minus a fifth is a fifth less at the next step."""
    model = MarketModel(9, start_ms=0)
    before = model.index("ETH")
    model.shock("ETH", -0.2)
    assert before * 0.8 == pytest.approx(model.index("ETH"))


def test_symbols_move_together() -> None:
    """Hourly returns of BTC and ETH are correlated as their shares of the factor say."""
    model = MarketModel(4, start_ms=0)
    levels: dict[str, list[float]] = {"BTC": [], "ETH": []}
    for hour in range(1, 800):
        for symbol, row in levels.items():
            model.step(symbol, hour * _HOUR_MS)
            row.append(model.index(symbol))
    returns = [
        [after / before for before, after in itertools.pairwise(row)] for row in levels.values()
    ]
    assert statistics.correlation(*returns) == pytest.approx(0.95 * 0.85, abs=0.06)


def test_strangers_trade_the_volume_of_the_table() -> None:
    """A day of trades adds up to the day's volume, give or take the size of the biggest."""
    usd = Decimal(0)
    model = MarketModel(4, start_ms=0)
    for number in range(1, 5_401):
        move = model.step("SOL", number * 16_000)[0]
        usd += sum(size for _, size in move.trades) * move.mark
    assert float(usd) == pytest.approx(250e6, rel=0.15)
