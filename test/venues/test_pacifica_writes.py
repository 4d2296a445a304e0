"""PacificaClient's writes against a hand-written venue: signed once, sent once, three outcomes."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from desk.core.errors import (
    InvariantBroken,
    NotSent,
    OutcomeUnknown,
)
from desk.core.market import NotAligned
from desk.core.order import (
    Accepted,
    OrderKind,
    Rejected,
    Unknown,
)
from desk.core.secret import Secret
from desk.engine.clock import LoopClock
from desk.venues.pacifica import operations
from desk.venues.pacifica.signing import signing_bytes, verify
from pacifica_client import PacificaClient
from test.venues.pacifica_venue import (
    ACCOUNT,
    OUR_ID,
    REQUEST,
    START_MS,
    FakeVenue,
    ask,
    client,
    credentials,
    lost,
    ok,
    refused,
    send,
)
from test.virtual import run_virtual

SPEED_BUMP_MS = 1_000


def test_order_goes_out_signed_by_the_agent() -> None:
    """The body carries account, agent, header and payload; the signature covers the payload under
    the operation's name."""
    venue = FakeVenue()
    assert Accepted(OUR_ID, "77", START_MS) == send(venue)

    body = venue.last_body
    header = {"timestamp_ms": body["timestamp"], "expiry_window_ms": body["expiry_window"]}
    assert (START_MS, 5_000) == (body["timestamp"], body["expiry_window"])
    assert (ACCOUNT, credentials().signer.address) == (body["account"], body["agent_wallet"])
    message = signing_bytes("create_order", operations.place(REQUEST).payload, **header)
    assert verify(message, signature=body["signature"], address=body["agent_wallet"])


@pytest.mark.parametrize(
    "change",
    [
        {"size": Decimal("0.0051")},
        {"price": Decimal("100000.5")},
        {"trigger_price": Decimal("0.5")},
    ],
)
def test_nothing_off_its_step_is_signed(change: dict[str, Any]) -> None:
    """A size off the lot or a price off the tick is refused, not rounded."""
    venue = FakeVenue()

    with pytest.raises(NotAligned):
        send(venue, replace(REQUEST, **change))
    assert [] == venue.asked


def test_unknown_market_is_a_bug() -> None:
    """An order for a market nobody loaded is not sent."""
    with pytest.raises(InvariantBroken):
        send(FakeVenue(), replace(REQUEST, symbol="XYZ"))


REFUSED: list[tuple[Any, str]] = [
    (
        refused(422, "Insufficient balance for x: 1 (account value: 0)", 5),
        "insufficient_balance",
    ),
    (refused(200, "Order amount too low for x: 1 < 10", 0), "amount_too_low"),
    (refused(400, "Invalid message", 400), "expired_or_malformed"),
    ((400, "Verification failed"), "bad_signature"),
    (refused(403, "Unauthorized", 403), "not_authorized"),
    (refused(429, "Rate limit exceeded", 429), "rate_limited"),
    ((429, "<html>slow down</html>"), "rate_limited"),
    (lost(NotSent, "no route"), "not_sent"),
]


@pytest.mark.parametrize(
    ("answer", "code"),
    REFUSED,
)
def test_refused_write_is_rejected(answer: Any, code: str) -> None:
    """Where the venue's own words say no, or no byte left, nothing happened."""
    venue = FakeVenue()
    venue.answers["/orders/create"] = answer
    outcome = send(venue)

    assert isinstance(outcome, Rejected)
    assert (OUR_ID, code) == (outcome.client_id, outcome.code)


DOUBTFUL: list[Any] = [
    lost(OutcomeUnknown, "time-out"),
    refused(500, "Internal server error", 500),
    refused(504, "Request timed out", 504),
    (200, "<html>proxy</html>"),
    (200, '{"success":tr'),
    (403, "<html>forbidden</html>"),
    (400, "Bad Request"),
    (408, refused(408, "late", 408)[1]),
    (422, ok({"order_id": 7})[1]),
    refused(422, "Response dropped", 27),
    refused(422, "Channel closed", 26),
    refused(422, "Internal error", 0),
    refused(400, "Request timed out", 400),
]


@pytest.mark.parametrize(
    "answer",
    DOUBTFUL,
)
def test_doubtful_write_is_unknown_until_it_expires(answer: Any) -> None:
    """Anything but the venue's plain yes or no leaves the matter open, with an end to it."""
    venue = FakeVenue()
    venue.answers["/orders/create"] = answer
    outcome = send(venue)

    assert isinstance(outcome, Unknown)
    assert (OUR_ID, OUR_ID) == (outcome.client_id, outcome.reference)
    assert START_MS + 5_000 + SPEED_BUMP_MS <= outcome.expires_at_ms <= START_MS + 9_000
    assert 1 == len(venue.asked)


