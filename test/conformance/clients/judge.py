"""What really is on the venues: their control plane, asked around the client under test.

Standard library only.
"""

import asyncio
import json
import sys
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

REQUEST_S_MAX = 5.0
Ready = dict[str, Any]


def read_ready() -> Ready:
    """Return the venues' ready line, which the runner writes to our standard input.

    Not an argument: it holds private keys, and arguments are for everybody to read.
    """
    ready: Ready = json.loads(sys.stdin.readline())
    return ready


@dataclass(frozen=True, slots=True)
class Judge:
    """One venue's truth about our account, and the means to move its markets."""

    ready: Ready
    venue: str

    async def truth(self) -> dict[str, Any]:
        """Return the time and the accounts of both venues, as the control plane tells them."""
        return await asyncio.to_thread(self._ask, "truth", None)

    async def account(self) -> dict[str, Any]:
        """Return equity, positions, orders, fills and funding; decimals as strings."""
        rows: dict[str, dict[str, Any]] = (await self.truth())[self.venue]["accounts"]
        mine = self.ready[self.venue]
        return rows[str(mine["account_index"] if self.venue == "lighter" else mine["account"])]

    async def position(self, base: str) -> Decimal:
        """Return the signed size held, zero when flat."""
        return Decimal((await self.account())["positions"].get(base, "0"))

    async def funding_paid(self) -> Decimal:
        """Return the sum of all funding payments so far in USD, positive when received."""
        return sum(
            (Decimal(row["payment"]) for row in (await self.account())["funding"]), Decimal()
        )

    async def shock(self, base: str, percent: str) -> None:
        """Move the price on both venues."""
        await self._market({"symbol": base, "shock_pct": percent})

    async def set_funding(self, base: str, hourly: str) -> None:
        """Pin this venue's funding rate, a fraction per hour."""
        await self._market({"symbol": base, "funding_hourly": hourly, "venue": self.venue})

    async def _market(self, body: dict[str, str]) -> None:
        await asyncio.to_thread(self._ask, "market", body)

    def _ask(self, path: str, body: dict[str, str] | None) -> dict[str, Any]:
        url = f"{self.ready['lighter']['url']}/_sim/{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(url, data, timeout=REQUEST_S_MAX) as reply:
            answer: dict[str, Any] = json.load(reply)
        return answer
