"""Everything about the Pacifica server that a test may want otherwise: limits, timings, readings.

Where the venue's public evidence conflicts there is a switch with both readings; the default is
the reading that the most clients agree on. Readings of the exchange itself (slippage reference,
price of the minimum, post-only surface, collar) are switches of its `VenueRules`.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class SettingsShape(StrEnum):
    """What `GET /account/settings` answers: an object with `margin_settings` (2026 docs), or that
    list itself (2025 docs, and what ccxt 4.5.90 reads)."""

    OBJECT = "object"
    LIST = "list"


class OpenInterestUnit(StrEnum):
    """The unit of `open_interest`: base units (ccxt, samples) or USD (REST docs)."""

    BASE = "base"
    USD = "usd"


@dataclass(frozen=True, slots=True)
class CreditLimits:
    """Rolling credits per minute, and what a request costs (docs: rate limits).

    `anonymous` is per IP address (100 in the newest docs, 125 before), `identified` per account
    behind a valid PF-API-KEY. Heavy reads cost `heavy` (3-12 without a key, 1-4 with one).
    """

    anonymous: Decimal = Decimal(100)
    identified: Decimal = Decimal(300)
    standard: Decimal = Decimal(1)
    cancel: Decimal = Decimal("0.5")
    heavy: Decimal = Decimal(12)
    heavy_identified: Decimal = Decimal(3)


@dataclass(frozen=True, slots=True)
class SocketRules:
    """What one WebSocket connection may do, and how often it is told (docs: websocket).

    `frames_waiting_max` bounds the frames waiting for a slow reader; the venue does not document
    its own bound. All prices are pushed when a reader has heard nothing for `prices_interval_ms`,
    and at the latest, if they changed, after `prices_patience_ms`. `account_trades_delay_s` makes
    fills lag behind order updates, as seen live.
    """

    connections_max: int = 300
    subscriptions_per_channel_max: int = 20
    idle_s_max: float = 60.0
    life_s_max: float = 86_400.0
    book_interval_ms: int = 250
    prices_interval_ms: int = 1_000
    prices_patience_ms: int = 1_000
    frames_waiting_max: int = 4_096
    account_trades_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PacificaSwitches:
    """How this server reads what the venue leaves open.

    `cancel_failed_status` is the HTTP status of "Failed to cancel order" (422, or 400).
    `step_status` is that of a price off the tick (400, or 500 in older builds). `min_size_code` is
    that of an order below the minimum (0 seen live, 7 in the table). `unknown_history_is_404`
    tells whether `history_by_id` of a stranger's id is a 404 or an empty list. `account_as_array`
    is the old shape of `GET /account`. `pad_signatures` accepts signatures that lost leading zero
    bytes (ccxt's base58). `agents_manage_api_keys` lets an agent list and create API keys
    (Hummingbot does). `expiry_window_ms_max` and `future_ms_max` bound what a request may claim;
    None is undocumented, so unbounded. `book_has_last_order_id` adds that key to `GET /book`.
    """

    settings_shape: SettingsShape = SettingsShape.OBJECT
    open_interest: OpenInterestUnit = OpenInterestUnit.BASE
    cancel_failed_status: int = 422
    step_status: int = 400
    min_size_code: int = 0
    unknown_history_is_404: bool = True
    account_as_array: bool = False
    pad_signatures: bool = True
    agents_manage_api_keys: bool = True
    expiry_window_ms_max: int | None = None
    future_ms_max: int | None = None
    book_has_last_order_id: bool = False
    credits: CreditLimits = field(default_factory=CreditLimits)
    sockets: SocketRules = field(default_factory=SocketRules)
