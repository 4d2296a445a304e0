"""What becomes of orders: fills, refusals, cancels, and how one learns of it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from desk.core.market import NotAligned
from desk.core.order import Accepted, OrderStatus, Side, TimeInForce
from test.contract.bench import SYMBOLS, Bench
from test.contract.candidates import contract


@contract
async def test_an_ioc_inside_the_band_fills(bench: Bench) -> None:
    """The position is what was asked for, and every fill is inside the band."""
    request = bench.request("BTC", Side.BUY)
    assert isinstance(await bench.place(request), Accepted)
    assert request.size == await bench.held("BTC")
    fills = await bench.venue.fills(since_ms=0)
    assert request.size == sum(fill.size for fill in fills)
    assert all(fill.price <= request.price for fill in fills)


@contract
async def test_market_zero_trades_like_any_other(bench: Bench) -> None:
    """ETH, market 0 on Lighter, is bought, held, found and sold."""
    bought = await bench.fill("ETH", Side.BUY)
    assert {"ETH"} == {fill.symbol for fill in bought}
    size = await bench.held("ETH")
    assert size > 0
    await bench.fill("ETH", Side.SELL, size=size, reduce_only=True)
    assert await bench.held("ETH") == 0


@contract
async def test_stream_and_request_tell_the_same_fills(bench: Bench) -> None:
    """The same ids, sizes, prices and fees come both ways."""
    await bench.fill("BTC", Side.BUY)
    await bench.fill("BTC", Side.SELL)
    asked = {fill.fill_id: fill for fill in await bench.venue.fills(since_ms=0)}
    seen = {fill.fill_id: fill for fill in bench.fills_seen()}
    assert asked.keys() == seen.keys()
    for fill_id, fill in asked.items():
        other = seen[fill_id]
        assert (fill.size, fill.price, fill.side) == (other.size, other.price, other.side)
        assert (fill.fee_usd, fill.client_id) == (other.fee_usd, other.client_id)


@contract
async def test_fills_carry_our_id(bench: Bench) -> None:
    """A fill says which order of ours it belongs to, by both ids."""
    request = bench.request("DOGE", Side.SELL)
    await bench.place(request)
    order = await bench.order(request)
    for fill in await bench.venue.fills(since_ms=0):
        assert (request.client_id, order.order_id) == (fill.client_id, fill.order_id)
        assert Side.SELL is fill.side


@contract
async def test_a_filled_order_is_found_with_its_average(bench: Bench) -> None:
    """An order gone from the book is still found by our id, with what it got."""
    request = bench.request("BTC", Side.BUY)
    await bench.place(request)
    order = await bench.order(request)
    fills = await bench.venue.fills(since_ms=0)
    paid = sum(fill.size * fill.price for fill in fills)
    assert (OrderStatus.FILLED, request.size) == (order.status, order.filled)
    assert order.average_price is not None
    assert abs(order.average_price * request.size - paid) < Decimal("0.01")


@contract
async def test_the_stream_ends_an_order(bench: Bench) -> None:
    """The last word of the stream on a filled order is that it is filled."""
    request = bench.request("BTC", Side.BUY)
    await bench.place(request)
    last = bench.orders_seen(request)[-1]
    assert (OrderStatus.FILLED, request.size) == (last.status, last.filled)


@contract
async def test_an_ioc_outside_the_market_fills_nothing(bench: Bench) -> None:
    """It ends cancelled, and no position appears."""
    low = bench.instruments["BTC"].price_down(bench.quote("BTC").mid * Decimal("0.98"))
    request = bench.request("BTC", Side.BUY, price=low)
    await bench.place(request)
    order = await bench.venue.find_order("BTC", request.client_id)
    assert order is None or (OrderStatus.CANCELED, Decimal(0)) == (order.status, order.filled)
    assert not await bench.venue.fills(since_ms=0)
    assert await bench.held("BTC") == 0
    assert not await bench.venue.open_orders()


@contract
async def test_an_ioc_larger_than_its_band_fills_in_part(bench: Bench) -> None:
    """It takes what its price allows; the rest is cancelled, not left resting."""
    quote = bench.quote("BTC")
    request = bench.request("BTC", Side.BUY, size=quote.ask_size * 3, price=quote.ask)
    await bench.place(request)
    order = await bench.order(request)
    assert OrderStatus.CANCELED is order.status
    assert order.filled < request.size
    assert order.filled == await bench.held("BTC")
    assert not await bench.venue.open_orders()


@contract
async def test_a_post_only_order_rests(bench: Bench) -> None:
    """It waits in the book, is listed with our id, and costs nothing."""
    request = bench.resting("BTC", Side.BUY)
    assert isinstance(await bench.place(request), Accepted)
    orders = await bench.venue.open_orders("BTC")
    assert [request.client_id] == [order.client_id for order in orders]
    assert (request.price, request.size) == (orders[0].price, orders[0].size)
    assert OrderStatus.OPEN is orders[0].status
    assert not await bench.venue.fills(since_ms=0)


@contract
async def test_a_crossing_post_only_order_never_takes(bench: Bench) -> None:
    """Refused at once or cancelled a moment later, but never a fill."""
    request = bench.request("BTC", Side.BUY, time_in_force=TimeInForce.POST_ONLY)
    await bench.place(request)
    assert not await bench.venue.open_orders()
    assert not await bench.venue.fills(since_ms=0)
    order = await bench.venue.find_order("BTC", request.client_id)
    assert order is None or order.status in (OrderStatus.CANCELED, OrderStatus.REJECTED)


@contract
async def test_a_resting_order_fills_as_maker(bench: Bench) -> None:
    """When the market comes to it, it fills at its own price for the maker's fee."""
    request = bench.resting("BTC", Side.BUY)
    await bench.place(request)
    await bench.shock("BTC", -4)
    fills = await bench.venue.fills(since_ms=0)
    rate = (await bench.venue.fees()).maker
    assert request.size == sum(fill.size for fill in fills)
    for fill in fills:
        assert fill.is_maker
        assert request.price == fill.price
        assert abs(fill.fee_usd - fill.size * fill.price * rate) < Decimal("0.00001")


