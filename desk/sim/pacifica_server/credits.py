"""Pacifica's rolling credits: what each request costs and what the reply's headers say.

Source: Pacifica docs (rate limits): per IP address without a key, per account with one; header
values are ten times the credits.
"""

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from desk.sim.pacifica_server.registry import Registry
from desk.sim.pacifica_server.switches import CreditLimits
from desk.sim.web import Limits, RollingWindow, Spending

API_PREFIX = "/api/v1"
API_KEY_HEADER = "PF-API-KEY"
WIRE_FACTOR = 10
HEAVY_READS = frozenset(
    {
        "/kline",
        "/kline/mark",
        "/trades/history",
        "/positions/history",
        "/orders/history",
        "/account/balance/history",
        "/orders/twap/history",
    }
)
CANCELS = frozenset(
    {"/orders/cancel", "/orders/cancel_all", "/orders/stop/cancel", "/orders/twap/cancel"}
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What one asker has: `left` and `quota` in wire units, `reset_s` whole seconds."""

    allowed: bool
    left: int
    quota: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """Return the two headers every reply carries."""
        return {
            "ratelimit": f'"credits";r={self.left};t={self.reset_s}',
            "ratelimit-policy": f'"credits";q={self.quota};w=60',
        }

    @property
    def frame(self) -> dict[str, int]:
        """Return the `rl` object of a WebSocket reply."""
        return {"r": self.left, "q": self.quota, "t": self.reset_s}


class Credits:
    """The purses of all askers."""

    def __init__(self, registry: Registry, prices: CreditLimits, limits: Limits) -> None:
        """Count by `prices`; with `Limits.OFF` nothing is ever refused."""
        self._registry = registry
        self._prices = prices
        self._enforced = limits is Limits.PUBLISHED
        self._anonymous = RollingWindow(prices.anonymous)
        self._identified = RollingWindow(prices.identified)

    def charge_request(
        self, method: str, path: str, body: bytes, *, address: str, api_key: str | None, now_ms: int
    ) -> Standing:
        """Count one REST request."""
        owner = self._registry.owner_of_api_key(api_key)
        cost = self._cost(method, path.removeprefix(API_PREFIX), body, identified=bool(owner))
        return self._charge(cost, owner=owner, address=address, now_ms=now_ms)

    def charge_operation(
        self, name: str, actions: int, *, address: str, api_key: str | None, now_ms: int
    ) -> Standing:
        """Count one operation sent over the WebSocket; a batch costs each of its actions."""
        owner = self._registry.owner_of_api_key(api_key)
        cost = self._prices.cancel if name.startswith("cancel") else self._prices.standard
        return self._charge(cost * max(1, actions), owner=owner, address=address, now_ms=now_ms)

    def spending(self, now_ms: int) -> Spending:
        """Return what was counted so far; nothing where limits are OFF."""
        purses = (self._anonymous, self._identified)
        return Spending(
            spent=sum((purse.spent for purse in purses), Decimal(0)),
            refused=sum(purse.refused for purse in purses),
            left=min(purse.left_least(now_ms) for purse in purses),
        )

    def _charge(self, cost: Decimal, *, owner: str | None, address: str, now_ms: int) -> Standing:
        window = self._identified if owner else self._anonymous
        key = owner or address
        allowed = window.charge(key, cost if self._enforced else Decimal(0), now_ms)
        return Standing(
            allowed=allowed,
            left=int(window.left(key, now_ms) * WIRE_FACTOR),
            quota=int(window.limit * WIRE_FACTOR),
            reset_s=-(-window.reset_ms(key, now_ms) // 1000),
        )

    def _cost(self, method: str, path: str, body: bytes, *, identified: bool) -> Decimal:
        prices = self._prices
        if method == "GET" and path in HEAVY_READS:
            return prices.heavy_identified if identified else prices.heavy
        if path in CANCELS:
            return prices.cancel
        if path == "/orders/batch":
            return prices.standard * max(1, _actions_in(body))
        return prices.standard


def _actions_in(body: bytes) -> int:
    try:
        actions = msgspec.json.decode(body).get("actions")
    except (msgspec.DecodeError, AttributeError):
        return 1
    return len(actions) if isinstance(actions, list) else 1
