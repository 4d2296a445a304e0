"""What we ask of Pacifica with a signature, spelled as the venue documents it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from desk.core.errors import InvariantBroken
from desk.core.order import (
    Accepted,
    OrderKind,
    OrderRequest,
    Rejected,
    Side,
    TimeInForce,
    Unknown,
)
from desk.venues.pacifica import operations
from desk.venues.pacifica.operations import Operation, Trigger

OUR_ID = "68656467-0001-8000-8000-000000010000"
REQUEST = OrderRequest("BTC", Side.BUY, Decimal("0.0010"), Decimal("1E+5"), OUR_ID)
STOP = replace(
    REQUEST,
    side=Side.SELL,
    kind=OrderKind.STOP,
    reduce_only=True,
    trigger_price=Decimal(90_000),
)


def test_numbers_keep_their_digits_and_have_no_exponent() -> None:
    """What is signed is what is sent, digit by digit."""
    payload = operations.place(REQUEST).payload

    assert ("0.0010", "100000") == (payload["amount"], payload["price"])


def test_limit_order_is_spelled_as_documented() -> None:
    """An order always carries our id, its side as bid or ask, and its time in force."""
    operation = operations.place(replace(REQUEST, reduce_only=True))

    assert {
        "symbol": "BTC",
        "price": "100000",
        "amount": "0.0010",
        "side": "bid",
        "tif": "IOC",
        "reduce_only": True,
        "client_order_id": OUR_ID,
    } == operation.payload
    assert ("create_order", "/orders/create") == (operation.type, operation.path)


@pytest.mark.parametrize(
    ("tif", "word"),
    [(TimeInForce.GTC, "GTC"), (TimeInForce.IOC, "IOC"), (TimeInForce.POST_ONLY, "ALO")],
)
def test_times_in_force_have_the_venue_s_words(tif: TimeInForce, word: str) -> None:
    """Post-only is ALO here."""
    operation = operations.place(replace(REQUEST, time_in_force=tif))

    assert word == operation.payload["tif"]


def test_top_of_book_is_a_post_only_order() -> None:
    """The re-priced post-only order exists only for post-only requests."""
    maker = replace(REQUEST, time_in_force=TimeInForce.POST_ONLY)

    assert "TOB" == operations.place(maker, top_of_book=True).payload["tif"]
    with pytest.raises(InvariantBroken):
        operations.place(REQUEST, top_of_book=True)


def test_stop_triggers_on_the_mark() -> None:
    """A stop names the mark price, since the default is the mid of a possibly empty book."""
    operation = operations.place(STOP)

    assert ("create_stop_order", "/orders/stop/create") == (operation.type, operation.path)
    assert {
        "stop_price": "90000",
        "limit_price": "100000",
        "amount": "0.0010",
        "client_order_id": OUR_ID,
        "trigger_price_type": "mark_price",
    } == operation.payload["stop_order"]
    assert "client_order_id" not in operation.payload


def test_take_profit_is_part_of_the_position_s_protection() -> None:
    """A stand-alone trigger that fires into profit does not exist at this venue."""
    operation = operations.place(replace(STOP, kind=OrderKind.TAKE_PROFIT))

    assert ("set_position_tpsl", "/positions/tpsl") == (operation.type, operation.path)
    assert "ask" == operation.payload["side"]
    assert {"symbol", "side", "take_profit"} == operation.payload.keys()


@pytest.mark.parametrize(
    "request_",
    [
        replace(STOP, trigger_price=None),
        replace(STOP, kind=OrderKind.TAKE_PROFIT, reduce_only=False),
        replace(REQUEST, client_id="42"),
        replace(STOP, client_id=""),
    ],
)
def test_impossible_requests_are_bugs(request_: OrderRequest) -> None:
    """A trigger without a price, a take-profit that opens, an id that is no UUID."""
    with pytest.raises(InvariantBroken):
        operations.place(request_)


def test_protection_without_a_limit_leaves_it_out() -> None:
    """An unset field is absent from what is signed, not null."""
    stop = Trigger(OUR_ID, Decimal(90_000))

    assert {
        "stop_price": "90000",
        "client_order_id": OUR_ID,
        "trigger_price_type": "mark_price",
    } == operations.protect("BTC", Side.SELL, stop_loss=stop).payload["stop_loss"]
    with pytest.raises(InvariantBroken):
        operations.protect("BTC", Side.SELL)


def test_market_order_s_band_is_in_percent() -> None:
    """ "0.5" is half a percent."""
    payload = operations.market(REQUEST, slippage_pct=Decimal("0.5")).payload

    assert "0.5" == payload["slippage_percent"]
    assert "price" not in payload


@pytest.mark.parametrize(
    ("ids", "payload"),
    [
        ({"client_id": OUR_ID}, {"symbol": "BTC", "client_order_id": OUR_ID}),
        ({"order_id": 0}, {"symbol": "BTC", "order_id": 0}),
    ],
)
def test_cancel_names_one_id(ids: dict[str, Any], payload: dict[str, Any]) -> None:
    """By our id or by the venue's number, which may be zero."""
    assert payload == operations.cancel("BTC", **ids).payload
    assert payload == operations.cancel_stop("BTC", **ids).payload


