"""An edited configuration beside a bot that holds: taken in unasked, or refused, and told once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from desk.commands.edited import edits_heeded
from desk.core.errors import VenueUnavailable
from desk.core.venue import VenueName
from desk.engine.files import read_text
from desk.hedge.config import Config, parse_config
from desk.hedge.state import Phase
from test.emergency_stage import Stage, play
from test.test_emergency_beside_bot import Life, bot_on

CHECK_S = 5
AS_STARTED: dict[str, Any] = {
    "symbols_to_monitor": ["BTC"],
    "hold_duration_hours": 1,
    "wait_between_cycles_minutes": 0,
    "check_interval_seconds": CHECK_S,
    "require_expected_profit": False,
    "min_volume_24h_usd": 0,
}
Edit = Callable[..., Awaitable[Config]]


def beside_a_hold(
    folder: Path,
    story: Callable[[Edit, list[str]], Awaitable[None]],
    *,
    away: list[bool] | None = None,
) -> None:
    """Play a story with a bot that holds; an edit waits for one regular check, and returns what
    the bot goes by then. While `away` says so no venue tells its symbols."""

    async def scene(stage: Stage) -> None:
        path, told = stage.home.config, list[str]()

        async def reread() -> Config:
            config = parse_config(read_text(path), source=path.name)
            if away and away[0]:
                raise VenueUnavailable("away", venue=VenueName.LIGHTER, request="markets")
            return config

        async with bot_on(stage) as life:
            await life.reaches(Phase.HOLD)
            path.write_text(json.dumps(AS_STARTED))
            async with edits_heeded(path, life.engine, stage.clock, reread, tell=told.append):
                await story(_editor(path, life), told)

    play(folder, scene)


def _editor(path: Path, life: Life) -> Edit:
    def write(text: str) -> None:
        path.write_text(text)

    async def edit(text: str | None = None, **changes: Any) -> Config:
        write(json.dumps(AS_STARTED | changes) if text is None else text)
        await asyncio.sleep(CHECK_S + 0.5)
        return life.engine.state.config

    return edit


def test_an_edit_is_taken_in_by_the_next_check(tmp_path: Path) -> None:
    """And nothing is told here: the decision that adopts it says each change."""

    async def story(edit: Edit, told: list[str]) -> None:
        assert not (await edit(renew_hold=False)).renew_hold
        assert 70 == (await edit(base_capital_allocation=70)).base_capital_allocation
        assert [] == told

    beside_a_hold(tmp_path, story)


def test_a_bad_edit_is_told_once_and_the_old_one_goes_on(tmp_path: Path) -> None:
    """However often it is looked at; once mended it is taken in."""

    async def story(edit: Edit, told: list[str]) -> None:
        before = await edit(leverage=2)
        assert before == await edit(leverage=2)
        assert 1 == len(told)
        for words in ("bot_config.json was edited", "leverage = 2", "the old configuration goes"):
            assert words in told[0]
        after = await edit(renew_hold=False)
        assert not after.renew_hold
        assert after == await edit("{")
        assert 2 == len(told)

    beside_a_hold(tmp_path, story)


def test_an_edit_that_may_close_waits_for_a_yes(tmp_path: Path) -> None:
    """It is told with the word that does it, and changes nothing."""

    async def story(edit: Edit, told: list[str]) -> None:
        assert 50 == (await edit(stop_loss_pct=10)).stop_loss_pct
        (text,) = told
        assert "stop_loss_pct may close what is held at once: reload --yes does it" in text

    beside_a_hold(tmp_path, story)


def test_an_edit_that_cannot_be_checked_is_tried_again(tmp_path: Path) -> None:
    """A venue that is away is no fault of the edit: told once, adopted when it answers."""
    away = [True]

    async def story(edit: Edit, told: list[str]) -> None:
        assert (await edit(renew_hold=False)).renew_hold
        assert (await edit(renew_hold=False)).renew_hold
        assert 1 == len(told)
        away[0] = False
        assert not (await edit(renew_hold=False)).renew_hold

    beside_a_hold(tmp_path, story, away=away)
