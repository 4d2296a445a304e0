"""What becomes of signed orders: fills, refusals, cancels, edits, triggers, batches."""

import asyncio
from decimal import Decimal

import pytest

from desk.sim.pacifica_server import PacificaSwitches
from test.sim.pacifica_bench import CLIENT_ID, Bench, Body, on_bench


def test_a_market_order_fills_after_its_speed_bump() -> None:
    """The reply is an order id alone; the position is there a quarter of a second later."""

    async def play(bench: Bench) -> tuple[Body, list[Body], list[Body]]:
        reply = await bench.buy()
        return reply, await bench.read("/positions"), await bench.read("/trades/history")

    reply, positions, fills = on_bench(play)

    assert {"order_id"} == set(reply["data"])
    assert [("BTC", "bid", "0.01")] == [(p["symbol"], p["side"], p["amount"]) for p in positions]
    assert Decimal("0.01") == sum(Decimal(fill["amount"]) for fill in fills)
    assert {("open_long", "fulfill_taker")} == {(f["side"], f["event_type"]) for f in fills}


def test_the_fee_is_taken_off_profit_and_balance() -> None:
    """An opening fill's pnl is its fee, negative, and the balance falls by the fees."""

    async def play(bench: Bench) -> tuple[list[Body], Body]:
        await bench.buy()
        return await bench.read("/trades/history"), await bench.read("/account")

    fills, account = on_bench(play)
    fees = sum(Decimal(fill["fee"]) for fill in fills)

    assert fees > 0
    assert -fees == sum(Decimal(fill["pnl"]) for fill in fills)
    assert Decimal(10_000) - fees == Decimal(account["balance"])


def test_an_order_can_be_found_by_its_client_id_afterwards() -> None:
    """History keeps the client order id, the average price and the final status."""

    async def play(bench: Bench) -> Body:
        await bench.buy(client_order_id=CLIENT_ID)
        row: Body = (await bench.read("/orders/history"))[0]
        return row

    row = on_bench(play)

    assert (CLIENT_ID, "filled", "0.01", "market", None) == tuple(
        row[key]
        for key in ("client_order_id", "order_status", "filled_amount", "order_type", "reason")
    )
    assert Decimal(row["average_filled_price"]) > 0


def test_the_events_of_an_order_come_newest_first() -> None:
    """A cancelled order's last event is its cancel, its first the making."""

    async def play(bench: Bench) -> list[Body]:
        order_id = (await bench.post("create_order", bench.limit()))[1]["data"]["order_id"]
        await bench.post("cancel_order", {"symbol": "BTC", "order_id": order_id})
        reply = await bench.get("/orders/history_by_id", order_id=order_id)
        rows: list[Body] = reply[1]["data"]
        return rows

    rows = on_bench(play)

    assert ["cancel", "make"] == [row["event_type"] for row in rows]
    assert ["cancelled", "open"] == [row["order_status"] for row in rows]
    assert rows[0]["history_id"] > rows[1]["history_id"]


