"""Checks of ccxt's signed requests: account, orders, fills and what they do to the balance."""

import asyncio
from decimal import Decimal

import ccxt
import ccxt.async_support

from test.conformance.clients.ccxt_session import (
    BASE,
    SIZE,
    SYMBOL,
    Row,
    Session,
    close_to,
    connect,
    exact,
    one,
    traded,
)
from test.conformance.clients.suite import Suite, equal, refused, require, until

BOTH: Suite[Session] = Suite()
LIGHTER: Suite[Session] = Suite()
PACIFICA: Suite[Session] = Suite()

DEPOSIT = Decimal(10_000)
NO_EXPIRY = -1
MICRO_USD = "0.000002"


@BOTH.check("balance and positions of a fresh account")
async def fresh(session: Session) -> str:
    """All of the deposit is free and nothing is held."""
    usdc = (await session.client.fetch_balance())["USDC"]
    equal((DEPOSIT, DEPOSIT), (exact(usdc["total"]), exact(usdc["free"])), "USDC")
    equal([], await session.positions(), "positions")
    return "10,000 USDC"


@BOTH.check("market order fills")
async def market_order(session: Session) -> str:
    """A market buy becomes a position, one of our trades, and a fee taken from the balance."""
    await session.flat()
    cash = await session.cash()
    known = {row["id"] for row in await session.client.fetch_my_trades(SYMBOL)}
    await session.buy()
    fills = [row for row in await session.client.fetch_my_trades(SYMBOL) if row["id"] not in known]
    equal(SIZE, sum(exact(row["amount"]) for row in fills), "amount filled")
    equal({"buy"}, {row["side"] for row in fills}, "side")
    equal({"taker"}, {row["takerOrMaker"] for row in fills}, "maker or taker")
    fee = await fee_of(session, fills)
    close_to(-traded(fills) * session.fees.taker, fee, within=MICRO_USD, what="fee")
    close_to(cash - fee, await session.cash(), within=MICRO_USD, what="cash after the fill")
    return f"{SIZE} {BASE}, fee {fee} USD"


async def fee_of(session: Session, fills: list[Row]) -> Decimal:
    """Return the fee of the last fills, and hold the client's figure against the truth."""
    truth = (await session.judge.account())["fills"][-len(fills) :]
    real = sum((Decimal(row["fee"]) for row in truth), Decimal())
    if not session.is_lighter:
        equal(real, sum(exact(row["fee"]["cost"]) for row in fills), "fee")
    return real


@BOTH.check("position after the fill")
async def position(session: Session) -> str:
    """The position has the size bought, at the price of the fills."""
    await session.flat()
    await session.buy()
    row = one(await session.positions(), "positions")
    equal(("long", SIZE), (row["side"], exact(row["contracts"])), "side and size")
    equal("cross", row["marginMode"], "margin mode")
    fill = (await session.judge.account())["fills"][-1]
    close_to(Decimal(fill["price"]), row["entryPrice"], within="0.5", what="entry price")
    return f"long {row['contracts']} at {row['entryPrice']}"


@BOTH.check("reduce-only market order closes")
async def close(session: Session) -> str:
    """After the round trip we are flat, and the cash has moved by the fills and their fees."""
    await session.flat()
    cash = await session.cash()
    known = {row["id"] for row in await session.client.fetch_my_trades(SYMBOL)}
    await session.buy()
    await session.send("market", "sell", reduceOnly=True)
    await session.holds(Decimal(0))
    equal([], await session.positions(), "positions")
    fills = [row for row in await session.client.fetch_my_trades(SYMBOL) if row["id"] not in known]
    expected = cash + traded(fills) - await fee_of(session, fills)
    close_to(expected, await session.cash(), within="0.0001", what="cash after the round trip")
    return f"{expected - cash:.6f} USD in {len(fills)} fills"


