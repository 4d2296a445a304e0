"""The venue's request limits: 60 a minute and address on a standard account, then the firewall.

Transactions count the same whether they come by REST or by WebSocket. Who goes on after 429 is
answered 405 by the firewall for a minute (venue's rate limit page; seen by clients).
"""

from decimal import Decimal
from enum import Enum

from desk.sim.web import Limits, RollingWindow, Spending

REQUESTS_PER_MINUTE = Decimal(60)
REFUSALS_UNTIL_BLOCKED = 30
BLOCK_MS = 60_000
MINUTE_MS = 60_000


class Verdict(Enum):
    """What becomes of a request."""

    PASS = 200
    TOO_MANY = 429
    BLOCKED = 405


class RequestLimiter:
    """Count requests by address."""

    def __init__(self, limits: Limits) -> None:
        """Count nothing when `limits` is OFF."""
        self._is_on = limits is Limits.PUBLISHED
        self._window = RollingWindow(REQUESTS_PER_MINUTE, window_ms=MINUTE_MS)
        self._refused = RollingWindow(Decimal(REFUSALS_UNTIL_BLOCKED), window_ms=MINUTE_MS)
        self._blocked_until_ms: dict[str, int] = {}
        self._blocked = 0

    def judge(self, address: str, now_ms: int) -> Verdict:
        """Count one request and say what becomes of it."""
        if not self._is_on:
            return Verdict.PASS
        if now_ms < self._blocked_until_ms.get(address, 0):
            self._blocked += 1
            return Verdict.BLOCKED
        if self._window.charge(address, Decimal(1), now_ms):
            return Verdict.PASS
        if not self._refused.charge(address, Decimal(1), now_ms):
            self._blocked_until_ms[address] = now_ms + BLOCK_MS
        return Verdict.TOO_MANY

    def spending(self, now_ms: int) -> Spending:
        """Return what was counted so far; nothing where `limits` is OFF."""
        refused = self._window.refused + self._blocked
        return Spending(self._window.spent, refused, self._window.left_least(now_ms))
