"""A close never gives up, never sends twice into the dark, and proves that it is done."""

from decimal import Decimal

import pytest

from desk.core.actions import ReadAccounts
from desk.core.events import AccountsRead, Command
from desk.core.order import Side
from desk.hedge.closing import close_band_bps
from desk.hedge.state import CloseReason, Phase, Role
from test.hedge.builders import (
    HOUR_MS,
    LIGHTER,
    MID,
    PACIFICA,
    account,
    accounts_read,
    asked,
    closing_hedge,
    config,
    d,
    quote,
    stats,
)
from test.hedge.story import Story

SIZE = d("0.0116")


def closing() -> Story:
    """Return a hedge at the end of its hold, both closing orders just sent."""
    return Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick().read()


def urgent() -> Story:
    """Return a hedge at its stop, both closing orders just sent."""
    return Story().holding().wait(1000).tick("1500")


def bands(story: Story, middle: Decimal = MID) -> list[Decimal]:
    """Return how far from the middle each batch of closing orders was allowed to sell, in bp."""
    prices = [
        row.request.price
        for batch in story.orders[1:]
        for row in batch.orders
        if row.request.side is Side.SELL
    ]
    return [(middle - price) / middle * 10_000 for price in prices]


def test_a_partial_close_sends_the_rest_after_a_pause() -> None:
    """Each try reads first, so nothing is closed twice."""
    story = closing().settle(SIZE, "0.0040")
    assert [] == [row for row in story.step.actions if hasattr(row, "orders")]
    story.wake().read()
    (rest,) = story.sent.orders
    assert (PACIFICA, d("0.0076"), True) == (
        rest.venue,
        rest.request.size,
        rest.request.reduce_only,
    )
    assert Phase.CLOSE is story.settle("0.0076").phase


def test_a_close_that_does_not_fill_widens_its_band_and_never_gives_up() -> None:
    """From 10 bp by steps of 10 to the wide band and beyond, with bounded pauses, told once."""
    story, pauses = closing(), []
    for _ in range(30):
        before_ms = story.settle("0", "0").at_ms
        pauses.append(story.wake().at_ms - before_ms)
        story.read()
    assert [10, 20, 30, 40, 50, 60, 70, 80, 90, 90] == [int(bps) for bps in bands(story)[:10]]
    assert [1000, 2000, 4000, 4000] == pauses[:4]
    assert 4000 == max(pauses)
    assert ["ETH is not closed after 5 tries; going on"] == story.alerts
    assert Phase.CLOSE is story.phase


def test_an_urgent_close_starts_at_the_wide_band() -> None:
    """50 bp at once, up to five times that."""
    story = urgent()
    assert [50] == bands(story, d(1500))
    for _ in range(6):
        story.settle("0", "0").wake().read()
    assert [100, 150, 200, 250, 250, 250] == [int(bps) for bps in bands(story)[1:]]


@pytest.mark.parametrize("reason", list(CloseReason))
@pytest.mark.parametrize("tries", [0, 1, 4, 100, 10_000])
def test_no_band_leaves_the_venues_collar(reason: CloseReason, tries: int) -> None:
    """A price too far from the mark is refused, not filled: 5 %, or what the owner set."""
    hedge = closing_hedge(reason, close_tries=tries)
    assert close_band_bps(config(close_slippage_max_bps=d(400)), hedge) <= 500
    assert close_band_bps(config(close_slippage_max_bps=d(800)), hedge) <= 800


def test_the_ids_of_a_long_close_never_repeat_and_the_state_stays_small() -> None:
    """Thousands of tries are derived, distinct, and forgotten when they are long over."""
    story = urgent()
    for _ in range(1500):
        story.settle("0", "0").wake().read()
    ids = [row.request.client_id for batch in story.orders for row in batch.orders]
    assert len(ids) == len(set(ids))
    assert len(story.hedge.intents) < 300


def test_no_second_close_leaves_while_the_first_is_unknown() -> None:
    """The known leg goes on; the unknown one waits for a fence, or for its order's expiry."""
    story = urgent().settle(None, "0").wake().read(is_fenced=False)
    assert [PACIFICA] == [row.venue for row in story.sent.orders]
    story.settle(SIZE).read(is_fenced=False)
    while len(story.orders) == 3:
        story.read(is_fenced=False) if story.state.waiting else story.wake()
    assert [LIGHTER] == [row.venue for row in story.sent.orders]
    assert story.at_ms > story.hedge.approved_at_ms + 600_000


def test_a_close_that_a_fence_proves_lost_is_sent_again_at_once() -> None:
    """A naked leg does not wait for an expiry of ten minutes."""
    story = urgent().settle(None, SIZE).wake().read()
    assert [LIGHTER] == [row.venue for row in story.sent.orders]
    assert story.at_ms - story.hedge.approved_at_ms < 5_000


