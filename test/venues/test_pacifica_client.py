"""PacificaClient's reads against a hand-written venue: what it asks, and what it tells."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from desk.core.account import Leverage, MarginMode
from desk.core.errors import (
    BadMessage,
    InvariantBroken,
    NotSent,
    RateLimited,
    StaleData,
    VenueRejected,
    VenueUnavailable,
)
from desk.core.order import (
    OrderStatus,
)
from desk.core.ports import Venue
from desk.core.venue import VenueName
from pacifica_client import PacificaClient
from test.venues.pacifica_venue import (
    ACCOUNT,
    MONEY,
    OUR_ID,
    REQUEST,
    START_MS,
    FakeVenue,
    ask,
    lost,
    ok,
    refused,
    send,
)


def order_row(**changes: Any) -> dict[str, Any]:
    """Return a row of `/orders` for our order."""
    return {
        "order_id": 77,
        "client_order_id": OUR_ID,
        "symbol": "BTC",
        "side": "bid",
        "price": "100000",
        "initial_amount": "0.005",
        "filled_amount": "0",
        "order_type": "limit",
        "reduce_only": False,
        "created_at": 1,
    } | changes


def past_row(**changes: Any) -> dict[str, Any]:
    """Return a row of `/orders/history` for our order, cancelled."""
    row = order_row(initial_price="100000", amount="0.005", order_status="cancelled")
    return row | changes


def trade_row(number: int, at_ms: int) -> dict[str, Any]:
    """Return a row of `/trades/history`."""
    return {
        "history_id": number,
        "order_id": 77,
        "client_order_id": OUR_ID,
        "symbol": "BTC",
        "amount": "0.001",
        "price": "100000",
        "fee": "0.04",
        "event_type": "fulfill_taker",
        "side": "open_long",
        "created_at": at_ms,
    }


def test_client_is_a_venue() -> None:
    """It fits the port, by type and by name."""

    async def story(made: PacificaClient) -> VenueName:
        venue: Venue = made
        return venue.name

    assert VenueName.PACIFICA is ask(FakeVenue(), story)


def test_statistics_cost_one_request() -> None:
    """Once markets are loaded, every market's statistics come in a single answer."""
    venue = FakeVenue()
    row = {"mark": "1", "oracle": "1", "next_funding": "0", "volume_24h": "1", "timestamp": 5}
    venue.answers["/info/prices"] = ok(
        [row | {"symbol": each} for each in ("BTC", "ETH", "SOL-USDC")]
    )

    assert ["BTC", "ETH"] == list(ask(venue, lambda made: made.market_stats()))
    assert ["/info/prices"] == venue.paths


def test_account_is_money_and_positions() -> None:
    """One read of the account is two requests, stamped with when the first left."""
    venue = FakeVenue()
    venue.answers["/positions"] = ok(
        [{"symbol": "BTC", "side": "ask", "amount": "0.5", "entry_price": "100000"}]
    )
    found = ask(venue, lambda made: made.account())

    assert (Decimal(1010), Decimal(900)) == (found.equity_usd, found.free_usd)
    assert Decimal("-0.5") == found.size_of("BTC")
    assert START_MS == found.asked_at_ms


@pytest.mark.parametrize("path", ["/account", "/positions"])
def test_half_an_account_is_no_account(path: str) -> None:
    """If either request fails there is no answer, least of all "flat"."""
    venue = FakeVenue()
    venue.answers[path] = (503, "<html>")

    with pytest.raises(VenueUnavailable):
        ask(venue, lambda made: made.account())


def test_an_empty_list_beside_a_counted_position_is_not_flat() -> None:
    """Two answers that contradict each other prove nothing."""
    venue = FakeVenue()
    venue.answers["/account"] = ok(MONEY | {"positions_count": 1})
    venue.answers["/positions"] = ok([])

    with pytest.raises(StaleData, match="counts 1 positions, and none is listed"):
        ask(venue, lambda made: made.account())


