"""Opens the smallest position Pacifica takes and closes it again. With real money, if .env says so.

As a script it asks the venue that `.env` names; pytest asks the embedded one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest

from desk.core.errors import ConfigError
from desk.sim.faults import Fault, FaultKind
from test.by_hand import PACIFICA, market_order, run
from test.by_hand_embedded import ORDER, TROUBLES, embedded, owners_position


def test_pacifica_market_order() -> None:
    """Opened, closed, flat: two fills of one size, no order left."""
    shown = embedded(market_order, PACIFICA)
    assert shown.error is None
    assert ["buy", "sell"] == [row["side"] for row in shown.truth["fills"]]
    assert 1 == len({row["size"] for row in shown.truth["fills"]})
    assert ({}, []) == (shown.truth["positions"], shown.truth["orders"])
    assert shown.lines[-1].startswith("flat: ")


@pytest.mark.parametrize("kind", TROUBLES, ids=str)
def test_pacifica_is_flat_after_trouble(kind: FaultKind) -> None:
    """An answer that is lost, a refusal, half a fill: what was opened is closed."""
    shown = embedded(market_order, PACIFICA, faults=[Fault(PACIFICA, kind, ORDER[PACIFICA])])
    assert {} == shown.truth["positions"]
    assert shown.lines[-1].startswith("flat: ")


def test_pacifica_leaves_the_owners_position_alone() -> None:
    """It could not tell the two apart: it sends nothing."""
    shown = embedded(market_order, PACIFICA, prepare=owners_position(PACIFICA))
    assert isinstance(shown.error, ConfigError)
    assert "--symbol" in str(shown.error)
    assert {"buy"} == {row["side"] for row in shown.truth["fills"]}


if __name__ == "__main__":
    sys.exit(run(__doc__, market_order, PACIFICA, trades=True))
