"""Checks of the SDK's signer: orders of every kind, batches, leverage, nonces, and refusals."""

import json
from decimal import Decimal

import lighter
from lighter.signer_client import CreateOrderTxReq

from test.conformance.clients.sdk_session import (
    BASE,
    MARKET,
    PRICE_SCALE,
    SIZE,
    SIZE_SCALE,
    UNITS,
    Session,
    accepted,
    api_error,
    plain,
)
from test.conformance.clients.suite import Suite, equal, require, until

SUITE: Suite[Session] = Suite()

TX_FAILED, TX_EXECUTED = 0, 2
INVALID_SIGNATURE, INVALID_NONCE = 21120, 21104
FUTURE_MS = 600_000


@SUITE.check("check_client")
async def check_client(session: Session) -> str:
    """The key that the signer holds is the one that is registered."""
    equal(None, session.signer.check_client(), "error")
    return f"key {session.key_index}"


@SUITE.check("limit order rests, is found, is cancelled")
async def limit_order(session: Session) -> str:
    """An order away from the market is open as signed, and canceled after we cancel it."""
    await session.flat()
    price = await session.price("-3")
    row = await session.find_open(await session.limit(price))
    seen = (Decimal(row.price), Decimal(row.remaining_base_amount), row.is_ask, row.status)
    equal((plain(price, PRICE_SCALE), SIZE, False, "open"), seen, "open order")
    accepted(await session.signer.cancel_order(MARKET, row.order_index))
    gone = await session.find_done(row.client_order_index)
    equal(("canceled", Decimal(0)), (gone.status, Decimal(gone.filled_base_amount)), "order")
    return f"rested at {row.price}"


@SUITE.check("market order fills")
async def market_order(session: Session) -> str:
    """A market buy is final as executed, a position and a trade of ours; a sell closes it."""
    await session.flat()
    name, tx_hash = await session.market(is_ask=False)
    await session.holds(SIZE)
    await session.finality(tx_hash, TX_EXECUTED)
    order = await session.find_done(name)
    equal(("filled", SIZE), (order.status, Decimal(order.filled_base_amount)), "order")
    [account] = (await session.accounts.account("index", str(session.account_index))).accounts
    [held] = [row for row in account.positions if row.market_id == MARKET]
    equal((1, SIZE), (held.sign, Decimal(held.position)), "position")
    trades = await session.orders.trades(
        "timestamp", 10, authorization=session.token(), account_index=session.account_index
    )
    fills = [row for row in trades.trades if row.bid_client_id == name]
    equal(SIZE, sum(Decimal(row.size) for row in fills), "size of our trades")
    await session.market(is_ask=True, reduce_only=True)
    await session.holds(Decimal(0))
    return f"{SIZE} {BASE} at {fills[0].price}"


@SUITE.check("market orders with a slippage bound")
async def slippage(session: Session) -> str:
    """The SDK's own price arithmetic, which deletes decimal points, buys what was meant."""
    await session.flat()
    limited = await session.signer.create_market_order_limited_slippage(
        MARKET, session.new_id(), UNITS, 0.01, False
    )
    accepted(limited)
    await session.holds(SIZE)
    bounded = await session.signer.create_market_order_if_slippage(
        MARKET, session.new_id(), UNITS, 0.01, True, True
    )
    accepted(bounded)
    await session.holds(Decimal(0))
    quoted = await session.signer.create_market_order_quote_amount(
        MARKET, session.new_id(), 100, 0.01, False
    )
    accepted(quoted)
    held = await until(lambda: session.judge.position(BASE), bool, "a position of 100 USD")
    bought_usd = held * plain(await session.price("0"), PRICE_SCALE)
    require(98 < bought_usd <= 101, f"bought {bought_usd} USD for 100")
    return f"100 USD bought {held} {BASE}"


