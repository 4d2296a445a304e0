"""A sender on a scripted gateway: the bench on which Lighter's writes are tried."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from desk.core.order import (
    Outcome,
)
from desk.core.venue import VenueName
from desk.venues.http import HttpResponse
from desk.venues.lighter.api import LighterApi, SigningThread
from desk.venues.lighter.sender import LighterSender
from desk.venues.lighter.tx import (
    LighterWrite,
    order_write,
)
from desk.venues.limits import RequestBudget, unlimited
from test.venues.lighter_fakes import (
    ACCOUNT,
    BUY,
    ETH,
    KEY,
    Gateway,
    StillClock,
    python_signer,
    reply,
)
from test.virtual import run_virtual

D = Decimal
CREATE, CANCEL = 14, 15
REFUSAL = reply(400, {"code": 21739, "message": "not enough margin"})
HTML = reply(200, "<html>")


class Desk:
    """A sender on a scripted gateway."""

    def __init__(self, budget: RequestBudget | None = None) -> None:
        """Know no nonce yet; the gateway wants 5."""
        self.clock = StillClock()
        self.gateway = Gateway()
        self.signer = python_signer(self.clock.now_ms)
        budget = budget or unlimited(VenueName.LIGHTER, self.clock.monotonic_s)
        self.api = LighterApi(transport=self.gateway, budget=budget, tokens=None)
        self.sender = LighterSender(
            api=self.api,
            clock=self.clock,
            thread=SigningThread(None),
            account_index=ACCOUNT,
            api_key_index=KEY,
        )

    def order(self, **changes: Any) -> LighterWrite:
        """Return an order as a write."""
        request = replace(BUY, **changes)
        return order_write(self.signer, request, ETH, now_ms=self.clock.now_ms())

    def cancel(self) -> LighterWrite:
        """Return a cancel as a write: a guard."""
        cancel = self.signer.cancel_order
        return LighterWrite(
            "42", lambda nonce: cancel(market_index=0, order_index=42, nonce=nonce), is_guard=True
        )

    async def send(self, *mishaps: str | HttpResponse, guard: bool = False) -> Outcome:
        """Send one write to which this happens."""
        self.gateway.script += mishaps
        return await self.sender.send(self.cancel() if guard else self.order())


def play(story: Callable[[Desk], Awaitable[None]], budget: RequestBudget | None = None) -> Desk:
    """Run a story and return what it played with."""
    desk = Desk(budget)

    async def main() -> None:
        await story(desk)

    run_virtual(main())
    return desk


def nonces(desk: Desk) -> list[int]:
    """Return the nonces that left, in order."""
    return [nonce for nonce, _ in desk.gateway.sent]
