"""What a venue says about its markets."""

from decimal import Decimal

import pytest

from desk.core.errors import StaleData
from desk.core.funding import SETTLEMENT_PERIOD_MS, HourlyRate
from desk.core.market import MarketStatus
from desk.core.order import Side
from desk.core.stream import QuoteSeen, StatsSeen
from desk.core.venue import VenueName
from test.contract.bench import START_MS, SYMBOLS, Bench
from test.contract.candidates import contract

_HOUR_S = 3_600


@contract
async def test_instruments_are_complete_and_sane(bench: Bench) -> None:
    """Every market has steps, minimums, margins and its own name."""
    assert set(SYMBOLS) <= set(bench.instruments)
    for symbol, instrument in bench.instruments.items():
        assert (bench.name, symbol) == (instrument.venue, instrument.symbol)
        assert min(instrument.price_tick, instrument.size_lot, instrument.size_min) > 0
        assert instrument.notional_min_usd == 10
        assert 0 < instrument.maintenance_margin_fraction * instrument.leverage_max < 1
        assert instrument.status is MarketStatus.ACTIVE


@contract
async def test_eth_is_market_zero_on_lighter(bench: Bench) -> None:
    """Zero is an id; a venue without such ids says None, not zero."""
    expected = 0 if bench.name is VenueName.LIGHTER else None
    assert expected == bench.instruments["ETH"].market_id


@contract
async def test_statistics_cover_every_market(bench: Bench) -> None:
    """Mark, index, mid and volume of every instrument come in one call."""
    stats = await bench.venue.market_stats()
    assert set(bench.instruments) == set(stats)
    for symbol, row in stats.items():
        assert symbol == row.symbol
        assert abs(row.mark / row.index - 1) < Decimal("0.01")
        assert row.mid is not None
        assert abs(row.mid / row.mark - 1) < Decimal("0.01")
        assert row.volume_24h_usd is not None
        assert row.volume_24h_usd > 1_000_000
        assert bench.clock.now_ms() - row.at_ms < 60_000


@contract
async def test_the_next_rate_is_a_fraction_per_hour(bench: Bench) -> None:
    """Whatever the venue's unit on the wire, the estimate arrives as the rate that was set."""
    rate = HourlyRate(Decimal("-0.000042"))
    bench.world.set_funding("ETH", bench.name, rate)
    await bench.wait()
    assert rate == (await bench.venue.market_stats())["ETH"].funding_next


@contract
async def test_the_settled_hour_joins_the_history(bench: Bench) -> None:
    """After the hour the rate stands in the history, stamped with the hour, and as the last."""
    rate = HourlyRate(Decimal("0.00013"))
    bench.world.set_funding("DOGE", bench.name, rate)
    await bench.wait(_HOUR_S)
    now_ms = bench.clock.now_ms()
    points = await bench.venue.funding_history("DOGE", since_ms=START_MS, until_ms=now_ms)
    assert [rate] == [point.rate for point in points]
    assert points[0].settled_at_ms // SETTLEMENT_PERIOD_MS == now_ms // SETTLEMENT_PERIOD_MS
    assert rate == (await bench.venue.market_stats())["DOGE"].funding_last


