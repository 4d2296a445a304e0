"""Checks of the SDK's read-only APIs and of its WebSocket client."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import lighter

from test.conformance.clients.sdk_session import (
    BASE,
    MARKET,
    PRICE_SCALE,
    SIZE,
    SIZE_SCALE,
    Session,
)
from test.conformance.clients.suite import Suite, equal, require, until

SUITE: Suite[Session] = Suite()

MARKETS = 16
HOUR_S = 3_600
PINNED_HOURLY = "0.0003"
BOOK_FRAMES = 3


@SUITE.check("RootApi, InfoApi")
async def root(session: Session) -> str:
    """The venue is up, and tells its contract and its configuration."""
    api = lighter.RootApi(session.signer.api_client)
    equal(200, (await api.status()).status, "status")
    contract: str = (await api.info()).contract_address
    require(contract.startswith("0x"), f"contract {contract}")
    config = await lighter.InfoApi(session.signer.api_client).system_config()
    equal(200, config.code, "code of the configuration")
    return contract[:8]


@SUITE.check("OrderApi: markets")
async def markets(session: Session) -> str:
    """Details agree with the list; steps are those of the market."""
    books = (await session.orders.order_books()).order_books
    details = (await session.orders.order_book_details()).order_book_details
    equal(MARKETS, len(books), "number of order books")
    names = sorted(book.symbol for book in books)
    equal(names, sorted(row.symbol for row in details), "markets")
    row = next(row for row in details if row.market_id == MARKET)
    scales = (10**row.size_decimals, 10**row.price_decimals)
    equal((BASE, SIZE_SCALE, PRICE_SCALE), (row.symbol, *scales), "symbol and scales")
    stats = await session.orders.exchange_stats()
    equal(MARKETS, len(stats.order_book_stats), "number of statistics")
    return f"{len(books)} markets"


@SUITE.check("OrderApi: book and trades")
async def book(session: Session) -> str:
    """The book is sorted, printed with all decimals; trades lie near it, newest first."""
    rows = await session.orders.order_book_orders(MARKET, 50)
    bids, asks = ([Decimal(row.price) for row in side] for side in (rows.bids, rows.asks))
    equal(sorted(bids, reverse=True), bids, "order of bids")
    equal(sorted(asks), asks, "order of asks")
    require(bids[0] < asks[0], f"crossed: {bids[0]} {asks[0]}")
    prices = {row.price for row in (*rows.bids, *rows.asks)}
    equal({2}, {len(price.partition(".")[2]) for price in prices}, "decimals of prices")
    trades = (await session.orders.recent_trades(MARKET, 20)).trades
    ids = [row.trade_id for row in trades]
    equal(sorted(ids, reverse=True), ids, "order of trades")
    require(all(abs(Decimal(row.price) / bids[0] - 1) < Decimal("0.1") for row in trades), "price")
    return f"{len(bids)} × {len(asks)} levels, {len(trades)} trades"


@SUITE.check("CandlestickApi: candles, fundings")
async def history(session: Session) -> str:
    """An hour of candles; two days of settlements, each an unsigned percent with a payer."""
    api = lighter.CandlestickApi(session.signer.api_client)
    now_s = (await lighter.RootApi(session.signer.api_client).status()).timestamp
    begin_ms, now_ms = (now_s - HOUR_S) * 1000, now_s * 1000
    candles = (await api.candles(MARKET, "1m", begin_ms, now_ms, 0)).c
    require(55 <= len(candles) <= 62, f"{len(candles)} candles in an hour")
    rows = (await api.fundings(MARKET, "1h", now_s - 40 * HOUR_S, now_s, 0)).fundings
    require(39 <= len(rows) <= 41, f"{len(rows)} settlements in 40 hours")
    equal({0}, {row.timestamp % HOUR_S for row in rows}, "seconds past the hour")
    require({row.direction for row in rows} <= {"long", "short"}, "a row without a payer")
    require(all(Decimal(row.rate) >= 0 for row in rows), "a signed rate")
    return f"{len(candles)} candles, {len(rows)} settlements"


@SUITE.check("FundingApi: rates per 8 hours")
async def funding(session: Session) -> str:
    """A rate pinned per hour is told for eight, next to those of other exchanges."""
    await session.judge.set_funding(BASE, PINNED_HOURLY)
    api = lighter.FundingApi(session.signer.api_client)

    async def ours() -> Decimal:
        rows = (await api.funding_rates()).funding_rates
        mine = [row for row in rows if (row.exchange, row.market_id) == ("lighter", MARKET)]
        equal(1, len(mine), "rows of ours")
        return Decimal(str(mine[0].rate))

    rate = await until(ours, lambda rate: rate == 8 * Decimal(PINNED_HOURLY), "the rate, times 8")
    return f"{rate} per 8 h"


@SUITE.check("AccountApi")
async def account(session: Session) -> str:
    """The fresh account by index and by L1 address, its key, its tier, its profit so far."""
    mine = session.ready["lighter"]
    [row] = (await session.accounts.account("index", str(session.account_index))).accounts
    equal(Decimal(10_000), Decimal(row.collateral), "collateral")
    family = await session.accounts.accounts_by_l1_address(mine["l1_address"])
    equal([session.account_index], [each.index for each in family.sub_accounts], "accounts")
    [key] = (await session.accounts.apikeys(session.account_index, session.key_index)).api_keys
    equal(mine["api_public_key"].removeprefix("0x"), key.public_key, "public key")
    limits = await session.accounts.account_limits(session.account_index, session.token())
    equal(("standard", 0), (limits.user_tier, limits.current_taker_fee_tick), "tier and fee")
    now_s = (await lighter.RootApi(session.signer.api_client).status()).timestamp
    who = str(session.account_index)
    profit = await session.accounts.pnl(
        "index", who, "1h", now_s - HOUR_S, now_s, 1, authorization=session.token()
    )
    equal(200, profit.code, "code of the profits")
    return f"account {row.index}, {limits.user_tier}"


@SUITE.check("TransactionApi")
async def transactions(session: Session) -> str:
    """A transaction of ours is found by its hash, in the account's list and in everybody's."""
    await session.flat()
    _, tx_hash = await session.market(is_ask=False)
    await session.holds(SIZE)
    found = await session.transactions.tx("hash", tx_hash)
    equal(
        (session.account_index, session.key_index), (found.account_index, found.api_key_index), "by"
    )
    mine = await session.transactions.account_txs(
        10, "account_index", str(session.account_index), authorization=session.token()
    )
    every = await session.transactions.txs(10)
    for rows in (mine.txs, every.txs):
        require(tx_hash in {row.hash for row in rows}, "it is missing in a list")
    after = await session.transactions.next_nonce(session.account_index, session.key_index)
    equal(found.nonce + 1, after.nonce, "next nonce")
    return tx_hash[:8]


@SUITE.check("read without a token is refused")
async def no_token(session: Session) -> str:
    """Orders of an account are shown to its owner only."""
    try:
        await session.orders.account_active_orders("", session.account_index, market_id=MARKET)
    except lighter.exceptions.ApiException as error:
        body = json.loads(error.body)
        require(body["code"] != 200, f"code {body['code']}")
        return f"{error.status}: {body['code']} {body['message']}"
    raise AssertionError("orders were shown without a token")


@SUITE.check("WsClient: books and account")
async def stream(session: Session) -> str:
    """The books that the client keeps agree with the request; the account frame shows our fill."""
    await session.flat()
    frames: list[str] = []
    accounts: list[Any] = []
    client = lighter.WsClient(
        ws_url=session.ready["lighter"]["ws_url"],
        order_book_ids=[MARKET],
        account_ids=[session.account_index],
        on_order_book_update=lambda market, _: frames.append(market),
        on_account_update=lambda _, state: accounts.append(state),
    )
    running = asyncio.ensure_future(client.run_async())
    try:
        await until(alive(running, accounts), bool, "first account frame")
        await session.buy()
        await until(alive(running, accounts), shows_position, "our position in an account frame")
        await until(alive(running, frames), lambda seen: len(seen) >= BOOK_FRAMES, "book frames")
        await until(lambda: best_agree(session, client), bool, "same best prices as by request")
    finally:
        running.cancel()
        await asyncio.wait({running})
    return f"{len(frames)} book frames, {len(accounts)} account frames"


def alive(running: "asyncio.Future[None]", value: Any) -> Any:
    """Return a reader of `value` that fails with the client when the client has failed."""

    async def read() -> Any:
        if running.done():
            running.result()
        return value

    return read


def shows_position(accounts: list[Any]) -> bool:
    """Return whether any account frame holds the position just bought."""
    rows = [frame.get("positions") or {} for frame in accounts]
    mine = [row[str(MARKET)] for row in rows if str(MARKET) in row]
    return any(row["sign"] == 1 and Decimal(row["position"]) == SIZE for row in mine)


async def best_agree(session: Session, client: Any) -> bool:
    """Return whether stream and request tell the same best bid and ask at this moment.

    The client keeps levels in the order of their arrival, so the best is searched for.
    """
    asked = await session.orders.order_book_orders(MARKET, 1)
    kept = client.order_book_states[str(MARKET)]
    best_bid = max(Decimal(level["price"]) for level in kept["bids"])
    best_ask = min(Decimal(level["price"]) for level in kept["asks"])
    return (best_bid, best_ask) == (Decimal(asked.bids[0].price), Decimal(asked.asks[0].price))
