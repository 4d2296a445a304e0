"""The best levels of Lighter's streamed books.

As a script it asks the venue that `.env` names; pytest asks the embedded one.
"""

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from test.by_hand import LIGHTER, order_book, run
from test.by_hand_embedded import embedded


def test_lighter_orderbook() -> None:
    """Five levels on each side, best first, bids below asks."""
    shown = embedded(order_book, LIGHTER)
    assert shown.error is None
    bids, asks = shown.lines[0].removeprefix("BTC: bids ").split(" | asks ")
    prices = [[Decimal(row.split(" at ")[1]) for row in side.split(", ")] for side in (bids, asks)]
    assert (5, 5) == (len(prices[0]), len(prices[1]))
    assert sorted(prices[0], reverse=True) == prices[0]
    assert sorted(prices[1]) == prices[1]
    assert prices[0][0] < prices[1][0]


if __name__ == "__main__":
    sys.exit(run(__doc__, order_book, LIGHTER))
