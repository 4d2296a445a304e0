"""Openings that do not go as planned: half a pair is never left alone."""

from decimal import Decimal

import pytest

from desk.core.account import Leverage, MarginMode
from desk.core.actions import ReadAccounts
from desk.core.events import Command, OrdersSettled
from desk.core.order import OrderStatus, Side
from desk.core.venue import VenueName
from desk.hedge.state import CloseReason, Phase
from test.hedge.builders import (
    HOUR_MS,
    LIGHTER,
    PACIFICA,
    account,
    asked,
    bot,
    d,
    instrument,
    opening,
    order_row,
    quote,
    report,
    sent,
    settled,
)
from test.hedge.story import Story

SIZE = d("0.0116")
CHECK_MS = 60_000
UNPROVED: list[tuple[dict[str, object], str]] = [
    ({"orders": None}, "did not tell its orders"),
    ({"leverage": None}, "leverage is unknown, not 1x"),
    (
        {"leverage": Leverage("ETH", Decimal(20), MarginMode.CROSS)},
        "leverage is 20x, not 1x",
    ),
    (
        {
            "leverage": Leverage("ETH", Decimal(20), MarginMode.CROSS),
            "leverage_refusal": "invalid signature",
        },
        "leverage is 20x, not 1x: invalid signature",
    ),
    (
        {"leverage": Leverage("ETH", Decimal(1), MarginMode.ISOLATED)},
        "margin is isolated, not cross",
    ),
    ({"fees": None}, "did not tell the account's fees"),
    ({"quote": None}, "book not fresh"),
    ({"quote": quote(half="-1")}, "book not fresh"),
    ({"quote": quote(half="0")}, "book not fresh"),
]


def roles(story: Story) -> list[list[tuple[VenueName, bool, Decimal]]]:
    """Return each batch of orders of the story: where, whether reduce-only, how much."""
    return [
        [(row.venue, row.request.reduce_only, row.request.size) for row in batch.orders]
        for batch in story.orders
    ]


def test_a_lagging_leg_is_topped_up_inside_the_band() -> None:
    """What is missing is sent again, at the first order's price or better."""
    story = Story().opening().settle(SIZE, "0.0050").read()
    (top_up,) = story.sent.orders
    assert (PACIFICA, Side.SELL, d("0.0066"), d(2997)) == (
        top_up.venue,
        top_up.request.side,
        top_up.request.size,
        top_up.request.price,
    )
    assert Phase.HOLD is story.settle("0.0066").read().phase


def test_a_leg_that_stays_behind_is_unwound() -> None:
    """Two top-ups without a fill, then the other leg is closed, reduce-only, at the wide band."""
    story = Story().opening().settle(SIZE, "0").read().settle("0").read().settle("0").read()
    assert (Phase.CLOSE, CloseReason.UNWIND) == (story.phase, story.hedge.close_reason)
    assert [(LIGHTER, True, SIZE)] == roles(story)[-1]
    assert d(2985) == story.sent.orders[0].request.price
    assert 4 == len(roles(story))
    assert Phase.WAIT is story.settle(SIZE).read().phase


def test_after_the_deadline_nothing_is_topped_up() -> None:
    """The market has moved on: an uneven pair is unwound at once."""
    story = Story(fill_deadline_s=d(5)).opening().wait(5_001).settle(SIZE, "0.0050")
    assert (Phase.CLOSE, 1) == (story.phase, len(story.orders))
    assert [(LIGHTER, True, SIZE), (PACIFICA, True, d("0.0050"))] == roles(story.read())[-1]


def test_dust_is_not_topped_up() -> None:
    """An order below the venue's minimum would be refused: unwind instead of trying."""
    story = Story().opening().settle(SIZE, SIZE - d("0.0030"))
    assert (Phase.CLOSE, 1) == (story.phase, len(story.orders))


def test_neither_leg_filled_costs_nothing_but_time() -> None:
    """Verified flat, the symbol is left alone, longer each time in a row, and no cycle is
    counted.
    """
    story = Story().start().read()
    pauses = []
    for _ in range(3):
        story.look().read().read().settle("0", "0").read()
        assert Phase.WAIT is story.phase
        pauses.append(story.state.backoffs["ETH"].until_ms - story.at_ms)
        story.wait(pauses[-1]).tick()
    assert [120_000, 120_000, 240_000] == pauses
    assert (0, 4) == (story.state.cycles_done, story.state.cycle)


def test_a_success_forgets_the_failures() -> None:
    """The next failure after a hedge that was opened begins at the short pause again."""
    story = Story().opening().settle("0", "0").read().wait(120_000).tick()
    story.look().read().read().settle(SIZE, SIZE).read()
    assert (Phase.HOLD, {}) == (story.phase, story.state.backoffs)