@BOTH.check("limit order rests, is found, is cancelled")
async def limit_order(session: Session) -> str:
    """An order away from the market is open as sent, and canceled after we cancel it."""
    await session.flat()
    price = await session.away("-3")
    name, _ = await session.send("limit", "buy", price)
    row = await session.find_open(name)
    seen = (row["side"], row["type"], exact(row["price"]), exact(row["remaining"]), row["status"])
    equal(("buy", "limit", exact(price), SIZE, "open"), seen, "open order")
    [truth] = (await session.judge.account())["orders"]
    equal((exact(price), SIZE), (Decimal(truth["price"]), Decimal(truth["size"])), "truth")
    await session.client.cancel_order(row["id"], SYMBOL)
    gone = await session.find_done(name)
    equal(("canceled", 0.0), (gone["status"], gone["filled"]), "cancelled order")
    equal([], await session.client.fetch_open_orders(SYMBOL), "open orders")
    return f"rested at {price}"


@BOTH.check("immediate limit order fills")
async def immediate(session: Session) -> str:
    """An IOC order through the book fills at the book's price and is closed, not open."""
    await session.flat()
    price = await session.away("1")
    name, _ = await session.send("limit", "buy", price, timeInForce="IOC")
    row = await session.find_done(name)
    equal(("closed", SIZE), (row["status"], exact(row["filled"])), "status and amount filled")
    await session.holds(SIZE)
    fill = (await session.judge.account())["fills"][-1]
    require(Decimal(fill["price"]) < exact(price), f"filled at {fill['price']}")
    return f"filled at {fill['price']}, limit {price}"


@BOTH.check("post-only order rests, and never takes")
async def post_only(session: Session) -> str:
    """Away from the market it rests; through the market it is taken back unfilled."""
    await session.flat()
    row = await session.resting("buy", "-3", timeInForce="PO", **post_only_word(session))
    equal("open", row["status"], "status away from the market")
    await session.flat()
    name, _ = await session.send(
        "limit", "buy", await session.away("1"), timeInForce="PO", **post_only_word(session)
    )
    gone = await session.find_done(name)
    equal(0.0, gone["filled"], "amount filled")
    require(gone["status"] in ("canceled", "rejected", "failed"), f"status {gone['status']}")
    equal(Decimal(0), await session.judge.position(BASE), "position")
    return f"crossing: {gone['status']}"


def post_only_word(session: Session) -> dict[str, object]:
    """Return how the connector is told: Lighter's listens to `postOnly`, Pacifica's only to
    `timeInForce`."""
    return {"postOnly": True} if session.is_lighter else {}


@PACIFICA.check(
    "postOnly: True",
    limit="ccxt does not sign `postOnly`: the order goes out as GTC; use timeInForce PO",
)
async def post_only_ignored(session: Session) -> str:
    """The unified flag is lost, so that an order through the market takes."""
    await session.flat()
    await session.send("limit", "buy", await session.away("1"), postOnly=True)
    await session.holds(SIZE)
    return "it took"


@BOTH.check("resting order is filled by the market")
async def maker_fill(session: Session) -> str:
    """When the price falls through our bid we have bought there, as a maker."""
    await session.flat()
    cash = await session.cash()
    bid = await session.resting("buy", "-0.5")
    await session.judge.shock(BASE, "-2")
    await session.holds(SIZE)
    row = await session.find_done(bid["clientOrderId"])
    equal(("closed", SIZE), (row["status"], exact(row["filled"])), "order")
    fills = [t for t in await session.client.fetch_my_trades(SYMBOL) if t["order"] == bid["id"]]
    equal({"maker"}, {fill["takerOrMaker"] for fill in fills}, "maker or taker")
    equal({exact(bid["price"])}, {exact(fill["price"]) for fill in fills}, "price")
    fee = SIZE * exact(bid["price"]) * session.fees.maker
    close_to(cash - fee, await session.cash(), within=MICRO_USD, what="cash after the fill")
    return f"at {bid['price']}, fee {fee.normalize():f} USD"


