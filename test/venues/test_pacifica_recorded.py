"""Every recorded Pacifica payload is read by our wire code, or left out for a stated reason.

The recordings lie beside the repository; without them these tests are skipped.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desk.core.order import OrderStatus, Side, Unknown
from desk.venues.pacifica import account as accounts
from desk.venues.pacifica import frames, operations, wire
from desk.venues.pacifica.errors import Refusal, refusal_code

FOLDER = Path(__file__).resolve().parent.parent.parent.parent / "shared/payloads/pacifica"

needs_recordings = pytest.mark.skipif(
    not FOLDER.exists(), reason="the recorded payloads are not beside the repository"
)

Reader = Callable[[msgspec.Raw], Any]


def accepted(data: msgspec.Raw) -> str:
    """Return the reference of an acceptance."""
    return operations.reference_of(data, client_id="ours")


DOUBT = Unknown("ours", "ours", "unreadable", 9)
READERS: dict[str, Reader] = {
    "rest_account": accounts.account_row,
    "rest_account_old_array": accounts.account_row,
    "rest_account_settings": accounts.leverage_settings,
    "rest_account_settings_old_list": accounts.leverage_settings,
    "rest_balance_history": accounts.balance_changes,
    "rest_batch": lambda data: operations.batch_outcomes(data, [DOUBT, DOUBT], at_ms=1),
    "rest_batch_partial_failure": lambda data: operations.batch_outcomes(data, [DOUBT], at_ms=1),
    "rest_book": lambda data: wire.decode(data, wire.BookRow, request="x"),
    "rest_book_empty": lambda data: wire.decode(data, wire.BookRow, request="x"),
    "rest_cancel": accepted,
    "rest_cancel_all": accepted,
    "rest_create_market": accepted,
    "rest_edit": accepted,
    "rest_funding_history": accounts.funding_payments,
    "rest_funding_rate_history": lambda data: wire.funding_points(data, symbol="BTC"),
    "rest_info": wire.market_rows,
    "rest_info_fees": wire.fee_schedule,
    "rest_info_prices": lambda data: wire.price_rows(data, request="x"),
    "rest_kline": wire.candles,
    "rest_kline_mark": wire.candles,
    "rest_leverage": accepted,
    "rest_margin": accepted,
    "rest_orders": accounts.open_orders,
    "rest_orders_create": accepted,
    "rest_orders_history": accounts.past_orders,
    "rest_orders_history_by_id": accounts.order_events,
    "rest_positions": accounts.positions,
    "rest_positions_btc_short": accounts.positions,
    "rest_stop_create": accepted,
    "rest_tpsl": accepted,
    "rest_trades_history": accounts.fills,
}
FRAMES = {
    "ws_account_info": frames.AccountFrame,
    "ws_account_order_updates": frames.OrdersFrame,
    "ws_account_positions": frames.PositionsFrame,
    "ws_account_trades": frames.FillsFrame,
    "ws_bbo": frames.BboFrame,
    "ws_book": frames.BookFrame,
    "ws_prices": frames.PricesFrame,
    "ws_subscribe_ack": frames.OtherFrame,
    "ws_account_leverage": frames.OtherFrame,
    "ws_account_margin": frames.OtherFrame,
    "ws_account_orders": frames.OtherFrame,
    "ws_account_twap_orders": frames.OtherFrame,
    "ws_account_twap_order_updates": frames.OtherFrame,
    "ws_candle": frames.OtherFrame,
    "ws_mark_price_candle": frames.OtherFrame,
    "ws_trades": frames.OtherFrame,
}
REQUESTS = "the shape of a request: what we send is pinned in test_pacifica_operations"
SOCKET_ORDERS = "orders go by REST: one way in, one place that says what an answer means"
OUT_OF_SCOPE = {
    "rest_agent_list": "agents are bound by the owner in the venue's app",
    "rest_api_keys_create": "rate-limit keys are made by the owner in the venue's app",
    "rest_api_keys_list": "rate-limit keys are made by the owner in the venue's app",
    "rest_portfolio": "the ledger is built from fills and funding payments",
    "rest_subaccount_create_request": "sub-accounts are made by the owner in the venue's app",
    "rest_subaccount_list": "sub-accounts are made by the owner in the venue's app",
    "rest_subaccount_transfer": "nothing here moves money",
    "rest_subaccount_transfer_request": "nothing here moves money",
    "rest_trades": "other people's trades decide nothing",
    "rest_twap_history": "the desk uses no TWAP orders",
    "rest_twap_open": "the desk uses no TWAP orders",
    "rest_batch_request": REQUESTS,
    "rest_cancel_all_request": REQUESTS,
    "rest_cancel_request": REQUESTS,
    "rest_create_market_request": REQUESTS,
    "rest_edit_request": REQUESTS,
    "rest_leverage_request": REQUESTS,
    "rest_margin_request": REQUESTS,
    "rest_orders_create_request": REQUESTS,
    "rest_stop_create_request": REQUESTS,
    "rest_tpsl_request": REQUESTS,
    "ws_op_batch_orders": SOCKET_ORDERS,
    "ws_op_cancel_all_orders": SOCKET_ORDERS,
    "ws_op_cancel_order": SOCKET_ORDERS,
    "ws_op_create_market_order": SOCKET_ORDERS,
    "ws_op_create_order": SOCKET_ORDERS,
    "ws_op_edit_order": SOCKET_ORDERS,
    "signing_vectors": "read by test_pacifica_signing",
    "rest_errors": "read by test_recorded_refusals_have_names",
    "ws_op_error": "read by test_recorded_socket_texts_are_ours",
    "ws_ping_pong": "read by test_recorded_socket_texts_are_ours",
    "ws_subscribe_requests": "read by test_recorded_socket_texts_are_ours",
    "ws_unsubscribe": "read by test_recorded_socket_texts_are_ours",
}


def load(name: str) -> Any:
    """Return a recording."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def data_of(name: str) -> msgspec.Raw:
    """Return the payload inside a recorded REST answer, by way of our envelope."""
    envelope = wire.decode((FOLDER / f"{name}.json").read_bytes(), wire.Envelope, request=name)
    assert envelope.success
    return envelope.data