@contract
async def test_a_good_till_cancelled_order_takes_and_rests(bench: Bench) -> None:
    """Its crossing part fills, its remainder waits."""
    quote = bench.quote("BTC")
    request = bench.request(
        "BTC", Side.BUY, size=quote.ask_size * 3, price=quote.ask, time_in_force=TimeInForce.GTC
    )
    await bench.place(request)
    order = await bench.order(request)
    assert OrderStatus.OPEN is order.status
    assert 0 < order.filled < request.size


@contract
async def test_reduce_only_without_a_position_opens_nothing(bench: Bench) -> None:
    """Refused or cancelled: the account stays flat."""
    await bench.place(bench.request("BTC", Side.SELL, reduce_only=True))
    assert await bench.held("BTC") == 0
    assert not await bench.venue.fills(since_ms=0)


@contract
async def test_reduce_only_never_increases(bench: Bench) -> None:
    """On the position's own side it does nothing."""
    await bench.fill("BTC", Side.BUY)
    held = await bench.held("BTC")
    await bench.place(bench.request("BTC", Side.BUY, reduce_only=True))
    assert held == await bench.held("BTC")


@contract
async def test_reduce_only_never_turns_a_position(bench: Bench) -> None:
    """Larger than the position it is refused or cut, but never opens the other side."""
    await bench.fill("BTC", Side.BUY)
    held = await bench.held("BTC")
    await bench.place(bench.request("BTC", Side.SELL, size=held * 3, reduce_only=True))
    assert await bench.held("BTC") in (0, held)


@contract
async def test_an_order_may_turn_a_position(bench: Bench) -> None:
    """Selling three times what is held leaves twice that, short."""
    await bench.fill("BTC", Side.BUY)
    held = await bench.held("BTC")
    await bench.fill("BTC", Side.SELL, size=held * 3)
    assert -2 * held == await bench.held("BTC")


@contract
async def test_a_client_id_lives_once(bench: Bench) -> None:
    """While an order with our id lives, a second one with it comes to nothing."""
    first = bench.resting("BTC", Side.BUY)
    await bench.place(first)
    await bench.place(replace(bench.resting("BTC", Side.BUY), client_id=first.client_id))
    orders = await bench.venue.open_orders("BTC")
    assert [first.client_id] == [order.client_id for order in orders]


@contract
async def test_a_cancelled_order_is_gone(bench: Bench) -> None:
    """It leaves the list, is found as cancelled, and the stream says so."""
    request = bench.resting("ETH", Side.SELL)
    await bench.place(request)
    assert isinstance(await bench.venue.cancel("ETH", client_id=request.client_id), Accepted)
    await bench.wait()
    assert not await bench.venue.open_orders()
    assert OrderStatus.CANCELED is (await bench.order(request)).status
    assert OrderStatus.CANCELED is bench.orders_seen(request)[-1].status


@contract
async def test_cancelling_what_is_not_there_changes_nothing(bench: Bench) -> None:
    """An unknown order, or one gone already: no exception, and other orders stay."""
    kept, gone = bench.resting("BTC", Side.BUY), bench.resting("BTC", Side.SELL)
    await bench.place(kept)
    await bench.place(gone)
    for client_id in (gone.client_id, gone.client_id, bench.next_id()):
        await bench.venue.cancel("BTC", client_id=client_id)
        await bench.wait()
    orders = await bench.venue.open_orders()
    assert [kept.client_id] == [order.client_id for order in orders]


