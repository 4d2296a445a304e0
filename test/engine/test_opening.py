"""A start that may hold a hedge begins with the venue that answers."""

import asyncio
from typing import cast

import pytest

from desk.core.errors import ConfigError, RateLimited, VenueUnavailable
from desk.core.ports import Venue
from desk.core.venue import VenueName
from desk.engine.opening import open_patiently
from test.virtual import run_virtual

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA


class Door:
    """A venue that opens after so many tries, or ends in `last`."""

    name = LIGHTER

    def __init__(self, tries: int, last: ConfigError | None = None) -> None:
        self.tries_left = tries
        self.last = last

    async def open(self) -> None:
        """Open, or fail once more."""
        await asyncio.sleep(0.1)
        self.tries_left -= 1
        if self.tries_left >= 0:
            raise VenueUnavailable("away", venue=PACIFICA, request="open")
        if self.last is not None:
            raise self.last


def begin(lighter: Door, pacifica: Door, told: list[str], *, holds: bool = True) -> float:
    """Return after how many seconds a start goes on; a minute later it ends."""

    async def start() -> float:
        clock = asyncio.get_running_loop().time
        venues = cast("dict[VenueName, Venue]", {LIGHTER: lighter, PACIFICA: pacifica})
        late = await open_patiently(venues, told.append, holds=holds)
        after_s = clock()
        await asyncio.sleep(60)
        for task in late:
            task.cancel()
        return after_s

    return run_virtual(start())


def test_a_leg_is_not_left_alone_because_the_other_venue_is_away() -> None:
    """The start goes on after a second, and the absent venue is opened when it is back."""
    told: list[str] = []
    absent = Door(6)
    assert begin(Door(0), absent, told) < 1.5
    assert (-1, 1) == (absent.tries_left, len(told))


def test_both_venues_are_waited_for_a_moment() -> None:
    """One that is a little slower is no late venue."""
    assert begin(Door(0), Door(0), []) < 0.2


class Busy(Door):
    """A venue whose budget has no room at first."""

    async def open(self) -> None:
        """Open, or ask for patience."""
        self.tries_left -= 1
        if self.tries_left >= 0:
            raise RateLimited("no room", venue=LIGHTER, request="open", retry_after_s=20)


@pytest.mark.parametrize("holds", [False, True])
def test_a_spent_budget_is_waited_for_and_told(holds: bool) -> None:
    """It is no failure, held or not; each wait is told once."""
    told: list[str] = []
    begin(Busy(2), Door(0) if not holds else Busy(2), told, holds=holds)
    assert {"waiting 20 s for our own request budget at lighter"} == set(told)
    assert (2, 4)[holds] == len(told)


def test_a_budget_that_is_never_free_ends_the_start() -> None:
    """Somebody else uses it up: then it is a failure with that reason."""
    with pytest.raises(RateLimited):
        begin(Busy(99), Door(0), [], holds=False)


def test_without_a_hedge_an_absent_venue_ends_the_start() -> None:
    """Nothing is at stake: whoever started it is told at once."""
    with pytest.raises(VenueUnavailable):
        begin(Door(0), Door(1), [], holds=False)


def test_a_late_venue_that_refuses_the_key_is_told() -> None:
    """The hedge is held without it; the owner must know why."""
    told: list[str] = []
    begin(Door(0), Door(1, ConfigError("the key is not registered")), told)
    assert "the key is not registered" == told[-1]
