"""What an account holds and what changes it: positions, cash, fees, funding, leverage."""

from decimal import Decimal

from desk.core.account import MarginMode
from desk.core.funding import HourlyRate
from desk.core.order import Accepted, FillCause, Side
from desk.core.stream import StreamUp
from desk.core.venue import VenueName
from test.contract.bench import DEPOSIT_USD, Bench
from test.contract.candidates import contract

_HOUR_S = 3_600
_CENT = Decimal("0.01")


@contract
async def test_a_fresh_account_holds_its_deposit(bench: Bench) -> None:
    """Cash, equity and what is free are the deposit; nothing is held."""
    account = await bench.venue.account()
    assert DEPOSIT_USD == account.equity_usd == account.balance_usd == account.free_usd
    assert () == account.positions


@contract
async def test_an_account_read_knows_when_it_was_asked(bench: Bench) -> None:
    """The instant of asking is ours and not after the answer's."""
    before_ms = bench.clock.now_ms()
    account = await bench.venue.account()
    assert before_ms <= account.asked_at_ms <= bench.clock.now_ms()
    assert account.asked_at_ms <= account.at_ms + 1_000


@contract
async def test_a_position_shows_its_entry(bench: Bench) -> None:
    """Signed size and average entry are those of the fills."""
    fills = await bench.fill("DOGE", Side.SELL)
    size = sum((fill.size for fill in fills), Decimal(0))
    (position,) = (await bench.venue.account()).positions
    assert ("DOGE", -size) == (position.symbol, position.size)
    average = sum(fill.size * fill.price for fill in fills) / size
    assert abs(position.entry_price / average - 1) < Decimal("0.0001")


@contract
async def test_a_round_trip_costs_what_the_fills_say(bench: Bench) -> None:
    """Flat again, the equity is the deposit plus proceeds minus fees, and all of it is cash."""
    await bench.fill("BTC", Side.BUY)
    await bench.fill("BTC", Side.SELL, size=await bench.held("BTC"), reduce_only=True)
    fills = await bench.venue.fills(since_ms=0)
    change = sum(-fill.side.sign * fill.size * fill.price - fill.fee_usd for fill in fills)
    account = await bench.venue.account()
    assert abs(account.equity_usd - DEPOSIT_USD - change) < _CENT
    assert account.equity_usd == account.balance_usd


@contract
async def test_a_liquidation_costs_what_the_fills_say(bench: Bench) -> None:
    """What the venue takes for closing a position stands as a fee on the fill that closed it."""
    await bench.fill("BTC", Side.BUY)
    (account_id,) = bench.world.exchanges[bench.name].account_ids()
    bench.world.exchanges[bench.name].liquidate(account_id, "BTC", Decimal(1))
    await bench.wait()
    fills = await bench.venue.fills(since_ms=0)
    change = sum(-fill.side.sign * fill.size * fill.price - fill.fee_usd for fill in fills)
    account = await bench.venue.account()
    assert () == account.positions
    assert abs(account.equity_usd - DEPOSIT_USD - change) < Decimal("0.00001")
    assert FillCause.LIQUIDATION in {fill.cause for fill in fills if fill.fee_usd > 1}


@contract
async def test_equity_follows_the_mark(bench: Bench) -> None:
    """With a position open, equity is cash plus what the position would bring at mark."""
    await bench.fill("BTC", Side.BUY)
    await bench.shock("BTC", 10)
    account, stats = await bench.venue.account(), await bench.venue.market_stats()
    (position,) = account.positions
    profit = position.size * (stats["BTC"].mark - position.entry_price)
    assert profit > 15
    assert abs(account.equity_usd - account.balance_usd - profit) < 1
    assert account.free_usd < account.equity_usd


@contract
async def test_taker_fees_are_those_of_the_account(bench: Bench) -> None:
    """Each fill paid the published rate, and nobody was paid to take."""
    fees = await bench.venue.fees()
    assert 0 <= fees.maker <= fees.taker < Decimal("0.001")
    for fill in await bench.fill("BTC", Side.BUY):
        expected = fill.size * fill.price * fees.taker
        assert abs(fill.fee_usd - expected) < Decimal("0.00001")
        assert not fill.is_maker


