"""The ccxt client script: `python -m test.conformance.clients.ccxt_client VENUE LIBRARY PART`.

Reads the venues' ready line from standard input and writes one line of JSON per check. VENUE is
lighter or pacifica, LIBRARY the path of Lighter's signer, PART one of `PARTS`.
"""

import asyncio
import sys

from test.conformance.clients import (
    ccxt_funding,
    ccxt_limits,
    ccxt_markets,
    ccxt_orders,
    ccxt_refusals,
    ccxt_streams,
)
from test.conformance.clients.ccxt_session import Session
from test.conformance.clients.judge import read_ready
from test.conformance.clients.suite import Check, run_all

PARTS = {
    "trading": (ccxt_markets, ccxt_orders, ccxt_streams, ccxt_refusals),
    "funding": (ccxt_funding,),
    "limits": (ccxt_limits,),
}


def chosen(venue: str, part: str) -> list[Check[Session]]:
    """Return the checks of one part for one venue."""
    return [
        check
        for module in PARTS[part]
        for suite in (module.BOTH, module.LIGHTER if venue == "lighter" else module.PACIFICA)
        for check in suite.checks
    ]


async def main(venue: str, library: str, part: str) -> None:
    """Run the checks and close the client."""
    session = Session(read_ready(), venue, library)
    try:
        await run_all(chosen(venue, part), session)
    finally:
        await session.client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
