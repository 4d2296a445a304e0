"""A simulated client's calls cost what the real one's do, and both counts hold it back."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from desk.core.errors import RateLimited
from desk.core.venue import VenueName
from desk.sim.sim_budget import COSTS, CREDITS_MAX, SimBudget, VenueLimit
from desk.venues.limits import SPENT_AT_START

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA
TABLE = Path(__file__).resolve().parents[2] / "docs" / "venues" / "requests.md"
# A call here, and the row of the table that says what it costs.
ROWS = {
    "account": "account",
    "funding_history": "funding_history",
    "leverage": "leverage",
    "open_orders": "open_orders",
    "fills": "fills",
    "funding_payments": "funding_payments",
    "movements": "movements",
    "find_order": "find_order, gone",
    "set_leverage": "set_leverage",
}


class StillClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic_s(self) -> float:
        """Return the time it was set to."""
        return self.now_s


def told(row: str) -> tuple[Decimal, Decimal]:
    """Return what a row of the table says: Lighter's requests, Pacifica's credits."""
    lines = TABLE.read_text("utf-8").splitlines()
    [line] = [text for text in lines if text.startswith(f"| {row} |")]
    numbers = [re.match(r"[0-9.]+", cell.strip()) for cell in line.split("|")[2:4]]
    lighter, pacifica = (Decimal(found.group()) for found in numbers if found is not None)
    return lighter, pacifica


@pytest.mark.parametrize("call", ROWS)
def test_a_call_costs_what_the_table_says(call: str) -> None:
    """Requests at Lighter, half credits at Pacifica."""
    costs = Decimal(COSTS[LIGHTER][call]), Decimal(COSTS[PACIFICA][call]) / 2
    assert told(ROWS[call]) == costs


def spent_up(budget: SimBudget) -> int:
    """Return how many regular reads of the account leave before one is held back."""
    for count in range(1000):
        try:
            budget.take("account")
        except RateLimited:
            return count
    raise AssertionError("nothing held it back")


def test_our_own_count_holds_back_before_the_venue_refuses() -> None:
    """Regular reads end at two thirds of the window; what guards still has room."""
    clock = StillClock()
    budget = SimBudget(LIGHTER, clock.monotonic_s, limit=VenueLimit(LIGHTER, clock.monotonic_s))

    assert CREDITS_MAX[LIGHTER] * (Fraction(2, 3) - SPENT_AT_START) == spent_up(budget)
    assert (1, 0) == (budget.held_back, budget.refused)
    budget.take("send", is_guard=True)


def test_a_venue_remembers_what_a_former_life_spent() -> None:
    """Three lives in a minute are more than the venue takes: it refuses, and we stay away."""
    clock = StillClock()
    limit = VenueLimit(LIGHTER, clock.monotonic_s)
    for _ in range(2):
        life = SimBudget(LIGHTER, clock.monotonic_s, limit=limit)
        for _ in range(29):
            life.take("send", is_guard=True)
    third = SimBudget(LIGHTER, clock.monotonic_s, limit=limit)

    with pytest.raises(RateLimited, match="too many"):
        third.take("account", is_urgent=True)
    assert (0, 1) == (third.held_back, third.refused)
    clock.now_s += 61
    third.take("account", is_urgent=True)


def test_leverage_is_read_with_the_account() -> None:
    """Lighter tells it within a second of the account, until something is written."""
    clock = StillClock()
    limit = VenueLimit(LIGHTER, clock.monotonic_s)
    budget = SimBudget(LIGHTER, clock.monotonic_s, limit=limit)
    for call in ("account", "leverage BTC"):
        budget.take(call)
    assert 1 == limit.spent

    for call in ("set_leverage BTC", "leverage BTC"):
        budget.take(call)

    assert 4 == limit.spent  # the first write asks for the nonce
