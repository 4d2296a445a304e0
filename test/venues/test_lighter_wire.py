"""Lighter's answers and frames become our values, or a `BadMessage`; nothing in between."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from desk.core.account import Leverage, MarginMode, Position
from desk.core.errors import BadMessage
from desk.core.funding import HourlyRate
from desk.core.market import Instrument, MarketStatus
from desk.core.order import FillCause, OrderKind, OrderStatus, Side
from desk.core.venue import VenueName
from desk.venues.lighter import account as lighter_account
from desk.venues.lighter import orders as lighter_orders
from desk.venues.lighter import tx as lighter_tx
from desk.venues.lighter import wire as lighter_wire
from desk.venues.lighter.decode import canonical, to_ms
from test.venues.lighter_payloads import REMOVE, body, changed, own

D = Decimal
SYMBOLS = {0: "ETH", 4: "kPEPE", 9: "OLD"}
MARKETS = lighter_wire.read_market_details(body("orderBookDetails"))
Reader = Callable[[bytes], Any]


def read_account(raw: bytes) -> Any:
    """Return the account of our payload."""
    row = lighter_account.read_account_row(raw, 77)
    return lighter_account.account(row, asked_at_ms=1, at_ms=2)


READERS: dict[str, Reader] = {
    "orderBookDetails": lighter_wire.read_market_details,
    "funding-rates": lighter_wire.read_funding_rates,
    "fundings": lambda raw: lighter_wire.read_funding_history(raw, "ETH"),
    "candles": lambda raw: lighter_wire.read_candles(raw, "ETH"),
    "account": read_account,
    "accountLimits": lighter_account.read_fees,
    "orders": lambda raw: lighter_orders.read_orders(raw, SYMBOLS),
    "trades": lambda raw: lighter_orders.read_fills(raw, SYMBOLS, 77),
    "positionFunding": lambda raw: lighter_account.read_funding_payments(raw, SYMBOLS),
    "apikeys": lighter_account.read_public_keys,
    "nextNonce": lighter_tx.read_next_nonce,
    "sendTx": lighter_tx.read_send_reply,
    "tx": lighter_orders.read_tx,
}

# What is wrong, and where.
MALFORMED = [
    ("orderBookDetails", "order_book_details", {}),
    ("orderBookDetails", "order_book_details", None),
    ("funding-rates", "funding_rates/1/rate", "NaN"),
    ("funding-rates", "funding_rates/1/rate", 1e30),
    ("funding-rates", "funding_rates/1/market_id", None),
    ("fundings", "fundings/0/direction", "sideways"),
    ("fundings", "fundings/0/rate", REMOVE),
    ("candles", "c/0/o", REMOVE),
    ("candles", "c/0/l", 0),
    ("account", "accounts/0/index", 78),
    ("account", "accounts/0/available_balance", ""),
    ("account", "accounts/0/collateral", "Infinity"),
    ("account", "accounts/0/collateral", "1e999999"),
    ("account", "accounts/0/positions/0/sign", 0),
    ("account", "accounts/0/positions/0/position", "-1.5"),
    ("account", "accounts/0/positions/0/margin_mode", 7),
    ("account", "accounts/0/positions/0/liquidation_price", "soon"),
    ("accountLimits", "current_taker_fee_tick", "0.5"),
    ("orders", "orders/0/status", "confused"),
    ("orders", "orders/0/filled_base_amount", REMOVE),
    ("orders", "orders/0/market_index", 200),
    ("orders", "orders/1/trigger_price", "x"),
    ("trades", "trades/0/size", "abc"),
    ("trades", "trades/0/market_id", 200),
    ("positionFunding", "position_fundings/0/position_side", ""),
    ("positionFunding", "position_fundings/0/change", "NaN"),
    ("apikeys", "api_keys/0/public_key", REMOVE),
    ("nextNonce", "nonce", "soon"),
    ("sendTx", "code", "200"),
    ("tx", "status", None),
]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("account", "accounts/0/positions"),
        ("orders", "orders"),
        ("trades", "trades"),
        ("positionFunding", "position_fundings"),
    ],
)
@pytest.mark.parametrize("value", [REMOVE, [{"renamed": 1}]])
def test_a_list_that_is_not_there_is_not_empty(name: str, path: str, value: object) -> None:
    """No list, or rows without the key we know them by: nothing is known, least of all "flat"."""
    with pytest.raises(BadMessage):
        READERS[name](changed(own(name), path, value))


@pytest.mark.parametrize(("name", "path", "value"), MALFORMED)
def test_a_malformed_answer_is_a_bad_message(name: str, path: str, value: object) -> None:
    """One wrong or missing field makes the whole answer unreadable, never a guess."""
    READERS[name](body(name))

    with pytest.raises(BadMessage):
        READERS[name](changed(own(name), path, value))


@pytest.mark.parametrize("name", sorted(READERS))
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"<html>", b"\xff\xfe", b'{"code":200'])
def test_what_is_no_answer_is_a_bad_message(name: str, raw: bytes) -> None:
    """Cut, empty and foreign bodies are refused by every reader."""
    with pytest.raises(BadMessage):
        READERS[name](raw)


@pytest.mark.parametrize("name", sorted(READERS))
def test_unknown_fields_change_nothing(name: str) -> None:
    """A venue that adds a field does not stop us."""
    assert READERS[name](body(name)) == READERS[name](changed(own(name), "brand_new", {"x": [1]}))


ROWS = [
    ("funding-rates", "funding_rates"),
    ("fundings", "fundings"),
    ("candles", "c"),
    ("account", "accounts"),
    ("account", "accounts/0/positions"),
    ("orders", "orders"),
    ("trades", "trades"),
    ("positionFunding", "position_fundings"),
    ("apikeys", "api_keys"),
]


@pytest.mark.parametrize(("name", "path"), ROWS)
def test_rows_of_an_unknown_sort_are_passed_over(name: str, path: str) -> None:
    """A row without the key of its kind is none of ours."""
    payload = json.loads(body(name))
    rows = payload
    for step in path.split("/"):
        rows = rows[int(step)] if isinstance(rows, list) else rows[step]
    rows.insert(0, {"brand_new": [None]})

    assert READERS[name](body(name)) == READERS[name](json.dumps(payload).encode())


# Markets


def test_a_market_has_its_steps_and_limits() -> None:
    """Decimals become steps, ten-thousandths become fractions, zero stays an id."""
    expected = Instrument(
        venue=VenueName.LIGHTER,
        symbol="ETH",
        price_tick=D("0.01"),
        size_lot=D("0.0001"),
        size_min=D("0.0050"),
        notional_min_usd=D("10"),
        leverage_max=50,
        maintenance_margin_fraction=D("0.012"),
        notional_max_usd=D("5000000"),
        market_id=0,
    )

    assert expected == lighter_wire.instrument(MARKETS["ETH"])


def test_spot_rows_and_rows_we_cannot_read_are_left_out() -> None:
    """A row of another kind does not stop the others."""
    assert {"ETH", "kPEPE", "OLD"} == set(MARKETS)


@pytest.mark.parametrize(
    ("symbol", "status"),
    [
        ("ETH", MarketStatus.ACTIVE),
        ("kPEPE", MarketStatus.REDUCE_ONLY),
        ("OLD", MarketStatus.INACTIVE),
    ],
)
def test_a_markets_status_says_what_may_be_done(symbol: str, status: MarketStatus) -> None:
    """Active, closing only, or neither."""
    assert status is lighter_wire.instrument(MARKETS[symbol]).status


def test_an_empty_order_limit_is_none() -> None:
    """A market without a published maximum has none, not zero."""
    assert lighter_wire.instrument(MARKETS["kPEPE"]).notional_max_usd is None


@pytest.mark.parametrize(("name", "expected"), [("1000PEPE", "kPEPE"), ("ETH", "ETH")])
def test_thousands_have_the_names_of_the_other_venue(name: str, expected: str) -> None:
    """A contract on a thousand coins is spelled k… on both sides of a hedge."""
    assert expected == canonical(name)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000_123, 1_700_000_000_123),
        (1_700_000_000_123_456, 1_700_000_000_123),
    ],
)
def test_a_stamps_unit_shows_in_its_size(stamp: int, expected: int) -> None:
    """Seconds, milliseconds and microseconds all become milliseconds."""
    assert expected == to_ms(stamp)


# Funding


def test_funding_rates_are_fractions_per_eight_hours_of_lighter_alone() -> None:
    """Rows of other exchanges are ignored, and the float's tail is dropped."""
    expected = {0: HourlyRate(D("0.000012")), 4: HourlyRate(D("-0.00003"))}

    assert expected == lighter_wire.read_funding_rates(body("funding-rates"))


