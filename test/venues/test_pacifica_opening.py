"""How PacificaClient starts, and how it stays inside the venue's limits."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from desk.core.errors import (
    BadMessage,
    ConfigError,
    NotSent,
    RateLimited,
    VenueUnavailable,
)
from desk.core.order import (
    Accepted,
)
from desk.venues.limits import Priority
from desk.venues.pacifica import operations
from pacifica_client import PacificaClient
from test.venues.pacifica_venue import (
    GONE,
    MARKETS,
    OUR_ID,
    REQUEST,
    FakeVenue,
    Story,
    ask,
    client,
    lost,
    ok,
    refused,
)
from test.venues.sockets import FakeServer
from test.virtual import run_virtual


def open_client(venue: FakeVenue, server: FakeServer | None = None, **changes: Any) -> list[str]:
    """Open and close a client, and return what it asked for."""

    async def main() -> list[str]:
        made = client(venue, server, **changes)
        try:
            await made.open()
        finally:
            await made.close()
            await made.close()
        return venue.paths

    return run_virtual(main())


def test_opening_proves_account_and_signer() -> None:
    """Markets, account and one harmless signed request, before the streams."""
    assert ["/info", "/account", "/positions", "/orders/cancel"] == open_client(FakeVenue())


def test_opening_without_credentials_asks_for_markets_only() -> None:
    """Reading needs no proof."""
    assert ["/info"] == open_client(FakeVenue(), credentials=None)


@pytest.mark.parametrize(
    ("path", "answer", "text"),
    [
        ("/account", refused(404, "account not found", 404), "SOL_WALLET .* deposit first"),
        ("/orders/cancel", refused(400, "Agent not authorized for account", 400), "API_PUBLIC"),
        ("/orders/cancel", refused(400, "Verification failed", 400), "API_PRIVATE"),
        ("/orders/cancel", refused(400, "Invalid message", 400), "clock"),
        ("/orders/cancel", refused(403, "Beta access required.", 403), "beta code"),
        ("/orders/cancel", refused(403, "Restricted", 403), "region"),
    ],
)
def test_what_the_owner_can_mend_is_named(path: str, answer: Any, text: str) -> None:
    """A start that cannot work says in one line which variable and what to do."""
    venue = FakeVenue()
    venue.answers[path] = answer

    with pytest.raises(ConfigError, match=text) as caught:
        open_client(venue)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [(500, ""), (429, "{}"), lost(NotSent, "x"), refused(400, "signature: new words", 400)],
)
def test_signer_nobody_judged_is_not_proven(answer: Any) -> None:
    """Without a verdict the start fails, but not by the owner's fault."""
    venue = FakeVenue()
    venue.answers["/orders/cancel"] = answer

    with pytest.raises(VenueUnavailable, match="signer"):
        open_client(venue)


def test_list_without_perpetuals_is_no_venue() -> None:
    """A market list of spot pairs only is an answer we cannot use."""
    venue = FakeVenue()
    venue.answers["/info"] = ok([MARKETS[0] | {"instrument_type": "spot"}])

    with pytest.raises(BadMessage):
        open_client(venue)
    assert GONE[0] == 422


def test_stream_that_never_stands_fails_the_opening() -> None:
    """Without streams there is no client, and `close` still works."""

    class Dead(FakeServer):
        async def __call__(self, url: str, headers: Any) -> Any:
            await asyncio.sleep(3_600)

    with pytest.raises(VenueUnavailable, match="no connection"):
        open_client(FakeVenue(), Dead())


def left_after(venue: FakeVenue, story: Story) -> int:
    """Return the half credits left, with the published limits, after a story."""

    async def counted(made: PacificaClient) -> int:
        before = made.budget.left()
        await story(made)
        after = made.budget.left()
        assert before is not None
        assert after is not None
        return before - after

    found: int = ask(venue, counted, limits="published")
    return found


def test_cancel_costs_half_of_an_order() -> None:
    """Half credits are counted: two for an order, one for a cancel."""
    order, cancel = operations.place(REQUEST), operations.cancel("BTC", client_id=OUR_ID)

    assert 2 == left_after(FakeVenue(), lambda made: made.perform(order))
    assert 1 == left_after(FakeVenue(), lambda made: made.perform(cancel))


def test_spent_budget_refuses_openings_but_not_closes() -> None:
    """The reserve is for what reduces or cancels; an opening is never sent."""

    async def story(made: PacificaClient) -> tuple[Any, Any]:
        opening, closing = (
            operations.place(REQUEST),
            operations.place(replace(REQUEST, reduce_only=True)),
        )
        for _ in range(20):
            last = await made.perform(opening)
        return last, await made.perform(closing)

    refused_one, closed = ask(FakeVenue(), story, limits="published")
    assert "not_sent" == refused_one.code
    assert isinstance(closed, Accepted)


def test_venue_s_own_count_outweighs_ours() -> None:
    """What others on this address spent is spent; the venue counts in tenths of a credit."""
    venue = FakeVenue()

    async def story(made: PacificaClient) -> None:
        left = made.budget.left(priority=Priority.GUARD)
        assert left is not None
        # Our own request costs 2; the venue then counts 6 less than we would.
        venue.headers = {"ratelimit": f'"credits";r={(left - 2 - 6) * 5};t=32'}
        await made.open_orders()

    assert 2 + 6 == left_after(venue, story)


def test_refusal_by_rate_pauses_reads() -> None:
    """After a 429 nothing more is asked until the venue's own count starts anew."""
    venue = FakeVenue()
    venue.answers["/info/prices"] = refused(429, "Rate limit exceeded", 429)

    async def story(made: PacificaClient) -> float:
        venue.headers = {"ratelimit": '"credits";r=0;t=42'}
        for _ in range(2):
            with pytest.raises(RateLimited) as caught:
                await made.market_stats()
        return caught.value.retry_after_s

    assert 42 == ask(venue, story, limits="published")
    assert 1 == len(venue.asked)
