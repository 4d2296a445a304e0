"""How often both venues can be asked for what is held, for as long as it is held.

Arithmetic on the published limits. When to ask is the strategy's, whether a request may leave now
is `limits`'.
"""

from decimal import Decimal

from desk.venues.pacifica.rest import (
    HALF_CREDITS_LIGHT,
    HALF_CREDITS_PER_MINUTE,
    HALF_CREDITS_PER_MINUTE_WITH_KEY,
)

MINUTE_S = 60
# Of each minute a third is for checks, a third for all other reads and openings, and a third is
# kept for closes, cancels and fences.
PARTS = 3
LIGHTER_REQUESTS_PER_MINUTE = 60
LIGHTER_REQUESTS = 1  # the account, with its positions
PACIFICA_REQUESTS = 2  # the account, and its positions


def check_interval_s_min(*, has_pacifica_key: bool) -> Decimal:
    """Return the least time between two full checks that both venues' limits carry, in seconds."""
    half_credits = HALF_CREDITS_PER_MINUTE_WITH_KEY if has_pacifica_key else HALF_CREDITS_PER_MINUTE
    return max(
        Decimal(PARTS * MINUTE_S * LIGHTER_REQUESTS) / LIGHTER_REQUESTS_PER_MINUTE,
        Decimal(PARTS * MINUTE_S * PACIFICA_REQUESTS * HALF_CREDITS_LIGHT) / half_credits,
    )
