"""The owner's commands to a bot that runs: what it does, and what it answers, from a hold."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desk.commands.voice import Voice
from desk.core.errors import ConfigError
from desk.engine.control import Request
from desk.engine.latch import Latch
from desk.hedge.config import Config
from desk.hedge.state import Phase
from test.emergency_stage import Stage, play
from test.test_emergency_beside_bot import Life, bot_on

Said = Callable[..., Awaitable[str]]


def edited(life: Life, edit: dict[str, Any]) -> Callable[[], Awaitable[Config]]:
    """Return what reads the configuration with an edit in it; the key "bad" is none."""

    async def reread() -> Config:
        if "bad" in edit:
            raise ConfigError("bot_config.json: unknown key 'bad'")
        return replace(life.engine.state.config, **edit)

    return reread


def voice_of(life: Life, stage: Stage, edit: dict[str, Any]) -> Voice:
    """Return the ear of a bot whose only channel is deaf."""

    async def send() -> tuple[bool, str]:
        return False, "not taken"

    latch = Latch(stage.home.latch)
    return Voice(life.engine, stage.clock, latch, edited(life, edit), test_alert=send)


def in_a_hold(
    folder: Path, story: Callable[[Life, Said, Stage], Awaitable[None]], **edit: Any
) -> None:
    """Play a story with a bot that holds and a way to speak to it."""

    async def scene(stage: Stage) -> None:
        async with bot_on(stage) as life:
            await life.reaches(Phase.HOLD)
            voice = voice_of(life, stage, edit)

            async def say(
                command: str, *, now: bool = False, yes: bool = False, ok: bool = True
            ) -> str:
                reply = await voice.answer(Request(command, now=now, yes=yes))
                assert ok == reply.ok, reply
                return "\n".join(reply.lines)

            await story(life, say, stage)

    play(folder, scene)


def test_status_tells_phase_legs_and_times(tmp_path: Path) -> None:
    """Both legs and their triggers, the next full check and the review, with the hour's offset."""

    async def story(life: Life, say: Said, _: Stage) -> None:
        lines = (await say("status")).splitlines()
        assert ["phase: HOLD", "hedge: BTC since "] == [lines[0], lines[1][:17]]
        legs = [line.split()[:2] for line in lines[2:4]]
        assert [["lighter:", "long"], ["pacifica:", "short"]] == legs
        assert ["next: full check", "next: review at "] == [line[:16] for line in lines[4:]]
        assert lines[-1].endswith(", in 1 h")

    in_a_hold(tmp_path, story)


def test_pause_keeps_the_hedge_and_resume_lifts_it(tmp_path: Path) -> None:
    """Each answer says what is so from now on; the state knows it, too."""

    async def story(life: Life, say: Said, _: Stage) -> None:
        said = await say("pause")
        assert "paused: nothing is opened until resume; BTC stays open and is guarded" == said
        assert (Phase.HOLD, True) == (life.engine.state.phase, life.engine.state.paused)
        assert "paused: nothing is opened (until resume)" in await say("status")
        assert "lifted: paused: nothing is opened" == await say("resume")
        assert "nothing held it back" == await say("resume")

    in_a_hold(tmp_path, story)


def test_close_closes_now_and_waits_paused(tmp_path: Path) -> None:
    """Both legs, and nothing is opened after it."""

    async def story(life: Life, say: Said, stage: Stage) -> None:
        assert "closing BTC now, then paused until resume" == await say("close")
        life.phases.clear()
        await life.reaches(Phase.WAIT)
        assert ({}, True) == (stage.held(), life.engine.state.paused)

    in_a_hold(tmp_path, story)


@pytest.mark.parametrize("now", [False, True])
def test_stop_says_when_and_ends_flat(tmp_path: Path, now: bool) -> None:
    """At the end of the hold, or at once; paused for the next start."""

    async def story(life: Life, say: Said, stage: Stage) -> None:
        said = await say("stop", now=now)
        assert ("closed now, then it exits" in said) == now
        assert (", when its hold ends, then it exits" in said) != now
        life.phases.clear()
        await life.reaches(Phase.CLOSE if now else Phase.HOLD)
        assert (True, True) == (life.engine.state.stop_asked, life.engine.state.paused)

    in_a_hold(tmp_path, story)


def test_resume_deletes_the_latch_and_is_heard_once(tmp_path: Path) -> None:
    """A latch that stayed would halt the next start."""

    async def story(life: Life, say: Said, stage: Stage) -> None:
        Latch(stage.home.latch).set("look first")
        await life.reaches(Phase.HALT)
        deleted, lifted = (await say("resume")).splitlines()
        assert f"deleted: {stage.home.latch.resolve()}" == deleted
        assert "lifted: halted: latched: look first" == lifted
        assert life.engine.state.halt_reason is None

    in_a_hold(tmp_path, story)


def test_a_word_nobody_knows_is_refused(tmp_path: Path) -> None:
    """And nothing is done."""

    async def scene(stage: Stage) -> None:
        async with bot_on(stage) as life:
            voice = voice_of(life, stage, {})
            reply = await voice.answer(Request("sell everything"))
            assert (False, ("no such command: sell everything",)) == (reply.ok, reply.lines)

    play(tmp_path, scene)


def test_a_reload_names_each_change_and_when_it_acts(tmp_path: Path) -> None:
    """Old and new value; a second one finds nothing."""

    async def story(life: Life, say: Said, _: Stage) -> None:
        assert [
            "base_capital_allocation: 50 -> 70, acts from the next opening on",
            "renew_hold: true -> false, acts from now on",
        ] == (await say("reload")).splitlines()
        assert (Decimal(70), False) == (
            life.engine.state.config.base_capital_allocation,
            life.engine.state.config.renew_hold,
        )
        assert "nothing in it has changed" == await say("reload")

    in_a_hold(tmp_path, story, base_capital_allocation=Decimal(70), renew_hold=False)


def test_a_reload_that_may_close_asks_first(tmp_path: Path) -> None:
    """A tighter stop, say: it is adopted only with a yes."""

    async def story(life: Life, say: Said, _: Stage) -> None:
        said = await say("reload", ok=False)
        assert "stop_loss_pct may close what is held at once: reload --yes does it" in said
        assert Decimal(50) == life.engine.state.config.stop_loss_pct
        await say("reload", yes=True)
        assert Decimal(10) == life.engine.state.config.stop_loss_pct

    in_a_hold(tmp_path, story, stop_loss_pct=Decimal(10))


def test_a_bad_edit_keeps_the_old_configuration(tmp_path: Path) -> None:
    """And says what is wrong with it."""

    async def story(life: Life, say: Said, _: Stage) -> None:
        before = life.engine.state.config
        said = await say("reload", ok=False)
        assert "bot_config.json: unknown key 'bad'\nthe old configuration goes on" == said
        assert before == life.engine.state.config

    in_a_hold(tmp_path, story, bad=True)


def test_a_test_alert_says_what_came_of_it(tmp_path: Path) -> None:
    """In the words of who sent it."""

    async def story(life: Life, said: Said, stage: Stage) -> None:
        reply = await voice_of(life, stage, {}).answer(Request("test-alert"))
        assert (False, ("not taken",)) == (reply.ok, reply.lines)

    in_a_hold(tmp_path, story)