def test_an_unknown_outcome_is_asked_about_at_once_and_again() -> None:
    """Its venue is fenced; a leg may stand alone, so the pauses stay short. Nothing is sent."""
    story = Story().opening().settle(SIZE, None)
    pauses = []
    for _ in range(4):
        (question,) = asked(story.step)
        assert isinstance(question, ReadAccounts)
        assert ((PACIFICA,), None) == (question.fence, question.since_ms)
        before_ms = story.read().at_ms
        pauses.append(story.wake().at_ms - before_ms)
    assert [1000, 2000, 4000, 4000] == pauses
    assert 1 == len(story.orders)


def test_an_unknown_order_that_filled_completes_the_hedge() -> None:
    """The answer came late, and it was yes."""
    story = Story().opening().settle(SIZE, None).lands(PACIFICA, SIZE).read().read()
    assert Phase.HOLD is story.phase


def test_a_fence_ends_the_doubt_in_seconds() -> None:
    """Lighter lost the order and its nonce was voided: the leg is topped up or unwound now."""
    story = Story().opening().settle(None, SIZE).read()
    assert [(LIGHTER, False, SIZE)] == roles(story)[-1]
    late = Story().opening().wait(6_000).settle(None, SIZE).read()
    assert CloseReason.UNWIND is late.hedge.close_reason


def unwound_after_a_minute() -> Story:
    """Return a story in which Pacifica has filled, and Lighter neither says what became of its
    order nor lets itself be fenced."""
    story = Story().opening().settle(None, SIZE)
    while story.phase is Phase.OPEN:
        story.read(is_fenced=False) if story.state.waiting else story.wake()
    return story


def test_after_a_minute_the_known_leg_is_closed() -> None:
    """Nobody knows whether there is a twin: what is known is unwound, reduce-only, and told."""
    story = unwound_after_a_minute()
    assert 60_000 < story.at_ms - story.hedge.approved_at_ms < 70_000
    assert [(PACIFICA, True, SIZE)] == roles(story.read(is_fenced=False))[-1]
    assert "close ETH: opening failed" in story.alerts


def test_an_acknowledged_leg_keeps_its_twin_while_its_venue_is_away() -> None:
    """It is likelier to stand than not; the stop of what stands still closes it."""
    story = Story().opening()
    first, second = story.hedge.intents
    sent, taken = report(first, SIZE), report(second, d(0), is_final=False)
    story.feed(OrdersSettled(story.at_ms, story.state.asked, (sent, taken)))
    while story.at_ms - story.hedge.approved_at_ms < 600_000:
        story.read(PACIFICA) if story.state.waiting else story.wake()
    assert (Phase.OPEN, 1) == (story.phase, len(story.orders))
    while story.state.waiting:
        story.read(PACIFICA)
    assert CloseReason.STOP_LOSS is story.tick("1400").hedge.close_reason


def test_an_unknown_leg_is_not_flat_before_its_request_has_expired() -> None:
    """A signed Lighter order lives ten minutes: unfenced, CLOSE waits for that, and sends
    nothing."""
    story = unwound_after_a_minute().read(is_fenced=False).settle(SIZE)
    expires_ms = story.hedge.intents[0].expires_at_ms
    while story.phase is Phase.CLOSE:
        assert story.at_ms <= expires_ms + 60_000
        story.wake() if not story.state.waiting else story.read(is_fenced=False)
    assert story.at_ms > expires_ms
    assert (Phase.WAIT, 2) == (story.phase, len(story.orders))


def test_an_unknown_leg_that_lands_late_is_closed_too() -> None:
    """It took effect after its twin was unwound: its fills say so, and it is flattened."""
    story = unwound_after_a_minute().read(is_fenced=False).settle(SIZE).read(is_fenced=False)
    story.lands(LIGHTER, SIZE).wake().read().read()
    assert [(LIGHTER, True, SIZE)] == roles(story)[-1]
    assert Phase.WAIT is story.settle(SIZE).read().phase


def test_a_position_whose_fills_come_late_is_waited_for() -> None:
    """The position says that something is there, no row says what: nothing is unwound on that."""
    story = Story().opening().lands(PACIFICA, SIZE).lands(LIGHTER, SIZE)
    story.settle(None, None).read(is_fenced=True).read(is_fenced=True, fills=())
    assert (Phase.OPEN, 2) == (story.phase, len(story.hedge.in_doubt()))
    assert Phase.HOLD is story.wake().read().read().phase