@pytest.mark.parametrize("status", [422, 400])
def test_a_cancel_of_a_gone_order_is_code_five(status: int) -> None:
    """The text and code that clients take for "gone already"; its HTTP status is a switch."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await bench.post("cancel_order", {"symbol": "BTC", "order_id": 42})

    expected = {"success": False, "data": None, "error": "Failed to cancel order", "code": 5}

    assert (status, expected) == on_bench(
        play, switches=PacificaSwitches(cancel_failed_status=status)
    )


async def place(bench: Bench, **changes: object) -> tuple[int, Body]:
    """Send a limit order with changes and wait for its speed bump."""
    reply = await bench.post("create_order", bench.limit(**changes))
    await asyncio.sleep(0.3)
    return reply


REFUSALS = [
    ({"price": "90000.5"}, 400, 400, "Price 90000.5 is not a multiple of tick size 1"),
    ({"amount": "0.000001"}, 400, 400, "Amount 0.000001 is not a multiple of lot size"),
    ({"amount": "0.00001"}, 422, 0, "Order amount too low for"),
    ({"price": "1000"}, 422, 30, "Price too far from mark: 1000"),
    ({"symbol": "XYZ"}, 422, 3, "Book not found: XYZ"),
    ({"reduce_only": True}, 422, 23, "No position found for reduce-only order:"),
    ({"amount": "40"}, 422, 5, "Insufficient balance for"),
    ({"price": "abc"}, 400, 400, "price: invalid decimal"),
    ({"client_order_id": "7"}, 400, 400, "client_order_id: UUID parsing failed"),
]


@pytest.mark.parametrize(("changes", "status", "code", "text"), REFUSALS)
def test_orders_are_refused_in_the_venues_words(
    changes: Body, status: int, code: int, text: str
) -> None:
    """Each rule has its HTTP status, its code and its sentence."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await place(bench, **changes)

    actual, body = on_bench(play)

    assert (status, code) == (actual, body["code"])
    assert body["error"].startswith(text)


def test_a_reduce_only_order_may_not_exceed_the_position() -> None:
    """Too much is refused whole, not cut to size."""

    async def play(bench: Bench) -> Body:
        await bench.buy()
        return await bench.buy("0.02", side="ask", reduce_only=True)

    expected = "Invalid reduce-only order amount: 0.02 exceeds position amount 0.01"

    assert expected == on_bench(play)["error"]


def test_a_repeated_client_id_is_refused_while_the_first_lives() -> None:
    """Two live orders cannot share a client order id."""

    async def play(bench: Bench) -> list[object]:
        order = bench.limit(client_order_id=CLIENT_ID)
        return [(await bench.post("create_order", order))[1]["code"] for _ in range(2)]

    assert [None, 36] == on_bench(play)


def test_an_edit_gives_a_new_id_and_keeps_the_client_id() -> None:
    """The edited order is another one, with the same client order id."""

    async def play(bench: Bench) -> tuple[int, int, list[Body]]:
        first = (await place(bench, client_order_id=CLIENT_ID))[1]["data"]["order_id"]
        edit = {"symbol": "BTC", "order_id": first, "price": bench.price(-3), "amount": "0.02"}
        second = (await bench.post("edit_order", edit))[1]["data"]["order_id"]
        return first, second, await bench.read("/orders")

    first, second, rows = on_bench(play)

    assert second > first
    assert [(second, CLIENT_ID, "0.02")] == [
        (row["order_id"], row["client_order_id"], row["initial_amount"]) for row in rows
    ]


def test_a_crossing_post_only_order_is_rejected_by_event() -> None:
    """It is accepted with an id and its history says post_only_rejected."""

    async def play(bench: Bench) -> tuple[int, Body]:
        status, _ = await place(bench, price=bench.price(2))
        return status, (await bench.read("/orders/history"))[0]

    status, row = on_bench(play)

    assert (200, "rejected", "post_only_rejected") == (status, row["order_status"], row["reason"])


def test_position_triggers_rest_on_the_closing_side() -> None:
    """A stop-loss and a take-profit on a long are reduce-only asks at their stop prices."""

    async def play(bench: Bench) -> tuple[Body, list[Body]]:
        await bench.buy()
        legs = {
            "take_profit": {"stop_price": bench.price(10), "trigger_price_type": "mark_price"},
            "stop_loss": {"stop_price": bench.price(-10), "trigger_price_type": "mark_price"},
        }
        payload = {"symbol": "BTC", "side": "ask", **legs}
        return (await bench.post("set_position_tpsl", payload))[1], await bench.read("/orders")

    reply, rows = on_bench(play)

    assert (True, None) == (reply["success"], reply["data"])
    assert {("ask", "take_profit_market", True), ("ask", "stop_loss_market", True)} == {
        (row["side"], row["order_type"], row["reduce_only"]) for row in rows
    }


