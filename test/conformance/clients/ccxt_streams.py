"""Checks of ccxt.pro: what comes by WebSocket, and orders sent that way."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from test.conformance.clients.ccxt_session import (
    BASE,
    MARKETS,
    SIZE,
    SYMBOL,
    Row,
    Session,
    close_to,
    exact,
)
from test.conformance.clients.suite import Mismatch, Suite, equal, require, until

BOTH: Suite[Session] = Suite()
LIGHTER: Suite[Session] = Suite()
PACIFICA: Suite[Session] = Suite()

BOOK_UPDATES = 3
NEVER_S = 1.5


@BOTH.check("watch order book")
async def book(session: Session) -> str:
    """The book kept from the stream stays uncrossed and agrees with the one by request."""
    for _ in range(BOOK_UPDATES):
        seen = await session.client.watch_order_book(SYMBOL)
        require(seen["bids"][0][0] < seen["asks"][0][0], f"crossed: {seen['bids'][0]}")
    middle = exact(seen["bids"][0][0] + seen["asks"][0][0]) / 2
    close_to(await session.mid(), middle, within="5", what="middle")
    await until(lambda: best_agree(session), bool, "same best prices as by request")
    return f"{BOOK_UPDATES} updates"


async def best_agree(session: Session) -> bool:
    """Return whether stream and request tell the same best bid and ask at this moment."""
    seen = await session.client.watch_order_book(SYMBOL)
    asked = await session.client.fetch_order_book(SYMBOL)
    return all(seen[side][0][0] == asked[side][0][0] for side in ("bids", "asks"))


@BOTH.check("watch ticker, tickers")
async def tickers(session: Session) -> str:
    """The ticker follows the market; together they cover every market."""
    row = await session.client.watch_ticker(SYMBOL)
    close_to(await session.mid(), row["last"], within="50", what="last price")
    found: set[str] = set()
    while len(found) < MARKETS:
        found |= set(await session.client.watch_tickers())
    return f"{BASE} {row['last']}, {len(found)} tickers"


@BOTH.check("watch trades")
async def trades(session: Session) -> str:
    """A trade of ours appears among everybody's."""
    await session.flat()
    since_ms = session.client.milliseconds()
    rows: list[Row] = await session.watched(
        lambda: session.client.watch_trades(SYMBOL),
        lambda rows: any(is_new(row, since_ms) for row in rows),
        session.buy,
    )
    row = next(row for row in rows if is_new(row, since_ms))
    equal("buy", row["side"], "side of the taker")
    fill = (await session.judge.account())["fills"][-1]
    equal(Decimal(fill["price"]), exact(row["price"]), "price")
    return f"{row['amount']} at {row['price']}"


def is_new(row: Row, since_ms: int) -> bool:
    """Return whether this is a trade of our size, and not one of those before."""
    return exact(row["amount"]) == SIZE and row["timestamp"] > since_ms


@PACIFICA.check("watch candles")
async def candles(session: Session) -> str:
    """The candle of the running minute."""
    rows = await session.client.watch_ohlcv(SYMBOL, "1m")
    age_ms = session.client.milliseconds() - rows[-1][0]
    require(0 <= age_ms < 65_000, f"the last candle began {age_ms} ms ago")
    return f"close {rows[-1][4]}"


@BOTH.check("watch orders: open, then canceled")
async def orders(session: Session) -> str:
    """An order of ours comes by as open, and as canceled after we cancel it."""
    await session.flat()
    name, price = session.new_id(), await session.away("-3")

    def mine(status: str) -> Callable[[list[Row]], object]:
        return lambda rows: any(
            row["clientOrderId"] == name and row["status"] == status for row in rows
        )

    more = {"clientOrderId": name}
    opened = await session.watched(
        lambda: session.client.watch_orders(SYMBOL),
        mine("open"),
        lambda: session.client.create_order(SYMBOL, "limit", "buy", float(SIZE), price, more),
    )
    row = next(row for row in opened if row["clientOrderId"] == name)
    equal(SIZE, exact(row["amount"]), "amount")
    await session.watched(
        lambda: session.client.watch_orders(SYMBOL),
        mine("canceled"),
        lambda: session.client.cancel_order(row["id"], SYMBOL),
    )
    return f"order {row['id']}"


@PACIFICA.check(
    "watch orders: the side",
    limit="ccxt misreads the stream's `d`: every order is a sell",
)
async def orders_side(session: Session) -> str:
    """A buy of ours comes by as a sell, though the frame says bid."""
    await session.flat()
    name, price = session.new_id(), await session.away("-3")
    more = {"clientOrderId": name}
    rows = await session.watched(
        lambda: session.client.watch_orders(SYMBOL),
        lambda rows: any(row["clientOrderId"] == name for row in rows),
        lambda: session.client.create_order(SYMBOL, "limit", "buy", float(SIZE), price, more),
    )
    row = next(row for row in rows if row["clientOrderId"] == name)
    equal("bid", row["info"]["d"], "what the venue says")
    equal("sell", row["side"], "what the connector makes of it")
    return "bid is read as sell"


