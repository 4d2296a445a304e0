"""A gap in the live data is told when it happens; many in a row are told as a sum."""

from __future__ import annotations

from desk.core.stream import StreamDown, StreamUp
from desk.screen.streams import LONG_MS, QUIET_MS, StreamNotes
from test.screen.looks import AT_MS, LIGHTER, PACIFICA

BACK = "lighter live data is back after"


def gap(notes: StreamNotes, at_ms: int, gap_ms: int = 2_000) -> list[str | None]:
    """Return what is told of one gap."""
    down = notes.hear(LIGHTER, StreamDown(at_ms, "reset"))
    return [down, notes.hear(LIGHTER, StreamUp(at_ms + gap_ms))]


def test_a_gap_is_two_lines() -> None:
    """One with the reason when it begins, one with its length when it ends."""
    assert ["lighter live data has stopped: reset", f"{BACK} 12 s"] == gap(
        StreamNotes(), AT_MS, 12_000
    )
    assert f"{BACK} less than a second" == gap(StreamNotes(), AT_MS, 142)[1]


def test_attempts_that_fail_are_not_gaps_of_their_own() -> None:
    """The gap begins once and is measured from there."""
    notes = StreamNotes()
    notes.hear(LIGHTER, StreamDown(AT_MS, "reset"))

    assert notes.hear(LIGHTER, StreamDown(AT_MS + 5_000, "refused")) is None
    assert f"{BACK} 9 s" == notes.hear(LIGHTER, StreamUp(AT_MS + 9_000))


def test_a_stream_that_comes_up_first_is_no_news() -> None:
    """At the start there was no gap."""
    assert StreamNotes().hear(LIGHTER, StreamUp(AT_MS)) is None


def test_flapping_is_summed_up() -> None:
    """Gaps soon after one that was told are counted, and told together when it is over."""
    notes = StreamNotes()
    gap(notes, AT_MS)
    said = [gap(notes, AT_MS + each * 10_000) for each in range(1, 10)]

    assert [[None, None]] * 9 == said
    assert [] == notes.due(AT_MS + QUIET_MS)
    assert ["lighter live data had 9 more gaps, 18 s in all"] == notes.due(AT_MS + QUIET_MS + 2_000)
    assert [] == notes.due(AT_MS + QUIET_MS + 3_000)


def test_a_gap_that_lasts_is_told_even_among_many() -> None:
    """Flapping must not hide an outage."""
    notes = StreamNotes()
    gap(notes, AT_MS)
    notes.hear(LIGHTER, StreamDown(AT_MS + 60_000, "reset"))

    assert [] == notes.due(AT_MS + 60_000 + LONG_MS - 1)
    assert ["lighter live data has stopped: reset"] == notes.due(AT_MS + 60_000 + LONG_MS)
    assert [] == notes.due(AT_MS + 60_000 + LONG_MS + 1)
    assert f"{BACK} 30 s" == notes.hear(LIGHTER, StreamUp(AT_MS + 90_000))


def test_one_venue_says_nothing_of_the_other() -> None:
    """Each has its own quiet time."""
    notes = StreamNotes()
    gap(notes, AT_MS)

    assert notes.hear(PACIFICA, StreamDown(AT_MS + 3_000, "reset")) is not None
