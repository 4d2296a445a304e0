"""Pacifica's answers and frames in our words, and what is refused as unreadable."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from desk.core.account import MarginMode
from desk.core.errors import BadMessage
from desk.core.order import FillCause, OrderKind, OrderStatus, Side
from desk.venues.pacifica import account as accounts
from desk.venues.pacifica import wire
from desk.venues.pacifica.errors import Refusal, refusal_code

MARKET = {
    "symbol": "BTC",
    "tick_size": "1",
    "lot_size": "0.00001",
    "max_leverage": 50,
    "isolated_only": False,
    "min_order_size": "10",
    "max_order_size": "5000000",
    "instrument_type": "perpetual",
    "some_day": {"new": 1},
}
PRICE = {
    "symbol": "BTC",
    "mark": "100000",
    "oracle": "99990",
    "mid": "100001",
    "funding": "0.00002",
    "next_funding": "-0.00001",
    "open_interest": "12.5",
    "volume_24h": "1000000.5",
    "timestamp": 1_759_222_967_974,
}
POSITION = {
    "symbol": "BTC",
    "side": "ask",
    "amount": "0.5",
    "entry_price": "100000",
    "isolated": True,
    "liquidation_price": "150000",
}
ORDER = {
    "order_id": 7,
    "client_order_id": "68656467-0001-8000-8000-000000010000",
    "symbol": "BTC",
    "side": "bid",
    "price": "99000",
    "initial_amount": "0.5",
    "filled_amount": "0.2",
    "stop_price": None,
    "order_type": "limit",
    "reduce_only": False,
    "created_at": 1,
    "updated_at": 2,
}
TRADE = {
    "history_id": 11,
    "order_id": 7,
    "client_order_id": None,
    "symbol": "BTC",
    "amount": "0.5",
    "price": "100000",
    "entry_price": "1",
    "fee": "20",
    "pnl": "-20",
    "event_type": "fulfill_taker",
    "side": "open_short",
    "created_at": 5,
    "cause": "normal",
}


def raw(value: Any) -> msgspec.Raw:
    """Return a value as it stands undecoded in an answer."""
    return msgspec.Raw(json.dumps(value).encode())


def test_market_rules_are_read() -> None:
    """Minimum and maximum are USD, the smallest size is a lot, maintenance is half of the initial
    margin at the highest leverage."""
    found = wire.instrument(wire.market_rows(raw([MARKET]))["BTC"])

    assert (Decimal(1), Decimal("0.00001")) == (found.price_tick, found.size_lot)
    assert (Decimal(10), Decimal(5_000_000)) == (found.notional_min_usd, found.notional_max_usd)
    assert Decimal("0.01") == found.maintenance_margin_fraction
    assert found.size_lot == found.size_min


@pytest.mark.parametrize(
    "stranger",
    [
        {"symbol": "SOL-USDC", "instrument_type": "spot"},
        MARKET | {"symbol": "X", "instrument_type": "option"},
        MARKET | {"symbol": "X", "tick_size": "0"},
        MARKET | {"symbol": "X", "lot_size": "NaN"},
        {},
        "text",
        None,
    ],
)
def test_strange_market_rows_harm_nobody(stranger: Any) -> None:
    """A row we do not know, or cannot trust, is left out; the others stay."""
    assert ["BTC"] == list(wire.market_rows(raw([stranger, MARKET])))


def test_market_rows_without_a_kind_are_perpetuals() -> None:
    """Rows of the time before spot markets did not say what they are."""
    old = {key: value for key, value in MARKET.items() if key != "instrument_type"}

    assert ["BTC"] == list(wire.market_rows(raw([old])))


def test_unreadable_list_is_refused() -> None:
    """Rows of which none can be read are no empty list."""
    with pytest.raises(BadMessage, match="no row can be read"):
        wire.market_rows(raw([{"symbol": 1}]))


def test_funding_to_decide_on_is_the_next() -> None:
    """`next_funding` is the hour in progress, `funding` the one already paid."""
    stats = wire.market_stats(wire.price_rows(raw([PRICE]), request="x"), symbols={"BTC"})["BTC"]

    assert Decimal("-0.00001") == stats.funding_next.fraction
    assert stats.funding_last is not None
    assert Decimal("0.00002") == stats.funding_last.fraction
    assert Decimal(1_250_000) == stats.open_interest_usd


def test_statistics_are_of_known_markets_only() -> None:
    """A spot pair in the price list is left out by its symbol."""
    rows = wire.price_rows(raw([PRICE, PRICE | {"symbol": "SOL-USDC"}]), request="x")

    assert ["BTC"] == list(wire.market_stats(rows, symbols={"BTC"}))


@pytest.mark.parametrize("change", [{"mark": "0"}, {"mark": None}, {"next_funding": "Infinity"}])
def test_market_without_a_price_is_absent(change: dict[str, Any]) -> None:
    """A price that is not there is a missing market, never a zero."""
    rows = wire.price_rows(raw([PRICE, PRICE | {"symbol": "ETH"} | change]), request="x")

    assert ["BTC"] == [row.symbol for row in rows]


@pytest.mark.parametrize("mid", [None, "0"])
def test_empty_book_has_no_mid(mid: str | None) -> None:
    """A mid of zero is how an empty book shows."""
    rows = wire.price_rows(raw([PRICE | {"mid": mid}]), request="x")

    assert wire.market_stats(rows, symbols={"BTC"})["BTC"].mid is None


def test_settled_hours_are_stamped_with_their_hour() -> None:
    """A row written seconds after the hour is of that hour."""
    row = {"funding_rate": "0.0000125", "created_at": 3_600_000 * 5 + 4_122}

    assert 3_600_000 * 5 == wire.funding_points(raw([row]), symbol="BTC")[0].settled_at_ms


@pytest.mark.parametrize("data", [[POSITION | {"amount": "0"}], []])
def test_flat_is_no_row_or_a_zero_row(data: Any) -> None:
    """An empty list and a row of zero both mean flat."""
    assert () == accounts.positions(raw(data))


def test_a_null_list_is_not_flat() -> None:
    """Null is what an answer without data carries: nothing is known of the positions then."""
    with pytest.raises(BadMessage):
        accounts.positions(raw(None))


def test_position_takes_its_sign_from_the_side() -> None:
    """An ask position is short."""
    (row,) = accounts.positions(raw([POSITION]))

    assert Decimal("-0.5") == row.size
    assert MarginMode.ISOLATED is row.margin_mode


@pytest.mark.parametrize("price", [None, "-95166.79", "0"])
def test_no_liquidation_price_below_zero(price: str | None) -> None:
    """An over-collateralised long has none, in any of the venue's spellings."""
    (row,) = accounts.positions(raw([POSITION | {"liquidation_price": price}]))

    assert row.liquidation_price is None