FAILED_READS: list[tuple[Any, type[Exception]]] = [
    ((200, "<html>busy</html>"), BadMessage),
    ((200, ""), BadMessage),
    ((200, {"data": []}), BadMessage),
    ((200, {"success": True, "data": {"not": "a list"}}), BadMessage),
    ((403, "<html>forbidden</html>"), BadMessage),
    ((403, refused(403, "region", 403)[1]), VenueRejected),
    ((200, refused(200, "no", 9)[1]), VenueRejected),
    ((500, refused(500, "Internal server error", 500)[1]), VenueUnavailable),
    ((504, "upstream"), VenueUnavailable),
    ((429, refused(429, "Rate limit exceeded", 429)[1]), RateLimited),
    ((400, "Verification failed"), VenueRejected),
]


@pytest.mark.parametrize(
    ("answer", "error"),
    FAILED_READS,
)
def test_failed_read_is_an_error_never_a_value(answer: Any, error: type[Exception]) -> None:
    """Whatever is not a whole answer raises, by phase and blame."""
    venue = FakeVenue()
    venue.answers["/orders"] = answer

    with pytest.raises(error):
        ask(venue, lambda made: made.open_orders())


@pytest.mark.parametrize(
    ("answer", "error"),
    [(lost(NotSent), NotSent), (lost(VenueUnavailable), VenueUnavailable), ((503, "busy"), None)],
)
def test_failed_read_is_not_repeated(answer: Any, error: type[Exception] | None) -> None:
    """An outage is not answered with more load: whether to ask again is the caller's to say."""
    venue = FakeVenue()
    venue.answers["/orders"] = answer

    with pytest.raises(error or VenueUnavailable):
        ask(venue, lambda made: made.open_orders())
    assert 1 == len(venue.asked)


def test_fees_come_from_the_account() -> None:
    """The account's own rates need one request."""
    found = ask(FakeVenue(), lambda made: made.fees())

    assert (Decimal("0.00015"), Decimal("0.0004")) == (found.maker, found.taker)


def test_fees_come_from_the_schedule_by_level() -> None:
    """An account that names only its level is looked up in the public schedule."""
    venue = FakeVenue()
    venue.answers["/account"] = ok(MONEY | {"maker_fee": None})
    rows = [{"level": n, "maker_fee_rate": "0", "taker_fee_rate": f"0.000{n}"} for n in range(3)]
    venue.answers["/info/fees"] = ok(rows)

    assert Decimal("0.0001") == ask(venue, lambda made: made.fees()).taker

    venue.answers["/info/fees"] = ok(rows[:1])
    with pytest.raises(BadMessage, match="no fee level 1"):
        ask(venue, lambda made: made.fees())


@pytest.mark.parametrize(
    ("symbol", "mode"), [("BTC", MarginMode.CROSS), ("ISO", MarginMode.ISOLATED)]
)
def test_absent_setting_is_the_highest_leverage(symbol: str, mode: MarginMode) -> None:
    """A symbol missing from the settings is at its maximum, not at one."""
    found = ask(FakeVenue(), lambda made: made.leverage(symbol))

    assert Leverage(symbol, Decimal(50), mode) == found


def test_present_setting_is_what_it_says() -> None:
    """A listed symbol has the listed multiple and mode."""
    venue = FakeVenue()
    row = {"symbol": "BTC", "isolated": True, "leverage": 1}
    venue.answers["/account/settings"] = ok({"margin_settings": [row]})

    assert Leverage("BTC", Decimal(1), MarginMode.ISOLATED) == ask(
        venue, lambda made: made.leverage("BTC")
    )


def test_fills_come_from_all_pages_oldest_first() -> None:
    """Pages are followed by their cursor, rows before `since` and repeated rows left out."""
    venue = FakeVenue()
    late = START_MS - 1_000
    venue.answers["/trades/history"] = [
        ok([trade_row(3, late + 2), trade_row(2, late + 1)], next_cursor="more", has_more=True),
        ok([trade_row(2, late + 1), trade_row(1, late - 9)], next_cursor=None, has_more=False),
    ]
    found = ask(venue, lambda made: made.fills(since_ms=late))

    assert ["2", "3"] == [fill.fill_id for fill in found]
    assert "more" == venue.asked[1].params["cursor"]
    assert (ACCOUNT, str(late - 1)) == tuple(
        venue.asked[0].params[k] for k in ("account", "start_time")
    )