@SUITE.check("post-only order rests, and never takes")
async def post_only(session: Session) -> str:
    """Away from the market it rests; through the market it is taken back unfilled."""
    await session.flat()
    row = await session.find_open(await session.limit(await session.price("-3"), post_only=True))
    equal("post-only", row.time_in_force, "time in force")
    gone = await session.find_done(await session.limit(await session.price("1"), post_only=True))
    equal("canceled-post-only", gone.status, "status of the crossing one")
    equal(Decimal(0), await session.judge.position(BASE), "position")
    return f"crossing: {gone.status}"


@SUITE.check("modify order")
async def modify(session: Session) -> str:
    """The order moves to the new price and size; nothing stays behind."""
    await session.flat()
    row = await session.find_open(await session.limit(await session.price("-3")))
    price = await session.price("-4")
    accepted(await session.signer.modify_order(MARKET, row.order_index, 2 * UNITS, price))
    expected = [(plain(price, PRICE_SCALE), plain(2 * UNITS, SIZE_SCALE))]
    await until(
        session.judge.account,
        lambda now: (
            expected == [(Decimal(row["price"]), Decimal(row["size"])) for row in now["orders"]]
        ),
        "one order, moved",
    )
    return f"{row.price} → {expected[0][0]}"


@SUITE.check("batch")
async def batch(session: Session) -> str:
    """Two orders and their cancels in two requests, with nonces in a row."""
    await session.flat()
    price, names = await session.price("-3"), [session.new_id(), session.new_id()]
    answer = await send_batch(session, [order_args(name, price) for name in names])
    equal(2, len(answer.tx_hash), "number of hashes")
    rows = [await session.find_open(name) for name in names]
    equal({plain(price, PRICE_SCALE)}, {Decimal(row.price) for row in rows}, "prices")
    accepted(await session.signer.cancel_all_orders(session.signer.CANCEL_ALL_TIF_IMMEDIATE, 0))
    await session.no_orders()
    return "2 transactions"


def order_args(name: int, price: int) -> tuple[int, ...]:
    """Return the signer's arguments of a resting bid."""
    limit = lighter.SignerClient.ORDER_TYPE_LIMIT
    good_till_time = lighter.SignerClient.ORDER_TIME_IN_FORCE_GOOD_TILL_TIME
    return (MARKET, name, UNITS, price, 0, limit, good_till_time)


async def send_batch(session: Session, orders: list[tuple[int, ...]]) -> lighter.RespSendTxBatch:
    """Sign orders with nonces in a row and send them in one request."""
    kinds, infos = [], []
    for order in orders:
        key, nonce = await session.signer.nonce_manager.async_next_nonce()
        kind, info, _, error = session.signer.sign_create_order(
            *order, nonce=nonce, api_key_index=key
        )
        equal(None, error, "error of the signer")
        kinds.append(kind)
        infos.append(info)
    return await session.signer.send_tx_batch(kinds, infos)


@SUITE.check("cancel all: at once, scheduled, called off")
async def cancel_all(session: Session) -> str:
    """At once it leaves nothing; scheduled for later it can be called off."""
    await session.flat()
    signer = session.signer
    for percent in ("-3", "-4"):
        await session.find_open(await session.limit(await session.price(percent)))
    now_ms = int((await session.judge.truth())["now_ms"])
    scheduled = accepted(
        await signer.cancel_all_orders(signer.CANCEL_ALL_TIF_SCHEDULED, now_ms + FUTURE_MS)
    )
    await session.finality(str(scheduled.tx_hash), TX_EXECUTED)
    aborted = accepted(await signer.cancel_all_orders(signer.CANCEL_ALL_TIF_ABORT, 0))
    await session.finality(str(aborted.tx_hash), TX_EXECUTED)
    equal(2, len((await session.judge.account())["orders"]), "orders meanwhile")
    accepted(await signer.cancel_all_orders(signer.CANCEL_ALL_TIF_IMMEDIATE, 0))
    await session.no_orders()
    return "2 orders"