@pytest.mark.parametrize(
    "change",
    [
        {"side": "long"},
        {"amount": None},
        {"amount": "much"},
        {"amount": "NaN"},
        {"amount": "-1"},
        {"amount": "1e400"},
        {"entry_price": "Infinity"},
        {"symbol": 5},
    ],
)
def test_one_bad_position_spoils_the_answer(change: dict[str, Any]) -> None:
    """A position left out would read as flat, so nothing is believed."""
    with pytest.raises(BadMessage):
        accounts.positions(raw([POSITION, POSITION | change]))


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: [row]])
def test_account_is_an_object_or_a_list_of_one(wrap: Any) -> None:
    """Both shapes the venue has used are read."""
    row = {"balance": "1", "account_equity": "2", "available_to_spend": "3", "fee_level": 0}

    assert Decimal(2) == accounts.account_row(raw(wrap(row))).account_equity


@pytest.mark.parametrize("data", [[], [{}], [{}, {}], None, {}, "x", 5])
def test_other_accounts_are_unreadable(data: Any) -> None:
    """Anything but one whole account is refused."""
    with pytest.raises(BadMessage):
        accounts.account_row(raw(data))


SETTING = {"symbol": "BTC", "isolated": False, "leverage": 3}


@pytest.mark.parametrize(
    "data", [[SETTING], {"margin_settings": [SETTING], "spot_settings": [{"new": True}]}]
)
def test_settings_are_an_object_or_a_list(data: Any) -> None:
    """Both shapes the venue has used are read."""
    assert Decimal(3) == accounts.leverage_settings(raw(data))["BTC"].value


@pytest.mark.parametrize("data", [[], {"margin_settings": None}, {"margin_settings": []}])
def test_no_setting_is_no_entry(data: Any) -> None:
    """Symbols at their default are absent, not at one."""
    assert {} == accounts.leverage_settings(raw(data))


@pytest.mark.parametrize("data", [{}, [{"symbol": "BTC"}], [SETTING | {"leverage": 0}], "x"])
def test_other_settings_are_unreadable(data: Any) -> None:
    """An object without the list, or a row without a leverage, is refused."""
    with pytest.raises(BadMessage):
        accounts.leverage_settings(raw(data))


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("limit", OrderKind.LIMIT),
        ("market", OrderKind.LIMIT),
        ("stop_limit", OrderKind.STOP),
        ("stop_loss_market", OrderKind.STOP),
        ("take_profit_limit", OrderKind.TAKE_PROFIT),
    ],
)
def test_order_types_have_three_kinds(word: str, kind: OrderKind) -> None:
    """Stops and take-profits are told apart from plain orders by their type."""
    change = {"order_type": word, "stop_price": "90000"}
    (order,) = accounts.open_orders(raw([ORDER | change]))

    assert (kind, Decimal(90_000)) == (order.kind, order.trigger_price)