def test_a_naked_leg_is_looked_after_every_few_seconds_while_its_venue_is_away() -> None:
    """The pauses that spare an absent venue are for legs that have their twin."""
    story, pauses = urgent().settle(SIZE, "0").wake().read(PACIFICA), []
    for _ in range(6):
        before_ms = story.at_ms
        pauses.append(story.wake().at_ms - before_ms)
        story.read(PACIFICA)
    assert 4000 == max(pauses)


def test_a_close_in_doubt_at_an_absent_venue_lets_the_other_leg_go() -> None:
    """It has probably filled: after a minute its twin is closed, however the close began."""
    story = closing().settle("0", None)
    sent = len(story.orders)
    while len(story.orders) == sent:
        story.read(PACIFICA) if story.state.waiting else story.wake()
    assert [(LIGHTER, SIZE)] == [(row.venue, row.request.size) for row in story.sent.orders]
    assert 60_000 < story.at_ms - (story.hedge.close_began_at_ms or 0) < 70_000


def test_a_venue_that_does_not_answer_is_not_flat() -> None:
    """Rows of the one that does are asked for in haste: the silent one's leg may stand alone."""
    story = closing().settle(None, "0").lands(LIGHTER, SIZE).wake().read(PACIFICA)
    (question,) = asked(story.step)
    assert isinstance(question, ReadAccounts)
    assert (True, False) == (question.urgent, question.can_wait)


REFUSED = {"fills": None, "fills_missing": "HTTP 429"}


def test_a_refused_history_does_not_hold_back_the_rest_of_a_close() -> None:
    """Behind the fence the first try can do no more: what is left shows in the position."""
    story = urgent().settle(None, SIZE).lands(LIGHTER, "0.0060").wake().read().read(**REFUSED)
    assert [(LIGHTER, d("0.0056"))] == [(row.venue, row.request.size) for row in story.sent.orders]


def test_a_leg_that_stays_naked_is_told_once() -> None:
    """Not after five tries of ours: after ten seconds, whatever the reason."""
    story = urgent().settle(None, SIZE)
    while story.at_ms - (story.hedge.close_began_at_ms or 0) < 30_000:
        story.read(is_fenced=False) if story.state.waiting else story.wake()
    told = [text for text in story.alerts if "not hedged" in text]
    assert 1 == len(told)
    assert "lighter +0.0116 ETH" in told[0]


def test_an_unknown_close_that_took_effect_is_seen() -> None:
    """The venue says what became of it, and nothing is sent for that leg again."""
    story = urgent().settle(None, SIZE).lands(LIGHTER, SIZE).wake().read().read()
    assert (Phase.WAIT, 2) == (story.phase, len(story.orders))


def test_a_leg_whose_twin_is_gone_does_not_wait_for_its_venue() -> None:
    """One leg closed, then that venue goes away: the other leg is naked and closed at once."""
    story = closing().settle(SIZE, "0").wake().read(LIGHTER)
    assert [(PACIFICA, SIZE)] == [(row.venue, row.request.size) for row in story.sent.orders]


def test_a_planned_close_in_an_outage_only_evens_the_legs() -> None:
    """The larger leg is cut to its twin's size; the rest waits for the venue that is away."""
    story = closing().settle("0", "0.0060").wake().read(PACIFICA)
    assert [(LIGHTER, d("0.0060"))] == [(row.venue, row.request.size) for row in story.sent.orders]
    story.settle("0.0060").read(PACIFICA)
    assert Phase.CLOSE is story.phase
    assert "away" in story.step.reason


def test_a_flat_account_that_the_fills_contradict_is_no_proof() -> None:
    """Venues have shown no positions for a while: with our fills still open a human looks."""
    story = Story().holding().say(Command.CLOSE)
    while story.phase is Phase.CLOSE:
        story.read(account=account()) if story.state.waiting else story.wake()
    assert (Phase.HALT, 1, SIZE) == (
        story.phase,
        len(story.orders),
        story.hedge.held(LIGHTER),
    )


def test_a_stale_book_does_not_block_a_close() -> None:
    """Without a fresh book the band starts from the mark."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick()
    story.read(quote=None, stats=stats(mark=d(2000)))
    assert {d(1998), d(2002)} == {row.request.price for row in story.sent.orders}


def test_a_planned_close_without_any_price_waits_with_both_legs() -> None:
    """Closing one alone would make the other naked; nothing is made up."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick()
    story.read(quote=None, stats=None)
    assert (Phase.CLOSE, 1) == (story.phase, len(story.orders))
    assert "shows no price to close at" in story.step.reason
    assert {} == story.state.outages


