"""Checks of ccxt where the venues count requests against their published limits."""

import ccxt

from test.conformance.clients.ccxt_session import SYMBOL, Session
from test.conformance.clients.suite import Mismatch, Suite, equal, require

BOTH: Suite[Session] = Suite()
LIGHTER: Suite[Session] = Suite()
PACIFICA: Suite[Session] = Suite()

LIGHTER_PER_MINUTE = 60
PACIFICA_CREDITS = 100
HEAVY_CREDITS = 12
HOUR_MS = 3_600_000
REQUESTS_MAX = 200


async def served(session: Session) -> int:
    """Return how many tickers are served before the first `RateLimitExceeded`."""
    for count in range(REQUESTS_MAX):
        try:
            await session.client.fetch_ticker(SYMBOL)
        except ccxt.RateLimitExceeded:
            return count
    raise Mismatch(f"{REQUESTS_MAX} requests, and no limit")


@LIGHTER.check("60 requests a minute")
async def lighter_limit(session: Session) -> str:
    """What is left after load_markets is served; then the venue answers 429, by its code 23000."""
    await session.client.load_markets()
    asked = 2  # assetDetails and orderBookDetails
    equal(LIGHTER_PER_MINUTE - asked, await served(session), "requests served")
    return f"429 after {LIGHTER_PER_MINUTE}"


@PACIFICA.check("100 credits a minute, heavy reads for more")
async def pacifica_limit(session: Session) -> str:
    """A candle request costs twelve; what is left is served at one each; then 429."""
    await session.client.load_markets()
    await session.client.fetch_ohlcv(SYMBOL, "1m", session.client.milliseconds() - HOUR_MS)
    equal(PACIFICA_CREDITS - HEAVY_CREDITS - 1, await served(session), "requests served")
    return f"429 after {PACIFICA_CREDITS} credits"


@PACIFICA.check("streams go on beyond the limit")
@LIGHTER.check("streams go on beyond the limit")
async def streams(session: Session) -> str:
    """Whoever has used up his requests still hears the market."""
    seen = await session.client.watch_order_book(SYMBOL)
    require(seen["bids"] and seen["asks"], "an empty book")
    return "book"
