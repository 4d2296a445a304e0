"""Every open position of the Lighter account, whoever opened it.

As a script it asks the venue that `.env` names; pytest asks the embedded one.
"""

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from test.by_hand import LIGHTER, positions, run
from test.by_hand_embedded import embedded, owners_position


def test_lighter_has_no_position() -> None:
    """A fresh embedded account is flat, and that is said."""
    assert ["no open position"] == embedded(positions, LIGHTER).lines


def test_lighter_positions() -> None:
    """One that the owner opened by hand: side, size, entry."""
    shown = embedded(positions, LIGHTER, prepare=owners_position(LIGHTER))
    assert Decimal("0.01") == Decimal(shown.truth["positions"]["BTC"])
    assert shown.lines[0].startswith("BTC: long 0.01, entered at ")


if __name__ == "__main__":
    sys.exit(run(__doc__, positions, LIGHTER))