def test_a_venue_that_shows_no_price_is_closed_at_its_twins() -> None:
    """Two prices of one thing: better than to let a leg stand."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick()
    blind = story.row(PACIFICA, quote=None, stats=None)
    story.feed(accounts_read(story.state, story.at_ms, lighter=story.row(LIGHTER), pacifica=blind))
    assert [d(2997), d(3003)] == [row.request.price for row in story.sent.orders]


def dusty() -> Story:
    """Return a close of which a rest below 10 USD was refused twice, and a third try is out."""
    story = closing().settle(SIZE, SIZE - d("0.0010"))
    for _ in range(2):
        story.wake().read().settle("0")
    return story.wake().read()


def test_dust_goes_through_zero() -> None:
    """Two reduce-only tries come first; then one order of the rest and the least that opens."""
    story = dusty()
    (through,) = (row.request for row in story.sent.orders)
    assert {Role.CLOSE} == {row.role for row in story.hedge.intents[2:-1]}
    assert (False, Side.BUY, d("0.0010") + d("0.0034"), Role.THROUGH) == (
        through.reduce_only,
        through.side,
        through.size,
        story.hedge.intents[-1].role,
    )
    assert through.is_close


def test_what_went_through_zero_comes_back_reduce_only() -> None:
    """The other side of zero is large enough for the venue, and closed like any other rest."""
    story = dusty()
    (back,) = (row.request for row in story.settle("0.0044").read().sent.orders)
    assert (True, Side.SELL, d("0.0034")) == (back.reduce_only, back.side, back.size)
    assert {PACIFICA} == {row.venue for row in story.sent.orders}
    assert 0 == story.settle("0.0034").hedge.held(PACIFICA)


def test_what_comes_back_from_zero_is_large_enough_at_its_own_limit() -> None:
    """A venue may weigh an order by its limit: what its wide band would make too small keeps to a
    narrower one, and is not refused."""
    story = dusty().settle("0.0044").read()
    (back,) = (row.request for row in story.sent.orders)
    assert d(10) <= back.size * back.price < d("10.2")
    wide = story.settle("0").wake().read(quote=quote(mid=d(2970), at_ms=story.at_ms))
    (again,) = (row.request for row in wide.sent.orders)
    assert (True, d(10)) <= (again.reduce_only, again.size * again.price)


def test_dust_next_to_the_owners_position_stays_there() -> None:
    """To go through zero would trade his part: two tries, then it is told of, and the rest goes
    on without that symbol."""
    story = closing().hand(PACIFICA, "-1").settle(SIZE, SIZE - d("0.0010"))
    for _ in range(2):
        story.wake().read().settle("0")
    assert {Role.CLOSE} == {row.role for row in story.hedge.intents[2:]}
    while story.phase is Phase.CLOSE:
        story.read() if story.state.waiting else story.wake()
    assert (Phase.WAIT, ("ETH",)) == (story.phase, story.state.by_hand)
    assert "0.001 ETH of ours stays on pacifica" in " ".join(story.alerts)


def test_an_urgent_reason_overrides_one_that_can_wait() -> None:
    """And not the other way round: the first urgent reason is the one that is told."""
    story = closing().settle("0", "0").tick("1400")
    assert CloseReason.STOP_LOSS is story.hedge.close_reason
    story = urgent().settle("0", "0").tick("1400")
    assert CloseReason.STOP_LOSS is story.hedge.close_reason


def test_a_fault_of_ours_while_closing_does_not_stop_the_close() -> None:
    """It is told once, tried again after a pause, and ends in HALT."""
    story = closing().lands(LIGHTER, SIZE).lands(PACIFICA, SIZE).fault().wake().fault().wake()
    assert ["halted: our own fault: a bug"] == story.alerts
    story.read()
    while story.phase is Phase.CLOSE:
        story.read() if story.state.waiting else story.wake()
    assert (Phase.HALT, None) == (story.phase, story.state.hedge)


def test_a_tick_between_two_tries_asks_nothing() -> None:
    """A guard line may wake a closing bot at any time: only what is due is done."""
    story = closing().tick("3000")
    assert () == story.step.actions
    assert () == story.settle("0", "0").tick("3000").step.actions
    assert 1 == len(asked(story.wake().step))


def test_a_crossed_reference_is_still_a_price() -> None:
    """A close takes the middle of whatever book there is."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick()
    story.read(quote=quote(half="-1"))
    assert 2 == len(story.sent.orders)


def test_a_venue_that_keeps_us_away_is_asked_as_soon_as_it_lets_us() -> None:
    """Not a growing pause, which would oversleep: one leg stands alone meanwhile."""
    story = closing().settle(SIZE, "0").wake()
    rows = {LIGHTER: story.row(LIGHTER)}
    for wait_ms in (3_920, 700, 60_000):
        failures, waits = {PACIFICA: "used up"}, {PACIFICA: wait_ms}
        story.feed(AccountsRead(story.at_ms, story.state.asked, rows, failures, waits))
        began_ms = story.at_ms
        story.wake()
        assert min(wait_ms, 4_000) == story.at_ms - began_ms
