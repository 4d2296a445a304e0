"""Checks of ccxt where funding settles every few seconds instead of every hour."""

from decimal import Decimal

from test.conformance.clients.ccxt_markets import not_offered
from test.conformance.clients.ccxt_session import BASE, SYMBOL, Session, close_to, exact, traded
from test.conformance.clients.suite import Suite, equal, require, until

BOTH: Suite[Session] = Suite()
LIGHTER: Suite[Session] = Suite()
PACIFICA: Suite[Session] = Suite()

HIGH_HOURLY = "0.02"
WAIT_S_MAX = 40.0


@BOTH.check("funding payment", deadline_s=WAIT_S_MAX)
async def payment(session: Session) -> str:
    """A long pays a positive rate out of its balance at a settlement."""
    await session.client.load_markets()
    await session.judge.set_funding(BASE, HIGH_HOURLY)
    before = exact((await session.client.fetch_balance())["USDC"]["total"])
    await session.buy()
    paid = await until(session.judge.funding_paid, lambda usd: usd < Decimal("-0.001"), "a payment")
    await session.flat()
    paid = await session.judge.funding_paid()
    fills = await session.client.fetch_my_trades(SYMBOL)
    fees = sum(Decimal(row["fee"]) for row in (await session.judge.account())["fills"])
    after = exact((await session.client.fetch_balance())["USDC"]["total"])
    close_to(before + traded(fills) - fees + paid, after, within="0.0001", what="balance")
    return f"{paid:.6f} USD"


@PACIFICA.check("funding history")
async def history(session: Session) -> str:
    """Every payment is listed as it was made, negative where the long paid."""
    truth = (await session.judge.account())["funding"]
    rows = await session.client.fetch_funding_history(SYMBOL)
    require(rows, "no payments")
    expected = [(row["at_ms"], Decimal(row["payment"])) for row in truth]
    equal(expected, [(row["timestamp"], exact(row["amount"])) for row in rows], "payments")
    equal(
        [Decimal(row["rate_hourly"]) for row in truth],
        [exact(row["rate"]) for row in rows],
        "rates",
    )
    return f"{len(rows)} payments"


@LIGHTER.check("funding history", limit="not offered by ccxt's connector")
async def no_history(session: Session) -> str:
    """The connector refuses without asking the venue."""
    return await not_offered(session, "fetch_funding_history")