@SUITE.check("stop-loss and take-profit")
async def triggers(session: Session) -> str:
    """Both rest untriggered; the price falls and the stop closes the position."""
    await session.flat()
    await session.buy()
    signer, stop, profit = session.signer, session.new_id(), session.new_id()
    low, worst = await session.price("-1"), await session.price("-4")
    accepted(await signer.create_sl_order(MARKET, stop, UNITS, low, worst, True, True))
    high, least = await session.price("5"), await session.price("2")
    accepted(await signer.create_tp_order(MARKET, profit, UNITS, high, least, True, True))
    rows = [await session.find_open(name) for name in (stop, profit)]
    equal(["stop-loss", "take-profit"], [row.type for row in rows], "types")
    await session.judge.shock(BASE, "-2")
    await session.holds(Decimal(0))
    return f"triggered at {plain(low, PRICE_SCALE)}"


@SUITE.check("grouped orders: one cancels the other")
async def grouped(session: Session) -> str:
    """A take-profit and a stop-loss in one transaction: when the one fires the other is gone."""
    await session.flat()
    await session.buy()
    low, worst = await session.price("-1"), await session.price("-4")
    high, least = await session.price("5"), await session.price("2")
    signer = session.signer
    legs = [
        leg(signer.ORDER_TYPE_TAKE_PROFIT, trigger=high, worst=least),
        leg(signer.ORDER_TYPE_STOP_LOSS, trigger=low, worst=worst),
    ]
    accepted(await signer.create_grouped_orders(signer.GROUPING_TYPE_ONE_CANCELS_THE_OTHER, legs))
    await until(session.judge.account, lambda now: len(now["orders"]) == 2, "both legs")
    await session.judge.shock(BASE, "-2")
    await session.holds(Decimal(0))
    await session.no_orders()
    return f"triggered at {plain(low, PRICE_SCALE)}"


def leg(kind: int, *, trigger: int, worst: int) -> CreateOrderTxReq:
    """Return one leg of a group: a reduce-only sale of `SIZE`."""
    return CreateOrderTxReq(
        MarketIndex=MARKET,
        ClientOrderIndex=0,
        BaseAmount=UNITS,
        Price=worst,
        IsAsk=1,
        Type=kind,
        TimeInForce=lighter.SignerClient.ORDER_TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
        ReduceOnly=1,
        TriggerPrice=trigger,
        OrderExpiry=lighter.SignerClient.DEFAULT_28_DAY_ORDER_EXPIRY,
    )


@SUITE.check("isolated margin")
async def isolated(session: Session) -> str:
    """A position in isolated mode holds margin of its own, and takes more."""
    await session.flat()
    signer = session.signer
    sent = await signer.update_leverage(MARKET, signer.ISOLATED_MARGIN_MODE, 4)
    await session.finality(str(accepted(sent).tx_hash), TX_EXECUTED)
    await session.buy()
    before = await allocated(session)
    sent = await signer.update_margin(MARKET, 10, signer.ISOLATED_MARGIN_ADD_COLLATERAL)
    await session.finality(str(accepted(sent).tx_hash), TX_EXECUTED)
    after = await allocated(session)
    require(abs(after - before - 10) < Decimal("0.5"), f"margin {before}, then {after}")
    await session.flat()
    sent = await signer.update_leverage(MARKET, signer.CROSS_MARGIN_MODE, 4)
    await session.finality(str(accepted(sent).tx_hash), TX_EXECUTED)
    return f"{before} → {after} USD"


async def allocated(session: Session) -> Decimal:
    """Return the margin that our position holds for itself."""
    [account] = (await session.accounts.account("index", str(session.account_index))).accounts
    [row] = [row for row in account.positions if row.market_id == MARKET]
    equal(1, row.margin_mode, "margin mode")
    return Decimal(row.allocated_margin)


