"""Negative controls: what the venue must refuse, seen through ccxt."""

import json
from typing import Any

import ccxt
import ccxt.async_support

from test.conformance.clients.ccxt_session import SIZE, SYMBOL, Row, Session, connect
from test.conformance.clients.suite import Suite, equal, refused, until

BOTH: Suite[Session] = Suite()
LIGHTER: Suite[Session] = Suite()
PACIFICA: Suite[Session] = Suite()

TX_FAILED = 0
UNKNOWN_ORDER = "281474999999999"
STRANGERS_KEY = "0x" + "11" * 40
STRANGERS_ADDRESS = "9C6hybhQ6Aycep9jaUnP6uL9ZYvDjUp1aSkFWPUFJtpj"
STRANGERS_SECRET = (
    "2Ana1pUpv2ZbMVkwF5FXapYeBEjdxDatLn7nvJkhgTSdZd8hbDHTd21as7EAsg7ypityqfsw2pMQKJcVDVcAEsd"
)
"""The Ed25519 key pair of the seed 01 02 03 … 20, which no venue has heard of."""


async def order_of(session: Session, client: Any) -> Row:
    """Send an order away from the market through another client, and close that."""
    try:
        order: Row = await client.create_order(
            SYMBOL, "limit", "buy", float(SIZE), await session.away("-3")
        )
        return order
    finally:
        await client.close()


async def untouched(session: Session) -> None:
    """Hold that no order has reached the book."""
    equal([], (await session.judge.account())["orders"], "orders at the venue")


@PACIFICA.check("wrong key is refused")
async def pacifica_wrong_key(session: Session) -> str:
    """An order in the agent's name, signed with another key, does not get in."""
    await session.flat()
    mine = session.ready["pacifica"]
    ready = session.ready | {"pacifica": mine | {"agent_private_key": STRANGERS_SECRET}}
    stranger = connect(ccxt.async_support, ready, "pacifica", session.library)
    text = await refused(order_of(session, stranger), ccxt.ExchangeError, "Verification failed")
    await untouched(session)
    return text


@PACIFICA.check("unbound agent is refused")
async def pacifica_unbound(session: Session) -> str:
    """An agent that the account never bound may sign as well as it likes."""
    mine = session.ready["pacifica"]
    names = {"agent": STRANGERS_ADDRESS, "agent_private_key": STRANGERS_SECRET}
    ready = session.ready | {"pacifica": mine | names}
    stranger = connect(ccxt.async_support, ready, "pacifica", session.library)
    text = await refused(order_of(session, stranger), ccxt.ExchangeError, "not authorized")
    await untouched(session)
    return text


@PACIFICA.check("tampered order is refused")
async def tampered(session: Session) -> str:
    """Twice the amount that was signed, and nothing gets in."""
    await session.flat()
    price = await session.away("-3")
    body, _ = session.client.create_order_request(SYMBOL, "limit", "buy", float(SIZE), price)
    order = session.client.private_post_orders_create(body | {"amount": str(2 * SIZE)})
    text = await refused(order, ccxt.AuthenticationError, "Verification failed")
    await untouched(session)
    return text


@BOTH.check("order below the minimum is refused")
async def too_small(session: Session) -> str:
    """A resting order of less than 10 USD does not get in."""
    await session.flat()
    price = await session.away("-3")
    size = 0.0005
    more = {"clientOrderId": session.new_id()}
    order = session.client.create_order(SYMBOL, "limit", "buy", size, price, more)
    text = await refused(order, ccxt.ExchangeError, "21706" if session.is_lighter else "too low")
    await untouched(session)
    return text


async def failure(session: Session, tx_hash: str) -> str:
    """Return why a transaction that the gateway had accepted failed."""
    transaction = await until(
        lambda: session.client.public_get_tx({"by": "hash", "value": tx_hash}),
        lambda row: row["status"] == TX_FAILED,
        "failed transaction",
    )
    return str(json.loads(transaction["event_info"])["ae"])


@LIGHTER.check("reduce-only order without a position fails")
async def lighter_nothing_to_reduce(session: Session) -> str:
    """The gateway takes it and the sequencer does not: a failed transaction, and no order row."""
    await session.flat()
    _, order = await session.send("market", "buy", reduceOnly=True)
    text = await failure(session, order["info"]["tx_hash"])
    equal({}, (await session.judge.account())["positions"], "positions")
    return text


@PACIFICA.check("reduce-only order without a position is refused")
async def pacifica_nothing_to_reduce(session: Session) -> str:
    """It does not get in."""
    await session.flat()
    order = session.send("market", "buy", reduceOnly=True)
    text = await refused(order, ccxt.InvalidOrder, "No position found")
    equal({}, (await session.judge.account())["positions"], "positions")
    return text


@LIGHTER.check("order beyond the margin")
async def lighter_beyond_margin(session: Session) -> str:
    """More than the collateral can carry is not opened."""
    await session.flat()
    more = {"clientOrderId": session.new_id()}
    price = await session.away("-3")
    order = session.client.create_order(SYMBOL, "limit", "buy", 1_000.0, price, more)
    text = await refused(order, ccxt.InvalidOrder, "21739")
    await untouched(session)
    return text


@PACIFICA.check("order beyond the margin")
async def pacifica_beyond_margin(session: Session) -> str:
    """More than the collateral can carry is not opened."""
    await session.flat()
    order = session.client.create_order(SYMBOL, "limit", "buy", 1_000.0, await session.away("-3"))
    text = await refused(order, ccxt.InsufficientFunds, "Insufficient balance")
    await untouched(session)
    return text


@LIGHTER.check("cancel of an unknown order fails")
async def lighter_unknown(session: Session) -> str:
    """The transaction fails; the order that we have is not touched."""
    await session.flat()
    row = await session.resting("buy", "-3")
    answer = await session.client.cancel_order(UNKNOWN_ORDER, SYMBOL)
    text = await failure(session, answer["info"]["tx_hash"])
    equal(1, len((await session.judge.account())["orders"]), "orders left")
    await session.client.cancel_order(row["id"], SYMBOL)
    await until(session.judge.account, lambda now: not now["orders"], "no orders left")
    return text


@PACIFICA.check(
    "cancel of an unknown order",
    limit="ccxt calls code 5 InsufficientFunds: it means that the order is gone",
)
async def pacifica_unknown(session: Session) -> str:
    """The venue says that the cancel failed; the connector names another reason."""
    order = session.client.cancel_order("123456", SYMBOL)
    return await refused(order, ccxt.InsufficientFunds, "Failed to cancel order")


@LIGHTER.check("wrong key is refused")
async def lighter_wrong_key(session: Session) -> str:
    """An order signed with a key the account never registered does not get in.

    The last check of all: the library has one signer per account and key index in a process, so
    that ours signs with the stranger's key from now on.
    """
    await session.flat()
    mine = session.ready["lighter"]
    ready = session.ready | {"lighter": mine | {"api_private_key": STRANGERS_KEY}}
    stranger = connect(ccxt.async_support, ready, "lighter", session.library)
    text = await refused(order_of(session, stranger), ccxt.ExchangeError, "21120")
    await untouched(session)
    return text