@BOTH.check("edit order")
async def edit(session: Session) -> str:
    """The order moves to the new price and size; nothing stays behind."""
    await session.flat()
    row = await session.resting("buy", "-3")
    price, size = await session.away("-4"), float(SIZE * 2)
    await session.client.edit_order(row["id"], SYMBOL, "limit", "buy", size, price)
    await until(
        session.judge.account,
        lambda now: (
            [(exact(price), SIZE * 2)]
            == [(Decimal(order["price"]), Decimal(order["size"])) for order in now["orders"]]
        ),
        "one order, moved",
    )
    moved = one(await session.client.fetch_open_orders(SYMBOL), "open orders")
    equal((price, size), (moved["price"], moved["remaining"]), "price and size")
    return f"{row['price']} → {price}"


@BOTH.check("cancel all")
async def cancel_all(session: Session) -> str:
    """Every order of ours is taken back at once."""
    await session.flat()
    for percent in ("-3", "-4"):
        await session.resting("buy", percent)
    await session.resting("sell", "3")
    equal(3, len(await session.client.fetch_open_orders(SYMBOL)), "orders before")
    await session.client.cancel_all_orders(SYMBOL)
    await until(session.judge.account, lambda now: not now["orders"], "no orders left")
    equal([], await session.client.fetch_open_orders(SYMBOL), "open orders")
    return "3 orders"


