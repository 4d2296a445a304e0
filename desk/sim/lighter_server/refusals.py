"""Which of Lighter's codes says what the exchange refused.

The exchange knows reasons, the wire knows numbers; this table is the only place that knows both.
"""

from desk.sim.exchange import Refusal, RefusalReason
from desk.sim.lighter_server import codes
from desk.sim.lighter_server.codes import LighterRefusal

CODES: dict[RefusalReason, int] = {
    RefusalReason.ACCOUNT_NOT_FOUND: codes.ACCOUNT_NOT_FOUND,
    RefusalReason.MARKET_NOT_FOUND: codes.INVALID_MARKET_INDEX,
    RefusalReason.MARKET_INACTIVE: codes.INVALID_MARKET_STATUS,
    RefusalReason.MARK_MISSING: codes.INVALID_MARKET_STATUS,
    RefusalReason.INVALID_PRICE: codes.INVALID_PRICE,
    RefusalReason.INVALID_SIZE: codes.INVALID_BASE_AMOUNT,
    RefusalReason.BELOW_MIN_BASE: codes.INVALID_ORDER_AMOUNT,
    RefusalReason.BELOW_MIN_QUOTE: codes.INVALID_ORDER_AMOUNT,
    RefusalReason.ABOVE_MAX_QUOTE: codes.INVALID_ORDER_AMOUNT,
    RefusalReason.INVALID_TYPE: codes.INVALID_ORDER_TYPE,
    RefusalReason.INVALID_TIME_IN_FORCE: codes.INVALID_TIME_IN_FORCE,
    RefusalReason.INVALID_EXPIRY: codes.INVALID_EXPIRY,
    RefusalReason.INVALID_TRIGGER_PRICE: codes.INVALID_TRIGGER_PRICE,
    RefusalReason.INVALID_STOP_SIDE: codes.INVALID_TRIGGER_PRICE,
    RefusalReason.INVALID_GROUP: codes.INVALID_ORDER_INFO,
    RefusalReason.PRICE_TOO_FAR: codes.PRICE_TOO_FAR_FROM_MARK,
    RefusalReason.FAT_FINGER: codes.FAT_FINGER_PRICE,
    RefusalReason.TRIGGER_PRICE_TOO_FAR: codes.PRICE_TOO_FAR_FROM_TRIGGER,
    RefusalReason.NO_REASONABLE_PRICE: codes.FAT_FINGER_PRICE,
    RefusalReason.POST_ONLY_WOULD_CROSS: codes.INVALID_PRICE,
    RefusalReason.NOT_ENOUGH_MARGIN: codes.NOT_ENOUGH_ORDER_MARGIN,
    RefusalReason.PRE_LIQUIDATION: codes.PRE_LIQUIDATION,
    RefusalReason.IMMEDIATE_LIQUIDATION: codes.IN_LIQUIDATION,
    RefusalReason.REDUCE_ONLY_INCREASES: codes.REDUCE_ONLY_INCREASES,
    RefusalReason.REDUCE_ONLY_WRONG_SIDE: codes.INVALID_REDUCE_ONLY_DIRECTION,
    RefusalReason.REDUCE_ONLY_TOO_BIG: codes.REDUCE_ONLY_INCREASES,
    RefusalReason.REDUCE_ONLY_NO_POSITION: codes.INVALID_REDUCE_ONLY_DIRECTION,
    RefusalReason.POSITION_NOT_FOUND: codes.NO_POSITION_FOUND,
    RefusalReason.DUPLICATE_CLIENT_ID: codes.CLIENT_ORDER_INDEX_EXISTS,
    RefusalReason.UNKNOWN_CLIENT_ID: codes.INACTIVE_CANCEL,
    RefusalReason.ORDER_NOT_FOUND: codes.INACTIVE_CANCEL,
    RefusalReason.TOO_MANY_ORDERS: codes.MAX_ORDERS_PER_ACCOUNT,
    RefusalReason.TOO_MANY_ORDERS_IN_MARKET: codes.MAX_ORDERS_PER_MARKET,
    RefusalReason.TOO_MANY_TRIGGERS: codes.MAX_PENDING_ORDERS_PER_ACCOUNT,
    RefusalReason.TOO_MANY_TRIGGERS_IN_MARKET: codes.MAX_PENDING_ORDERS_PER_MARKET,
    RefusalReason.INVALID_LEVERAGE: codes.INVALID_INITIAL_MARGIN_FRACTION,
    RefusalReason.LEVERAGE_LOWERED_WITH_POSITION: codes.INVALID_INITIAL_MARGIN_FRACTION,
    RefusalReason.MARGIN_MODE_LOCKED: codes.MARGIN_MODE_CHANGE,
    RefusalReason.INVALID_MARGIN_MODE: codes.INVALID_MARGIN_MODE,
    RefusalReason.INVALID_MARGIN_AMOUNT: codes.NOT_ENOUGH_COLLATERAL,
    RefusalReason.CANCEL_ALL_ALREADY_SCHEDULED: codes.CANCEL_ALL_QUEUED,
    RefusalReason.INVALID_CANCEL_ALL_TIME: codes.INVALID_CANCEL_ALL_TIME,
    RefusalReason.UNSUPPORTED: codes.UNSUPPORTED_TX_TYPE,
}


def refused(refusal: Refusal) -> LighterRefusal:
    """Return what the wire says to the exchange's no."""
    return LighterRefusal(CODES[refusal.reason])


def app_error(reason: RefusalReason | None, message: str) -> str:
    """Return the `ae` text of a failed transaction: JSON with code and message."""
    if reason is None:
        return f'{{"code":{codes.INTERNAL},"message":"{message}"}}'
    code = CODES[reason]
    return f'{{"code":{code},"message":"{codes.TEXTS[code]}"}}'


def reason_of(code: str) -> RefusalReason | None:
    """Return the first reason that is printed as `code`, None where there is none."""
    matching = (reason for reason, number in CODES.items() if str(number) == code)
    return next(matching, None)
