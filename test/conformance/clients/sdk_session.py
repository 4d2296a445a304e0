"""lighter-sdk at the embedded venue, unmodified, and what its checks need."""

import itertools
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import lighter

from test.conformance.clients.judge import Judge, Ready
from test.conformance.clients.suite import Mismatch, equal, until

BASE = "ETH"
MARKET = 0
SIZE = Decimal("0.05")
SIZE_SCALE = 10_000
PRICE_SCALE = 100
UNITS = int(SIZE * SIZE_SCALE)


@dataclass(slots=True)
class Session:
    """The subject of the SDK checks: one signer and the API objects on one connection."""

    ready: Ready
    signer: Any = field(init=False)
    judge: Judge = field(init=False)
    orders: Any = field(init=False)
    accounts: Any = field(init=False)
    transactions: Any = field(init=False)
    _ids: "itertools.count[int]" = field(
        default_factory=lambda: itertools.count(time.time_ns() // 1_000_000 % 1_000_000_000)
    )

    def __post_init__(self) -> None:
        mine = self.ready["lighter"]
        self.signer = lighter.SignerClient(
            url=mine["url"],
            account_index=mine["account_index"],
            api_private_keys={mine["api_key_index"]: mine["api_private_key"]},
            chain_id=mine["chain_id"],
        )
        self.judge = Judge(self.ready, "lighter")
        self.orders = lighter.OrderApi(self.signer.api_client)
        self.accounts = lighter.AccountApi(self.signer.api_client)
        self.transactions = lighter.TransactionApi(self.signer.api_client)

    @property
    def account_index(self) -> int:
        """Return our account."""
        return int(self.ready["lighter"]["account_index"])

    @property
    def key_index(self) -> int:
        """Return our API key."""
        return int(self.ready["lighter"]["api_key_index"])

    def new_id(self) -> int:
        """Return a client order index."""
        return next(self._ids)

    def token(self) -> str:
        """Return an auth token for reads of the account."""
        text, error = self.signer.create_auth_token_with_expiry(api_key_index=self.key_index)
        equal(None, error, "error of the token")
        return str(text)

    async def price(self, percent: str) -> int:
        """Return a price that far from the best bid, in the venue's integers."""
        best: int = await self.signer.get_best_price(MARKET, is_ask=True)
        return round(best * (1 + Decimal(percent) / 100))

    async def limit(
        self, price: int, *, is_ask: bool = False, post_only: bool = False, name: int | None = None
    ) -> int:
        """Send a limit order of `SIZE` and return its client order index."""
        name = name or self.new_id()
        time_in_force = (
            self.signer.ORDER_TIME_IN_FORCE_POST_ONLY
            if post_only
            else self.signer.ORDER_TIME_IN_FORCE_GOOD_TILL_TIME
        )
        kind = self.signer.ORDER_TYPE_LIMIT
        sent = await self.signer.create_order(
            MARKET, name, UNITS, price, is_ask, kind, time_in_force
        )
        accepted(sent)
        return name

    async def market(self, *, is_ask: bool, reduce_only: bool = False) -> tuple[int, str]:
        """Send a market order of `SIZE`; return its client order index and transaction hash."""
        name, worst = self.new_id(), await self.price("-2" if is_ask else "2")
        sent = await self.signer.create_market_order(
            MARKET, name, UNITS, worst, is_ask, reduce_only
        )
        return name, str(accepted(sent).tx_hash)

    async def holds(self, size: Decimal) -> None:
        """Wait until the venue's truth is a position of `size`."""
        await until(
            lambda: self.judge.position(BASE), lambda held: held == size, f"position {size}"
        )

    async def buy(self) -> None:
        """Buy `SIZE` at market from flat, and wait for the fill."""
        await self.market(is_ask=False)
        await self.holds(SIZE)

    async def find_open(self, name: int) -> Any:
        """Return our open order with this client order index, as soon as it is there."""
        return await until(lambda: self._open(name), bool, f"open order {name}")

    async def _open(self, name: int) -> Any:
        rows = await self.orders.account_active_orders(
            self.token(), self.account_index, market_id=MARKET
        )
        return next((row for row in rows.orders if row.client_order_index == name), None)

    async def find_done(self, name: int) -> Any:
        """Return our finished order with this client order index, as soon as it is there."""
        return await until(lambda: self._done(name), bool, f"finished order {name}")

    async def _done(self, name: int) -> Any:
        rows = await self.orders.account_inactive_orders(
            self.token(), self.account_index, 100, market_id=MARKET
        )
        return next((row for row in rows.orders if row.client_order_index == name), None)

    async def finality(self, tx_hash: str, status: int) -> Any:
        """Return a transaction once it has this final status."""
        return await until(
            lambda: self.transactions.tx("hash", tx_hash),
            lambda row: row.status == status,
            f"status {status}",
        )

    async def no_orders(self) -> None:
        """Wait until the venue's truth is no order."""
        await until(self.judge.account, lambda now: not now["orders"], "no orders left")

    async def flat(self) -> None:
        """Leave nothing on the venue: no order, no position."""
        truth = await self.judge.account()
        if truth["orders"]:
            accepted(await self.signer.cancel_all_orders(self.signer.CANCEL_ALL_TIF_IMMEDIATE, 0))
            await self.no_orders()
        held = Decimal(truth["positions"].get(BASE, "0"))
        if held:
            await self.close(held)

    async def close(self, held: Decimal) -> None:
        """Close a position, reduce-only."""
        is_ask = held > 0
        worst = await self.price("-2" if is_ask else "2")
        units = int(abs(held) * SIZE_SCALE)
        sent = await self.signer.create_market_order(
            MARKET, self.new_id(), units, worst, is_ask, reduce_only=True
        )
        accepted(sent)
        await self.holds(Decimal(0))


def accepted(sent: tuple[Any, Any, str | None]) -> Any:
    """Return the venue's answer out of what the SDK's helpers return.

    Raises `Mismatch` with the SDK's error text.
    """
    _, answer, error = sent
    if error is not None:
        raise Mismatch(f"the SDK reports: {error}")
    equal(200, answer.code, "code")
    return answer


def plain(value: int, scale: int) -> Decimal:
    """Return a price or size from the venue's integers."""
    return Decimal(value) / scale


async def api_error(request: Awaitable[Any]) -> str:
    """Return the body of the 400 that a request meets; raises `Mismatch` when it goes through."""
    try:
        answer = await request
    except lighter.exceptions.BadRequestException as error:
        return str(error.body)
    raise Mismatch(f"not refused: {answer}")