def test_settled_funding_is_a_percent_with_the_payer_as_its_sign() -> None:
    """0.0012 percent paid by longs is positive, 0.0002 paid by shorts negative; oldest first."""
    points = lighter_wire.read_funding_history(body("fundings"), "ETH")

    assert [
        (1_700_002_800_000, D("0.000012")),
        (1_700_006_400_000, D("-0.000002")),
    ] == [(point.settled_at_ms, point.rate.fraction) for point in points]


def test_the_three_units_meet_in_one_rate() -> None:
    """A floor of 0.0012 percent an hour reads the same from each of the venue's three places."""
    by_request = lighter_wire.read_funding_rates(body("funding-rates"))[0]
    settled = lighter_wire.read_funding_history(body("fundings"), "ETH")[0].rate

    assert by_request == settled == HourlyRate.from_hourly_percent(D("0.0012"))


def test_a_payment_is_positive_when_received() -> None:
    """The account's own view: a short received, a long paid; the rate's scale is not guessed."""
    rows, cursor = lighter_account.read_funding_payments(body("positionFunding"), SYMBOLS)

    assert [(D("0.03"), D("-1.5"), None), (D("-0.04"), D("1.5"), None)] == [
        (row.usd, row.position_size, row.rate) for row in rows
    ]
    assert cursor is None


