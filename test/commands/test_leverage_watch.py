"""The leverage of what is held is read beside the bot, and a read that fails is asked again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast

from desk.commands.leverage_watch import LOOK_S, READ_EVERY, leverage_watched
from desk.core.account import Leverage, MarginMode
from desk.core.errors import VenueUnavailable
from desk.core.ports import Venue
from desk.core.venue import VenueName
from desk.hedge.state import BotState
from test.screen.looks import LIGHTER, PACIFICA, holding
from test.virtual import run_virtual


@dataclass(slots=True)
class Asked:
    """A venue that tells its leverage; the first `away` questions it does not answer."""

    name: VenueName
    away: int = 0
    asked: list[str] = field(default_factory=list)

    async def leverage(self, symbol: str) -> Leverage:
        """Return 1x, once it answers."""
        self.asked.append(symbol)
        if len(self.asked) <= self.away:
            raise VenueUnavailable("away", venue=self.name, request="leverage")
        return Leverage(symbol, Decimal(1), MarginMode.CROSS)


def watched(state: Callable[[], BotState], looks: int, *venues: Asked) -> list[VenueName]:
    """Return who told his leverage within so many looks."""
    told: list[VenueName] = []

    async def life() -> None:
        by_name = cast(dict[VenueName, Venue], {each.name: cast(Any, each) for each in venues})
        async with leverage_watched(by_name, state, lambda name, _: told.append(name)):
            await asyncio.sleep(looks * LOOK_S + 1)

    run_virtual(life())
    return told


def test_both_venues_are_read_now_and_then() -> None:
    """At the first look, then half an hour later."""
    venues = Asked(LIGHTER), Asked(PACIFICA)
    assert [LIGHTER, PACIFICA] == watched(holding, READ_EVERY, *venues)
    assert [LIGHTER, PACIFICA] * 2 == watched(holding, READ_EVERY + 2, *venues)


def test_a_venue_that_is_away_is_asked_again() -> None:
    """At the next look, and only it."""
    lighter, pacifica = Asked(LIGHTER, away=2), Asked(PACIFICA)
    assert [PACIFICA, LIGHTER] == watched(holding, 5, lighter, pacifica)
    assert (3, 1) == (len(lighter.asked), len(pacifica.asked))


def test_nothing_held_is_nothing_asked() -> None:
    """And a close is not disturbed."""
    venue = Asked(LIGHTER)
    assert [] == watched(lambda: replace(holding(), hedge=None), 5, venue)
    assert [] == venue.asked
