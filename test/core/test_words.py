"""Words for people: how long something takes or took."""

from __future__ import annotations

import pytest

from desk.core.words import span

SPANS = [
    (0, "0 s"),
    (-5_000, "0 s"),
    (36_000, "36 s"),
    (59_600, "1 min"),
    (45 * 60_000, "45 min"),
    (59 * 60_000 + 40_000, "1 h"),
    (72 * 60_000, "1 h 12 min"),
    (12 * 3_600_000 - 1_000, "12 h"),
    (14_400_000, "4 h"),
    (49 * 3_600_000, "2 d 1 h"),
    (48 * 3_600_000, "2 d"),
]


@pytest.mark.parametrize(("span_ms", "words"), SPANS, ids=str)
def test_a_span_has_the_units_a_person_would_use(span_ms: int, words: str) -> None:
    """Seconds below a minute, minutes below an hour, hours below two days; never "0.0 h"."""
    assert words == span(span_ms)