def test_marks_come_from_the_stream_where_requests_have_none() -> None:
    """A market with neither, or without a funding rate, has no statistics."""
    rate = HourlyRate(D("0.00001"))
    first = lighter_wire.stats_of(MARKETS["ETH"], rate, None, at_ms=5)
    assert first is not None

    second = lighter_wire.stats_of(MARKETS["kPEPE"], rate, first, at_ms=5)

    assert second is not None
    assert (D("2000.40"), D("2000.40") * D("1000.5")) == (first.mark, first.open_interest_usd)
    assert first.mark == second.mark
    assert lighter_wire.stats_of(MARKETS["kPEPE"], rate, None, at_ms=5) is None
    assert lighter_wire.stats_of(MARKETS["ETH"], None, first, at_ms=5) is None


def test_a_bar_may_have_no_volume() -> None:
    """Zero fields are left out on the wire; null bars are no bars."""
    bars = lighter_wire.read_candles(body("candles"), "ETH")

    assert [D("12.5"), D(0)] == [bar.volume for bar in bars]
    assert [] == lighter_wire.read_candles(b'{"code":200,"r":"1m","c":null}', "ETH")


# Account


def test_an_account_has_signed_positions_and_no_flat_ones() -> None:
    """The sign field makes a short negative, a zero row is no position, "0" is no price."""
    account = read_account(body("account"))

    assert (
        Position("ETH", D("-1.5"), D("2007.00"), D("2500.10"), MarginMode.CROSS),
        Position("kPEPE", D("2000"), D("0.005"), None, MarginMode.ISOLATED),
    ) == account.positions
    assert (D("1010.75"), D("1000.25"), D("700.5"), 1, 2) == (
        account.equity_usd,
        account.balance_usd,
        account.free_usd,
        account.asked_at_ms,
        account.at_ms,
    )


def test_leverage_comes_from_a_percent_or_from_the_default() -> None:
    """100 percent is 1x; a market never touched has the venue's default, 20x for ETH."""
    row = lighter_account.read_account_row(body("account"), 77)
    untouched = lighter_account.AccountRow(77, D(0), D(0), D(0), None)

    assert Leverage("ETH", D(1), MarginMode.CROSS) == lighter_account.leverage(row, MARKETS["ETH"])
    assert D(20) == lighter_account.leverage(untouched, MARKETS["ETH"]).value


def test_fees_are_millionths() -> None:
    """280 ticks are 2.8 basis points."""
    fees = lighter_account.read_fees(body("accountLimits"))

    assert (D("0.00004"), D("0.00028")) == (fees.maker, fees.taker)


def test_public_keys_compare_without_prefix_or_case() -> None:
    """The venue prints keys without 0x."""
    assert {7: "ab" * 40} == lighter_account.read_public_keys(body("apikeys"))


# Orders and fills


def test_an_orders_side_is_read_from_is_ask() -> None:
    """`side` may be empty; stamps differ in unit; the average is quote over base."""
    orders, cursor = lighter_orders.read_orders(body("orders"), SYMBOLS)
    first = orders[0]

    assert (Side.SELL, OrderStatus.OPEN, "42", D(2010), 1_700_000_001_500, "more") == (
        first.side,
        first.status,
        first.client_id,
        first.average_price,
        first.at_ms,
        cursor,
    )


