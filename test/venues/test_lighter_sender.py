"""Lighter's one sender: every write has an outcome, and a nonce never carries two surprises."""

import asyncio
from dataclasses import replace
from email.utils import formatdate

import pytest

from desk.core.errors import InvariantBroken
from desk.core.order import (
    NOT_SENT,
    Accepted,
    Rejected,
    TimeInForce,
    Unknown,
)
from desk.core.venue import VenueName
from desk.venues.http import HttpResponse
from desk.venues.lighter.nonce import NonceLedger
from desk.venues.lighter.orders import TxFate
from desk.venues.limits import Priority, RequestBudget
from test.venues.lighter_desk import CANCEL, CREATE, HTML, REFUSAL, Desk, nonces, play
from test.venues.lighter_fakes import (
    NOW_MS,
    StillClock,
    reply,
)


def test_writes_take_nonces_in_a_row() -> None:
    """The first asks for the nonce, the rest count."""

    async def story(desk: Desk) -> None:
        for _ in range(3):
            assert isinstance(await desk.send(), Accepted)

    desk = play(story)

    assert ([5, 6, 7], 1) == (nonces(desk), desk.gateway.asked.count("nextNonce"))


def test_concurrent_writes_leave_one_after_another() -> None:
    """Five at once arrive in nonce order, whatever the gateway's pace."""

    async def story(desk: Desk) -> None:
        desk.gateway.on_write = lambda: asyncio.sleep(0.3)
        outcomes = await asyncio.gather(*(desk.send() for _ in range(5)))
        assert {Accepted} == {type(outcome) for outcome in outcomes}

    assert [5, 6, 7, 8, 9] == nonces(play(story))


def test_an_accepted_write_names_its_hash() -> None:
    """The reference is the hash the signer knew before sending."""

    async def story(desk: Desk) -> None:
        write = await desk.sender.sign(desk.order())
        outcome = await desk.sender.send(write)
        assert write.signed is not None
        assert Accepted("42", write.signed.tx_hash, NOW_MS) == outcome

    play(story)


@pytest.mark.parametrize("mishap", [REFUSAL, "not sent", reply(429, "<html>"), reply(405, "")])
def test_a_refusal_leaves_the_nonce_free(mishap: str | HttpResponse) -> None:
    """Whatever did not pass the gateway did not happen, and the next write has its nonce."""

    async def story(desk: Desk) -> None:
        assert isinstance(await desk.send(mishap), Rejected)
        desk.clock.at_ms += 61_000
        assert isinstance(await desk.send(), Accepted)

    assert 5 == nonces(play(story))[-1]


def test_a_refusal_keeps_the_venues_code() -> None:
    """The code is the venue's own; what never left has ours."""

    async def story(desk: Desk) -> None:
        assert Rejected("42", "21739", "not enough margin") == await desk.send(REFUSAL)
        outcome = await desk.send("not sent")
        assert isinstance(outcome, Rejected)
        assert NOT_SENT == outcome.code

    play(story)


def test_an_invalid_nonce_is_asked_for_again() -> None:
    """A stranger took our nonce: the write is rejected, the next one knows better."""

    async def story(desk: Desk) -> None:
        await desk.send()
        desk.gateway.nonce = 9
        assert Rejected("42", "21104", "invalid nonce") == await desk.send()
        assert isinstance(await desk.send(), Accepted)

    assert [5, 6, 9] == nonces(play(story))


def test_a_refusal_by_a_clock_that_is_off_says_so() -> None:
    """Ten minutes behind, whatever the library signs has expired before it leaves."""

    async def story(desk: Desk) -> None:
        late = {"date": formatdate((NOW_MS + 660_000) / 1000, usegmt=True)}
        outcome = await desk.send(replace(REFUSAL, headers=late))
        assert isinstance(outcome, Rejected)
        assert "this machine's clock is 660 s behind the venue's: set it" in outcome.message

    play(story)


@pytest.mark.parametrize(
    "mishap",
    [
        "lost before",
        HTML,
        reply(502, "<html>"),
        reply(200, '{"code":'),
        reply(400, {"code": 29501, "message": "process timeout"}),
        reply(200, {"code": 200, "tx_hash": "ab"}),
    ],
)
def test_no_clear_answer_is_unknown(mishap: str | HttpResponse) -> None:
    """Silence, a proxy's page, half an answer and a confused gateway all leave a doubt."""

    async def story(desk: Desk) -> None:
        outcome = await desk.send(mishap)
        assert isinstance(outcome, Unknown)
        assert (80, NOW_MS + 599_000) == (len(outcome.reference), outcome.expires_at_ms)

    play(story)


def test_after_a_doubt_the_next_nonce_decides() -> None:
    """The lost write was taken: the next one counts on, and the venue was asked once."""

    async def story(desk: Desk) -> None:
        assert isinstance(await desk.send("lost after"), Unknown)
        assert isinstance(await desk.send(), Accepted)

    desk = play(story)

    assert ([5, 6], 2) == (nonces(desk), desk.gateway.asked.count("nextNonce"))


def test_while_a_nonce_is_in_doubt_nothing_that_increases_leaves() -> None:
    """The lost write has not arrived, and may still: an order waits."""

    async def story(desk: Desk) -> None:
        await desk.send("lost before")
        outcome = await desk.send()
        assert isinstance(outcome, Rejected)
        assert (NOT_SENT, True) == (outcome.code, "in doubt" in outcome.message)

    assert [5] == nonces(play(story))