@needs_recordings
def test_every_recording_has_a_reader_or_a_reason() -> None:
    """A new recording fails this test until somebody reads it or says why not."""
    present = {path.stem for path in FOLDER.glob("*.json")}

    assert set() == present - READERS.keys() - FRAMES.keys() - OUT_OF_SCOPE.keys()


@needs_recordings
@pytest.mark.parametrize("name", READERS)
def test_recorded_answer_is_read(name: str) -> None:
    """Each recorded answer of an endpoint we use decodes to something."""
    assert READERS[name](data_of(name)) is not None


@needs_recordings
@pytest.mark.parametrize("name", FRAMES)
def test_recorded_frame_is_read(name: str) -> None:
    """Each recorded frame is read as what it is; channels we do not use pass by."""
    found = load(name)
    for text in found if isinstance(found, list) else [found]:
        frame = frames.parse(json.dumps(text))
        assert FRAMES[name] is type(frame)
        assert not isinstance(frame, frames.OtherFrame) or frame.error is None


@needs_recordings
def test_recorded_short_has_a_negative_size() -> None:
    """The venue's unsigned amount takes its sign from the side."""
    (row,) = accounts.positions(data_of("rest_positions_btc_short"))

    assert Decimal("-0.007") == row.size
    assert Decimal("102443.420678") == row.liquidation_price


@needs_recordings
def test_recorded_fill_closing_a_long_is_a_sale() -> None:
    """A trade's side comes from what it did to the position."""
    text = json.dumps(load("ws_account_trades")[1])
    frame = frames.parse(text)

    assert isinstance(frame, frames.FillsFrame)
    assert Side.SELL is frame.fills[0].side
    assert Decimal("0.012885") == frame.fills[0].fee_usd


@needs_recordings
def test_recorded_latest_event_tells_the_order() -> None:
    """Of an order's events the latest counts: this one was cancelled."""
    order = accounts.order_events(data_of("rest_orders_history_by_id"))

    assert order is not None
    assert OrderStatus.CANCELED is order.status


@needs_recordings
def test_recorded_spot_row_is_left_out() -> None:
    """A spot market among the perpetuals harms nobody."""
    assert ["ETH", "BTC"] == list(wire.market_rows(data_of("rest_info")))


@needs_recordings
def test_recorded_refusals_have_names() -> None:
    """Each recorded refusal gets a name that does not hang on the venue's numbering."""
    bodies = [row["body"] for row in load("rest_errors")]
    names = {
        body["error"]: refusal_code(body["error"], code=body["code"], error_id=body.get("error_id"))
        for body in bodies
    }

    known = {refusal.value for refusal in Refusal}
    unnamed = {text for text, name in names.items() if name not in known}
    assert {"Internal server error", "Invalid transfer relationship: A -> B"} == {
        text for text in unnamed if not text.startswith("Account already exists")
    }


@needs_recordings
def test_recorded_socket_texts_are_ours() -> None:
    """Pings and subscriptions are spelled as recorded; a refused message shows as an error."""
    wanted = load("ws_subscribe_requests")
    for params in (
        frames.market_params(frames.Channel.BOOK, "SOL"),
        frames.market_params(frames.Channel.BBO, "BTC"),
        frames.account_params(frames.Channel.TRADES, "42trU9A5..."),
    ):
        assert json.loads(frames.subscribe_text(params)) in wanted
    book = frames.market_params(frames.Channel.BOOK, "BTC")
    assert load("ws_unsubscribe")["request"] == json.loads(frames.unsubscribe_text(book))
    assert load("ws_ping_pong")["request"] == json.loads(frames.PING)
    refused = frames.parse(json.dumps(load("ws_op_error")))
    assert frames.OtherFrame("", "Failed to cancel order (code 420)") == refused
