"""Checks of the SDK where the venue counts requests against its published limits."""

import json

import lighter

from test.conformance.clients.sdk_session import MARKET, Session
from test.conformance.clients.suite import Mismatch, Suite, equal, require

SUITE: Suite[Session] = Suite()

PER_MINUTE = 60
REQUESTS_MAX = 200
TOO_MANY, FIREWALL = 429, 405
TOO_MANY_REQUESTS = 23000


async def served_until(session: Session, status: int) -> tuple[int, str]:
    """Return how many requests are answered otherwise before the first one with this HTTP status,
    and that one's body."""
    for count in range(REQUESTS_MAX):
        try:
            await session.orders.order_book_orders(MARKET, 1)
        except lighter.exceptions.ApiException as error:
            if error.status == status:
                return count, str(error.body)
    raise Mismatch(f"{REQUESTS_MAX} requests, and no {status}")


@SUITE.check("60 requests a minute, then 429")
async def limit(session: Session) -> str:
    """The sixty-first request of a minute is refused, by the venue's code 23000."""
    count, body = await served_until(session, TOO_MANY)
    equal(PER_MINUTE, count, "requests served")
    equal(TOO_MANY_REQUESTS, json.loads(body)["code"], "code")
    return f"429 after {count}"


@SUITE.check("an order beyond the limit is told apart")
async def order(session: Session) -> str:
    """A transaction counts like a request: it is refused before it is looked at."""
    signed = session.signer.sign_cancel_all_orders(0, 0, nonce=0, api_key_index=session.key_index)
    try:
        await session.signer.send_tx(signed[0], signed[1])
    except lighter.exceptions.ApiException as error:
        equal(TOO_MANY, error.status, "status")
        return str(json.loads(str(error.body))["message"])
    raise Mismatch("it was taken")


@SUITE.check("who goes on meets the firewall: 405")
async def firewall(session: Session) -> str:
    """After thirty refusals the address is shut out, by a status that means something else."""
    count, _ = await served_until(session, FIREWALL)
    require(count < PER_MINUTE, f"only after {count} refusals")
    return f"405 after {count} more"