def test_fence_holds_on_both_sides_of_the_clocks() -> None:
    """With the venue's clock behind ours a request lives longer than its window says."""
    venue = FakeVenue(skew_ms=-800)
    venue.answers["/orders/create"] = (500, "")

    assert START_MS + 5_000 + 800 + SPEED_BUMP_MS <= send(venue).expires_at_ms


@pytest.mark.parametrize(
    ("skew_ms", "shift_ms"), [(400, 0), (-400, 0), (60_000, 60_000), (-60_000, -60_000)]
)
def test_timestamp_follows_the_venue_s_clock(skew_ms: int, shift_ms: int) -> None:
    """A clock that is plainly off is corrected, for requests would expire at birth."""
    venue = FakeVenue(skew_ms=skew_ms)
    send(venue)

    assert abs(venue.last_body["timestamp"] - START_MS - shift_ms) <= 1_000


def test_impossible_clock_is_not_followed() -> None:
    """A difference of years is no skew: our own time is signed, and the venue judges it."""
    venue = FakeVenue(skew_ms=10**11)
    send(venue)

    assert START_MS == venue.last_body["timestamp"]


def test_impossible_clock_lengthens_a_doubt() -> None:
    """It may be true after all: a doubt then lasts as long as we believe clocks to differ."""
    venue = FakeVenue(skew_ms=-(10**11))
    venue.answers["/orders/create"] = lost(OutcomeUnknown)

    assert START_MS + 300_000 < send(venue).expires_at_ms


def test_a_doubt_is_as_short_on_a_clock_that_is_corrected() -> None:
    """What we signed by the venue's time it refuses as soon as ever."""
    venue = FakeVenue(skew_ms=60_000)
    venue.answers["/orders/create"] = lost(OutcomeUnknown)

    assert send(venue).expires_at_ms <= START_MS + 9_000


def test_a_wall_clock_that_is_set_ahead_ends_no_doubt() -> None:
    """The fence goes by the time that went by."""

    class Machine(LoopClock):
        ahead_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() + self.ahead_ms

    async def main() -> None:
        venue, machine = FakeVenue(), Machine(asyncio.get_running_loop(), START_MS)
        venue.answers["/orders/create"] = lost(OutcomeUnknown)
        made = client(venue, clock=machine)
        await made.instruments()
        assert isinstance(await made.send(await made.sign(REQUEST)), Unknown)
        machine.ahead_ms = 60_000
        assert not await made.fence(past_life=False)
        await asyncio.sleep(9)
        assert await made.fence(past_life=True)

    run_virtual(main())


def test_own_key_needs_no_agent() -> None:
    """A key that is the account's own signs without naming an agent."""
    venue = FakeVenue()
    own = replace(credentials(), account=credentials().signer.address)
    send(venue, credentials=own)

    assert "agent_wallet" not in venue.last_body


def test_api_key_is_a_header_and_stays_out_of_sight() -> None:
    """The rate-limit key travels in its header and shows in no text."""
    venue = FakeVenue()
    send(venue, api_key=Secret("AbCdEfGh_2mT8x"))

    assert "AbCdEfGh_2mT8x" == venue.asked[-1].headers["PF-API-KEY"]
    assert "AbCdEfGh" not in repr(venue.asked)


def test_signed_write_shows_no_signature() -> None:
    """What is signed can be logged without its signature."""

    async def story(made: PacificaClient) -> None:
        write = await made.sign(REQUEST)
        assert json.loads(write.body)["signature"] not in repr(write)

    ask(FakeVenue(), story)


def test_strangers_write_is_refused() -> None:
    """Only what this client signed can be sent."""

    class Other:
        client_id = "x"

    with pytest.raises(InvariantBroken):
        ask(FakeVenue(), lambda made: made.send(Other()))


def cancel_after(venue: FakeVenue, kind: OrderKind | None) -> Any:
    """Cancel an order of a kind this client signed before, or signed in another life."""

    async def story(made: PacificaClient) -> Any:
        if kind is not None:
            stop = None if kind is OrderKind.LIMIT else Decimal(90_000)
            await made.sign(replace(REQUEST, kind=kind, trigger_price=stop, reduce_only=True))
        return await made.cancel("BTC", client_id=OUR_ID)

    return ask(venue, story)