@PACIFICA.check("orders in a batch")
async def batch(session: Session) -> str:
    """Two orders in one request, cancelled in one request."""
    await session.flat()
    prices = [await session.away("-3"), await session.away("-4")]
    orders = [
        {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": float(SIZE), "price": price}
        for price in prices
    ]
    sent = await session.client.create_orders(orders)
    rows = await until(
        lambda: session.client.fetch_open_orders(SYMBOL), lambda rows: len(rows) == 2, "two orders"
    )
    equal(sorted(row["id"] for row in sent), sorted(row["id"] for row in rows), "ids")
    equal(sorted(prices), sorted(row["price"] for row in rows), "prices")
    await session.client.cancel_orders([row["id"] for row in sent], SYMBOL)
    await until(session.judge.account, lambda now: not now["orders"], "no orders left")
    return "2 orders"


@PACIFICA.check("order by id, and the list of orders")
async def by_id(session: Session) -> str:
    """One order is found by its id, while open and after."""
    await session.flat()
    row = await session.resting("buy", "-3")
    found = await session.client.fetch_order(row["id"])
    equal((row["price"], "open"), (found["price"], found["status"]), "open order")
    await session.client.cancel_order(row["id"], SYMBOL)
    found = await session.client.fetch_order(row["id"])
    equal("canceled", found["status"], "status after the cancel")
    listed = {each["id"]: each["status"] for each in await session.client.fetch_orders(SYMBOL)}
    equal("canceled", listed.get(row["id"]), "status in the list")
    return f"order {row['id']}"


@BOTH.check("stop order rests until the market comes")
async def stop(session: Session) -> str:
    """A reduce-only stop below the market closes the position when the price falls through."""
    await session.flat()
    await session.buy()
    trigger, worst = await session.away("-1"), await session.away("-4")
    word = "stopLossPrice" if session.is_lighter else "triggerPrice"
    kind = "market" if session.is_lighter else "limit"
    name = session.new_id()
    more = {word: trigger, "reduceOnly": True, "clientOrderId": name}
    more |= {"orderExpiry": NO_EXPIRY} if session.is_lighter else {}
    await session.client.create_order(SYMBOL, kind, "sell", float(SIZE), worst, more)
    row = await session.find_open(name)
    equal(trigger, row["triggerPrice"], "trigger price")
    equal(SIZE, await session.judge.position(BASE), "position before")
    await session.judge.shock(BASE, "-2")
    await session.holds(Decimal(0))
    return f"triggered at {trigger}"


@LIGHTER.check(
    "stop order without orderExpiry",
    limit="ccxt signs 0, which only immediate orders may have: give orderExpiry -1 (28 days)",
)
async def stop_without_expiry(session: Session) -> str:
    """The signer itself refuses what the connector makes of a stop market order."""
    price = await session.away("-1")
    more = {"stopLossPrice": price, "reduceOnly": True}
    order = session.client.create_order(SYMBOL, "market", "sell", float(SIZE), price, more)
    return await refused(order, Exception, "OrderExpiry is invalid")


@LIGHTER.check("leverage")
async def lighter_leverage(session: Session) -> str:
    """The leverage set is the one of the next position."""
    await session.flat()
    await session.client.set_leverage(4, SYMBOL, {"marginMode": "cross"})
    await session.buy()
    row = one(await session.positions(), "positions")
    equal(4.0, row["leverage"], "leverage")
    await session.flat()
    await session.client.set_leverage(5, SYMBOL, {"marginMode": "cross"})
    return "4x"


@PACIFICA.check("leverage and margin mode are set")
async def pacifica_leverage(session: Session) -> str:
    """Margin used is notional over leverage; lowering it with a position is refused."""
    await session.flat()
    await session.client.set_margin_mode("cross", SYMBOL)
    await session.client.set_leverage(4, SYMBOL)
    await session.buy()
    used = exact((await session.client.fetch_balance())["USDC"]["used"])
    close_to(await session.mid() * SIZE / 4, used, within="1", what="margin used at 4x")
    lower = session.client.set_leverage(2, SYMBOL)
    await refused(lower, ccxt.ExchangeError, "Cannot decrease leverage")
    return f"{used} USD at 4x"


@PACIFICA.check(
    "leverage is read",
    limit="ccxt reads only the list that /account/settings was until 2026: it says the maximum",
)
async def leverage_misread(session: Session) -> str:
    """Whatever was set, the connector answers the market's maximum and cross."""
    row = await session.client.fetch_leverage(SYMBOL)
    raw = await session.client.public_get_account_settings(
        {"account": session.client.walletAddress}
    )
    equal("4", str(raw["data"]["margin_settings"][0]["leverage"]), "what the venue says")
    equal(50, row["longLeverage"], "what the connector makes of it")
    return "4x is read as 50x"


@PACIFICA.check("trading fee, ledger")
async def fee_and_ledger(session: Session) -> str:
    """The account's own rates, and its deposit as the first entry of the ledger."""
    fee = await session.client.fetch_trading_fee(SYMBOL)
    equal(session.fees.taker, exact(fee["taker"]), "taker fee")
    equal(session.fees.maker, exact(fee["maker"]), "maker fee")
    ledger = await session.client.fetch_ledger("USDC")
    equal(DEPOSIT, exact(ledger[0]["amount"]), "first entry")
    require(len(ledger) > 1, "no trade in the ledger")
    return f"{len(ledger)} entries"


@LIGHTER.check("accounts")
async def accounts(session: Session) -> str:
    """The L1 address leads to our account."""
    client = session.client
    rows = await client.fetch_accounts()
    equal([str(session.ready["lighter"]["account_index"])], [row["id"] for row in rows], "ids")
    return f"account {rows[0]['id']}"


@BOTH.check("the synchronous client")
async def synchronous(session: Session) -> str:
    """`ccxt` without asyncio sends, finds and cancels an order (Lighter: as a multipart form)."""
    await session.flat()
    client = connect(ccxt, session.ready, session.venue, session.library)
    price, name = await session.away("-3"), session.new_id()
    more = {"clientOrderId": name}
    await asyncio.to_thread(client.create_order, SYMBOL, "limit", "buy", float(SIZE), price, more)
    row = await session.find_open(name)
    equal(price, row["price"], "price")
    await asyncio.to_thread(client.cancel_order, row["id"], SYMBOL)
    equal("canceled", (await session.find_done(name))["status"], "status")
    return f"order {row['id']}"


@BOTH.check("the builder fee left as it comes")
async def builder_fee(session: Session) -> str:
    """ccxt adds a fee of its own unless told not to: the order gets in all the same."""
    await session.flat()
    client = connect(ccxt.async_support, session.ready, session.venue, session.library)
    client.options["builderFee"] = True
    name = session.new_id()
    try:
        more = {"clientOrderId": name}
        price = await session.away("-3")
        await client.create_order(SYMBOL, "limit", "buy", float(SIZE), price, more)
    finally:
        await client.close()
    row = await session.find_open(name)
    return f"order {row['id']}"