def test_a_waiting_trigger_is_pending() -> None:
    """A stop keeps its trigger price and says that it only reduces."""
    stop = lighter_orders.read_orders(body("orders"), SYMBOLS)[0][1]

    assert (OrderKind.STOP, OrderStatus.PENDING, D(1800), True, None) == (
        stop.kind,
        stop.status,
        stop.trigger_price,
        stop.reduce_only,
        stop.average_price,
    )


def test_every_canceled_word_is_canceled_with_its_reason() -> None:
    """The venue has a dozen ways to cancel and may add one; spot orders are not ours."""
    orders, _ = lighter_orders.read_orders(body("orders"), SYMBOLS)

    assert 3 == len(orders)
    assert (OrderStatus.CANCELED, "canceled-too-much-slippage", None) == (
        orders[2].status,
        orders[2].reason,
        orders[2].client_id,
    )


def test_fills_are_our_side_of_a_trade() -> None:
    """Side, fee and cause follow the side we were on; strangers' and spot trades are left out."""
    fills, _ = lighter_orders.read_fills(body("trades"), SYMBOLS, 77)

    assert [
        ("9003", Side.SELL, D("4.02"), False, FillCause.LIQUIDATION, "42"),
        ("9002", Side.BUY, D("0.11256"), False, FillCause.TRADE, "7"),
        ("9001", Side.SELL, D("0.01608"), True, FillCause.TRADE, "42"),
    ] == [(f.fill_id, f.side, f.fee_usd, f.is_maker, f.cause, f.client_id) for f in fills]


def test_a_trade_with_oneself_has_two_fills() -> None:
    """Both sides count, under ids of their own."""
    raw = changed(own("trades"), "trades/2/bid_account_id", 77)
    fills, _ = lighter_orders.read_fills(raw, SYMBOLS, 77)

    assert [("9001:sell", Side.SELL), ("9001:buy", Side.BUY)] == [
        (fill.fill_id, fill.side) for fill in fills[2:]
    ]


def test_the_maker_of_a_liquidation_only_traded() -> None:
    """Taking a stranger's liquidation is no liquidation of ours."""
    raw = changed(own("trades"), "trades/0/is_maker_ask", True)

    assert FillCause.TRADE is lighter_orders.read_fills(raw, SYMBOLS, 77)[0][0].cause


@pytest.mark.parametrize("name", ["orders", "trades"])
def test_null_rows_are_no_rows(name: str) -> None:
    """Empty collections come as null."""
    assert ([], None) == READERS[name](json.dumps({"code": 200, name: None}).encode())


# Transactions


@pytest.mark.parametrize(
    ("status", "ae", "expected"),
    [
        (0, "", lighter_orders.TxFate.FAILED),
        (1, "", lighter_orders.TxFate.PENDING),
        (2, "", lighter_orders.TxFate.EXECUTED),
        (2, "no", lighter_orders.TxFate.FAILED),
        (2, {"code": 21740}, lighter_orders.TxFate.FAILED),
        (2, None, lighter_orders.TxFate.EXECUTED),
        (3, "", lighter_orders.TxFate.PENDING),
    ],
)
def test_a_transactions_fate(status: int, ae: str, expected: lighter_orders.TxFate) -> None:
    """Executed with an error of the sequencer is failed."""
    row = lighter_orders.TxRow("h", 14, status, event_info=json.dumps({"ae": ae}))

    assert expected is lighter_orders.fate(row)


def test_a_failed_transaction_tells_of_the_order_it_was() -> None:
    """Some rejected orders leave no order row: the transaction is the only word of them."""
    row = lighter_orders.read_tx(body("tx"))
    order = lighter_orders.refused_order(row, {0: lighter_wire.instrument(MARKETS["ETH"])})

    assert order is not None
    assert ("42", OrderStatus.REJECTED, OrderKind.STOP, D("0.5"), D(2010), D(2050)) == (
        order.client_id,
        order.status,
        order.kind,
        order.size,
        order.price,
        order.trigger_price,
    )
    assert "reduce only increases position" == order.reason


def test_a_failed_transaction_of_another_kind_is_no_order() -> None:
    """A failed cancel, or an order in a market we do not know, says nothing here."""
    row = lighter_orders.read_tx(body("tx"))

    assert lighter_orders.refused_order(row, {}) is None
    cancel = lighter_orders.TxRow(row.hash, 15, 0, row.info, row.event_info)
    assert lighter_orders.refused_order(cancel, {}) is None
