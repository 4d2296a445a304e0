"""Lighter's batches: one request, an outcome for each write, and no guess among them."""

import pytest

from desk.core.errors import InvariantBroken
from desk.core.order import (
    Accepted,
    Rejected,
    Unknown,
)
from desk.venues.lighter.tx import (
    LighterWrite,
)
from test.venues.lighter_desk import Desk, nonces, play
from test.venues.lighter_fakes import (
    reply,
)


def batch(desk: Desk, count: int = 3) -> list[LighterWrite]:
    """Return that many orders."""
    return [desk.order(client_id=str(number)) for number in range(1, count + 1)]


def test_a_batch_leaves_as_one_request() -> None:
    """Three orders, three nonces in a row, three outcomes in order."""

    async def story(desk: Desk) -> None:
        outcomes = await desk.sender.send_batch(batch(desk))
        assert ["1", "2", "3"] == [outcome.client_id for outcome in outcomes]
        assert {Accepted} == {type(outcome) for outcome in outcomes}

    desk = play(story)

    assert ([5, 6, 7], 1) == (nonces(desk), desk.gateway.asked.count("sendTxBatch"))


def test_a_lost_batch_is_unknown_throughout() -> None:
    """Each of its writes may have been taken; a later write learns how many were."""

    async def story(desk: Desk) -> None:
        outcomes = await desk.sender.send_batch(batch(desk))
        assert {Accepted} == {type(outcome) for outcome in outcomes}
        desk.gateway.script.append("lost after")
        outcomes = await desk.sender.send_batch(batch(desk))
        assert {Unknown} == {type(outcome) for outcome in outcomes}
        assert isinstance(await desk.send(), Accepted)

    assert [5, 6, 7, 8, 9, 10, 11] == nonces(play(story))


def test_a_refused_batch_is_sorted_out_by_the_next_nonce() -> None:
    """A batch is not atomic: what the count has passed may be ours or not, the rest was refused."""

    async def story(desk: Desk) -> None:
        await desk.sender.synchronise()
        desk.gateway.script.append(reply(400, {"code": 21739, "message": "no margin"}))
        desk.gateway.nonce = 6
        outcomes = await desk.sender.send_batch(batch(desk))
        assert [Unknown, Rejected, Rejected] == [type(outcome) for outcome in outcomes]

    play(story)


def test_a_late_write_does_not_pass_for_one_of_the_batch() -> None:
    """An older close takes the first nonce: nothing of the refused batch is called taken."""

    async def story(desk: Desk) -> None:
        assert isinstance(await desk.send("lost before", guard=True), Unknown)
        desk.gateway.script.append(reply(400, {"code": 21104, "message": "invalid nonce"}))

        async def land() -> None:
            desk.gateway.nonce = 6

        desk.gateway.on_write = land
        outcomes = await desk.sender.send_batch([desk.cancel(), desk.cancel()])
        assert [Unknown, Rejected] == [type(outcome) for outcome in outcomes]

    play(story)


def test_a_batch_has_a_size() -> None:
    """Fifty-one are too many, none are nothing to send."""

    async def story(desk: Desk) -> None:
        for count in (0, 51):
            with pytest.raises(InvariantBroken):
                await desk.sender.send_batch(batch(desk, count))

    play(story)


def test_fifty_orders_are_one_batch() -> None:
    """Fifty orders, fifty nonces in a row, one request."""

    async def story(desk: Desk) -> None:
        outcomes = await desk.sender.send_batch(batch(desk, 50))
        assert 50 == len(outcomes)

    assert list(range(5, 55)) == nonces(play(story))
