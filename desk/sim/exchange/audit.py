"""Audit: do the books balance, to the last decimal?

Two independent sums must agree: the cash against every change that was booked, and the equity
against deposits plus the raw cash flows of all fills valued at the mark.
"""

from desk.core.errors import InvariantBroken
from desk.sim.exchange.accounts import Account
from desk.sim.exchange.floor import Floor
from desk.sim.exchange.orders import ZERO
from desk.sim.exchange.views import AuditLine
from desk.sim.exchange.words import CashKind


def audit(floor: Floor) -> tuple[AuditLine, ...]:
    """Return every account's books by ascending id; raise `InvariantBroken` where they do not
    balance."""
    lines = tuple(_line(floor, floor.accounts[key]) for key in sorted(floor.accounts))
    for line in lines:
        if line.difference or line.difference_equity:
            raise InvariantBroken(f"books of account {line.account_id} do not balance: {line}")
    return lines


def _line(floor: Floor, account: Account) -> AuditLine:
    unrealized = value = ZERO
    for holding in account.holdings.values():
        mark = floor.markets[holding.symbol].mark
        unrealized += holding.unrealized(mark)
        value += holding.size * mark
    outside = sum(
        (amount for kind, amount in account.booked.items() if kind is not CashKind.PNL), ZERO
    )
    return AuditLine(
        account_id=account.account_id,
        cash=account.cash,
        booked=dict(account.booked),
        difference=account.cash - sum(account.booked.values(), ZERO),
        difference_equity=account.cash + unrealized - (outside + account.flow + value),
    )
