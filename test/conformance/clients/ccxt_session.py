"""One ccxt client at one embedded venue, unmodified but for its base URL, and what checks need.

The differences between ccxt's two connectors that every check would stumble over are told here,
once: how an order is named, found again, and priced.
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from types import ModuleType
from typing import Any

import ccxt
import ccxt.pro

from test.conformance.clients.judge import Judge, Ready
from test.conformance.clients.suite import Mismatch, equal, until

BASE = "ETH"
SYMBOL = "ETH/USDC:USDC"
SIZE = Decimal("0.05")
MARKETS = 16
SUBSCRIBED_S = 0.5
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fees:
    """What a fresh account pays, as fractions of the notional (the venues' fee pages)."""

    taker: Decimal
    maker: Decimal


FEES = {
    "lighter": Fees(Decimal(0), Decimal(0)),
    "pacifica": Fees(Decimal("0.0004"), Decimal("0.00015")),
}


def exact(number: object) -> Decimal:
    """Return ccxt's float as the decimal that was on the wire."""
    return Decimal(str(number))


def settings(ready: Ready, venue: str, library: str) -> Row:
    """Return the constructor argument that points a ccxt client at the venue.

    `library` is the path of Lighter's signer, which ccxt does not bring along.
    """
    mine = ready[venue]
    if venue == "pacifica":
        return {
            "enableRateLimit": False,
            "walletAddress": mine["account"],
            "privateKey": mine["agent_private_key"],
            "options": {"agentAddress": mine["agent"], "builderFee": False},
        }
    account, key = str(mine["account_index"]), str(mine["api_key_index"])
    login = {"lighterPrivateKey": mine["api_private_key"], "signer": None}
    return {
        "enableRateLimit": False,
        "options": {
            "libraryPath": library,
            "accountIndex": mine["account_index"],
            "apiKeyIndex": mine["api_key_index"],
            "chainId": mine["chain_id"],
            "builderFee": False,
            "auths": {account: {key: login | {"deadline": None, "token": None}}},
        },
    }


def connect(module: ModuleType, ready: Ready, venue: str, library: str) -> Any:
    """Return a client of `ccxt`, `ccxt.async_support` or `ccxt.pro` for the venue."""
    client = getattr(module, venue)(settings(ready, venue, library))
    url, stream = ready[venue]["url"].removesuffix("/api/v1"), ready[venue]["ws_url"]
    streams = stream if venue == "lighter" else {"public": stream}
    client.urls["api"] = {"root": url, "public": url, "private": url, "ws": streams}
    return client


@dataclass(slots=True)
class Session:
    """The subject of the ccxt checks."""

    ready: Ready
    venue: str
    library: str
    client: Any = field(init=False)
    judge: Judge = field(init=False)
    _ids: "itertools.count[int]" = field(
        default_factory=lambda: itertools.count(time.time_ns() // 1_000_000 % 1_000_000_000)
    )

    def __post_init__(self) -> None:
        self.client = connect(ccxt.pro, self.ready, self.venue, self.library)
        self.judge = Judge(self.ready, self.venue)

    @property
    def is_lighter(self) -> bool:
        """Return which of the two it is."""
        return self.venue == "lighter"

    @property
    def fees(self) -> Fees:
        """Return what our account pays."""
        return FEES[self.venue]

    async def mid(self) -> Decimal:
        """Return the middle of the client's own order book."""
        book = await self.client.fetch_order_book(SYMBOL)
        return (exact(book["bids"][0][0]) + exact(book["asks"][0][0])) / 2

    async def away(self, percent: str) -> float:
        """Return a price that far from the middle, on the tick."""
        price = await self.mid() * (1 + Decimal(percent) / 100)
        return float(self.client.price_to_precision(SYMBOL, float(price)))

    def new_id(self) -> str:
        """Return a client order id the venue accepts: a number on Lighter, a UUID on Pacifica."""
        return str(next(self._ids)) if self.is_lighter else str(uuid.uuid4())

    async def send(
        self, kind: str, side: str, price: float | None = None, **params: object
    ) -> tuple[str, Row]:
        """Send an order of `SIZE`; return its client order id and ccxt's answer.

        A market order on Lighter needs the worst price, so it gets one 2 % away.
        """
        if kind == "market" and self.is_lighter:
            price = await self.away("2" if side == "buy" else "-2")
        name = self.new_id()
        more = {"clientOrderId": name} | params
        answer = await self.client.create_order(SYMBOL, kind, side, float(SIZE), price, more)
        return name, answer

    async def resting(self, side: str, percent: str, **params: object) -> Row:
        """Send a limit order that far from the middle and return it as the client finds it."""
        name, _ = await self.send("limit", side, await self.away(percent), **params)
        return await self.find_open(name)

    async def find_open(self, name: str) -> Row:
        """Return the open order with this client order id, as soon as it is there."""
        return await until(
            lambda: self._named(self.client.fetch_open_orders(SYMBOL), name),
            bool,
            f"open order {name}",
        )

    async def find_done(self, name: str) -> Row:
        """Return the finished order with this client order id, as soon as it is there."""
        client = self.client
        fetch = client.fetch_closed_orders if self.is_lighter else client.fetch_orders
        return await until(
            lambda: self._named(fetch(SYMBOL), name),
            lambda row: row.get("status", "open") != "open",
            f"closed order {name}",
        )

    async def _named(self, fetch: Awaitable[list[Row]], name: str) -> Row:
        return next((row for row in await fetch if row["clientOrderId"] == name), {})

    async def positions(self) -> list[Row]:
        """Return the client's positions in our market, without the empty ones: on Lighter every
        market ever touched keeps a row."""
        rows = await self.client.fetch_positions([SYMBOL])
        return [row for row in rows if row["contracts"]]

    async def holds(self, size: Decimal) -> None:
        """Wait until the venue's truth is a position of `size`."""
        await until(
            lambda: self.judge.position(BASE), lambda held: held == size, f"position {size}"
        )

    async def buy(self) -> Decimal:
        """Buy `SIZE` at market, wait for the fill, and return the position's size."""
        before = await self.judge.position(BASE)
        await self.send("market", "buy")
        await self.holds(before + SIZE)
        return before + SIZE

    async def flat(self) -> None:
        """Leave nothing on the venue: no order, no position."""
        truth = await self.judge.account()
        if truth["orders"]:
            await self.client.cancel_all_orders(SYMBOL)
            await until(self.judge.account, lambda now: not now["orders"], "all orders cancelled")
        held = Decimal(truth["positions"].get(BASE, "0"))
        if held:
            side, price = ("sell", "-2") if held > 0 else ("buy", "2")
            worst = await self.away(price)
            more = {"reduceOnly": True}
            await self.client.create_order(
                SYMBOL, "market", side, float(abs(held)), worst if self.is_lighter else None, more
            )
            await self.holds(Decimal(0))

    async def cash(self) -> Decimal:
        """Return the client's USDC balance without any funding paid so far, which depends on the
        hour of the run."""
        balance = await self.client.fetch_balance()
        return exact(balance["USDC"]["total"]) - await self.judge.funding_paid()

    async def watched(
        self,
        watch: Callable[[], Awaitable[Any]],
        wanted: Callable[[Any], object],
        act: Callable[[], Awaitable[object]] | None = None,
    ) -> Any:
        """Watch until something wanted comes by and return it; `act` is what should cause it.

        Without a limit of its own: the deadline of the check holds.
        """
        follow = asyncio.ensure_future(self._follow(watch, wanted))
        try:
            if act is not None:
                await asyncio.wait({follow}, timeout=SUBSCRIBED_S)
                await act()
            return await follow
        finally:
            follow.cancel()

    async def _follow(
        self, watch: Callable[[], Awaitable[Any]], wanted: Callable[[Any], object]
    ) -> Any:
        value = await watch()
        while not wanted(value):
            value = await watch()
        return value


def traded(rows: list[Row]) -> Decimal:
    """Return the USD received less the USD paid in these fills of ours, fees not counted."""
    return sum(
        (exact(row["cost"]) * (1 if row["side"] == "sell" else -1) for row in rows), Decimal()
    )


def one(rows: list[Row], what: str) -> Row:
    """Return the only row there is."""
    equal(1, len(rows), f"number of {what}")
    return rows[0]


def close_to(expected: Decimal, actual: object, *, within: str, what: str) -> None:
    """Raise `Mismatch` unless the numbers differ by no more than `within`."""
    if abs(expected - exact(actual)) > Decimal(within):
        raise Mismatch(f"{what}: expected {expected}, the client saw {actual}")