def test_long_spans_of_fills_are_asked_in_parts() -> None:
    """No part is longer than the venue allows; the last has no end."""
    venue = FakeVenue()
    venue.answers["/trades/history"] = lambda request: ok([])
    ask(venue, lambda made: made.fills(since_ms=START_MS - 60 * 86_400_000))

    spans = [
        int(request.params["end_time"]) - int(request.params["start_time"])
        for request in venue.asked[:-1]
    ]
    assert [29 * 86_400_000] * 2 == spans
    assert "end_time" not in venue.asked[-1].params


def test_endless_pages_are_no_list() -> None:
    """A cursor that never ends is given up, and nothing is returned in part."""
    venue = FakeVenue()
    venue.answers["/trades/history"] = lambda request: ok([], next_cursor="x", has_more=True)

    with pytest.raises(VenueUnavailable, match="more than 50 pages"):
        ask(venue, lambda made: made.fills(since_ms=START_MS))


def test_funding_pages_end_at_the_wanted_instant() -> None:
    """Payments come newest first: the first older row ends the paging."""
    venue = FakeVenue()
    row = {"symbol": "BTC", "side": "bid", "amount": "1", "payout": "-1", "rate": "0.1"}
    venue.answers["/funding/history"] = lambda request: ok(
        [row | {"history_id": n, "created_at": START_MS - n} for n in (1, 5, 9)],
        next_cursor="x",
        has_more=True,
    )
    found = ask(venue, lambda made: made.funding_payments(since_ms=START_MS - 5))

    assert ["5", "1"] == [payment.payment_id for payment in found]
    assert 1 == len(venue.asked)


@pytest.mark.parametrize("event", ["trade", "funding"])
def test_no_answer_on_funding_is_judged_by_the_cash(event: str) -> None:
    """A fresh account's 504 means "none" only where its cash shows none."""
    venue = FakeVenue()
    venue.answers["/funding/history"] = (504, "")
    changes = [{"event_type": event, "created_at": START_MS, "amount": "1", "balance": "1"}]
    venue.answers["/account/balance/history"] = ok(changes)

    def story(made: PacificaClient) -> Any:
        return made.funding_payments(since_ms=START_MS)

    if event == "trade":
        assert [] == ask(venue, story)
    else:
        with pytest.raises(VenueUnavailable):
            ask(venue, story)


def test_candles_are_asked_in_parts() -> None:
    """A long past is asked in requests the venue answers whole."""
    venue = FakeVenue()

    def answer(request: Any) -> Any:
        at_ms = int(request.params["start_time"])
        bar = {"s": "BTC", "t": at_ms, "o": "1", "h": "1", "l": "1", "c": "1", "v": "1"}
        return ok([bar])

    venue.answers["/kline"] = answer
    span_ms = 60_000 * 3_900
    found = ask(
        venue,
        lambda made: made.candles("BTC", interval_s=60, since_ms=0, until_ms=span_ms + 1),
    )

    assert [0, span_ms] == [bar.open_at_ms for bar in found]


@pytest.mark.parametrize(("interval_s", "until_ms"), [(7, 1), (60, 10**12)])
def test_impossible_candles_are_refused(interval_s: int, until_ms: int) -> None:
    """An interval the venue lacks, and a span without a limit, are the caller's mistakes."""
    with pytest.raises(ValueError, match=r"interval|more than"):
        ask(
            FakeVenue(),
            lambda made: made.candles("BTC", interval_s=interval_s, since_ms=0, until_ms=until_ms),
        )


def test_order_is_found_among_the_open_ones_first() -> None:
    """The cheap request comes before the dear one."""
    venue = FakeVenue()
    venue.answers["/orders"] = ok([order_row(client_order_id=None), order_row()])

    assert "77" == ask(venue, lambda made: made.find_order("BTC", OUR_ID)).order_id
    assert ["/orders"] == venue.paths


