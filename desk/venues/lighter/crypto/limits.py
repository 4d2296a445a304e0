"""The ranges and combinations Lighter accepts in a transaction, checked before anything is signed.

Only checks live here. They are ours because the signer library checks little: it signs a modify of
size 0, an order that expired yesterday, a nonce of 2^62. Limits are those of the venue's public
signer (elliottech/lighter-go), of its API documentation, and of refusals seen from the library of
`lighter-sdk` 1.1.8. Perpetual markets only.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from desk.venues.lighter.crypto.transactions import TxType

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS

MARKET_INDEX_MAX: Final = 254
ORDER_EXPIRY_AHEAD_MS: Final = (5 * MINUTE_MS, 30 * DAY_MS)
SCHEDULE_AHEAD_MS: Final = (5 * MINUTE_MS, 15 * DAY_MS)
AUTH_TOKEN_LIFE_S_MAX: Final = 8 * 3600

_UINT_32_MAX: Final = 2**32 - 1
_UINT_48_MAX: Final = 2**48 - 1
_UINT_60_MAX: Final = 2**60 - 1


class InvalidRequest(ValueError):
    """We were asked to sign something the venue would refuse; the text names field and range."""


class OrderType(IntEnum):
    """Order types we sign (a TWAP is not one of them)."""

    LIMIT = 0
    MARKET = 1
    STOP_LOSS = 2
    STOP_LOSS_LIMIT = 3
    TAKE_PROFIT = 4
    TAKE_PROFIT_LIMIT = 5


class TimeInForce(IntEnum):
    """How long an order lives."""

    IMMEDIATE_OR_CANCEL = 0
    GOOD_TILL_TIME = 1
    POST_ONLY = 2


class CancelAllMode(IntEnum):
    """When a cancel-all acts; scheduled is the dead man's switch."""

    IMMEDIATE = 0
    SCHEDULED = 1
    ABORT_SCHEDULED = 2


_TRIGGERED: Final = frozenset(OrderType) - {OrderType.LIMIT, OrderType.MARKET}
_IMMEDIATE_ONLY: Final = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})

# Lowest and highest value of each field that has fixed ones, by its name on the wire. A trigger
# price of 0 means none, a client order index of 0 means unnamed.
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "AccountIndex": (1, _UINT_48_MAX - 1),
    "ApiKeyIndex": (0, 254),
    "Nonce": (0, 2**47 - 1),
    "MarketIndex": (0, MARKET_INDEX_MAX),
    "ClientOrderIndex": (0, _UINT_48_MAX),
    "Index": (1, _UINT_60_MAX),
    "BaseAmount": (0, _UINT_48_MAX),
    "Price": (1, _UINT_32_MAX),
    "IsAsk": (0, 1),
    "Type": (0, max(OrderType)),
    "TimeInForce": (0, 2),
    "ReduceOnly": (0, 1),
    "TriggerPrice": (0, _UINT_32_MAX),
    "OrderExpiry": (0, _UINT_48_MAX),
    "Time": (0, _UINT_48_MAX),
    "InitialMarginFraction": (1, 10_000),
    "MarginMode": (0, 1),
    "USDCAmount": (1, _UINT_60_MAX),
    "Direction": (0, 1),
}


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Raise `InvalidRequest` unless `value` is a whole number in low .. high."""
    if type(value) is not int or not low <= value <= high:
        raise InvalidRequest(f"{name} must be a whole number in {low} .. {high}, not {value!r}")


def check_fields(fields: Mapping[str, int]) -> None:
    """Raise `InvalidRequest` for the first field, by wire name, out of its fixed range."""
    for name, value in fields.items():
        low, high = _RANGES[name]
        check_range(name, value, low, high)


def check_body(
    tx_type: TxType, body: Mapping[str, int], market_attribute: int | None, now_ms: int
) -> None:
    """Raise `InvalidRequest` unless the venue would take this body at `now_ms`.

    `market_attribute` is the one market a cancel-all is for, None for all of them.
    """
    check_fields(body)
    if tx_type is TxType.CREATE_ORDER:
        _check_order(body, now_ms)
    elif tx_type is TxType.MODIFY_ORDER:
        check_range("BaseAmount", body["BaseAmount"], 1, _UINT_48_MAX)
    elif tx_type is TxType.CANCEL_ALL_ORDERS:
        _check_cancel_all(body, market_attribute, now_ms)


def _check_order(body: Mapping[str, int], now_ms: int) -> None:
    """Raise unless size, time in force, trigger and expiry fit the order's type."""
    order_type = OrderType(body["Type"])
    resting = body["TimeInForce"] != TimeInForce.IMMEDIATE_OR_CANCEL
    triggered = order_type in _TRIGGERED
    if body["BaseAmount"] == 0 and not body["ReduceOnly"]:
        raise InvalidRequest("BaseAmount 0 (the whole position) needs ReduceOnly 1")
    if resting and order_type in _IMMEDIATE_ONLY:
        raise InvalidRequest(f"TimeInForce of a {order_type.name} order must be 0")
    if triggered != (body["TriggerPrice"] != 0):
        wanted = "needs a TriggerPrice" if triggered else "takes no TriggerPrice"
        raise InvalidRequest(f"a {order_type.name} order {wanted}")
    if resting or triggered:
        _check_ahead("OrderExpiry", body["OrderExpiry"], now_ms, ORDER_EXPIRY_AHEAD_MS)
    elif body["OrderExpiry"] != 0:
        raise InvalidRequest("OrderExpiry of an order that never rests must be 0")


def _check_cancel_all(body: Mapping[str, int], market: int | None, now_ms: int) -> None:
    """Raise unless the time fits the mode and the market, if any, is one."""
    mode = CancelAllMode(body["TimeInForce"])
    if market is not None:
        check_range("cancel-all market", market, 0, MARKET_INDEX_MAX)
        if mode is not CancelAllMode.IMMEDIATE:
            raise InvalidRequest("a cancel-all for one market can only be immediate")
    if mode is CancelAllMode.SCHEDULED:
        _check_ahead("Time", body["Time"], now_ms, SCHEDULE_AHEAD_MS)
    elif body["Time"] != 0:
        raise InvalidRequest("Time must be 0 unless the cancel-all is scheduled")


def _check_ahead(name: str, at_ms: int, now_ms: int, ahead_ms: tuple[int, int]) -> None:
    """Raise unless an instant lies within a window from now on."""
    nearest, farthest = ahead_ms
    if not nearest <= at_ms - now_ms <= farthest:
        raise InvalidRequest(
            f"{name} must lie {nearest} .. {farthest} ms ahead, not {at_ms - now_ms}"
        )
