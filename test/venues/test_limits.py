"""Request budgets refuse before the venue does, and keep a part for what must get through."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.core.errors import RateLimited
from desk.core.venue import VenueName
from desk.venues.limits import Priority, RequestBudget, lighter_budget, pacifica_budget, unlimited


class Watch:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        """Start somewhere that is not zero."""
        self.now_s = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def refused_after(budget: RequestBudget, priority: Priority = Priority.NORMAL) -> int:
    """Return how many requests pass before the first refusal."""
    for count in range(1_000):
        try:
            budget.take("read", priority=priority)
        except RateLimited:
            return count
    return 1_000


def test_half_of_the_window_is_spent_at_start() -> None:
    """A start has ten Lighter requests: forty are not reserved, thirty may be used already."""
    assert 10 == refused_after(lighter_budget(Watch()))


def test_guards_have_the_reserve_to_themselves() -> None:
    """When ordinary requests are refused, closes and cancels still get through."""
    budget = lighter_budget(Watch())
    refused_after(budget)

    assert 20 == refused_after(budget, Priority.GUARD)


@pytest.mark.parametrize(
    ("make", "shares"), [(lighter_budget, (24, 16, 10, 10)), (pacifica_budget, (40, 26, 17, 17))]
)
def test_a_full_window_has_four_shares(make: Callable[..., RequestBudget], shares: object) -> None:
    """Two fifths with the books, two thirds with markets and openings, five sixths with the
    account's reads, all with guards."""
    watch = Watch()
    budget = make(watch)
    watch.now_s += 60

    assert shares == tuple(refused_after(budget, priority) for priority in Priority)


def test_a_refusal_says_how_long_to_stay_away() -> None:
    """The wait ends when enough of the oldest requests leave the window."""
    watch = Watch()
    budget = lighter_budget(watch)
    watch.now_s += 10
    refused_after(budget)

    with pytest.raises(RateLimited) as refusal:
        budget.take("read")

    assert 50.0 == pytest.approx(refusal.value.retry_after_s)


def test_a_heavy_request_needs_its_whole_cost() -> None:
    """Twelve credits are refused where eleven are left, and count nothing."""
    budget = pacifica_budget(Watch())
    budget.take("read", cost=5)

    with pytest.raises(RateLimited):
        budget.take("history", cost=12)

    assert 11 == budget.left()


def test_a_refusal_by_the_venue_pauses_reads_longer_than_guards() -> None:
    """After a 429 reads wait as told, guards try again after five seconds."""
    watch = Watch()
    budget = lighter_budget(watch)
    budget.pause(60)
    watch.now_s += 5

    budget.take("close", priority=Priority.GUARD)
    with pytest.raises(RateLimited):
        budget.take("read")


def test_without_limits_only_the_venue_refuses() -> None:
    """A budget that is switched off still honours a pause."""
    budget = unlimited(VenueName.LIGHTER, Watch())
    assert (1_000, None) == (refused_after(budget), budget.left())

    budget.pause(1)

    assert 0 == refused_after(budget)


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from(Priority)), max_size=200))
def test_no_window_ever_holds_more_than_the_venue_allows(
    steps: list[tuple[float, Priority]],
) -> None:
    """However requests are spaced, sixty seconds never see more than sixty of them."""
    watch = Watch()
    budget = lighter_budget(watch)
    taken_s: list[float] = []
    for wait_s, priority in steps:
        watch.now_s += wait_s
        try:
            budget.take("any", priority=priority)
        except RateLimited:
            continue
        taken_s.append(watch.now_s)

    assert all(sum(at - 60 < other <= at for other in taken_s) <= 60 for at in taken_s)
