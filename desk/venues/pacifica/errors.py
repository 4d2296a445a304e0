"""What Pacifica means when it says no, under names that do not change with its numbering.

Pure. The venue renumbered its business codes and live answers mix both: 5 is "insufficient
balance" in one and "order not found" in the other. So an `error_id` is believed first, then the
message, and a number only where both numberings agree. Sources: docs.pacifica.fi, "Error Codes"
(both editions), recorded answers.
"""

from collections.abc import Mapping
from enum import StrEnum


class Refusal(StrEnum):
    """The refusals a caller may want to tell apart; the value is the `code` of a `Rejected`."""

    ORDER_GONE = "order_gone"
    DUPLICATE_CLIENT_ID = "duplicate_client_order_id"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    AMOUNT_TOO_LOW = "amount_too_low"
    AMOUNT_TOO_HIGH = "amount_too_high"
    OFF_STEP = "off_step"
    NO_REASONABLE_PRICE = "no_reasonable_price"
    POST_ONLY_CROSSES = "post_only_crosses"
    PRICE_TOO_FAR = "price_too_far_from_mark"
    REDUCE_ONLY_SIDE = "reduce_only_side"
    REDUCE_ONLY_AMOUNT = "reduce_only_amount"
    REDUCE_ONLY_FLAT = "reduce_only_flat"
    POSITION_NOT_FOUND = "position_not_found"
    STOP_INVALID = "stop_invalid"
    LEVERAGE_LOCKED = "leverage_locked"
    MARGIN_MODE_LOCKED = "margin_mode_locked"
    ORDER_LIMIT = "open_order_limit"
    OPEN_INTEREST_LIMIT = "open_interest_limit"
    IMMEDIATE_LIQUIDATION = "immediate_liquidation"
    TRADING_DISABLED = "trading_disabled"
    MARKET_UNKNOWN = "market_unknown"
    ACCOUNT_UNKNOWN = "account_unknown"
    BAD_SIGNATURE = "bad_signature"
    EXPIRED = "expired_or_malformed"
    NOT_AUTHORIZED = "not_authorized"
    BETA_ACCESS = "beta_access_required"
    RATE_LIMITED = "rate_limited"


_BY_ERROR_ID: Mapping[str, Refusal] = {
    "signature_verification_failed": Refusal.BAD_SIGNATURE,
}

# First match wins, on the lower-case text; so the longer of two that overlap stands first.
_BY_TEXT: tuple[tuple[str, Refusal], ...] = (
    ("failed to cancel order", Refusal.ORDER_GONE),
    ("order history not found", Refusal.ORDER_GONE),
    ("order not found", Refusal.ORDER_GONE),
    ("unused client order id", Refusal.ORDER_GONE),
    ("duplicate client order id", Refusal.DUPLICATE_CLIENT_ID),
    ("insufficient balance", Refusal.INSUFFICIENT_BALANCE),
    ("order amount too low", Refusal.AMOUNT_TOO_LOW),
    ("order amount too high", Refusal.AMOUNT_TOO_HIGH),
    ("not a multiple of", Refusal.OFF_STEP),
    ("no reasonable price", Refusal.NO_REASONABLE_PRICE),
    ("post only", Refusal.POST_ONLY_CROSSES),
    ("price too far from mark", Refusal.PRICE_TOO_FAR),
    ("invalid reduce-only order side", Refusal.REDUCE_ONLY_SIDE),
    ("invalid reduce-only order amount", Refusal.REDUCE_ONLY_AMOUNT),
    ("no position found for reduce-only", Refusal.REDUCE_ONLY_FLAT),
    ("position not found", Refusal.POSITION_NOT_FOUND),
    ("positionnotfound", Refusal.POSITION_NOT_FOUND),
    ("invalid stop", Refusal.STOP_INVALID),
    ("cannot decrease leverage", Refusal.LEVERAGE_LOCKED),
    ("cannot update margin", Refusal.MARGIN_MODE_LOCKED),
    ("open order limit", Refusal.ORDER_LIMIT),
    ("open interest limit", Refusal.OPEN_INTEREST_LIMIT),
    ("immediate liquidation", Refusal.IMMEDIATE_LIQUIDATION),
    ("trading disabled", Refusal.TRADING_DISABLED),
    ("book not found", Refusal.MARKET_UNKNOWN),
    ("account not found", Refusal.ACCOUNT_UNKNOWN),
    ("verification failed", Refusal.BAD_SIGNATURE),
    ("invalid signature", Refusal.BAD_SIGNATURE),
    ("invalid public key", Refusal.BAD_SIGNATURE),
    ("invalid message", Refusal.EXPIRED),
    ("not authorized for account", Refusal.NOT_AUTHORIZED),
    ("unauthorized", Refusal.NOT_AUTHORIZED),
    ("beta access required", Refusal.BETA_ACCESS),
    ("signer not whitelisted", Refusal.BETA_ACCESS),
    ("rate limit exceeded", Refusal.RATE_LIMITED),
)

# Only numbers the older numbering did not use: below 11 the two contradict each other.
_BY_NUMBER: Mapping[int, Refusal] = {
    11: Refusal.LEVERAGE_LOCKED,
    12: Refusal.MARGIN_MODE_LOCKED,
    13: Refusal.POSITION_NOT_FOUND,
    16: Refusal.STOP_INVALID,
    17: Refusal.STOP_INVALID,
    18: Refusal.STOP_INVALID,
    19: Refusal.STOP_INVALID,
    21: Refusal.REDUCE_ONLY_SIDE,
    22: Refusal.REDUCE_ONLY_AMOUNT,
    23: Refusal.REDUCE_ONLY_FLAT,
    25: Refusal.NO_REASONABLE_PRICE,
    28: Refusal.IMMEDIATE_LIQUIDATION,
    30: Refusal.PRICE_TOO_FAR,
    36: Refusal.DUPLICATE_CLIENT_ID,
    37: Refusal.ORDER_GONE,
    38: Refusal.TRADING_DISABLED,
    41: Refusal.OPEN_INTEREST_LIMIT,
    52: Refusal.OFF_STEP,
    429: Refusal.RATE_LIMITED,
}


# What the venue says when it lost sight of a request itself: nothing is refused by that.
_UNSURE_NUMBERS = frozenset({0, 14, 26, 27})  # internal, database, channel closed, response dropped
_UNSURE_WORDS = ("internal", "database", "channel closed", "response dropped", "timed out")


def refusal_of_text(text: str) -> Refusal | None:
    """Return what a message means, None for one we have never seen."""
    lowered = text.lower()
    return next((refusal for part, refusal in _BY_TEXT if part in lowered), None)


def is_unsure(text: str, *, code: int | str | None, error_id: str | None) -> bool:
    """Return whether an error leaves open what became of a write.

    Words we know as a refusal are one, whatever the number: "too low" comes with 0.
    """
    if error_id in _BY_ERROR_ID or refusal_of_text(text) is not None:
        return False
    told = f"{text} {error_id or ''}".lower().replace("_", " ")
    is_named = error_id is not None and error_id != "unspecified"
    return any(word in told for word in _UNSURE_WORDS) or (code in _UNSURE_NUMBERS and not is_named)


def refusal_code(text: str, *, code: int | str | None, error_id: str | None) -> str:
    """Return a `Refusal` where we know one, else the venue's own `error_id` or number as text."""
    known = _BY_ERROR_ID.get(error_id or "") or refusal_of_text(text)
    if known is None and isinstance(code, int):
        known = _BY_NUMBER.get(code)
    if known is not None:
        return known.value
    if error_id and error_id != "unspecified":
        return error_id
    return "unspecified" if code is None else str(code)