def test_a_position_that_no_fill_ever_explains_halts() -> None:
    """It may be ours, it may not: nothing is closed, nothing is opened, a human looks."""
    story = Story().opening().settle("0", "0").hand(LIGHTER, SIZE)
    while story.phase in (Phase.OPEN, Phase.CLOSE):
        story.wake() if not story.state.waiting else story.read(fills=())
    assert (Phase.HALT, 1) == (story.phase, len(story.orders))
    assert "position and fills do not agree" in story.alerts[-1]
    assert story.state.hedge is not None


def test_the_owner_vouches_for_what_cannot_be_proved() -> None:
    """Resume after a look: what is there is the owner's, and the symbol is refused for it."""
    story = Story().opening().settle("0", "0").hand(LIGHTER, SIZE)
    while story.phase in (Phase.OPEN, Phase.CLOSE):
        story.wake() if not story.state.waiting else story.read(fills=())
    story.say(Command.RESUME).read(fills=()).read(fills=()).read(fills=())
    assert (Phase.WAIT, None, 1) == (story.phase, story.state.hedge, len(story.orders))


def test_what_is_off_the_lot_is_not_topped_up() -> None:
    """A finer fill on one venue cannot be matched by a coarser lot: unwind instead of rounding."""
    coarse = instrument(PACIFICA, size_lot=d("0.005"))
    hedge = opening(instruments={LIGHTER: instrument(LIGHTER), PACIFICA: coarse})
    state = bot(Phase.OPEN, hedge=hedge, waiting=True)
    story = Story(state).settle("0.0083", "0")
    assert (Phase.CLOSE, []) == (story.phase, story.orders)


def test_a_leg_that_was_cut_at_once_does_not_wait_for_a_history() -> None:
    """The venue refuses its fills for a minute; two looks at the position are enough."""
    story = Story().opening().settle(SIZE, SIZE).hand(PACIFICA, SIZE).read()
    refused = {"fills": None, "fills_missing": "HTTP 429"}
    story.read(**refused).wake().read().read(**refused)
    assert CloseReason.IMBALANCE is story.hedge.close_reason
    assert story.at_ms - story.hedge.approved_at_ms < 3_000
    assert [(LIGHTER, True, SIZE)] == roles(story.read())[-1]


def test_a_position_to_the_lot_is_believed_where_its_history_is_refused() -> None:
    """Lighter filled and lost its answer: to close its twin would be to make a naked leg."""
    story = Story().opening().settle(None, SIZE).lands(LIGHTER, SIZE).read()
    story.read(is_fenced=True, fills=None, fills_missing="HTTP 429")
    assert (Phase.HOLD, 1) == (story.phase, len(story.orders))


def test_a_position_that_lags_behind_its_fills_is_given_some_looks() -> None:
    """Both fills are listed and nobody else's: the list of positions is late, not the leg cut."""
    story = Story().opening().settle(SIZE, SIZE)
    late = account(at_ms=story.at_ms)
    for _ in range(4):
        story.read(account=late)
        while not story.state.waiting:
            story.wake()
    while story.phase is Phase.OPEN:
        story.read() if story.state.waiting else story.wake()
    assert (Phase.HOLD, 1) == (story.phase, len(story.orders))


def test_a_good_hedge_survives_the_outage_of_one_venue() -> None:
    """Both filled, then one venue is silent: the pair is held and guarded, not torn apart."""
    story = Story().opening().settle(SIZE, SIZE).read(PACIFICA)
    while story.phase is Phase.OPEN:
        story.wake().read(PACIFICA)
    assert (Phase.HOLD, 1) == (story.phase, len(story.orders))
    assert story.at_ms - story.hedge.approved_at_ms > 60_000
    assert "not yet verified" in story.alerts[-1]


def test_a_fault_of_ours_while_opening_unwinds_and_halts() -> None:
    """What was sent is found and closed; then nothing more is opened."""
    story = Story().opening().lands(LIGHTER, SIZE).lands(PACIFICA, "0").fault()
    assert Phase.CLOSE is story.phase
    story.read().read().read(is_fenced=True).settle(SIZE).read(is_fenced=True).read()
    assert (Phase.HALT, "our own fault: a bug") == (story.phase, story.state.halt_reason)
    assert story.state.hedge is None


# The close look before anything is sent


