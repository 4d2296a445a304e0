"""What is remembered: trades, bars, the last 24 hours, orders, and how much of it."""

from desk.core.order import Side
from desk.sim.exchange import Bar, BookChanged, NewOrder, StatsChanged, TimeInForce
from desk.sim.exchange.accounts import ORDERS_KEPT_MAX
from desk.sim.exchange.tape import MINUTES_KEPT_MAX, TRADES_KEPT_MAX, BarSeries
from test.sim.exchange_bench import HOUR_MS, ME, START_MS, D, lighter, pacifica

BUY, SELL = Side.BUY, Side.SELL
MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS


def bar(minute: int, price: str, volume: str = "1") -> Bar:
    """Return a one-minute bar `minute` minutes from the start, at one price."""
    at_ms = START_MS + minute * MINUTE_MS
    value = D(price)
    return Bar(at_ms, value, value, value, value, D(volume), D(volume) * value, 1, 0)


def test_trades_come_newest_first_with_ascending_ids() -> None:
    """The latest print leads and has the highest id."""
    exchange = lighter().exchange
    exchange.trade_ambient("ETH", BUY, D("1.5"))
    newest, older = exchange.trades("ETH", limit=2)
    assert (D("2000.2"), True) == (newest.price, newest.trade_id > older.trade_id)


def test_a_trade_knows_both_sides() -> None:
    """Our buy stands on the bid side with its client id, the stranger on the ask side."""
    bench = lighter()
    bench.take(BUY, "1", client_id="42")
    trade = bench.exchange.trades("ETH")[0]
    assert ("42", ME, None) == (trade.bid.client_id, trade.bid.account_id, trade.ask.client_id)


def test_public_trades_are_bounded() -> None:
    """Only the newest are kept."""
    exchange = lighter().exchange
    for _ in range(TRADES_KEPT_MAX + 5):
        exchange.trade_ambient("ETH", BUY, D("0.001"))
    assert TRADES_KEPT_MAX == len(exchange.trades("ETH", limit=TRADES_KEPT_MAX * 2))


def test_finished_orders_are_bounded_and_forgotten() -> None:
    """Beyond the bound the oldest can no longer be found."""
    bench = pacifica()
    ids = []
    for _ in range(ORDERS_KEPT_MAX + 1):
        ids.append(bench.send(BUY, "1", "1990", tif=TimeInForce.POST_ONLY))
        bench.exchange.cancel(ME, "ETH", order_id=ids[-1])
    seen = bench.exchange.order(ids[0]), bench.exchange.order(ids[1]) is not None
    assert (None, True) == seen


def test_minutes_become_hours() -> None:
    """Two minutes of one hour make one hourly bar."""
    bench = lighter()
    bench.exchange.trade_ambient("ETH", BUY, D("1"))
    bench.pass_ms(MINUTE_MS)
    bench.exchange.trade_ambient("ETH", SELL, D("2"))
    (hour,) = bench.exchange.candles("ETH", HOUR_MS, start_ms=START_MS, end_ms=START_MS)
    seen = hour.open, hour.high, hour.low, hour.close, hour.volume, hour.trades
    assert (D("2000.1"), D("2000.1"), D("1999.8"), D("1999.8"), D(3), 3) == seen


def test_five_minute_bars_come_oldest_first() -> None:
    """Aggregated from minutes, in order of time."""
    bench = lighter()
    for _ in range(7):
        bench.exchange.trade_ambient("ETH", BUY, D("0.1"))
        bench.pass_ms(MINUTE_MS)
    bars = bench.exchange.candles("ETH", 5 * MINUTE_MS, start_ms=0, end_ms=START_MS + HOUR_MS)
    assert [D("0.5"), D("0.2")] == [each.volume for each in bars]


def test_mark_bars_follow_the_mark() -> None:
    """Without a trade there is still a bar of the mark price."""
    bench = lighter()
    bench.price("2010")
    bench.price("1990")
    (bar_of_mark,) = bench.exchange.candles(
        "ETH", MINUTE_MS, start_ms=START_MS, end_ms=START_MS, of_mark=True
    )
    seen = bar_of_mark.open, bar_of_mark.high, bar_of_mark.low, bar_of_mark.volume
    assert (D(2000), D(2010), D(1990), D(0)) == seen


def test_bars_are_bounded() -> None:
    """Old minutes fall out."""
    series = BarSeries(MINUTE_MS, MINUTES_KEPT_MAX)
    for minute in range(MINUTES_KEPT_MAX + 10):
        series.at(minute * MINUTE_MS, D(1))
    assert MINUTES_KEPT_MAX + 1 == len(list(series))