@contract
async def test_funding_history_is_hourly_and_oldest_first(bench: Bench) -> None:
    """A day of history has 24 hours, each once, inside the range asked for."""
    first_ms = (START_MS // SETTLEMENT_PERIOD_MS - 23) * SETTLEMENT_PERIOD_MS
    points = await bench.venue.funding_history(
        "BTC", since_ms=first_ms, until_ms=bench.clock.now_ms()
    )
    hours = [point.settled_at_ms // SETTLEMENT_PERIOD_MS for point in points]
    first = first_ms // SETTLEMENT_PERIOD_MS
    assert list(range(first, first + 24)) == hours


@contract
async def test_candles_are_oldest_first_and_whole(bench: Bench) -> None:
    """Hourly bars stand an hour apart, and high and low contain open and close."""
    bars = await bench.venue.candles(
        "BTC",
        interval_s=_HOUR_S,
        since_ms=START_MS - 10 * SETTLEMENT_PERIOD_MS,
        until_ms=START_MS,
    )
    opens = [bar.open_at_ms for bar in bars]
    assert [opens[0] + n * SETTLEMENT_PERIOD_MS for n in range(10)] == opens
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume > 0


@contract
async def test_a_watched_quote_is_live(bench: Bench) -> None:
    """A watched symbol has a fresh, uncrossed quote on its grid."""
    for symbol in SYMBOLS:
        quote, instrument = bench.quote(symbol), bench.instruments[symbol]
        assert 0 < quote.bid < quote.ask
        assert min(quote.bid_size, quote.ask_size) > 0
        assert bench.clock.now_ms() - quote.received_at_ms <= 2_000
        instrument.check_price(quote.bid)


@contract
async def test_quotes_and_statistics_are_streamed(bench: Bench) -> None:
    """A listener hears of books and statistics of every watched symbol."""
    await bench.wait(10)
    quotes = {event.quote.symbol for event in bench.events if isinstance(event, QuoteSeen)}
    stats = {event.stats.symbol for event in bench.events if isinstance(event, StatsSeen)}
    assert set(SYMBOLS) == quotes
    assert set(SYMBOLS) <= stats


@contract
async def test_quotes_stay_fresh(bench: Bench) -> None:
    """For a minute, no quote is ever older than two seconds."""
    for _ in range(60):
        await bench.wait(1)
        for symbol in SYMBOLS:
            assert bench.clock.now_ms() - bench.quote(symbol).received_at_ms <= 2_000


@contract
async def test_the_book_begins_with_the_quote(bench: Bench) -> None:
    """Best levels and quote are the same prices, and deeper levels are worse."""
    book, quote = bench.venue.book("BTC"), bench.quote("BTC")
    assert (quote.bid, quote.bid_size) == book.best(Side.BUY)
    assert (quote.ask, quote.ask_size) == book.best(Side.SELL)
    bids = [price for price, _ in book.levels(Side.BUY)]
    assert sorted(bids, reverse=True) == bids
    assert len(bids) > 3


@contract
async def test_a_book_is_a_copy(bench: Bench) -> None:
    """Emptying a returned book changes nothing for the next reader."""
    book = bench.venue.book("BTC")
    book.apply([(price, Decimal(0)) for price, _ in list(book.levels(Side.BUY))], [])
    assert bench.venue.book("BTC").best(Side.BUY) is not None


@contract
async def test_only_watched_symbols_have_quotes(bench: Bench) -> None:
    """A symbol that is no longer watched, or is not listed, has no quote."""
    bench.venue.watch(["BTC", "NOSUCH"])
    await bench.wait()
    assert bench.quote("BTC").bid > 0
    for symbol in ("ETH", "NOSUCH"):
        with pytest.raises(StaleData):
            bench.quote(symbol)


@contract
async def test_a_symbol_watched_again_is_live_again(bench: Bench) -> None:
    """Dropping a symbol and taking it back costs no more than a moment."""
    bench.venue.watch(["BTC"])
    await bench.wait()
    bench.venue.watch(SYMBOLS)
    await bench.wait()
    assert bench.quote("ETH").bid > 0


@contract
async def test_a_silent_stream_gives_no_quote(bench: Bench) -> None:
    """A connection that looks alive and says nothing is stale within half a minute."""
    before = bench.quote("BTC").received_at_ms
    bench.silence()
    await bench.wait(3)
    assert bench.quote("BTC").received_at_ms - before <= 1_000
    await bench.wait(27)
    with pytest.raises(StaleData):
        bench.quote("BTC")
    with pytest.raises(StaleData):
        bench.venue.book("BTC")