@pytest.mark.parametrize("ids", [{}, {"client_id": OUR_ID, "order_id": 1}])
def test_cancel_of_none_or_both_is_a_bug(ids: dict[str, Any]) -> None:
    """Exactly one id says which order."""
    with pytest.raises(InvariantBroken):
        operations.cancel("BTC", **ids)


def test_cancel_all_says_both_flags() -> None:
    """Both flags are required; a symbol is named only when it is not all of them."""
    flags = {"exclude_reduce_only": False}

    assert flags | {"all_symbols": True} == operations.cancel_all(None).payload
    assert flags | {"all_symbols": False, "symbol": "BTC"} == operations.cancel_all("BTC").payload


@pytest.mark.parametrize(
    ("operation", "type_", "payload"),
    [
        (operations.leverage("BTC", 1), "update_leverage", {"symbol": "BTC", "leverage": 1}),
        (
            operations.margin_mode("BTC", isolated=False),
            "update_margin_mode",
            {"symbol": "BTC", "is_isolated": False},
        ),
        (
            operations.edit("BTC", price=Decimal(2), size=Decimal(3), order_id=7),
            "edit_order",
            {"symbol": "BTC", "price": "2", "amount": "3", "order_id": 7},
        ),
    ],
)
def test_the_rest_is_spelled_as_documented(
    operation: Operation, type_: str, payload: dict[str, Any]
) -> None:
    """Leverage and order numbers are numbers, prices and sizes texts."""
    assert (type_, payload) == (operation.type, operation.payload)


def test_what_reduces_or_cancels_is_a_guard() -> None:
    """Closes and cancels may use the reserve of the request budget, openings may not."""
    assert not operations.place(REQUEST).is_guard
    assert operations.place(replace(REQUEST, reduce_only=True)).is_guard
    assert operations.place(replace(REQUEST, goes_through=True)).is_guard
    assert operations.cancel("BTC", client_id=OUR_ID).is_guard
    assert operations.place(STOP).is_guard


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b'{"order_id":12345}', "12345"), (b"null", OUR_ID), (b'{"cancelled_count":5}', OUR_ID)],
)
def test_acceptance_is_referred_to_by_its_order_id(data: bytes, expected: str) -> None:
    """Where the venue names no order, our own id is the reference."""
    assert expected == operations.reference_of(msgspec.Raw(data), client_id=OUR_ID)


def doubts(*ids: str) -> list[Unknown]:
    """Return what becomes of actions nobody tells of."""
    return [Unknown(each, each, "unreadable", 9) for each in ids]


def test_batch_has_an_outcome_per_action() -> None:
    """One leg may fail while the others stand; each says what became of it."""
    data = (
        b'{"results":[{"success":true,"order_id":7},{"success":true},'
        b'{"success":false,"error":"Failed to cancel order"},'
        b'{"success":false,"error":"Response dropped","code":27}]}'
    )

    assert [
        Accepted("a", "7", 5),
        Accepted("b", "b", 5),
        Rejected("c", "order_gone", "Failed to cancel order"),
        Unknown("d", "d", "Response dropped", 9),
    ] == operations.batch_outcomes(msgspec.Raw(data), doubts("a", "b", "c", "d"), at_ms=5)


@pytest.mark.parametrize("data", [b"null", b"{}", b'{"results":[]}', b'{"results":[{}]}'])
def test_answer_that_does_not_match_its_batch_tells_nothing(data: bytes) -> None:
    """An answer with more or fewer results than actions proves nothing of any."""
    assert doubts("a") == operations.batch_outcomes(msgspec.Raw(data), doubts("a"), at_ms=5)