def test_a_day_later_the_volume_is_gone() -> None:
    """The last 24 hours roll."""
    bench = lighter()
    bench.exchange.trade_ambient("ETH", BUY, D("1"))
    fresh = bench.exchange.stats("ETH").volume_24h
    bench.pass_ms(DAY_MS + MINUTE_MS)
    assert (D(1), D(0)) == (fresh, bench.exchange.stats("ETH").volume_24h)


def test_high_and_low_roll_too() -> None:
    """An old extreme leaves the window."""
    bench = lighter()
    bench.exchange.trade_ambient("ETH", BUY, D("1"))
    bench.pass_ms(DAY_MS - MINUTE_MS)
    bench.price("1900")
    bench.exchange.trade_ambient("ETH", BUY, D("1"))
    with_old = bench.exchange.stats("ETH").high_24h
    bench.pass_ms(2 * MINUTE_MS)
    assert (D("2000.1"), D("1900.1")) == (with_old, bench.exchange.stats("ETH").high_24h)


def test_backfilled_bars_count_for_the_day() -> None:
    """Volume and the price of a day ago come from history before the start."""
    exchange = lighter().exchange
    exchange.backfill("ETH", bars=[bar(minute, "1900", "2") for minute in range(-60, 0)])
    exchange.trade_ambient("ETH", BUY, D("1"))
    stats = exchange.stats("ETH")
    assert (D(121), D(1900), D("2000.1")) == (stats.volume_24h, stats.price_24h_ago, stats.last)


def test_backfilled_bars_come_before_the_recorded_ones() -> None:
    """One series, oldest first."""
    exchange = lighter().exchange
    exchange.trade_ambient("ETH", BUY, D("1"))
    exchange.backfill("ETH", bars=[bar(-2, "1900"), bar(-1, "1910")])
    bars = exchange.candles("ETH", MINUTE_MS, start_ms=0, end_ms=START_MS)
    assert [D(1900), D(1910), D("2000.1")] == [each.close for each in bars]


def test_the_change_over_a_day_is_in_percent() -> None:
    """From 1,000 to 2,000.1 is +100.01 %."""
    exchange = lighter().exchange
    exchange.backfill("ETH", bars=[bar(-60, "1000")])
    exchange.trade_ambient("ETH", BUY, D("1"))
    assert D("100.01") == exchange.stats("ETH").change_24h_pct


def test_open_interest_counts_strangers_and_us() -> None:
    """Base units held long."""
    bench = lighter()
    bench.exchange.set_open_interest("ETH", D(100))
    bench.take(BUY, "1.5")
    assert D("101.5") == bench.exchange.stats("ETH").open_interest


def test_orders_are_found_by_either_id() -> None:
    """By exchange id and by the latest use of a client id, finished ones as well."""
    bench = lighter()
    order = bench.take(BUY, "1", client_id="42")
    assert order == bench.exchange.order_by_client_id(ME, "42")


def test_orders_in_their_speed_bump_are_not_listed() -> None:
    """The open-orders query knows them only once the engine does."""
    bench = lighter()
    bench.send(BUY, "1", "1990")
    early = bench.exchange.orders(ME)
    bench.pass_ms(200)
    assert (0, 1) == (len(early), len(bench.exchange.orders(ME)))


def test_the_book_nonce_grows_with_each_change() -> None:
    """Servers number their deltas by it."""
    bench = lighter()
    before = bench.exchange.book_nonce("ETH")
    bench.price("2001")
    assert before < bench.exchange.book_nonce("ETH")


def test_a_new_market_is_told_twice() -> None:
    """Book and statistics, once each."""
    bench = lighter()
    bench.events.clear()
    bench.price("2001")
    assert [BookChanged("ETH"), StatsChanged("ETH")] == bench.events


def test_touched_markets_stay_listed_when_flat() -> None:
    """Lighter prints rows for every market an account ever traded."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.take(SELL, "1")
    assert ("ETH",) == bench.exchange.touched(ME)


def test_account_trades_carry_our_fill() -> None:
    """The public trade and the account's fill are tied together."""
    bench = lighter()
    bench.take(BUY, "1")
    trade = bench.exchange.account_trades(ME)[0]
    assert bench.exchange.fills(ME)[0] == trade.taker.fill


def test_the_past_is_ignored() -> None:
    """Time never goes back."""
    bench = lighter()
    bench.pass_ms(1000)
    bench.exchange.advance(START_MS)
    assert START_MS + 1000 == bench.exchange.now_ms


def test_orders_due_run_in_the_order_of_their_instants() -> None:
    """A maker sent after a taker still arrives first."""
    bench = lighter()
    taker = bench.send(SELL, "1", "1999", tif=TimeInForce.IOC)
    bench.exchange.add_account(collateral=D(10_000), account_id=8)
    bench.exchange.submit(8, NewOrder("ETH", BUY, D(1), D(2000), tif=TimeInForce.POST_ONLY))
    bench.pass_ms(300)
    assert D(2000) == bench.order(taker).average_price