def test_a_guard_takes_over_a_nonce_that_has_not_arrived() -> None:
    """A cancel leaves under the nonce in doubt, and so voids what was lost under it."""

    async def story(desk: Desk) -> None:
        lost = await desk.send("lost before")
        voids = await desk.send(guard=True)
        assert isinstance(lost, Unknown)
        assert isinstance(voids, Accepted)
        assert TxFate.NOT_FOUND is await desk.sender.fate(lost.reference)
        desk.gateway.fates[voids.reference] = 2
        assert TxFate.FAILED is await desk.sender.fate(lost.reference)
        assert isinstance(await desk.send(), Accepted)

    assert [(5, CREATE), (5, CANCEL), (6, CREATE)] == play(story).gateway.sent


def test_a_guard_that_comes_too_late_is_refused_by_the_venue() -> None:
    """The lost write arrives between question and guard: the venue takes one of them only."""

    async def story(desk: Desk) -> None:
        await desk.send("lost before")
        desk.gateway.answers["nextNonce"] = lambda _: reply(200, {"code": 200, "nonce": 5})
        desk.gateway.nonce = 6
        outcome = await desk.send(guard=True)
        assert isinstance(outcome, Rejected)
        del desk.gateway.answers["nextNonce"]
        assert isinstance(await desk.send(guard=True), Accepted)

    assert [5, 5, 6] == nonces(play(story))


def test_a_doubt_ends_with_its_validity() -> None:
    """Ten minutes later the lost write cannot arrive any more."""

    async def story(desk: Desk) -> None:
        await desk.send("lost before")
        desk.clock.at_ms += 600_000
        assert isinstance(await desk.send(), Accepted)

    assert [5, 5] == nonces(play(story))


def test_a_venue_that_does_not_answer_holds_writes_back() -> None:
    """While the nonce cannot be asked for nothing leaves, and that is certain."""

    async def story(desk: Desk) -> None:
        desk.gateway.is_down = True
        outcome = await desk.send(guard=True)
        assert isinstance(outcome, Rejected)
        assert NOT_SENT == outcome.code

    assert [] == nonces(play(story))


def test_a_sender_that_is_cancelled_remembers_its_doubt() -> None:
    """A task torn away while its write is under way leaves the nonce in doubt."""

    async def story(desk: Desk) -> None:
        desk.gateway.on_write = lambda: asyncio.sleep(60)
        task = asyncio.create_task(desk.send())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        desk.gateway.on_write = None
        outcome = await desk.send()
        assert isinstance(outcome, Rejected)
        assert "in doubt" in outcome.message

    play(story)


def test_what_was_signed_early_is_signed_again_when_its_nonce_has_gone() -> None:
    """Two writes signed for one nonce leave under two."""

    async def story(desk: Desk) -> None:
        await desk.sender.synchronise()
        first = await desk.sender.sign(desk.order())
        second = await desk.sender.sign(desk.order(client_id="43"))
        assert isinstance(await desk.sender.send(second), Accepted)
        assert isinstance(await desk.sender.send(first), Accepted)

    assert [5, 6] == nonces(play(story))


def test_our_own_budget_rejects_before_anything_leaves() -> None:
    """A spent budget refuses orders, keeps their nonce, and still lets guards through."""
    clock = StillClock()
    budget = RequestBudget(
        venue=VenueName.LIGHTER, credits_max=12, window_s=60, monotonic_s=clock.monotonic_s
    )

    async def story(desk: Desk) -> None:
        await desk.sender.synchronise()
        while budget.left(priority=Priority.NORMAL):
            budget.take("read")
        outcome = await desk.send()
        assert isinstance(outcome, Rejected)
        assert NOT_SENT == outcome.code
        assert isinstance(await desk.send(guard=True), Accepted)

    assert [(5, CANCEL)] == play(story, budget).gateway.sent


def test_what_the_signer_refuses_is_our_own_bug() -> None:
    """An expiry outside the venue's window never leaves, whether the nonce is known or not."""

    async def story(desk: Desk) -> None:
        changes = {"time_in_force": TimeInForce.GTC, "expires_at_ms": NOW_MS + 1}
        for _ in range(2):
            with pytest.raises(InvariantBroken):
                await desk.sender.sign(desk.order(**changes))
            await desk.sender.synchronise()

    play(story)


def test_a_nonce_out_of_turn_never_begins() -> None:
    """The ledger refuses what would leave a gap, or before it knows the nonce."""
    desk = Desk()
    signed = desk.order().build(5)

    with pytest.raises(InvariantBroken):
        NonceLedger().begin([signed])


def test_a_write_is_sent_once() -> None:
    """The same order under a second nonce would be a second order."""

    async def story(desk: Desk) -> None:
        write = desk.order()
        assert isinstance(await desk.sender.send(write), Accepted)
        with pytest.raises(InvariantBroken):
            await desk.sender.send(write)
        with pytest.raises(InvariantBroken):
            await desk.sender.send_batch([write])

    assert [5] == nonces(play(story))


def test_an_overload_told_in_the_body_did_not_happen_either() -> None:
    """Code 23000 under any status is an overload: not sent, and a pause follows."""

    async def story(desk: Desk) -> None:
        outcome = await desk.send(reply(400, {"code": 23000, "message": "Too Many Requests!"}))
        assert isinstance(outcome, Rejected)
        assert NOT_SENT == outcome.code
        assert desk.api.budget.wait_s() > 0

    play(story)