@contract
async def test_cancel_all_keeps_to_its_symbol(bench: Bench) -> None:
    """Orders of other symbols stay until all are cancelled."""
    for symbol in SYMBOLS:
        await bench.place(bench.resting(symbol, Side.BUY))
    await bench.venue.cancel_all("ETH")
    await bench.wait()
    assert {"BTC", "DOGE"} == {order.symbol for order in await bench.venue.open_orders()}
    await bench.venue.cancel_all()
    await bench.wait()
    assert not await bench.venue.open_orders()


@contract
async def test_open_orders_can_be_asked_for_one_symbol(bench: Bench) -> None:
    """One symbol's list holds that symbol's orders, the whole list holds all."""
    for symbol in ("BTC", "ETH"):
        await bench.place(bench.resting(symbol, Side.BUY))
    assert {"ETH"} == {order.symbol for order in await bench.venue.open_orders("ETH")}
    assert {"BTC", "ETH"} == {order.symbol for order in await bench.venue.open_orders()}


@contract
async def test_an_unknown_order_is_none(bench: Bench) -> None:
    """An id nobody used finds nothing."""
    assert await bench.venue.find_order("BTC", bench.next_id()) is None


@contract
async def test_an_order_is_found_only_in_its_market(bench: Bench) -> None:
    """Asking in another market finds nothing."""
    request = bench.resting("BTC", Side.BUY)
    await bench.place(request)
    assert await bench.venue.find_order("ETH", request.client_id) is None


@contract
async def test_fills_begin_where_asked(bench: Bench) -> None:
    """`since_ms` is inclusive, and a millisecond later excludes."""
    await bench.fill("BTC", Side.BUY)
    later = await bench.fill("ETH", Side.BUY)
    at_ms = later[0].at_ms
    assert {"ETH"} == {fill.symbol for fill in await bench.venue.fills(since_ms=at_ms)}
    assert not await bench.venue.fills(since_ms=later[-1].at_ms + 1)
    everything = await bench.venue.fills(since_ms=0)
    assert [fill.at_ms for fill in everything] == sorted(fill.at_ms for fill in everything)
    assert {"BTC"} == {fill.symbol for fill in await bench.venue.fills(since_ms=0, symbol="BTC")}


@contract
async def test_what_is_off_the_grid_is_never_signed(bench: Bench) -> None:
    """Half a tick or half a lot raises instead of being rounded silently."""
    good, instrument = bench.request("BTC", Side.BUY), bench.instruments["BTC"]
    with pytest.raises(NotAligned):
        await bench.venue.sign(replace(good, price=good.price + instrument.price_tick / 2))
    with pytest.raises(NotAligned):
        await bench.venue.sign(replace(good, size=good.size + instrument.size_lot / 2))
    with pytest.raises(NotAligned):
        await bench.venue.sign(replace(good, size=Decimal(0)))


@contract
async def test_signing_sends_nothing(bench: Bench) -> None:
    """A signed order that is never sent never happens, and it knows its id."""
    request = bench.request("BTC", Side.BUY)
    assert request.client_id == (await bench.venue.sign(request)).client_id
    await bench.wait(30)
    assert await bench.held("BTC") == 0
    assert await bench.venue.find_order("BTC", request.client_id) is None


@contract
async def test_dust_never_rests(bench: Bench) -> None:
    """A resting order below the venue's minimum is refused."""
    lot = bench.instruments["BTC"].size_lot
    await bench.place(bench.resting("BTC", Side.BUY, size=lot))
    assert not await bench.venue.open_orders()


@contract
async def test_more_than_the_margin_allows_is_not_opened(bench: Bench) -> None:
    """An order for a hundred times the equity leaves the account flat."""
    size = bench.instruments["BTC"].size_up(Decimal(2_000_000) / bench.quote("BTC").mid)
    await bench.place(bench.request("BTC", Side.BUY, size=size))
    assert await bench.held("BTC") == 0


@contract
async def test_a_fence_lets_nothing_of_before_take_effect(bench: Bench) -> None:
    """Within seconds, and what was done before it is there to be read."""
    fills = await bench.fill("BTC", Side.BUY)
    for _ in range(10):
        if await bench.venue.fence(past_life=True):
            break
        await bench.wait(1)
    else:
        pytest.fail("the fence is never complete")
    assert await bench.held("BTC") == sum(fill.size for fill in fills)
