"""How often an embedded world stirs: freshness bought with computing time.

Values only. A pace changes how finely the same markets are seen, not what they are like.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The least that happens, and how often.

    Every `step_ms` a step moves one symbol on both venues, each symbol in its turn. With
    `favours_defaults` it moves the next of the default symbols and the next of the others, so that
    whoever watches the defaults hears something at every step. Strangers trade in one market at
    most once in `trade_gap_ms`, and then as much as they would have meanwhile.
    `prices_interval_ms` lies between two pushes of everybody's statistics (Pacifica's `prices`).
    """

    step_ms: int = 1_000
    favours_defaults: bool = False
    trade_gap_ms: int = 0
    prices_interval_ms: int = 1_000


CALM = Pace()
"""For tests: something every second."""

LIVE = Pace(step_ms=100)
"""For people who look: sixteen markets move every 1.6 seconds each."""

SWIFT = Pace(
    step_ms=1_800, favours_defaults=True, trade_gap_ms=20_000, prices_interval_ms=1_800
)
"""For hours in seconds: just often enough that a reader who accepts prices of the last two seconds
always finds them."""
