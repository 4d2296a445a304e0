"""The judge notices what must not happen: each rule fires on a bot or a venue that breaks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from desk.core.ids import OrderKey
from desk.core.order import OrderRequest, Side
from desk.core.venue import VenueName
from desk.hedge.state import BotState, Role
from desk.sim.exchange import NewOrder, TimeInForce
from desk.sim.timer_loop import TimerLoop
from desk.storm.judge import Judge
from desk.storm.rules import Rule
from desk.storm.runs import BRISK, parse_plan, play
from desk.storm.stage import ACCOUNT, SYMBOLS, Stage, build_stage
from test.storm.spoiled import CASES, CYCLE, Case, Spoiled

PACIFICA = VenueName.PACIFICA
Deed = Callable[[Stage, Judge], None]


def text_of(case: Case) -> str:
    """Return a case's name."""
    return f"{case.rule.name}-{case.spoil.__name__}"


@pytest.mark.parametrize("case", CASES, ids=text_of)
def test_a_rule_fires_on_a_bot_that_breaks_it(case: Case) -> None:
    """Separate code sees the breach, whatever the bot thinks of itself."""
    outcome = play(parse_plan(case.plan), strategy=Spoiled(case.spoil))

    assert case.rule in {row.rule for row in outcome.violations}


def reduce_only_ignored(stage: Stage, judge: Judge) -> None:
    """Have a venue open with an order that may only reduce."""
    client_id = OrderKey(7, 1, Role.CLOSE, 0).text_for(PACIFICA)
    price, size = Decimal(100_000), Decimal("0.001")
    request = OrderRequest(SYMBOLS[0], Side.BUY, size, price, client_id, reduce_only=True)
    judge.sending(PACIFICA, request)
    order = NewOrder(SYMBOLS[0], Side.BUY, size, price, tif=TimeInForce.IOC, client_id=client_id)
    stage.world.exchanges[PACIFICA].submit(ACCOUNT, order)


def owners_order_cancelled(stage: Stage, judge: Judge) -> None:
    """Have an order of the owner's taken away."""
    exchange = stage.world.exchanges[PACIFICA]
    exchange.submit(ACCOUNT, NewOrder(SYMBOLS[0], Side.BUY, Decimal("0.001"), Decimal(80_000)))
    exchange.cancel_all(ACCOUNT, symbol=None)


def no_end_of_requests(stage: Stage, judge: Judge) -> None:
    """Count a hundred thousand effects in an hour."""
    judge.count_effects(100_000, 1.0)


DEEDS = (
    (reduce_only_ignored, Rule.REDUCE_ONLY),
    (owners_order_cancelled, Rule.OWNERS),
    (no_end_of_requests, Rule.RUNAWAY),
)


async def broken_by(deed: Deed) -> set[Rule]:
    """Return the rules that the judge finds broken by a deed."""
    stage = build_stage(1)
    judge = Judge(stage, BRISK)
    judge.started(BotState(BRISK, 7))
    world = asyncio.create_task(stage.world.run(stage.clock))
    await asyncio.sleep(1)
    deed(stage, judge)
    await asyncio.sleep(1)
    world.cancel()
    return {row.rule for row in judge.violations}


@pytest.mark.parametrize(("deed", "rule"), DEEDS)
def test_a_rule_fires_on_what_a_venue_shows(deed: Deed, rule: Rule) -> None:
    """What no decision of the bot alone can bring about."""
    with asyncio.Runner(loop_factory=TimerLoop) as runner:
        assert rule in runner.run(broken_by(deed))


def test_every_rule_is_seen_to_fire() -> None:
    """A rule that nothing ever broke could be asleep."""
    assert set(Rule) == {case.rule for case in CASES} | {rule for _, rule in DEEDS}


def test_the_bot_itself_breaks_no_rule() -> None:
    """A plain cycle is clean, and never has a leg alone for longer than a speed bump."""
    outcome = play(CYCLE)

    assert () == outcome.violations
    assert 0.5 > outcome.helped_s_max
