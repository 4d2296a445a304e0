"""Triggers that rest at the venue: they wait for the mark, then only ever reduce."""

from desk.core.order import Accepted, OrderKind, Side
from test.contract.bench import Bench
from test.contract.candidates import contract


@contract
async def test_triggers_wait_and_are_listed(bench: Bench) -> None:
    """Stop and take-profit are taken, listed with their trigger prices, and do nothing yet."""
    await bench.fill("BTC", Side.BUY)
    held = await bench.held("BTC")
    stop = bench.trigger("BTC", Side.SELL, kind=OrderKind.STOP, at_pct=-5)
    gain = bench.trigger("BTC", Side.SELL, kind=OrderKind.TAKE_PROFIT, at_pct=5)
    for request in (stop, gain):
        assert isinstance(await bench.place(request), Accepted)
    listed = {order.client_id: order for order in await bench.venue.open_orders("BTC")}
    for request in (stop, gain):
        order = listed[request.client_id]
        assert (request.trigger_price, True) == (order.trigger_price, order.reduce_only)
        assert request.kind is order.kind
    assert held == await bench.held("BTC")


@contract
async def test_a_stop_fires_on_the_mark(bench: Bench) -> None:
    """A fall through the trigger closes a long."""
    await bench.fill("BTC", Side.BUY)
    await bench.place(bench.trigger("BTC", Side.SELL, kind=OrderKind.STOP, at_pct=-5))
    await bench.shock("BTC", -3)
    assert await bench.held("BTC") > 0
    await bench.shock("BTC", -3)
    assert await bench.held("BTC") == 0
    assert not await bench.venue.open_orders()


@contract
async def test_a_take_profit_fires_on_the_mark(bench: Bench) -> None:
    """A rise through the trigger closes a long."""
    await bench.fill("BTC", Side.BUY)
    await bench.place(bench.trigger("BTC", Side.SELL, kind=OrderKind.TAKE_PROFIT, at_pct=5))
    await bench.shock("BTC", 3)
    assert await bench.held("BTC") > 0
    await bench.shock("BTC", 3)
    assert await bench.held("BTC") == 0


@contract
async def test_triggers_mirror_for_a_short(bench: Bench) -> None:
    """A short is stopped by a rise; its take-profit below keeps waiting or goes with it."""
    await bench.fill("ETH", Side.SELL)
    await bench.place(bench.trigger("ETH", Side.BUY, kind=OrderKind.STOP, at_pct=5))
    await bench.place(bench.trigger("ETH", Side.BUY, kind=OrderKind.TAKE_PROFIT, at_pct=-5))
    await bench.shock("ETH", 6)
    assert await bench.held("ETH") == 0
    await bench.shock("ETH", -15)
    assert await bench.held("ETH") == 0


@contract
async def test_a_trigger_without_a_position_opens_nothing(bench: Bench) -> None:
    """A trigger left behind after the position was closed cannot open a new one."""
    await bench.fill("BTC", Side.BUY)
    await bench.place(bench.trigger("BTC", Side.SELL, kind=OrderKind.STOP, at_pct=-5))
    await bench.fill("BTC", Side.SELL, size=await bench.held("BTC"), reduce_only=True)
    await bench.shock("BTC", -8)
    assert await bench.held("BTC") == 0


@contract
async def test_a_trigger_is_cancelled_by_our_id(bench: Bench) -> None:
    """A cancelled trigger is not listed and does not fire."""
    await bench.fill("BTC", Side.BUY)
    held = await bench.held("BTC")
    for kind, at_pct in ((OrderKind.STOP, -5), (OrderKind.TAKE_PROFIT, 5)):
        request = bench.trigger("BTC", Side.SELL, kind=kind, at_pct=at_pct)
        await bench.place(request)
        await bench.venue.cancel("BTC", client_id=request.client_id)
        await bench.wait()
    assert not await bench.venue.open_orders()
    await bench.shock("BTC", -8)
    assert held == await bench.held("BTC")