@pytest.mark.parametrize("venue", [LIGHTER, PACIFICA])
def test_the_owners_position_is_never_touched(venue: VenueName) -> None:
    """The symbol is refused and named, not even its leverage is set, and the next best has its
    turn.
    """
    story = Story().hand(venue, "-3").start().read().look().read()
    assert (Phase.WAIT, []) == (story.phase, story.orders)
    assert f"ETH refused: {venue} already holds a position that is not ours" == story.step.reason
    looks = [row for step in story.steps for row in asked(step) if isinstance(row, ReadAccounts)]
    assert {None} == {row.leverage for row in looks}
    story.wait(CHECK_MS).tick().look()
    assert "left alone" in story.state.refusals["ETH"]


def test_the_owners_resting_order_is_a_reason_too() -> None:
    """Somebody means to trade there."""
    theirs = order_row(Story().opening().hedge.intents[0], OrderStatus.OPEN)
    story = Story().start().read().look().read(orders=(theirs,))
    assert "already has orders that are not ours" in story.step.reason


@pytest.mark.parametrize(("changes", "reason"), UNPROVED)
def test_what_is_not_proved_is_not_opened(changes: dict[str, object], reason: str) -> None:
    """Each missing or wrong answer of the second look refuses the symbol."""
    story = Story().start().read().look().read()
    for _ in range(4):
        if story.phase is Phase.SELECT:
            story.read(**changes)
    assert (Phase.WAIT, []) == (story.phase, story.orders)
    assert reason in story.step.reason


def test_a_stale_book_is_looked_at_again() -> None:
    """Two seconds is the limit; a fresh one in the next look is good enough."""
    story = Story().start().read().look().read().wait(2_001)
    story.read(quote=quote(at_ms=story.at_ms - 2_001))
    assert (Phase.SELECT, []) == (story.phase, story.orders)
    assert Phase.OPEN is story.read(quote=quote(at_ms=story.at_ms - 2_000)).phase


def test_a_pair_that_no_longer_pays_is_refused() -> None:
    """The account's own fees and the latest books decide once more before anything is sent."""
    story = Story(require_expected_profit=True).start().read().look(400).look(400).read()
    wide = quote(half="60", at_ms=story.at_ms)
    assert "does not pay" in story.read(quote=wide).step.reason


def test_a_venue_that_is_away_is_no_fault_of_the_symbol() -> None:
    """The look is given up, and the symbol not set aside."""
    story = Story().start().read().look().read(PACIFICA)
    assert (Phase.WAIT, {}) == (story.phase, story.state.backoffs)
    assert ["no news from pacifica: pacifica is away"] == story.alerts


def test_a_refused_symbol_makes_room_for_the_next_best() -> None:
    """However long the interval between looks, the next one is for another symbol."""
    for interval in ("1", "60", "3600"):
        story = Story(check_interval_seconds=d(interval)).hand(LIGHTER, "1")
        story.start().read().look().read().wake().look()
        assert "left alone" in story.state.refusals["ETH"]


def test_a_filled_order_that_its_venue_calls_canceled_is_not_sent_again() -> None:
    """Before a top-up the position is read, and where it says more than the order's row, the fills:
    a second order would have made one leg twice the size that was approved."""
    story = Story().opening()
    story.lands(LIGHTER, SIZE)
    reports = settled(story.state, story.at_ms, [d(0), SIZE])
    story.lands(PACIFICA, SIZE).feed(reports).read()
    assert 1 == len(story.orders)
    assert (Phase.HOLD, 1) == (story.read().phase, len(story.orders))


def test_a_position_that_no_fill_explains_is_not_topped_up() -> None:
    """It is looked at again for some seconds; then what is ours by our fills is closed."""
    story = Story().opening().settle(SIZE, "0").hand(PACIFICA, -SIZE).read().read(fills=())
    while story.phase is Phase.OPEN:
        story.read(fills=()) if story.state.waiting else story.wake()
    assert (CloseReason.UNWIND, 1) == (story.hedge.close_reason, len(story.orders))


def test_openings_that_keep_failing_end_in_a_halt() -> None:
    """A pause per symbol does not help where one venue refuses every order: each costs fees."""
    story = Story().opening()
    for number in range(5):
        assert (Phase.OPEN, number) == (story.phase, story.state.unwound)
        story.settle(SIZE, "0")
        while story.phase in (Phase.OPEN, Phase.CLOSE):
            if sent(story.step):
                sizes = [row.request.size for row in story.sent.orders]
                story.settle(*(sizes if story.phase is Phase.CLOSE else ["0"]))
            else:
                story.read() if story.state.waiting else story.wake()
        if story.phase is Phase.WAIT:
            story.wait(HOUR_MS).tick().look().read().read()
    assert (Phase.HALT, 5) == (story.phase, story.state.unwound)
    assert "5 openings in a row were unwound" in story.alerts[-1]
    assert 0 == story.say(Command.RESUME).state.unwound
