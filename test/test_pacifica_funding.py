"""Funding on Pacifica: the hour in progress and settled ones, in one unit.

As a script it asks the venue that `.env` names; pytest asks the embedded one.
"""

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from desk.core.funding import HourlyRate
from desk.sim.world import World
from test.by_hand import PACIFICA, funding, run
from test.by_hand_embedded import embedded


def test_pacifica_funding() -> None:
    """What the embedded venue was set to, per hour and a year, and three settled hours."""

    def set_rate(world: World) -> None:
        world.set_funding("BTC", PACIFICA, HourlyRate.from_hourly(Decimal("-0.0001")))

    shown = embedded(funding, PACIFICA, prepare=set_rate)
    assert shown.error is None
    assert "BTC: -0.01" in shown.lines[0]
    assert "= -87.60 % APR" in shown.lines[0]
    assert 2 == shown.lines[0].split("settled before: ")[1].count(", ")


if __name__ == "__main__":
    sys.exit(run(__doc__, funding, PACIFICA))