def test_order_is_found_in_the_history() -> None:
    """An order that is not open is looked for among the past ones."""
    venue = FakeVenue()
    venue.answers["/orders/history"] = ok([past_row()], has_more=False)

    found = ask(venue, lambda made: made.find_order("BTC", OUR_ID))
    assert OrderStatus.CANCELED is found.status


def test_partly_filled_past_order_is_settled_by_its_events() -> None:
    """Neither open nor listed as over: the order's own events tell that its rest is gone."""
    venue = FakeVenue()
    venue.answers["/orders/history"] = ok([past_row(order_status="partially_filled")])
    event = order_row(
        history_id=1,
        filled_amount="0.002",
        cancelled_amount="0.003",
        event_type="cancel",
        order_status="partially_filled",
    )
    venue.answers["/orders/history_by_id"] = ok([event])

    found = ask(venue, lambda made: made.find_order("BTC", OUR_ID))
    assert (OrderStatus.CANCELED, Decimal("0.002")) == (found.status, found.filled)


def test_unknown_order_is_none() -> None:
    """An order the venue does not know is None, after a bounded search."""
    venue = FakeVenue()
    venue.answers["/orders/history"] = lambda request: ok([], next_cursor="x", has_more=True)

    assert ask(venue, lambda made: made.find_order("BTC", OUR_ID)) is None
    assert ["/orders"] + ["/orders/history"] * 3 == venue.paths


def test_client_without_credentials_reads_only_what_is_public() -> None:
    """Public figures need no account; account reads and writes are the caller's bug."""
    venue = FakeVenue()

    assert {"BTC", "ETH", "ISO"} == set(
        ask(venue, lambda made: made.instruments(), credentials=None)
    )
    with pytest.raises(InvariantBroken):
        ask(venue, lambda made: made.account(), credentials=None)
    with pytest.raises(InvariantBroken):
        send(venue, credentials=None)


def test_acknowledged_order_is_found_without_the_history() -> None:
    """The order id of the acknowledgement leads to the order's own events: one light request."""
    venue = FakeVenue()
    event = order_row(
        history_id=1,
        filled_amount="0.005",
        cancelled_amount="0",
        event_type="fulfill_limit",
        order_status="filled",
    )
    venue.answers["/orders/history_by_id"] = ok([event])

    async def story(made: PacificaClient) -> Any:
        await made.send(await made.sign(REQUEST))
        return await made.find_order("BTC", OUR_ID)

    assert OrderStatus.FILLED is ask(venue, story).status
    assert ["/orders/create", "/orders", "/orders/history_by_id"] == venue.paths
    assert {"order_id": "77"} == venue.asked[-1].params


def test_market_rules_are_read_once_a_second() -> None:
    """Whoever asks within a second of another, or at the same time, shares the answer."""
    venue = FakeVenue()

    async def story(made: PacificaClient) -> None:
        await asyncio.sleep(2)
        await asyncio.gather(made.instruments(), made.instruments())
        await asyncio.sleep(0.9)
        await made.instruments()
        await asyncio.sleep(0.2)
        await made.instruments()

    ask(venue, story)
    assert ["/info"] * 2 == venue.paths


def test_fees_are_read_once_an_hour() -> None:
    """Any read of the account brings them; an hour later the account is asked."""
    venue = FakeVenue()

    async def story(made: PacificaClient) -> None:
        await made.account()
        await made.fees()
        assert ["/account", "/positions"] == venue.paths
        venue.answers["/account"] = ok(MONEY | {"taker_fee": "0.0003"})
        await asyncio.sleep(3_601)
        assert Decimal("0.0003") == (await made.fees()).taker

    ask(venue, story)
    assert 3 == len(venue.asked)


def test_old_fees_do_not_stand_in_for_a_failed_read() -> None:
    """After an hour an error is an error."""
    venue = FakeVenue()

    async def story(made: PacificaClient) -> None:
        await made.fees()
        venue.answers["/account"] = (503, "busy")
        await asyncio.sleep(3_601)
        with pytest.raises(VenueUnavailable):
            await made.fees()

    ask(venue, story)
