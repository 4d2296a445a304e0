"""Errors say who, what and in which phase, in one short line."""

import pytest

from desk.core.errors import (
    EXCERPT_LENGTH_MAX,
    BadMessage,
    DeskError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    StaleData,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from desk.core.venue import VenueName

LIGHTER = VenueName.LIGHTER


@pytest.mark.parametrize("kind", [VenueError, NotSent, VenueUnavailable, OutcomeUnknown, StaleData])
def test_a_venue_error_carries_venue_and_request(kind: type[VenueError]) -> None:
    """Whoever catches it knows where it came from, and the text says so too."""
    error = kind("no answer", venue=LIGHTER, request="account")
    assert (LIGHTER, "account") == (error.venue, error.request)
    assert "lighter account: no answer" == str(error)
    assert isinstance(error, DeskError)


def test_a_refusal_carries_the_venues_code() -> None:
    """The code is kept as the venue's own text."""
    error = VenueRejected("invalid nonce", venue=LIGHTER, request="sendTx", code="21104")
    assert "21104" == error.code
    assert "lighter sendTx: invalid nonce (code 21104)" == str(error)


def test_a_limit_says_how_long_to_stay_away() -> None:
    """The wait comes as seconds."""
    error = RateLimited("too many", venue=LIGHTER, request="account", retry_after_s=2.5)
    assert 2.5 == error.retry_after_s


@pytest.mark.parametrize("raw", ["x" * 5000, b"x" * 5000, b"\xff" * 5000])
def test_an_unreadable_answer_is_quoted_in_short(raw: str | bytes) -> None:
    """However long or broken the answer, its excerpt is bounded text."""
    error = BadMessage("not JSON", venue=LIGHTER, request="account", raw=raw)
    assert EXCERPT_LENGTH_MAX == len(error.excerpt)
    assert len(str(error)) < EXCERPT_LENGTH_MAX * 5
