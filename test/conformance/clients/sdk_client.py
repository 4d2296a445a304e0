"""The lighter-sdk client script: `python -m test.conformance.clients.sdk_client PART`.

Reads the venues' ready line from standard input and writes one line of JSON per check.
"""

import asyncio
import sys

from test.conformance.clients import sdk_funding, sdk_limits, sdk_orders, sdk_reads
from test.conformance.clients.judge import read_ready
from test.conformance.clients.sdk_session import Session
from test.conformance.clients.suite import run_all

PARTS = {
    "trading": (sdk_reads, sdk_orders),
    "funding": (sdk_funding,),
    "limits": (sdk_limits,),
}


async def main(part: str) -> None:
    """Run the checks and close the client."""
    session = Session(read_ready())
    try:
        await run_all([check for module in PARTS[part] for check in module.SUITE.checks], session)
    finally:
        await session.signer.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
