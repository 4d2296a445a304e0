"""How often an embedded world stirs: freshness bought with computing time.

Values only. A pace changes how finely the same markets are seen, not what they are like.
"""

from dataclasses import dataclass

BOOK_LEVELS_MAX = 11


@dataclass(frozen=True, slots=True)
class Pace:
    """The least that happens, and how often.

    Every `step_ms` a step moves one symbol on both venues, each symbol in its turn. `others_every`
    above 0 lets every step move the next of the liquid default symbols, so that whoever watches
    them hears something at every step, and every so many-th step the next of the others too. A side
    of a book has up to `book_levels` levels. Strangers trade in one market at most once in
    `trade_gap_ms`, and then as much as they would have meanwhile. Lighter sends statistics at most
    every `lighter_stats_ms`. Pacifica sends a book at most every `pacifica_books_ms` (the best
    prices at once) and all its prices when they are `prices_ms_max` old. A reader who has heard
    nothing for `quiet_ms_max` is told statistics and prices at once. A world that was asleep makes
    up for `catch_up_steps_max` steps of its markets (None: for all of them).
    """

    step_ms: int = 1_000
    others_every: int = 0
    book_levels: int = BOOK_LEVELS_MAX
    trade_gap_ms: int = 0
    lighter_stats_ms: int = 0
    pacifica_books_ms: int = 250
    quiet_ms_max: int = 1_000
    prices_ms_max: int = 1_000
    catch_up_steps_max: int | None = None


CALM = Pace()
"""For tests: something every second."""

LIVE = Pace(step_ms=100, catch_up_steps_max=100)
"""For people who look: sixteen markets move every 1.6 seconds each. After a machine slept for an
hour nobody waits until it has lived through it."""

SWIFT = Pace(
    step_ms=1_950,
    others_every=3,
    book_levels=4,
    trade_gap_ms=60_000,
    lighter_stats_ms=9_700,
    pacifica_books_ms=25_000,
    quiet_ms_max=1_950,
    prices_ms_max=9_700,
)
"""For hours in seconds: just often enough for a reader who accepts a line that was quiet for two
seconds, marks of the last ten and books of the last thirty. Five liquid symbols move in turn, so
each one's mark is told every fifth step."""
