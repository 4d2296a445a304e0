"""The venues' own guard, from the first trigger to the proof that none is left."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from desk.core.actions import CancelOrders, ReadAccounts, RestOrders
from desk.core.events import Command, OrderReport, OrdersSettled, OwnerAsked, Verdict
from desk.core.order import Order, OrderKind, OrderRequest, Side
from desk.core.venue import VenueName
from desk.hedge.guard import TriggerStage
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Phase
from desk.hedge.triggers import LIFE_MS, found_again
from test.hedge import builders as b
from test.hedge.builders import HIGH, HOUR_MS, LIGHTER, LOW, PACIFICA, d
from test.hedge.story import Story

SIZE = d("0.0116")
STOP, GAIN = OrderKind.STOP, OrderKind.TAKE_PROFIT
MINUTE_MS = 60_000
Rows = dict[VenueName, tuple[Order, ...]]


def guarded(**changes: Any) -> Story:
    """Return a story whose hedge has just been verified: four triggers are on their way."""
    return Story(venue_triggers=True, **changes).holding()


def resting(**changes: Any) -> Story:
    """Return a story whose four triggers have been seen at rest."""
    story = acknowledge(guarded(**changes)).wait(2_000).tick("3000")
    return look(story, everywhere(story))


def placed(story: Story) -> dict[tuple[VenueName, OrderKind], OrderRequest]:
    """Return the triggers of the last decision."""
    action = next(row for row in story.step.actions if isinstance(row, RestOrders))
    return {(row.venue, row.request.kind): row.request for row in action.orders}


def canceled(story: Story) -> list[VenueName]:
    """Return where the last decision cancels, one entry for each trigger."""
    rows = [row for row in story.step.actions if isinstance(row, CancelOrders)]
    return [venue for row in rows for venue, _ in row.orders]


def answer(story: Story, verdict: Verdict, at: tuple[VenueName, ...], detail: str = "") -> Story:
    """Answer the last requests about triggers: at these venues like this, elsewhere accepted."""
    reports = []
    for action in story.step.actions:
        pairs = []
        if isinstance(action, RestOrders):
            pairs = [(row.venue, row.request.client_id) for row in action.orders]
        elif isinstance(action, CancelOrders):
            pairs = list(action.orders)
        for venue, ident in pairs:
            said = verdict if venue in at else Verdict.ACCEPTED
            report = OrderReport(venue, ident, said, is_final=False, filled=d(0), detail=detail)
            reports.append(report)
    assert reports, "no trigger was asked for"
    return story.feed(OrdersSettled(story.at_ms, story.state.asked, tuple(reports)))


def acknowledge(story: Story) -> Story:
    """Accept what was just asked about triggers."""
    return answer(story, Verdict.ACCEPTED, ())


def everywhere(story: Story) -> Rows:
    """Return open orders in which every trigger on record rests."""
    return {venue: b.listed_at(story.hedge, venue) for venue in BOTH}


def look(story: Story, rows: Mapping[VenueName, tuple[Order, ...] | None], **changes: Any) -> Story:
    """Answer the last question with these open orders; None where they were refused."""
    told = {venue: story.row(venue, orders=rows[venue], **changes) for venue in BOTH}
    return story.feed(
        b.accounts_read(
            story.state, story.at_ms, lighter=told[LIGHTER], pacifica=told[PACIFICA]
        )
    )


def fire(story: Story, venue: VenueName, kind: OrderKind) -> None:
    """Let a trigger have filled, told to nobody yet."""
    row = next(each for each in story.hedge.triggers if (each.venue, each.kind) == (venue, kind))
    story.fills[venue].append(b.fill(row.client_id, row.side, row.size, at_ms=story.at_ms))


def test_both_legs_get_twins_as_soon_as_they_are_verified() -> None:
    """Four reduce-only triggers at two marks: each leg's stop is the other's take-profit."""
    rows = placed(guarded())
    assert {
        (LIGHTER, STOP): (Side.SELL, LOW),
        (LIGHTER, GAIN): (Side.SELL, HIGH),
        (PACIFICA, STOP): (Side.BUY, HIGH),
        (PACIFICA, GAIN): (Side.BUY, LOW),
    } == {key: (row.side, row.trigger_price) for key, row in rows.items()}
    assert all(row.reduce_only and row.size == SIZE for row in rows.values())


def test_a_trigger_may_trade_far_beyond_its_mark() -> None:
    """Prices jump: the limit is 30 % on, so that no leg stays behind its twin."""
    rows = placed(guarded())
    assert LOW * d("0.7") == rows[LIGHTER, STOP].price
    assert d("6022.3") == rows[PACIFICA, STOP].price


def test_marks_lie_on_both_venues_ticks() -> None:
    """The venues' steps differ: the marks are on a common multiple of both."""
    hedge = b.standing(
        instruments={
            LIGHTER: b.instrument(LIGHTER, price_tick=d("0.4")),
            PACIFICA: b.instrument(PACIFICA, price_tick=d("3")),
        }
    )
    state = b.bot(hedge=hedge, config=b.config(venue_triggers=True))
    story = Story(state).start()
    story.read(orders=())
    assert {d(1380), d(4638)} == {row.trigger_price for row in placed(story).values()}


