"""The words an order ends in, and the reasons a request is refused.

Vocabulary only. The internal status is Lighter's, the finer of the two; Pacifica's words are
derived from it. Numbers (error codes) belong to the wire servers.
"""

from enum import StrEnum


class OrderType(StrEnum):
    """What an order is.

    Lighter's words, plus Pacifica's plain stop, whose direction follows from its side alone. Types
    without `-limit` execute at market once triggered.
    """

    LIMIT = "limit"
    MARKET = "market"
    STOP_LOSS = "stop-loss"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT = "take-profit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"
    STOP = "stop"
    STOP_LIMIT = "stop-limit"
    LIQUIDATION = "liquidation"

    @property
    def is_trigger(self) -> bool:
        """Return whether the order waits for a price before it acts."""
        return self not in (OrderType.LIMIT, OrderType.MARKET, OrderType.LIQUIDATION)

    @property
    def rests_when_triggered(self) -> bool:
        """Return whether a triggered order becomes a limit order rather than a market order."""
        return self.value.endswith("-limit")


PROFIT_TYPES = (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)


class TimeInForce(StrEnum):
    """How long an order lives; TOB is a post-only that is re-priced behind the opposite best."""

    GTC = "gtc"
    IOC = "ioc"
    POST_ONLY = "post-only"
    TOB = "tob"


class TriggerBy(StrEnum):
    """The price a trigger watches (Lighter: always the mark)."""

    MARK = "mark_price"
    LAST = "last_trade_price"
    MID = "mid_price"


class SelfTrade(StrEnum):
    """What gives way when an account meets itself; the default on both venues is the maker."""

    EXPIRE_MAKER = "expire-maker"
    EXPIRE_TAKER = "expire-taker"
    EXPIRE_BOTH = "expire-both"
    REDUCE = "reduce"


class Grouping(StrEnum):
    """How the orders of one group hang together (Lighter transaction 28)."""

    ONE_TRIGGERS_OTHER = "oto"
    ONE_CANCELS_OTHER = "oco"
    ONE_TRIGGERS_OCO = "otoco"


class OrderStatus(StrEnum):
    """Lighter's order statuses, every word of its API reference."""

    IN_PROGRESS = "in-progress"
    PENDING = "pending"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    CANCELED_POST_ONLY = "canceled-post-only"
    CANCELED_REDUCE_ONLY = "canceled-reduce-only"
    CANCELED_POSITION_NOT_ALLOWED = "canceled-position-not-allowed"
    CANCELED_MARGIN_NOT_ALLOWED = "canceled-margin-not-allowed"
    CANCELED_TOO_MUCH_SLIPPAGE = "canceled-too-much-slippage"
    CANCELED_NOT_ENOUGH_LIQUIDITY = "canceled-not-enough-liquidity"
    CANCELED_SELF_TRADE = "canceled-self-trade"
    CANCELED_EXPIRED = "canceled-expired"
    CANCELED_OCO = "canceled-oco"
    CANCELED_CHILD = "canceled-child"
    CANCELED_LIQUIDATION = "canceled-liquidation"
    CANCELED_INVALID_BALANCE = "canceled-invalid-balance"

    @property
    def is_final(self) -> bool:
        """Return whether nothing more can happen to the order."""
        return self not in (OrderStatus.IN_PROGRESS, OrderStatus.PENDING, OrderStatus.OPEN)


class TriggerStatus(StrEnum):
    """Lighter's trigger statuses: what a pending order waits for."""

    NA = "na"
    READY = "ready"
    MARK_PRICE = "mark-price"
    TWAP = "twap"
    PARENT_ORDER = "parent-order"


class PacificaEvent(StrEnum):
    """Pacifica's `oe` / `event_type` words (time-weighted orders left out)."""

    MAKE = "make"
    FULFILL_LIMIT = "fulfill_limit"
    FULFILL_MARKET = "fulfill_market"
    ADJUST = "adjust"
    STOP_CREATED = "stop_created"
    STOP_TRIGGERED = "stop_triggered"
    STOP_UPGRADE = "stop_upgrade"
    STOP_PARENT_ORDER_FILLED = "stop_parent_order_filled"
    CANCEL = "cancel"
    FORCE_CANCEL = "force_cancel"
    EXPIRED = "expired"
    POST_ONLY_REJECTED = "post_only_rejected"
    SELF_TRADE_PREVENTED = "self_trade_prevented"