@pytest.mark.parametrize(
    ("kind", "paths"),
    [
        (OrderKind.LIMIT, ["/orders/cancel"]),
        (OrderKind.STOP, ["/orders/stop/cancel"]),
        (OrderKind.TAKE_PROFIT, ["/orders/stop/cancel"]),
        (None, ["/orders/cancel", "/orders/stop/cancel"]),
    ],
)
def test_cancel_takes_the_way_of_its_order(kind: OrderKind | None, paths: list[str]) -> None:
    """Orders and triggers are cancelled by different requests; unsure, both are tried."""
    venue = FakeVenue()

    assert "order_gone" == cancel_after(venue, kind).code
    assert paths == venue.paths


def test_doubtful_cancel_is_not_followed_by_another() -> None:
    """Only "no such order" sends the second kind of cancel."""
    venue = FakeVenue()
    venue.answers["/orders/cancel"] = (500, "")

    assert isinstance(cancel_after(venue, None), Unknown)
    assert ["/orders/cancel"] == venue.paths


def set_leverage(venue: FakeVenue, symbol: str) -> Any:
    """Set a symbol to one, on a venue that accepts it."""
    venue.answers |= {"/account/margin": ok(None), "/account/leverage": ok(None)}
    return ask(venue, lambda made: made.set_leverage(symbol, value=1))


def test_leverage_is_set_on_cross_margin() -> None:
    """A market that is cross already needs only the multiple."""
    venue = FakeVenue()

    assert isinstance(set_leverage(venue, "BTC"), Accepted)
    assert ["/account/settings", "/account/leverage"] == venue.paths
    assert 1 == venue.last_body["leverage"]


def test_isolated_market_becomes_cross_first() -> None:
    """The mode is changed before the multiple."""
    venue = FakeVenue()
    set_leverage(venue, "ISO")

    assert ["/account/settings", "/account/margin", "/account/leverage"] == venue.paths


def test_refused_mode_leaves_the_leverage_alone() -> None:
    """With a position open the mode is locked, and that is the outcome."""
    venue = FakeVenue()
    venue.answers["/account/margin"] = refused(422, "Cannot update margin with open position", 12)

    outcome = ask(venue, lambda made: made.set_leverage("ISO", value=1))
    assert "margin_mode_locked" == outcome.code


def test_leverage_is_not_set_blindly() -> None:
    """Without the present mode nothing is sent, and the outcome says so."""
    venue = FakeVenue()
    venue.answers["/account/settings"] = (503, "")

    assert "not_sent" == set_leverage(venue, "BTC").code


def test_batch_is_one_request_with_single_signatures() -> None:
    """Each action of a batch is complete and signed by itself."""
    venue = FakeVenue()
    venue.answers["/orders/batch"] = ok({"results": [{"success": True, "order_id": 5}] * 2})
    batch = [operations.place(REQUEST), operations.cancel("BTC", order_id=9)]
    outcomes = ask(venue, lambda made: made.perform_batch(batch))

    assert [Accepted(OUR_ID, "5", START_MS), Accepted("9", "5", START_MS)] == outcomes
    actions = venue.last_body["actions"]
    assert ["Create", "Cancel"] == [action["type"] for action in actions]
    assert len({action["data"]["signature"] for action in actions}) == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(refused(400, "Invalid signature", 400), Rejected), (ok({"results": []}), Unknown)],
)
def test_failed_batch_fails_every_action(answer: Any, kind: type) -> None:
    """A batch refused whole, or answered oddly, says the same of each action."""
    venue = FakeVenue()
    venue.answers["/orders/batch"] = answer
    batch = [operations.place(REQUEST), operations.cancel("BTC", order_id=9)]

    outcomes = ask(venue, lambda made: made.perform_batch(batch))
    assert [kind, kind] == [type(outcome) for outcome in outcomes]


@pytest.mark.parametrize("count", [0, 11])
def test_batch_has_one_to_ten_actions(count: int) -> None:
    """More or less than the venue takes is a bug."""
    batch = [operations.cancel("BTC", order_id=1)] * count

    with pytest.raises(InvariantBroken):
        ask(FakeVenue(), lambda made: made.perform_batch(batch))


def test_leverage_cannot_be_in_a_batch() -> None:
    """Only order operations have a name inside a batch."""
    with pytest.raises(InvariantBroken):
        ask(FakeVenue(), lambda made: made.perform_batch([operations.leverage("BTC", 1)]))
