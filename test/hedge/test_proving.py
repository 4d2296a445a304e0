"""Payments prove the rates: a sign or a unit that is wrong at a venue stops openings."""

from dataclasses import replace
from decimal import Decimal

import pytest

from desk.core.events import AccountsRead, Command
from desk.core.funding import FundingPayment, HourlyRate, next_settlement_ms
from desk.hedge.owner import restraints
from desk.hedge.proving import take_in
from desk.hedge.state import Phase, RateProof
from test.hedge.builders import PACIFICA, d, stats
from test.hedge.story import Story

RATE = d("0.0001")
PUBLISHED_MS = 90_000


def settled(story: Story, ratio: str, rate: Decimal = RATE) -> Story:
    """Let an hour settle that pays us at Pacifica `ratio` of what its rate says, and be read."""
    hour_ms = next_settlement_ms(story.at_ms)
    size = story.hedge.held(PACIFICA)
    usd = -size * stats().mark * rate * d(ratio)
    paid = FundingPayment("ETH", str(hour_ms), usd, hour_ms + 4_000, position_size=size)
    story.payments[PACIFICA].append(paid)
    story.wait(hour_ms + PUBLISHED_MS - story.at_ms).tick()
    return story.read(stats=stats(funding_last=HourlyRate(rate)))


def doubts(story: Story) -> list[str]:
    """Return what the owner was told of rates."""
    return [text for text in story.alerts if "rates are not what we take them for" in text]


def holding() -> Story:
    """Return a hedge that is held for long."""
    return Story(hold_duration_hours=12, require_expected_profit=False).holding()


@pytest.mark.parametrize("ratio", ["0.6", "1", "1.9"])
def test_payments_near_what_the_rate_says_are_no_news(ratio: str) -> None:
    """The price of the settlement is not known to the cent, and estimates err."""
    story = settled(settled(holding(), ratio), ratio)
    assert ([], 0) == (doubts(story), story.state.rate_proofs[PACIFICA].odd_hours)


@pytest.mark.parametrize("ratio", ["-1", "8", "0.125", "100"])
def test_two_odd_hours_in_a_row_stop_openings_until_resume(ratio: str) -> None:
    """A wrong sign, eight hours taken for one, a percent for a fraction: one alert, and the hedge
    in hand is held on."""
    story = settled(holding(), ratio)
    assert [] == doubts(story)
    settled(settled(story, ratio), ratio)
    assert (Phase.HOLD, 1) == (story.phase, len(doubts(story)))
    story.say(Command.CLOSE).read().settle(story.hedge.size, story.hedge.size).read()
    story.say(Command.RESUME)
    assert {} == story.state.rate_proofs


def test_doubted_rates_open_nothing() -> None:
    """The reason is said at each look, and by `status`, in the words of the alert."""
    story = Story().start().read()
    odd = RateProof(hour=1, odd_hours=2, said="paid -1 USD where its rate says +1")
    story.state = replace(story.state, rate_proofs={PACIFICA: odd})
    story.look()
    assert Phase.WAIT is story.phase
    assert story.step.reason.startswith("pacifica paid -1 USD where its rate says +1")
    assert [story.step.reason] == restraints(story.state)


def test_a_good_hour_between_two_odd_ones_is_no_proof() -> None:
    """A price that jumped at the settlement may double one payment, not two in a row."""
    assert [] == doubts(settled(settled(settled(holding(), "3"), "1"), "3"))


def test_a_rate_near_zero_proves_nothing() -> None:
    """What is paid on it is rounded to more than it is."""
    assert {} == settled(holding(), "-1", rate=d("0.000004")).state.rate_proofs


def test_a_payment_is_not_held_against_the_rate_of_the_hour_before() -> None:
    """Venues publish the settled rate some seconds after the hour: a read that comes before that
    judges nothing."""
    story = holding()
    hour_ms = next_settlement_ms(story.at_ms)
    paid = FundingPayment("ETH", "p", d(-1), hour_ms, position_size=d(1))
    row = replace(story.row(PACIFICA), payments=(paid,), stats=stats(funding_last=HourlyRate(RATE)))
    read = AccountsRead(hour_ms + PUBLISHED_MS - 1, story.state.asked, {PACIFICA: row}, {})
    assert {} == take_in(story.state, read)[0].rate_proofs
