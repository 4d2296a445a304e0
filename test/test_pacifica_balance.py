"""Equity, cash and free balance of the Pacifica account.

As a script it asks the venue that `.env` names; pytest asks the embedded one.
"""

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from test.by_hand import PACIFICA, balance, run
from test.by_hand_embedded import DEPOSIT_USD, embedded, owners_position


def test_pacifica_balance() -> None:
    """A fresh embedded account holds 10,000 USDC, all of it free."""
    shown = embedded(balance, PACIFICA)
    assert shown.error is None
    assert 3 == shown.text.count(DEPOSIT_USD)


def test_pacifica_balance_of_a_position() -> None:
    """What a position needs is not free."""
    shown = embedded(balance, PACIFICA, prepare=owners_position(PACIFICA))
    assert DEPOSIT_USD not in shown.lines[2]
    equity = Decimal(shown.lines[0].split()[1].replace(",", ""))
    assert abs(Decimal(shown.truth["equity"]) - equity) < 1


if __name__ == "__main__":
    sys.exit(run(__doc__, balance, PACIFICA))