class PacificaStatus(StrEnum):
    """Pacifica's `os` / `order_status` words."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class FillCause(StrEnum):
    """Why a fill happened."""

    TRADE = "trade"
    LIQUIDATION = "liquidation"
    BACKSTOP = "backstop"
    DELEVERAGE = "deleverage"


class CashKind(StrEnum):
    """Why an account's cash changed; `audit` adds these up."""

    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    PNL = "pnl"
    FEE = "fee"
    FUNDING = "funding"
    LIQUIDATION_FEE = "liquidation_fee"


class RefusalReason(StrEnum):
    """Why a request is refused; the wire servers turn these into their venue's code and text."""

    ACCOUNT_NOT_FOUND = "account_not_found"
    MARKET_NOT_FOUND = "market_not_found"
    MARKET_INACTIVE = "market_inactive"
    MARK_MISSING = "mark_missing"
    INVALID_PRICE = "invalid_price"
    INVALID_SIZE = "invalid_size"
    BELOW_MIN_BASE = "below_min_base"
    BELOW_MIN_QUOTE = "below_min_quote"
    ABOVE_MAX_QUOTE = "above_max_quote"
    INVALID_TYPE = "invalid_type"
    INVALID_TIME_IN_FORCE = "invalid_time_in_force"
    INVALID_EXPIRY = "invalid_expiry"
    INVALID_TRIGGER_PRICE = "invalid_trigger_price"
    INVALID_STOP_SIDE = "invalid_stop_side"
    INVALID_GROUP = "invalid_group"
    PRICE_TOO_FAR = "price_too_far"
    FAT_FINGER = "fat_finger"
    TRIGGER_PRICE_TOO_FAR = "trigger_price_too_far"
    NO_REASONABLE_PRICE = "no_reasonable_price"
    POST_ONLY_WOULD_CROSS = "post_only_would_cross"
    NOT_ENOUGH_MARGIN = "not_enough_margin"
    PRE_LIQUIDATION = "pre_liquidation"
    IMMEDIATE_LIQUIDATION = "immediate_liquidation"
    REDUCE_ONLY_INCREASES = "reduce_only_increases"
    REDUCE_ONLY_WRONG_SIDE = "reduce_only_wrong_side"
    REDUCE_ONLY_TOO_BIG = "reduce_only_too_big"
    REDUCE_ONLY_NO_POSITION = "reduce_only_no_position"
    POSITION_NOT_FOUND = "position_not_found"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    UNKNOWN_CLIENT_ID = "unknown_client_id"
    ORDER_NOT_FOUND = "order_not_found"
    TOO_MANY_ORDERS = "too_many_orders"
    TOO_MANY_ORDERS_IN_MARKET = "too_many_orders_in_market"
    TOO_MANY_TRIGGERS = "too_many_triggers"
    TOO_MANY_TRIGGERS_IN_MARKET = "too_many_triggers_in_market"
    INVALID_LEVERAGE = "invalid_leverage"
    LEVERAGE_LOWERED_WITH_POSITION = "leverage_lowered_with_position"
    MARGIN_MODE_LOCKED = "margin_mode_locked"
    INVALID_MARGIN_MODE = "invalid_margin_mode"
    INVALID_MARGIN_AMOUNT = "invalid_margin_amount"
    CANCEL_ALL_ALREADY_SCHEDULED = "cancel_all_already_scheduled"
    INVALID_CANCEL_ALL_TIME = "invalid_cancel_all_time"
    UNSUPPORTED = "unsupported"


class Refusal(Exception):
    """The exchange says no and nothing happened.

    `message` is English for logs; `values` are the texts a server may need for the venue's own
    sentence (for instance the computed notional and the minimum).
    """

    def __init__(self, reason: RefusalReason, message: str = "", *values: str) -> None:
        """Keep the reason beside the words."""
        super().__init__(message or reason.value)
        self.reason = reason
        self.message = message or reason.value
        self.values = values
