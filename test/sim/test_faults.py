"""The fault plan: what strikes when, how often, and that a seed replays it."""

import pytest

from desk.core.venue import VenueName
from desk.sim.faults import (
    ACCOUNT_KINDS,
    FAULTS_MAX,
    LASTING_KINDS,
    ORDER_KINDS,
    REQUEST_KINDS,
    STREAM_KINDS,
    Fault,
    FaultKind,
    FaultPlan,
)

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA
LOST = FaultKind.REPLY_LOST


def kinds_struck(plan: FaultPlan, operation: str) -> list[FaultKind]:
    """Return what strikes one request to Pacifica."""
    return [fault.kind for fault in plan.take(PACIFICA, operation)]


def test_every_kind_is_of_exactly_one_family() -> None:
    """Each kind is carried out in one place: request, order, stream, account or while it lasts."""
    families = (ACCOUNT_KINDS, LASTING_KINDS, ORDER_KINDS, REQUEST_KINDS, STREAM_KINDS)
    members = [kind for family in families for kind in sorted(family)]

    assert sorted(FaultKind) == sorted(members)


def test_a_fault_strikes_as_often_as_it_counts() -> None:
    """Two strikes planned are two strikes, then nothing is left."""
    plan = FaultPlan()
    plan.add(Fault(PACIFICA, LOST, count=2))

    assert [[LOST], [LOST], []] == [kinds_struck(plan, "GET /info") for _ in range(3)]
    assert () == plan.faults


def test_a_fault_waits_for_its_operation_and_its_venue() -> None:
    """Other operations and the other venue pass and use nothing up."""
    plan = FaultPlan()
    plan.add(Fault(PACIFICA, LOST, match="orders/create"))

    assert () == plan.take(LIGHTER, "POST /orders/create")
    assert [] == kinds_struck(plan, "GET /info")
    assert [LOST] == kinds_struck(plan, "POST /orders/create")


def test_a_fault_waits_for_whoever_can_carry_it_out() -> None:
    """A stream fault does not strike a request, even one whose name it matches."""
    plan = FaultPlan()
    plan.add(Fault(PACIFICA, FaultKind.STREAM_CLOSED))

    assert [] == kinds_struck(plan, "GET /info")
    assert 1 == len(plan.take(PACIFICA, "stream book", STREAM_KINDS))


def test_the_same_seed_throws_the_same_coins() -> None:
    """An uncertain fault strikes at the same requests in every run of one seed, and only some."""

    def pattern(seed: int) -> list[bool]:
        plan = FaultPlan(seed)
        plan.add(Fault(PACIFICA, LOST, count=1_000, probability=0.3))
        return [bool(kinds_struck(plan, "x")) for _ in range(100)]

    assert pattern(7) == pattern(7)
    assert pattern(7) != pattern(8)
    assert 10 < sum(pattern(7)) < 60


def test_faults_strike_in_the_order_they_were_added() -> None:
    """Two faults on one request are both taken, the older first."""
    plan = FaultPlan()
    for kind in (FaultKind.REPLY_LATE, FaultKind.MALFORMED):
        plan.add(Fault(PACIFICA, kind))

    assert [FaultKind.REPLY_LATE, FaultKind.MALFORMED] == kinds_struck(plan, "x")


@pytest.mark.parametrize(("delay_s", "at_ms"), [(0, 10**9), (5, 5_999)])
def test_a_lasting_fault_holds_for_its_time(delay_s: float, at_ms: int) -> None:
    """From when it was added for its length; without one, until it is cleared."""
    plan = FaultPlan()
    plan.add(Fault(PACIFICA, FaultKind.OUTAGE, delay_s=delay_s, since_ms=1_000))

    assert plan.lasting(PACIFICA, FaultKind.OUTAGE, at_ms) is not None
    assert plan.lasting(LIGHTER, FaultKind.OUTAGE, at_ms) is None


def test_a_lasting_fault_ends() -> None:
    """At the end of its length it is over."""
    plan = FaultPlan()
    plan.add(Fault(PACIFICA, FaultKind.OUTAGE, delay_s=5, since_ms=1_000))

    assert plan.lasting(PACIFICA, FaultKind.OUTAGE, 6_000) is None


def test_clearing_forgets_one_venue_or_all() -> None:
    """It says how many it forgot."""
    plan = FaultPlan()
    for venue in (LIGHTER, PACIFICA, PACIFICA):
        plan.add(Fault(venue, LOST))

    assert (2, 1) == (plan.clear(PACIFICA), plan.clear())


def test_listeners_hear_of_each_fault_and_account_faults_are_not_kept() -> None:
    """What is done to an account is done at once, so nothing of it stays in the plan."""
    plan, heard = FaultPlan(), list[FaultKind]()
    plan.listeners.append(lambda fault: heard.append(fault.kind))
    for kind in (FaultKind.NONCE_GAP, LOST):
        plan.add(Fault(PACIFICA, kind))

    assert [FaultKind.NONCE_GAP, LOST] == heard
    assert [LOST] == [fault.kind for fault in plan.faults]


def test_a_plan_has_an_end() -> None:
    """A plan that nobody clears cannot grow for ever."""
    plan = FaultPlan()
    for _ in range(FAULTS_MAX):
        plan.add(Fault(PACIFICA, LOST))

    with pytest.raises(ValueError, match="clear it first"):
        plan.add(Fault(PACIFICA, LOST))