@SUITE.check("update leverage")
async def leverage(session: Session) -> str:
    """The margin of the next position follows the leverage set."""
    await session.flat()
    for times in (4, 5):
        sent = await session.signer.update_leverage(MARKET, session.signer.CROSS_MARGIN_MODE, times)
        await session.finality(str(accepted(sent).tx_hash), TX_EXECUTED)
        [account] = (await session.accounts.account("index", str(session.account_index))).accounts
        [row] = [row for row in account.positions if row.market_id == MARKET]
        equal(Decimal(100) / times, Decimal(row.initial_margin_fraction), "percent of margin")
    return "4x, then 5x"


@SUITE.check("reduce-only order without a position fails")
async def nothing_to_reduce(session: Session) -> str:
    """Accepted, then failed in the sequencer: an answer of 200 is not an execution."""
    await session.flat()
    _, tx_hash = await session.market(is_ask=False, reduce_only=True)
    row = await session.finality(tx_hash, TX_FAILED)
    equal(Decimal(0), await session.judge.position(BASE), "position")
    return str(json.loads(row.event_info)["ae"])


@SUITE.check("nonces")
async def nonces(session: Session) -> str:
    """Each transaction takes one; a used one is refused with 21104."""
    await session.flat()
    before = (await next_nonce(session)).nonce
    await session.find_open(await session.limit(await session.price("-3")))
    after = (await next_nonce(session)).nonce
    equal(before + 1, after, "next nonce")
    body = json.loads(await api_error(send_signed(session, nonce=before)))
    equal(INVALID_NONCE, body["code"], "code")
    return str(body["message"])


async def next_nonce(session: Session) -> lighter.NextNonce:
    """Return what the venue expects next."""
    return await session.transactions.next_nonce(session.account_index, session.key_index)


async def send_signed(
    session: Session, *, nonce: int, tampered: dict[str, object] | None = None
) -> lighter.RespSendTx:
    """Send a signed order away from the market, with fields changed after the signature."""
    order = order_args(session.new_id(), await session.price("-3"))
    kind, info, _, error = session.signer.sign_create_order(
        *order, nonce=nonce, api_key_index=session.key_index
    )
    equal(None, error, "error of the signer")
    return await session.signer.send_tx(kind, json.dumps(json.loads(info) | (tampered or {})))


@SUITE.check("tampered transaction is refused")
async def tampered(session: Session) -> str:
    """A field changed after the signature, or the signature itself, and nothing gets in."""
    await session.flat()
    nonce = (await next_nonce(session)).nonce
    changes: list[dict[str, object]] = [
        {"BaseAmount": 2 * UNITS},
        {"IsAsk": 1},
        {"Sig": "A" * 107 + "="},
    ]
    for fields in changes:
        body = json.loads(await api_error(send_signed(session, nonce=nonce, tampered=fields)))
        equal(INVALID_SIGNATURE, body["code"], f"code with {list(fields)} changed")
    equal(nonce, (await next_nonce(session)).nonce, "nonce afterwards")
    equal([], (await session.judge.account())["orders"], "orders at the venue")
    return str(body["message"])


@SUITE.check("wrong key is refused")
async def wrong_key(session: Session) -> str:
    """A key the account never registered is noticed by check_client and refused by the venue.

    The last check of all: the library has one signer per account and key index in a process.
    """
    await session.flat()
    private_key, _, error = lighter.create_api_key()
    equal(None, error, "error of the key generator")
    mine = session.ready["lighter"]
    stranger = lighter.SignerClient(
        url=mine["url"],
        account_index=session.account_index,
        api_private_keys={session.key_index: private_key},
        chain_id=mine["chain_id"],
    )
    try:
        require(stranger.check_client(), "check_client noticed nothing")
        order = order_args(session.new_id(), await session.price("-3"))
        _, _, text = await stranger.create_order(*order)
    finally:
        await stranger.close()
    require(text and str(INVALID_SIGNATURE) in text, f"not refused for its signature: {text}")
    equal([], (await session.judge.account())["orders"], "orders at the venue")
    return str(INVALID_SIGNATURE)
