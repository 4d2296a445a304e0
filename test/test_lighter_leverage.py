"""Each symbol's leverage on Lighter, read from the venue.

As a script it asks the venue that `.env` names; pytest asks the embedded one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from test.by_hand import LIGHTER, leverage, run
from test.by_hand_embedded import embedded


def test_lighter_leverage() -> None:
    """A line a symbol, with what the market allows at most."""
    shown = embedded(leverage, LIGHTER)
    assert shown.error is None
    assert ["BTC:", "ETH:"] == [line.split()[0] for line in shown.lines]
    assert all("x cross, at most " in line for line in shown.lines)


if __name__ == "__main__":
    sys.exit(run(__doc__, leverage, LIGHTER))
