"""The judge notices what must not happen: each rule fires on a bot that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from desk.core.actions import Decision, RestOrders, SendOrders, VenueOrder, Watch
from desk.core.errors import InvariantBroken
from desk.core.events import Event
from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.hedge import machine
from desk.hedge.state import BotState, Phase
from desk.storm.rules import Rule
from desk.storm.runs import Plan, play

CYCLE = Plan(seed=1, hours=None)
Spoil = Callable[[BotState, Decision[BotState]], Decision[BotState]]


class Spoiled:
    """The bot with one fault of our making."""

    def __init__(self, spoil: Spoil) -> None:
        self._spoil = spoil

    def decide(self, state: BotState, event: Event) -> Decision[BotState]:
        """Return what the bot decides, spoiled."""
        return self._spoil(state, machine.decide(state, event))

    def watch(self, state: BotState) -> Watch:
        """Return what the bot watches."""
        return machine.watch(state)


def orders_in(decision: Decision[BotState]) -> SendOrders | None:
    """Return the orders of a decision, if it sends any."""
    return next((row for row in decision.actions if isinstance(row, SendOrders)), None)


def with_orders(decision: Decision[BotState], **changes: Any) -> Decision[BotState]:
    """Return the decision with every order changed."""
    sent = orders_in(decision)
    if sent is None:
        return decision
    orders = tuple(
        replace(row, request=replace(row.request, **changes)) for row in sent.orders
    )
    others = [row for row in decision.actions if row is not sent]
    return replace(decision, actions=(*others, replace(sent, orders=orders)))


def forget_the_intent(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Send what is not written down."""
    if orders_in(decision) is None or before.phase is not Phase.SELECT:
        return decision
    hedge = decision.state.hedge
    assert hedge is not None
    return replace(decision, state=decision.state.with_hedge(replace(hedge, intents=())))


def ask_for_twice_as_much(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Choose more than the configuration says."""
    sent = orders_in(decision)
    size = sent.orders[0].request.size * 2 if sent is not None else None
    return with_orders(decision, size=size) if before.phase is Phase.SELECT else decision


def close_without_care(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Close with orders that may increase."""
    return with_orders(decision, reduce_only=False) if before.phase is Phase.CLOSE else decision


def open_one_leg(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Send only one order of each pair, and never look again."""
    sent = orders_in(decision)
    if sent is None:
        return decision
    orders = tuple(row for row in sent.orders if row.venue is VenueName.LIGHTER)
    state = replace(decision.state, asked=decision.state.asked + 99)
    return replace(decision, state=state, actions=(replace(sent, orders=orders),))


def open_the_other_way(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Sell what should be bought."""
    sent = orders_in(decision)
    if sent is None or before.phase is not Phase.SELECT:
        return decision
    one, other = (row.request for row in sent.orders)
    orders = (
        replace(sent.orders[0], request=replace(one, side=other.side)),
        replace(sent.orders[1], request=replace(other, side=one.side)),
    )
    return replace(decision, actions=(replace(sent, orders=orders),))


def count_no_attempts(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Give the orders of each cycle the ids of the last."""
    hedge = decision.state.hedge
    if hedge is None or before.phase is not Phase.CLOSE:
        return decision
    orders = [row.client_id for row in hedge.intents if row.venue is VenueName.LIGHTER]
    return with_orders(decision, client_id=orders[0])


def rest_with(
    decision: Decision[BotState], change: Callable[[VenueOrder], OrderRequest]
) -> Decision[BotState]:
    """Return the decision with what it lets rest changed."""
    rest = next((row for row in decision.actions if isinstance(row, RestOrders)), None)
    if rest is None:
        return decision
    orders = tuple(replace(row, request=change(row)) for row in rest.orders)
    return replace(decision, actions=(replace(rest, orders=orders),))


def rest_at_other_marks(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Place one leg's triggers a little lower than the other's."""

    def lower(row: VenueOrder) -> OrderRequest:
        mark = row.request.trigger_price
        if row.venue is VenueName.LIGHTER or mark is None:
            return row.request
        return replace(row.request, trigger_price=mark - 1)

    return rest_with(decision, lower)


def rest_what_may_open(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Place what is to rest so that it may open."""
    return rest_with(decision, lambda row: replace(row.request, reduce_only=False))


def forget_what_rests(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Close without a thought of the triggers."""
    state = decision.state
    if state.hedge is None or state.phase is not Phase.CLOSE:
        return decision
    return replace(decision, state=state.with_hedge(replace(state.hedge, guard=None)))


def break_down(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Meet what cannot be."""
    if decision.state.phase is Phase.HOLD:
        raise InvariantBroken("a fault of ours")
    return decision


SPOILT = (
    (forget_the_intent, Rule.NO_INTENT),
    (ask_for_twice_as_much, Rule.NO_INTENT),
    (ask_for_twice_as_much, Rule.TOO_LARGE),
    (close_without_care, Rule.TOO_LARGE),
    (open_one_leg, Rule.NAKED_TIME),
    (open_one_leg, Rule.ONE_BY_ONE),
    (open_the_other_way, Rule.FUNDING),
    (count_no_attempts, Rule.ID_TWICE),
    (rest_at_other_marks, Rule.GUARDS),
    (rest_what_may_open, Rule.MAY_OPEN),
    (forget_what_rests, Rule.RESTS),
    (break_down, Rule.OUR_FAULT),
)


@pytest.mark.parametrize(("spoil", "rule"), SPOILT)
def test_a_rule_fires_on_a_bot_that_breaks_it(spoil: Spoil, rule: Rule) -> None:
    """Separate code sees the breach, whatever the bot thinks of itself."""
    outcome = play(CYCLE, strategy=Spoiled(spoil))

    assert rule in {row.rule for row in outcome.violations}


def test_the_bot_itself_breaks_no_rule() -> None:
    """A plain cycle is clean, and never has a leg alone for longer than a speed bump."""
    outcome = play(CYCLE)

    assert () == outcome.violations
    assert 0.5 > outcome.helped_s_max