def test_the_triggers_are_on_record_before_they_leave() -> None:
    """Ids, marks and sizes stand in the state that is saved before the action is carried out."""
    story = guarded()
    sent = {row.client_id for row in placed(story).values()}
    assert sent == {row.client_id for row in story.hedge.triggers}
    assert {TriggerStage.SENT} == {row.stage for row in story.hedge.triggers}
    assert () == story.hedge.in_doubt()


def test_they_are_read_back_once_and_then_once_an_hour() -> None:
    """The first look after two seconds, the next with the orders an hour later."""
    story = resting()
    assert {TriggerStage.RESTING} == {row.stage for row in story.hedge.triggers}
    assert "lighter guards +0.0116 ETH itself: stop at 1380, take-profit at 4632.6" in story.alerts
    asked = []
    for _ in range(61):
        story.wait(MINUTE_MS).tick("3000")
        (question,) = b.asked(story.step)
        assert isinstance(question, ReadAccounts)
        asked.append(question.orders)
        look(story, everywhere(story)) if question.orders else story.read()
    assert 1 == sum(asked)


def test_a_refusal_ends_no_hold_and_is_told_once() -> None:
    """Tried again with a narrower limit and growing pauses; the owner hears of the first."""
    story = guarded()
    pauses = []
    for _ in range(3):
        answer(story, Verdict.REJECTED, BOTH, "21735: too far")
        began_ms = story.at_ms
        while not any(isinstance(row, RestOrders) for row in story.step.actions):
            story.wait(1_000).tick("3000")
            if story.state.waiting:
                look(story, {LIGHTER: (), PACIFICA: ()})
        pauses.append((story.at_ms - began_ms) // 1000)
    assert [15, 30, 60] == pauses
    assert (Phase.HOLD, 1) == (story.phase, len(story.alerts))
    assert d("0.95") * LOW == placed(story)[LIGHTER, STOP].price


def test_an_unanswered_trigger_is_not_sent_twice() -> None:
    """Its fate is asked for behind a fence; only when it is proved gone another takes its place."""
    story = answer(guarded(), Verdict.UNKNOWN, (LIGHTER,)).wait(15_000).tick("3000")
    pacifica = {LIGHTER: (), PACIFICA: b.listed_at(story.hedge, PACIFICA)}
    look(story, pacifica, is_fenced=False)
    assert not any(isinstance(row, RestOrders) for row in story.step.actions)
    story.wait(30_000).tick("3000")
    (question,) = b.asked(story.step)
    assert isinstance(question, ReadAccounts)
    assert (LIGHTER,) == question.fence
    look(story, pacifica, is_fenced=True)
    assert {(LIGHTER, STOP), (LIGHTER, GAIN)} == set(placed(story))


def test_a_trigger_taken_by_another_hand_is_placed_again_and_told_once() -> None:
    """Under a new id; the second time nobody is told."""
    story = resting()
    for _ in range(2):
        ids = {row.client_id for row in story.hedge.triggers}
        story.wait(HOUR_MS).tick("3000")
        rows = everywhere(story)
        look(story, rows | {PACIFICA: rows[PACIFICA][:1]})
        (again,) = placed(story).values()
        assert again.client_id not in ids
        acknowledge(story).wait(2_000).tick("3000")
        look(story, everywhere(story))
    told = [text for text in story.alerts if "another hand" in text]
    assert ["another hand took triggers of ETH away; placed again"] == told


def test_triggers_are_replaced_before_they_expire() -> None:
    """Two days before Lighter would drop them they are cancelled and placed anew."""
    story = resting(hold_duration_hours=d(8000))
    story.wait(LIFE_MS - 2 * 24 * HOUR_MS).tick("3000")
    look(story, everywhere(story))
    assert [LIGHTER] * 2 + [PACIFICA] * 2 == canceled(story)
    acknowledge(story).wait(2_000).tick("3000")
    look(story, {LIGHTER: (), PACIFICA: ()})
    assert 4 == len(placed(story))


def test_a_stop_moved_by_the_owner_moves_the_triggers() -> None:
    """An edited stop_loss_pct acts at the next check; switched off, nothing rests."""
    story = resting()
    narrow = replace(story.state.config, stop_loss_pct=d(20))
    story.start(config=narrow)
    look(story, everywhere(story))
    assert 4 == len(canceled(story))
    acknowledge(story).wait(2_000).tick("3000")
    look(story, {LIGHTER: (), PACIFICA: ()})
    assert d("3600") < (placed(story)[LIGHTER, GAIN].trigger_price or 0) < d("3800")


def test_the_marks_keep_inside_a_liquidation_that_a_venue_tells() -> None:
    """Liquidation of the short at 4000: first the bot's margin guard, then the trigger."""
    story = Story(venue_triggers=True).opening()
    size = story.hedge.size
    story.settle(size, size)
    rows = {
        LIGHTER: story.row(LIGHTER),
        PACIFICA: story.row(
            PACIFICA, account=b.account(b.position(-size, liquidation="4000"), at_ms=story.at_ms)
        ),
    }
    story.feed(
        b.accounts_read(
            story.state, story.at_ms, lighter=rows[LIGHTER], pacifica=rows[PACIFICA]
        )
    )
    high = placed(story)[PACIFICA, STOP].trigger_price
    assert high is not None
    assert d(4000) / d("1.15") < high < d(4000)


def test_a_leg_that_fired_has_its_twin_closed_at_once() -> None:
    """The mark is at the trigger on one venue alone: looked at, seen, closed, booked as ours."""
    story = resting().wait(10_000)
    fire(story, LIGHTER, STOP)
    rows = everywhere(story)
    view = b.tick(story.at_ms, {LIGHTER: d(1300)})
    lone = {venue: replace(mark, index=d(3000)) for venue, mark in view.marks.items()}
    story.feed(replace(view, marks=lone))
    look(story, rows | {LIGHTER: rows[LIGHTER][1:]}).read()
    assert (Phase.CLOSE, CloseReason.TRIGGERED) == (story.phase, story.hedge.close_reason)
    story.read()
    assert [(PACIFICA, SIZE)] == [(row.venue, row.request.size) for row in story.sent.orders]


def test_a_close_that_can_wait_takes_the_triggers_away_first() -> None:
    """Both venues answer: cancel, then close."""
    story = resting(renew_hold=False).say(Command.CLOSE).read()
    assert [LIGHTER] * 2 + [PACIFICA] * 2 == canceled(story)
    acknowledge(story).read()
    assert {LIGHTER, PACIFICA} == {row.venue for row in story.sent.orders}


def test_a_stop_does_not_wait_for_the_triggers() -> None:
    """The closing orders leave first, the cancels when they are done."""
    story = resting().wait(1_000).tick("1450")
    assert {LIGHTER, PACIFICA} == {row.venue for row in story.sent.orders}
    story.settle(SIZE, SIZE)
    assert 4 == len(canceled(story))


def test_no_cycle_ends_while_a_trigger_may_rest() -> None:
    """A cancel that was accepted proves nothing: the open orders do, after as many tries as it
    takes."""
    story = resting().wait(1_000).tick("1450").settle(SIZE, SIZE)
    rows = everywhere(story)
    acknowledge(story).wake()
    look(story, rows)
    for _ in range(3):
        if story.state.waiting:
            acknowledge(story)
        look(story.wake(), rows)
    assert Phase.CLOSE is story.phase
    look(acknowledge(story).wake(), {LIGHTER: (), PACIFICA: ()})
    assert (Phase.WAIT, None) == (story.phase, story.state.hedge)


def test_both_fired_while_we_were_dead_is_a_cycle_like_any_other() -> None:
    """Position gone, triggers gone, fills with our ids: closed by the venues, nobody's hand."""
    story = resting()
    fire(story, LIGHTER, STOP)
    fire(story, PACIFICA, GAIN)
    left = {venue: b.listed_at(story.hedge, venue)[1:] for venue in BOTH}
    left[PACIFICA] = b.listed_at(story.hedge, PACIFICA)[:1]
    look(look(story.wait(HOUR_MS).start(), left), left)
    assert CloseReason.TRIGGERED is story.hedge.close_reason
    look(story, left)
    assert [LIGHTER, PACIFICA] == canceled(story)
    acknowledge(story)
    while story.phase is Phase.CLOSE:
        look(story if story.state.waiting else story.wake(), {LIGHTER: (), PACIFICA: ()})
    assert story.state.result is not None
    assert CloseReason.TRIGGERED is story.state.result.close_reason
    assert () == story.state.by_hand


def test_a_restart_keeps_what_rests() -> None:
    """Found at rest at a start: no order is touched, none is a stranger's."""
    story = resting().wait(MINUTE_MS).start()
    look(story, everywhere(story))
    assert (Phase.HOLD, None) == (story.phase, story.state.halt_reason)
    assert not story.step.actions


def test_an_exit_right_after_the_opening_still_places_them() -> None:
    """Asked to leave while opening: the triggers go out with the exit."""
    story = Story(venue_triggers=True).opening().say(Command.LEAVE)
    size = story.hedge.size
    story.settle(size, size).read()
    assert 4 == len(placed(story))
    assert 0 == story.exit_code


def test_with_one_venue_away_no_trigger_is_placed_alone() -> None:
    """A stop without its twin would make a naked leg."""
    story = resting().wait(HOUR_MS).tick("3000")
    story.read(PACIFICA, orders=())
    assert not any(isinstance(row, RestOrders) for row in story.step.actions)


def test_a_look_that_is_due_in_an_outage_keeps_the_pace_of_the_checks() -> None:
    """One read a minute while a venue is away, not one a second."""
    story, reads = resting().wait(HOUR_MS), 0
    for _ in range(600):
        story.wait(1_000).tick("3000")
        if story.state.waiting:
            reads += 1
            story.read(PACIFICA, orders=())
    assert 10 <= reads <= 16


def test_a_cancel_that_changes_nothing_is_asked_for_ever_more_seldom() -> None:
    """A trigger that no longer fits and does not go: no flood of cancels and reads."""
    story, cancels = resting(), 0
    story.start(config=replace(story.state.config, venue_triggers=False))
    look(story, everywhere(story))
    for _ in range(600):
        if canceled(story):
            cancels += 1
            acknowledge(story)
        story.wait(1_000).tick("3000")
        if story.state.waiting:
            look(story, everywhere(story))
    assert 5 <= cancels <= 14


def test_a_cancel_is_asked_for_again_only_where_the_trigger_is_seen() -> None:
    """Reads that do not tell what rests neither cancel again nor put the look off ever more."""
    story = resting()
    story.start(config=replace(story.state.config, stop_loss_pct=d(20)))
    look(story, everywhere(story))
    acknowledge(story)
    for _ in range(300):
        story.wait(1_000).tick("3000")
        if story.state.waiting:
            look(story, {LIGHTER: None, PACIFICA: None})
            assert [] == canceled(story)
    story.wait(MINUTE_MS).tick("3000")
    look(story, {LIGHTER: (), PACIFICA: ()})
    assert 4 == len(placed(story))


def test_a_streamed_fill_of_a_trigger_is_looked_at_at_once() -> None:
    """The venue told of the fill: its rows say whose it was, and the twin is closed."""
    story = resting().wait(1_000)
    fire(story, LIGHTER, GAIN)
    rows = everywhere(story)
    story.feed(replace(b.tick(story.at_ms, {LIGHTER: d(3000)}), stirred=True))
    look(story, rows | {LIGHTER: rows[LIGHTER][:1]}).read()
    assert CloseReason.TRIGGERED is story.hedge.close_reason


def test_a_leg_found_short_is_looked_at_again_with_its_triggers() -> None:
    """No mark told it: the second look knows whether a trigger of ours did it."""
    story = resting().wait(MINUTE_MS)
    fire(story, PACIFICA, GAIN)
    rows = everywhere(story)
    story.tick("3000").read().wait(1_000).tick("3000")
    look(story, rows | {PACIFICA: rows[PACIFICA][:1]})
    assert CloseReason.TRIGGERED is story.hedge.close_reason


def test_a_trigger_whose_twin_is_refused_for_good_is_taken_away() -> None:
    """After three tries Pacifica's stop is still refused: Lighter's take-profit does not stay."""
    story = guarded()
    seen: list[list[VenueName]] = []
    for _ in range(40):
        if canceled(story):
            seen.append(canceled(story))
        if any(isinstance(row, RestOrders | CancelOrders) for row in story.step.actions):
            answer(story, Verdict.REJECTED, (PACIFICA,), "16: invalid stop")
        story.wait(10_000).tick("3000")
        if story.state.waiting:
            look(story, {LIGHTER: b.listed_at(story.hedge, LIGHTER), PACIFICA: ()})
    assert [LIGHTER, LIGHTER] == seen[0]
    assert Phase.HOLD is story.phase


def test_a_halt_by_the_latch_places_nothing() -> None:
    """The emergency close is at work: nothing more is sent to rest."""
    story = resting()
    story.feed(OwnerAsked(story.at_ms, Command.HALT, "latched")).wait(HOUR_MS).tick("3000")
    look(story, {LIGHTER: (), PACIFICA: ()})
    assert not any(isinstance(row, RestOrders) for row in story.step.actions)


def test_more_than_the_entry_is_never_wanted() -> None:
    """Whatever the stop, the low mark is a price."""
    for pct in (1, 50, 80):
        rows = placed(guarded(stop_loss_pct=Decimal(pct), base_capital_allocation=d(200)))
        assert (rows[LIGHTER, STOP].trigger_price or 0) > 0


def test_triggers_of_a_lost_state_are_found_again_by_their_ids() -> None:
    """The state went, the hedge was found by its fills: what rests with its ids is its own."""
    story = resting()
    rows = everywhere(story)
    event = b.accounts_read(
        story.state,
        lighter=b.seen(orders=rows[LIGHTER]),
        pacifica=b.seen(orders=rows[PACIFICA]),
    )
    lost = replace(story.hedge, guard=None)
    found = found_again(lost, event, story.state.config)
    assert found.guard is not None
    assert (LOW, HIGH) == (found.guard.low, found.guard.high)
    ids = {row.client_id for row in story.hedge.triggers}
    assert ids == {row.client_id for row in found.triggers}


def test_a_stranger_s_trigger_is_not_found_again() -> None:
    """An id of another epoch, another symbol, or no id of ours stays what it is."""
    story = resting()
    mine = everywhere(story)[LIGHTER][0]
    other = replace(story.state, epoch=b.EPOCH + 1).trigger_key(0).text_for(LIGHTER)
    strange = (
        replace(mine, client_id=other),
        replace(mine, symbol="BTC"),
        replace(mine, client_id="12"),
    )
    event = b.accounts_read(story.state, lighter=b.seen(orders=strange), pacifica=b.seen())
    lost = replace(story.hedge, guard=None)
    assert lost == found_again(lost, event, story.state.config)


def test_a_state_from_before_the_triggers_still_loads() -> None:
    """A hedge without a guard on record is a hedge whose triggers are still to be placed."""
    raw = msgspec.json.decode(msgspec.json.encode(b.bot(Phase.HOLD, hedge=b.standing())))
    del raw["hedge"]["guard"]
    state = msgspec.convert(raw, BotState)
    story = Story(replace(state, config=b.config(venue_triggers=True))).start()
    assert 4 == len(placed(story.read(orders=())))