def test_a_stop_order_rests_until_its_price() -> None:
    """A stand-alone stop shows its stop price and trigger price type."""

    async def play(bench: Bench) -> Body:
        stop = {"stop_price": bench.price(-9), "amount": "0.01", "trigger_price_type": "mark_price"}
        payload = {"symbol": "BTC", "side": "ask", "reduce_only": False, "stop_order": stop}
        await bench.post("create_stop_order", payload)
        row: Body = (await bench.read("/orders"))[0]
        return {**row, "expected_price": stop["stop_price"]}

    row = on_bench(play)

    assert ("stop_market", "mark_price") == (row["order_type"], row["trigger_price_type"])
    assert row["expected_price"] == row["stop_price"]


def test_cancel_all_counts_what_it_cancelled() -> None:
    """Two resting orders are cancelled and counted."""

    async def play(bench: Bench) -> tuple[Body, list[Body]]:
        for _ in range(2):
            await place(bench)
        everything = {"all_symbols": True, "exclude_reduce_only": False}
        reply = await bench.post("cancel_all_orders", everything)
        return reply[1]["data"], await bench.read("/orders")

    assert ({"cancelled_count": 2}, []) == on_bench(play)


def test_leverage_falls_only_while_flat() -> None:
    """With a position it may be raised, not lowered."""

    async def play(bench: Bench) -> list[object]:
        wishes = [{"symbol": "BTC", "leverage": value} for value in (10, 20, 5)]
        codes = [(await bench.post("update_leverage", wishes[0]))[1]["code"]]
        await bench.buy()
        for wish in wishes[1:]:
            codes.append((await bench.post("update_leverage", wish))[1]["code"])
        return codes

    assert [None, None, 11] == on_bench(play)


def actions(bench: Bench, *, spoil: bool = False) -> Body:
    """Return a batch: a resting order, a cancel of nothing, a cancel of that order."""
    create = bench.signed("create_order", bench.limit(client_order_id=CLIENT_ID))
    wishes: list[Body] = [
        {"symbol": "BTC", "order_id": 42},
        {"symbol": "BTC", "client_order_id": CLIENT_ID},
    ]
    cancels = [bench.signed("cancel_order", wish) for wish in wishes]
    if spoil:
        cancels[1]["signature"] = cancels[0]["signature"]
    rows = [("Create", create), ("Cancel", cancels[0]), ("Cancel", cancels[1])]
    return {"actions": [{"type": name, "data": data} for name, data in rows]}


def test_a_batch_goes_on_after_a_failing_action() -> None:
    """Results stand in order, and a later cancel sees an earlier order."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await bench.send("/orders/batch", actions(bench))

    status, body = on_bench(play)
    created, missed, cancelled = body["data"]["results"]

    assert (200, True) == (status, created["success"])
    assert {"success": False, "order_id": None, "error": "Failed to cancel order"} == missed
    assert {"success": True} == cancelled


def test_one_bad_signature_stops_the_whole_batch() -> None:
    """Nothing of a batch is done when one of its actions does not verify."""

    async def play(bench: Bench) -> tuple[int, list[Body]]:
        status, _ = await bench.send("/orders/batch", actions(bench, spoil=True))
        return status, await bench.read("/orders/history")

    assert (400, []) == on_bench(play)


def test_funding_is_paid_on_the_hour() -> None:
    """An hour later the position paid or received once, and the cash history says funding."""

    async def play(bench: Bench) -> tuple[list[Body], list[Body]]:
        await bench.buy()
        await asyncio.sleep(3_600)
        history = await bench.read("/account/balance/history")
        return await bench.read("/funding/history"), history

    payments, history = on_bench(play)

    assert [("BTC", "bid", "0.01")] == [(r["symbol"], r["side"], r["amount"]) for r in payments]
    assert "funding" == history[0]["event_type"]
    assert abs(Decimal(payments[0]["payout"]) - Decimal(history[0]["amount"])) < Decimal("0.000002")