@BOTH.check("watch orders: filled")
async def orders_filled(session: Session) -> str:
    """A market order of ours comes by as closed, with all of its amount filled."""
    await session.flat()
    price = await session.away("2")
    name = session.new_id()
    more = {"clientOrderId": name}
    rows = await session.watched(
        lambda: session.client.watch_orders(SYMBOL),
        lambda rows: any(
            row["clientOrderId"] == name and row["status"] == "closed" for row in rows
        ),
        lambda: session.client.create_order(SYMBOL, "market", "buy", float(SIZE), price, more),
    )
    row = next(row for row in rows if row["clientOrderId"] == name and row["status"] == "closed")
    equal(SIZE, exact(row["filled"]), "amount filled")
    return f"filled {row['filled']}"


@BOTH.check("watch my trades")
async def my_trades(session: Session) -> str:
    """A fill of ours comes by with side, size, price and fee."""
    await session.flat()
    since_ms = session.client.milliseconds()
    rows = await session.watched(
        lambda: session.client.watch_my_trades(SYMBOL),
        lambda rows: any(is_new(row, since_ms) for row in rows),
        session.buy,
    )
    row = next(row for row in rows if is_new(row, since_ms))
    equal("buy", row["side"], "side")
    fill = (await session.judge.account())["fills"][-1]
    equal(Decimal(fill["price"]), exact(row["price"]), "price")
    if not session.is_lighter:
        equal(Decimal(fill["fee"]), exact(row["fee"]["cost"]), "fee")
    return f"{row['side']} {row['amount']} at {row['price']}"


@LIGHTER.check("watch balance")
async def balance(session: Session) -> str:
    """What is free shrinks by the margin of a new position."""
    await session.flat()
    before = (await session.client.watch_balance())["USDC"]
    after = await session.watched(
        session.client.watch_balance,
        lambda now: now["USDC"]["free"] < before["free"] - 10,
        session.buy,
    )
    close_to(exact(before["total"]), after["USDC"]["total"], within="1", what="collateral")
    return f"{before['free']} → {after['USDC']['free']} USDC"


@BOTH.check("orders by WebSocket")
async def by_stream(session: Session) -> str:
    """An order sent by WebSocket rests; cancelled that way it is gone."""
    await session.flat()
    name, price = session.new_id(), await session.away("-3")
    more = {"clientOrderId": name}
    await session.client.create_order_ws(SYMBOL, "limit", "buy", float(SIZE), price, more)
    row = await session.find_open(name)
    equal(price, row["price"], "price")
    await session.client.cancel_order_ws(row["id"], SYMBOL)
    equal("canceled", (await session.find_done(name))["status"], "status")
    await session.resting("buy", "-3")
    await session.client.cancel_all_orders_ws(SYMBOL)
    await until(session.judge.account, lambda now: not now["orders"], "no orders left")
    return f"order {row['id']}"


@PACIFICA.check("edit by WebSocket")
async def edit_by_stream(session: Session) -> str:
    """The order moves to the new price."""
    await session.flat()
    row = await session.resting("buy", "-3")
    price = await session.away("-4")
    await session.client.edit_order_ws(row["id"], SYMBOL, "limit", "buy", float(SIZE), price)
    await until(
        session.judge.account,
        lambda now: [exact(price)] == [Decimal(order["price"]) for order in now["orders"]],
        "one order, moved",
    )
    return f"{row['price']} → {price}"


@LIGHTER.check("unsubscribe")
async def unwatch(session: Session) -> str:
    """The venue confirms, and a later watch starts afresh."""
    await session.client.watch_order_book(SYMBOL)
    await session.client.un_watch_order_book(SYMBOL)
    seen = await session.client.watch_order_book(SYMBOL)
    require(seen["bids"] and seen["asks"], "an empty book after the second watch")
    return "confirmed"


@PACIFICA.check(
    "unsubscribe",
    limit="ccxt looks for the confirmation one level too deep: un_watch_* never returns",
)
async def unwatch_hangs(session: Session) -> str:
    """The venue confirms and falls silent, but the call does not return."""
    await session.client.watch_order_book(SYMBOL)
    call = asyncio.ensure_future(session.client.un_watch_order_book(SYMBOL))
    done, _ = await asyncio.wait({call}, timeout=NEVER_S)
    call.cancel()
    if done:
        raise Mismatch("it returned: this limit of the client is gone")
    return f"silent for {NEVER_S:g} s"