@contract
async def test_longs_pay_a_positive_rate(bench: Bench) -> None:
    """After the hour a long has paid size times price times rate, once."""
    rate = HourlyRate(Decimal("0.0001"))
    bench.world.set_funding("BTC", bench.name, rate)
    fills = await bench.fill("BTC", Side.BUY)
    await bench.wait(_HOUR_S)
    (payment,) = await bench.venue.funding_payments(since_ms=0)
    expected = -sum(fill.size * fill.price for fill in fills) * rate.fraction
    assert "BTC" == payment.symbol
    assert abs(payment.usd / expected - 1) < Decimal("0.05")
    assert payment.usd < 0


@contract
async def test_shorts_receive_a_positive_rate(bench: Bench) -> None:
    """The payment is positive and arrives as cash."""
    bench.world.set_funding("BTC", bench.name, HourlyRate(Decimal("0.0001")))
    fills = await bench.fill("BTC", Side.SELL)
    await bench.wait(_HOUR_S)
    (payment,) = await bench.venue.funding_payments(since_ms=0, symbol="BTC")
    account = await bench.venue.account()
    fees = sum(fill.fee_usd for fill in fills)
    assert payment.usd > 0
    assert abs(account.balance_usd - DEPOSIT_USD + fees - payment.usd) < Decimal("0.0001")


@contract
async def test_payments_begin_where_asked(bench: Bench) -> None:
    """Two hours give two payments, oldest first; `since_ms` is inclusive."""
    await bench.fill("ETH", Side.BUY)
    await bench.wait(2 * _HOUR_S)
    payments = await bench.venue.funding_payments(since_ms=0)
    assert len(payments) == 2
    assert payments[0].at_ms < payments[1].at_ms
    since_ms = payments[1].at_ms
    later = await bench.venue.funding_payments(since_ms=since_ms)
    assert [payments[1].payment_id] == [payment.payment_id for payment in later]
    assert not await bench.venue.funding_payments(since_ms=since_ms, symbol="BTC")


@contract
async def test_a_flat_account_pays_no_funding(bench: Bench) -> None:
    """Closed before the hour, nothing is paid for it."""
    await bench.fill("BTC", Side.BUY)
    await bench.fill("BTC", Side.SELL, size=await bench.held("BTC"), reduce_only=True)
    await bench.wait(_HOUR_S)
    assert not await bench.venue.funding_payments(since_ms=0)


@contract
async def test_leverage_is_set_and_read_back(bench: Bench) -> None:
    """One is set while flat, and one is read, in cross margin; other symbols keep theirs."""
    other = await bench.venue.leverage("ETH")
    assert isinstance(await bench.venue.set_leverage("BTC", value=1), Accepted)
    await bench.wait()
    setting = await bench.venue.leverage("BTC")
    assert (Decimal(1), MarginMode.CROSS) == (setting.value, setting.margin_mode)
    assert other == await bench.venue.leverage("ETH")


@contract
async def test_leverage_never_set_is_not_one(bench: Bench) -> None:
    """The default is far above one: on Pacifica it is the market's maximum."""
    setting = await bench.venue.leverage("BTC")
    assert setting.value > 1
    if bench.name is VenueName.PACIFICA:
        assert bench.instruments["BTC"].leverage_max == setting.value


@contract
async def test_more_leverage_than_the_market_allows_is_refused(bench: Bench) -> None:
    """The setting stays what it was."""
    before = await bench.venue.leverage("BTC")
    await bench.venue.set_leverage("BTC", value=bench.instruments["BTC"].leverage_max + 1)
    await bench.wait()
    assert before == await bench.venue.leverage("BTC")


@contract
async def test_at_one_times_the_margin_is_the_notional(bench: Bench) -> None:
    """With leverage one, an open position binds about its own value."""
    await bench.venue.set_leverage("BTC", value=1)
    await bench.wait()
    fills = await bench.fill("BTC", Side.BUY)
    account = await bench.venue.account()
    notional = sum(fill.size * fill.price for fill in fills)
    assert abs((account.equity_usd - account.free_usd) / notional - 1) < Decimal("0.05")


@contract
async def test_the_streams_come_up_first(bench: Bench) -> None:
    """The first thing a listener hears is that the connection stands, and it is said once."""
    assert isinstance(bench.events[0], StreamUp)
    assert len([event for event in bench.events if isinstance(event, StreamUp)]) == 1


@contract
async def test_closing_twice_is_safe(bench: Bench) -> None:
    """The second close has nothing to do."""
    await bench.venue.close()
    await bench.venue.close()