def test_open_order_is_read() -> None:
    """An open order carries its id, its rest and its last change."""
    (order,) = accounts.open_orders(raw([ORDER]))

    assert ("7", Side.BUY, Decimal("0.5"), Decimal("0.2")) == (
        order.order_id,
        order.side,
        order.size,
        order.filled,
    )
    assert (OrderStatus.OPEN, 2) == (order.status, order.at_ms)


@pytest.mark.parametrize("change", [{"side": "buy"}, {"filled_amount": None}, {"order_id": "x"}])
def test_one_bad_order_spoils_the_answer(change: dict[str, Any]) -> None:
    """An order left out would read as gone."""
    with pytest.raises(BadMessage):
        accounts.open_orders(raw([ORDER, ORDER | change]))


EVENT = {
    **{key: value for key, value in ORDER.items() if key != "updated_at"},
    "history_id": 1,
    "cancelled_amount": "0",
    "event_type": "make",
    "order_status": "open",
}


ENDINGS = [
    ("0.2", "0", "partially_filled", OrderStatus.OPEN),
    ("0.2", "0.3", "partially_filled", OrderStatus.CANCELED),
    ("0.2", "0.3", "cancelled", OrderStatus.CANCELED),
    ("0.5", "0", "partially_filled", OrderStatus.FILLED),
    ("0", "0.5", "rejected", OrderStatus.REJECTED),
]


@pytest.mark.parametrize(
    ("filled", "cancelled", "word", "status"),
    ENDINGS,
)
def test_amounts_tell_whether_an_order_is_over(
    filled: str, cancelled: str, word: str, status: OrderStatus
) -> None:
    """A partly filled order whose rest is gone is over, whatever it is called."""
    last = EVENT | {
        "history_id": 2,
        "filled_amount": filled,
        "cancelled_amount": cancelled,
        "order_status": word,
    }
    order = accounts.order_events(raw([last, EVENT]))

    assert order is not None
    assert status is order.status


@pytest.mark.parametrize(
    ("word", "side"),
    [
        ("open_long", Side.BUY),
        ("close_short", Side.BUY),
        ("open_short", Side.SELL),
        ("close_long", Side.SELL),
    ],
)
def test_trade_side_is_what_it_did(word: str, side: Side) -> None:
    """Opening longs and closing shorts are buys."""
    assert side is accounts.fills(raw([TRADE | {"side": word}]))[0].side


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("normal", FillCause.TRADE),
        ("market_liquidation", FillCause.LIQUIDATION),
        ("backstop_liquidation", FillCause.LIQUIDATION),
        ("settlement", FillCause.DELEVERAGE),
        ("something_new", FillCause.DELEVERAGE),
    ],
)
def test_whatever_is_not_normal_is_the_venue_s_hand(word: str, cause: FillCause) -> None:
    """A cause we do not know is never taken for an order of ours."""
    assert cause is accounts.fills(raw([TRADE | {"cause": word}]))[0].cause


def test_fill_price_is_the_trade_s() -> None:
    """`entry_price` beside it is the position's average and is left alone."""
    (fill,) = accounts.fills(raw([TRADE]))

    assert (Decimal(100_000), Decimal(20)) == (fill.price, fill.fee_usd)


def test_funding_received_is_positive() -> None:
    """A short is paid at a positive rate, and its size is negative."""
    row = {
        "history_id": 1,
        "symbol": "BTC",
        "side": "ask",
        "amount": "0.5",
        "payout": "0.6",
        "rate": "0.0000125",
        "created_at": 9,
    }
    (payment,) = accounts.funding_payments(raw([row]))

    assert (Decimal("0.6"), Decimal("-0.5")) == (payment.usd, payment.position_size)


@pytest.mark.parametrize(
    ("text", "code", "error_id", "expected"),
    [
        ("Failed to cancel order", 5, None, Refusal.ORDER_GONE),
        ("Insufficient balance for x: 1 (account value: 0)", 5, None, Refusal.INSUFFICIENT_BALANCE),
        ("Order amount too low for x: 7 < 10", 0, "invalid_amount", Refusal.AMOUNT_TOO_LOW),
        ("anything", 400, "signature_verification_failed", Refusal.BAD_SIGNATURE),
        ("new words", 25, None, Refusal.NO_REASONABLE_PRICE),
        ("new words", 5, None, "5"),
        ("new words", 3, "new_id", "new_id"),
        ("new words", None, "unspecified", "unspecified"),
        ("new words", "x", None, "x"),
    ],
)
def test_refusals_are_named_by_id_then_text_then_number(
    text: str, code: int | str | None, error_id: str | None, expected: str
) -> None:
    """A number both numberings use is not believed on its own."""
    assert expected == refusal_code(text, code=code, error_id=error_id)
