"""Lighter's reads by request: every page, every hour, and no stand-in for what is missing."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from desk.core.errors import (
    BadMessage,
    InvariantBroken,
    RateLimited,
    StaleData,
    VenueRejected,
    VenueUnavailable,
)
from desk.core.order import OrderStatus
from desk.venues.http import HttpRequest, HttpResponse
from desk.venues.lighter.history import PAGES_MAX
from lighter_client import LighterClient
from test.venues.lighter_fakes import (
    ACCOUNT,
    KEY,
    NOW_MS,
    Gateway,
    StillClock,
    python_signer,
    reply,
)
from test.venues.lighter_payloads import own
from test.venues.sockets import FakeServer
from test.virtual import run_virtual

HOUR_MS = 3_600_000
Story = Callable[[LighterClient, Gateway], Awaitable[None]]


def play(story: Story, **answers: Any) -> Gateway:
    """Run a story with a client whose venue answers requests by name; returns the venue."""
    clock, gateway = StillClock(), Gateway()
    given = {"orderBookDetails": own("orderBookDetails"), **answers}
    gateway.answers = {name.replace("__", "-"): answer_with(each) for name, each in given.items()}
    client = LighterClient(
        clock=clock,
        jitter=lambda: 0.0,
        account_index=ACCOUNT,
        api_key_index=KEY,
        signer=python_signer(clock.now_ms),
        limits="off",
        transport=gateway,
        opener=FakeServer(),
    )

    async def main() -> None:
        try:
            await story(client, gateway)
        finally:
            await client.close()

    run_virtual(main())
    return gateway


def answer_with(given: Any) -> Callable[[HttpRequest], HttpResponse]:
    """Return an answer from a function of the parameters, a response, or a payload."""
    if isinstance(given, HttpResponse):
        return lambda _: given
    if callable(given):
        return lambda request: reply(200, given(request.params))
    return lambda _: reply(200, given)


def trade(number: int) -> dict[str, Any]:
    """Return a trade of ours, a second after the one before."""
    row: dict[str, Any] = own("trades")["trades"][2]
    return row | {"trade_id": number, "timestamp": NOW_MS + number * 1_000}


def trades_page(params: Mapping[str, str]) -> dict[str, Any]:
    """Return trades 9 down to 0, two a page."""
    first = int(params.get("cursor", "9"))
    rows = [trade(number) for number in (first, first - 1)]
    return {"code": 200, "trades": rows, "next_cursor": str(first - 2) if first > 1 else ""}


def test_fills_come_from_every_page_oldest_first() -> None:
    """Pages are followed to the end, and no further than asked for."""

    async def story(client: LighterClient, gateway: Gateway) -> None:
        every = await client.fills(since_ms=0)
        assert [str(number) for number in range(10)] == [fill.fill_id for fill in every]
        before = gateway.asked.count("trades")
        late = await client.fills(since_ms=NOW_MS + 7_000)
        assert ["7", "8", "9"] == [fill.fill_id for fill in late]
        assert (5, 2) == (before, gateway.asked.count("trades") - before)

    play(story, trades=trades_page)


def test_pages_without_an_end_are_given_up() -> None:
    """A cursor that leads nowhere is an error, not a loop."""

    async def story(client: LighterClient, gateway: Gateway) -> None:
        with pytest.raises(VenueUnavailable):
            await client.fills(since_ms=0)
        assert PAGES_MAX == gateway.asked.count("trades")

    play(story, trades={"code": 200, "trades": [trade(1)], "next_cursor": "again"})


def test_funding_payments_are_filtered_by_symbol_and_time() -> None:
    """Two payments on record, one of them asked for."""

    async def story(client: LighterClient, _: Gateway) -> None:
        both = await client.funding_payments(since_ms=0, symbol="ETH")
        late = await client.funding_payments(since_ms=both[1].at_ms)
        assert (["0:11", "0:12"], ["0:12"]) == (
            [each.payment_id for each in both],
            [each.payment_id for each in late],
        )
        assert [] == await client.funding_payments(since_ms=0, symbol="kPEPE")

    play(story, positionFunding=own("positionFunding"))


def fundings_page(params: Mapping[str, str]) -> dict[str, Any]:
    """Return the hours asked for, but no more than the latest hundred of them."""
    start_s, end_s = int(params["start_timestamp"]), int(params["end_timestamp"])
    hours = [at_s for at_s in range(0, end_s + 1, 3_600) if start_s <= at_s][-100:]
    rows = [{"timestamp": at_s, "rate": "0.0012", "direction": "long"} for at_s in hours]
    return {"code": 200, "fundings": rows}


def test_funding_history_is_whole_though_answers_are_cut() -> None:
    """A range that is too long is answered with its latest part: the rest is asked for again."""

    async def story(client: LighterClient, _: Gateway) -> None:
        until_ms = 1_000 * HOUR_MS
        points = await client.funding_history("ETH", since_ms=0, until_ms=until_ms)
        assert [hour * HOUR_MS for hour in range(1_001)] == [each.settled_at_ms for each in points]

    play(story, fundings=fundings_page)


def test_a_history_before_the_first_hour_is_empty() -> None:
    """A market that was not listed yet has no hours, and that costs one request."""

    async def story(client: LighterClient, gateway: Gateway) -> None:
        assert [] == await client.funding_history("ETH", since_ms=0, until_ms=HOUR_MS)
        assert 1 == gateway.asked.count("fundings")

    play(story, fundings={"code": 200, "fundings": None})


def test_a_history_has_a_limit() -> None:
    """Decades of minutes are refused rather than asked for."""

    async def story(client: LighterClient, _: Gateway) -> None:
        with pytest.raises(InvariantBroken):
            await client.candles("ETH", interval_s=60, since_ms=0, until_ms=NOW_MS)
        with pytest.raises(ValueError, match="no bars of 61 s"):
            await client.candles("ETH", interval_s=61, since_ms=0, until_ms=1)

    play(story, candles={"code": 200, "c": None})


def test_statistics_without_prices_are_stale() -> None:
    """REST without marks and a silent stream give an error, not a number."""
    details = own("orderBookDetails")
    details["order_book_details"][0].update(mark_price="", index_price="")

    async def story(client: LighterClient, _: Gateway) -> None:
        with pytest.raises(StaleData):
            await client.market_stats()

    play(story, orderBookDetails=details, funding__rates=own("funding-rates"))


def test_statistics_cost_two_requests() -> None:
    """Only markets with mark, index and a funding rate are in."""

    async def story(client: LighterClient, _: Gateway) -> None:
        assert ["ETH"] == list(await client.market_stats())

    gateway = play(story, funding__rates=own("funding-rates"))

    assert ["orderBookDetails", "funding-rates"] == gateway.asked


def test_a_market_listed_since_the_start_gets_its_name() -> None:
    """Rows of a market we do not know make us look again, once."""
    orders = own("orders")
    orders["orders"][0]["market_index"] = 30

    async def story(client: LighterClient, gateway: Gateway) -> None:
        await client.instruments()
        new = own("orderBookDetails")
        new["order_book_details"][2].update(symbol="NEW", market_id=30)
        gateway.answers["orderBookDetails"] = answer_with(new)
        assert "NEW" in {order.symbol for order in await client.open_orders()}
        gateway.answers["orderBookDetails"] = answer_with(own("orderBookDetails"))
        await client._listed.anew()
        with pytest.raises(BadMessage):
            await client.open_orders()

    play(story, accountActiveOrders=orders)


def test_an_order_is_looked_for_among_the_live_and_the_gone() -> None:
    """Live first, then the latest hundred that are gone; unknown is None."""
    gone = own("orders")
    gone["orders"][0].update(client_order_index=99, status="filled")

    async def story(client: LighterClient, _: Gateway) -> None:
        found = [await client.find_order("ETH", each) for each in ("42", "99", "7")]
        assert [OrderStatus.OPEN, OrderStatus.FILLED, None] == [
            order.status if order else None for order in found
        ]

    play(story, accountActiveOrders=own("orders"), accountInactiveOrders=gone | {"next_cursor": ""})


def test_open_orders_come_from_every_page() -> None:
    """A further page is followed; one that repeats what is known is the end, cursor or not."""
    first, second = own("orders"), own("orders")
    first["orders"], second["orders"] = first["orders"][:1], second["orders"][1:]
    first["next_cursor"] = second["next_cursor"] = "more"

    async def story(client: LighterClient, gateway: Gateway) -> None:
        assert 2 == len(await client.open_orders("ETH"))
        assert 3 == gateway.asked.count("accountActiveOrders")

    play(story, accountActiveOrders=lambda params: second if "cursor" in params else first)


def test_a_row_we_cannot_read_is_no_reason_to_look_markets_up() -> None:
    """Only a market without a name is."""
    orders = own("orders")
    orders["orders"][0]["status"] = "confused"

    async def story(client: LighterClient, gateway: Gateway) -> None:
        with pytest.raises(BadMessage):
            await client.open_orders("ETH")
        assert 1 == gateway.asked.count("orderBookDetails")

    play(story, accountActiveOrders=orders)


def test_a_refused_token_is_not_used_again() -> None:
    """Whatever was wrong with it, the next private read carries a fresh one."""
    tokens: list[str] = []

    def refuse(request: HttpRequest) -> HttpResponse:
        tokens.append(request.headers["Authorization"])
        return reply(400, {"code": 20013, "message": "invalid auth"})

    async def story(client: LighterClient, gateway: Gateway) -> None:
        gateway.answers["accountLimits"] = refuse
        for _ in range(2):
            with pytest.raises(VenueRejected):
                await client.fees()
            client._clock.at_ms += 1_000  # type: ignore[attr-defined]

    play(story)
    assert 2 == len(set(tokens))


FAILURES = [
    (reply(400, {"code": 21100, "message": "account not found"}), VenueRejected),
    (reply(200, {"code": 23000, "message": "Too Many Requests!"}), RateLimited),
    (reply(429, {"code": 23000}), RateLimited),
    (reply(405, "<html>"), RateLimited),
    (reply(503, ""), VenueUnavailable),
    (reply(200, "<html>"), BadMessage),
    (reply(200, {"code": "?"}), BadMessage),
]


@pytest.mark.parametrize(("response", "error"), FAILURES)
def test_a_failed_read_is_an_error_of_its_kind(
    response: HttpResponse, error: type[Exception]
) -> None:
    """Refusal, overload, outage and nonsense are told apart."""

    async def story(client: LighterClient, _: Gateway) -> None:
        with pytest.raises(error):
            await client.account()

    play(story, account=response)


def test_after_an_overload_we_stay_away_by_ourselves() -> None:
    """The next read does not leave."""

    async def story(client: LighterClient, gateway: Gateway) -> None:
        for _ in range(2):
            with pytest.raises(RateLimited):
                await client.account()
        assert 1 == gateway.asked.count("account")

    play(story, account=reply(429, ""))


def test_a_market_nobody_lists_is_an_error() -> None:
    """A symbol without a market has no candles, not empty ones."""

    async def story(client: LighterClient, _: Gateway) -> None:
        with pytest.raises(BadMessage, match="no such market"):
            await client.leverage("NOPE")

    play(story)
