"""Bots with one fault of our making each, and the rule that each of them breaks.

Data and what spoils it; the assertions stand in `test_judge`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from desk.core.actions import Decision, Exit, RestOrders, SendOrders, VenueOrder, Watch
from desk.core.errors import InvariantBroken
from desk.core.events import Event
from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.hedge import machine
from desk.hedge.closing import begin_close
from desk.hedge.state import BotState, CloseReason, Phase
from desk.storm.rules import Rule
from desk.storm.runs import Plan

CYCLE = Plan(seed=1, hours=None)
REFUSED = "send#1:reject,send#3:reject,send#4:reject"  # an order, and its top-ups
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


def take_one_side(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Open both legs on one side."""
    sent = orders_in(decision)
    if sent is None or before.phase is not Phase.SELECT:
        return decision
    first = sent.orders[0].request
    return with_orders(decision, side=first.side, price=first.price.quantize(Decimal(1)))


def leave_at_once(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Exit when the orders of an opening have been answered."""
    if before.phase is not Phase.OPEN:
        return decision
    return replace(decision, actions=(Exit(0),))


def send_again(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Send an order in doubt once more, under the id of a later one."""
    hedge = decision.state.hedge
    if before.phase is not Phase.OPEN or hedge is None or not hedge.in_doubt():
        return decision
    lost = hedge.in_doubt()[0]
    anew = decision.state.key(lost.role, hedge.rounds + 7).text_for(lost.venue)
    request = OrderRequest(
        hedge.symbol, lost.side, lost.size, lost.price, anew, reduce_only=False
    )
    again = (VenueOrder(lost.venue, request),)
    return replace(decision, actions=(SendOrders(decision.state.asked, again, Decimal(5)),))


def forget_the_hedge(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Stop knowing of what has just been opened."""
    if decision.state.phase is not Phase.HOLD:
        return decision
    state = replace(decision.state, phase=Phase.WAIT, hedge=None)
    return replace(decision, state=state, actions=())


def halt_for_nothing(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Ask for a human where all is well."""
    if decision.state.phase is not Phase.HOLD:
        return decision
    return replace(decision, state=replace(decision.state, halt_reason="a bad mood"))


def send_no_close(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Decide to close, and leave it at that."""
    if orders_in(decision) is None or before.phase is not Phase.CLOSE:
        return decision
    return replace(decision, actions=())


def hear_no_pause(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Forget what the owner said."""
    return replace(decision, state=replace(decision.state, paused=False))


def write_too_much(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Book a dollar that did not come."""
    result = decision.state.result
    if result is None or before.result is result:
        return decision
    leg = result.legs[VenueName.LIGHTER]
    leg = replace(leg, price_usd=leg.price_usd + 1)
    result = replace(result, legs={**result.legs, VenueName.LIGHTER: leg})
    return replace(decision, state=replace(decision.state, result=result))


def close_one_leg(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Close one leg of a good hedge, then think of the other."""
    sent, hedge = orders_in(decision), decision.state.hedge
    if sent is None or hedge is None or before.phase is not Phase.CLOSE:
        return decision
    first = sent.orders[0]
    intents = tuple(
        row for row in hedge.intents if row in hedge.intents[:-1] or row.venue is first.venue
    )
    state = decision.state.with_hedge(replace(hedge, intents=intents))
    return replace(decision, state=state, actions=(replace(sent, orders=(first,)),))


def hold_on_at(reason: CloseReason) -> Spoil:
    """Return what does not see a reason to close."""

    def hold_on(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
        hedge = decision.state.hedge
        is_seen = hedge is not None and hedge.close_reason is reason
        return Decision(before, (), "nothing to see") if is_seen else decision

    return hold_on


def close_for_nothing(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Take a good hedge for a broken one."""
    hedge = before.hedge
    if before.phase is not Phase.HOLD or hedge is None or not before.waiting:
        return decision
    step = begin_close(before, CloseReason.IMBALANCE, hedge.next_check_at_ms)
    return replace(decision, state=step.state, actions=step.actions)


def never_back_off(before: BotState, decision: Decision[BotState]) -> Decision[BotState]:
    """Try again at once what has just failed."""
    return replace(decision, state=replace(decision.state, backoffs={}))


@dataclass(frozen=True)
class Case:
    """A fault, the rule it breaks, and the run that shows it."""

    spoil: Spoil
    rule: Rule
    plan: str = "seed=1 hours=cycle"


CASES = (
    Case(forget_the_intent, Rule.NO_INTENT),
    Case(ask_for_twice_as_much, Rule.NO_INTENT),
    Case(ask_for_twice_as_much, Rule.TOO_LARGE),
    Case(close_without_care, Rule.TOO_LARGE),
    Case(open_one_leg, Rule.NAKED_TIME),
    Case(open_one_leg, Rule.ONE_BY_ONE),
    Case(open_the_other_way, Rule.FUNDING),
    Case(count_no_attempts, Rule.ID_TWICE),
    Case(rest_at_other_marks, Rule.GUARDS),
    Case(rest_what_may_open, Rule.MAY_OPEN),
    Case(forget_what_rests, Rule.RESTS),
    Case(break_down, Rule.OUR_FAULT),
    Case(take_one_side, Rule.NAKED_SIZE),
    Case(leave_at_once, Rule.LEFT_NAKED, "seed=1 hours=cycle strikes=send#1:lost"),
    Case(send_again, Rule.TWO_LIVE, "seed=1 hours=cycle strikes=send#1:late:20"),
    Case(forget_the_hedge, Rule.END_STATE, "seed=1 hours=0.03"),
    Case(forget_the_hedge, Rule.NOT_SETTLED, "seed=1 hours=0.03"),
    Case(halt_for_nothing, Rule.HALTED, "seed=1 hours=0.03"),
    Case(send_no_close, Rule.SLOW_CLOSE),
    Case(hear_no_pause, Rule.UNASKED, "seed=1 hours=cycle strikes=SELECT#1:say_pause"),
    Case(write_too_much, Rule.BOOKS),
    Case(close_one_leg, Rule.WIDENED),
    Case(
        hold_on_at(CloseReason.STOP_LOSS),
        Rule.PAST_STOP,
        "seed=1 hours=0.4 hold_duration_hours=0.5 strikes=HOLD#20:shock:-51",
    ),
    Case(
        hold_on_at(CloseReason.MARGIN),
        Rule.THIN_MARGIN,
        "seed=1 hours=0.4 hold_duration_hours=0.5 base_capital_allocation=7500 "
        "min_margin_distance_pct=70 strikes=HOLD#20:shock:40",
    ),
    Case(close_for_nothing, Rule.UNCAUSED),
    Case(never_back_off, Rule.CHURN, f"seed=1 hours=0.3 strikes={REFUSED}"),
)
