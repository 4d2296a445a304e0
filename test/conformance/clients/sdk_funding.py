"""Checks of the SDK where funding settles every few seconds instead of every hour."""

from decimal import Decimal

from test.conformance.clients.sdk_session import BASE, MARKET, Session
from test.conformance.clients.suite import Suite, equal, require, until

SUITE: Suite[Session] = Suite()

HIGH_HOURLY = "0.02"
WAIT_S_MAX = 40.0


@SUITE.check("AccountApi: funding payments", deadline_s=WAIT_S_MAX)
async def payments(session: Session) -> str:
    """Each payment is listed with its sign, newest first, in the market that was held."""
    await session.judge.set_funding(BASE, HIGH_HOURLY)
    await session.buy()
    await until(session.judge.funding_paid, lambda usd: usd < Decimal("-0.001"), "a payment")
    await session.flat()
    truth = [Decimal(row["payment"]) for row in (await session.judge.account())["funding"]]
    answer = await session.accounts.position_funding(
        session.account_index, 100, authorization=session.token()
    )
    rows = answer.position_fundings
    require(rows, "no payments")
    equal(truth, [Decimal(row.change) for row in reversed(rows)], "payments")
    equal({(MARKET, "long")}, {(row.market_id, row.position_side) for row in rows}, "position")
    return f"{len(rows)} payments, {sum(truth):.6f} USD"
