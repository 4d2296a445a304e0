"""What was recorded from Lighter decodes; skipped where the recordings are not kept."""

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from desk.core.funding import HourlyRate
from desk.venues.lighter import account as lighter_account
from desk.venues.lighter import orders as lighter_orders
from desk.venues.lighter import tx as lighter_tx
from desk.venues.lighter import wire as lighter_wire
from desk.venues.lighter.books import StreamedBook
from desk.venues.lighter.frames import (
    BookFrame,
    OrdersFrame,
    Ping,
    Problem,
    Shutdown,
    StatsFrame,
    TradesFrame,
    TxFrame,
    UserStats,
    read_frame,
    stats,
)
from test.venues.lighter_payloads import recorded_frames, shared

D = Decimal
SYMBOLS = {0: "ETH", 1: "BTC"}
OURS = 1234


def account_of(index: int) -> Callable[[bytes], Any]:
    """Return a reader of that account."""

    def read(raw: bytes) -> Any:
        row = lighter_account.read_account_row(raw, index)
        return lighter_account.account(row, asked_at_ms=0, at_ms=0)

    return read


READ: dict[str, Callable[[bytes], Any]] = {
    "rest_accountActiveOrders.json": lambda raw: lighter_orders.read_orders(raw, SYMBOLS),
    "rest_accountLimits.json": lighter_account.read_fees,
    "rest_account_empty.json": account_of(123456),
    "rest_account_with_position.json": account_of(OURS),
    "rest_apikeys.json": lighter_account.read_public_keys,
    "rest_candles.json": lambda raw: lighter_wire.read_candles(raw, "ETH"),
    "rest_candles_null.json": lambda raw: lighter_wire.read_candles(raw, "ETH"),
    "rest_error_400.json": lambda raw: lighter_wire.read_verdict(raw, "any"),
    "rest_error_429.json": lambda raw: lighter_wire.read_verdict(raw, "any"),
    "rest_fundingRates.json": lighter_wire.read_funding_rates,
    "rest_fundings.json": lambda raw: lighter_wire.read_funding_history(raw, "ETH"),
    "rest_nextNonce.json": lighter_tx.read_next_nonce,
    "rest_orderBookDetails.json": lighter_wire.read_market_details,
    "rest_positionFunding.json": lambda raw: lighter_account.read_funding_payments(raw, SYMBOLS),
    "rest_recentTrades.json": lambda raw: lighter_orders.read_fills(raw, SYMBOLS, OURS),
    "rest_recentTrades_null.json": lambda raw: lighter_orders.read_fills(raw, SYMBOLS, OURS),
    "rest_sendTxBatch_ok.json": lighter_tx.read_send_reply,
    "rest_sendTx_ok.json": lighter_tx.read_send_reply,
    "rest_tx.json": lighter_orders.read_tx,
}
FRAMES = {
    "ws_account_all_orders_update.json": OrdersFrame,
    "ws_account_all_trades_update.json": TradesFrame,
    "ws_account_orders_update.json": OrdersFrame,
    "ws_account_tx_update.json": TxFrame,
    "ws_market_stats_docs_example.json": StatsFrame,
    "ws_market_stats_subscribed.json": StatsFrame,
    "ws_market_stats_update_all_shape.json": StatsFrame,
    "ws_order_book_subscribed.json": BookFrame,
    "ws_order_book_subscribed_empty.json": BookFrame,
    "ws_order_book_update.json": BookFrame,
    "ws_ping_from_server.json": Ping,
    "ws_shutdown.json": Shutdown,
    "ws_trade_subscribed.json": TradesFrame,
    "ws_trade_update.json": TradesFrame,
    "ws_user_stats_subscribed.json": UserStats,
    "ws_user_stats_with_position.json": UserStats,
}
NOT_SUBSCRIBED = "a channel we do not subscribe to: its frames are ignored"
SIGNING = "signing: pinned by the signer's own tests"
OUT_OF_SCOPE = {
    "README.md": "no payload",
    "client_request_log.txt": "requests of other clients",
    "error_codes.json": "the venue's list of codes: we act on three of them",
    "rest_accountsByL1Address.json": "the account index is configured, not looked up",
    "rest_assetDetails.json": "one collateral, no spot",
    "rest_exchangeStats.json": "orderBookDetails has the same and more",
    "rest_info.json": "contract address, not needed",
    "rest_orderBookOrders.json": "books come by stream",
    "rest_orderBooks.json": "orderBookDetails has the same and more",
    "rest_pnl.json": "profit is booked from our own fills and payments",
    "rest_root_status.json": "clock difference comes from the Date header",
    "tx_info_examples.json": SIGNING,
    "ws_account_all_assets_subscribed.json": NOT_SUBSCRIBED,
    "ws_account_all_assets_with_position.json": NOT_SUBSCRIBED,
    "ws_account_all_positions_update.json": NOT_SUBSCRIBED,
    "ws_account_all_update.json": NOT_SUBSCRIBED,
    "ws_account_market_update.json": NOT_SUBSCRIBED,
    "ws_candle_subscribed.json": NOT_SUBSCRIBED,
    "ws_candle_update.json": NOT_SUBSCRIBED,
    "ws_client_frames.json": "what clients send",
    "ws_connected.json": "a greeting",
    "ws_error_forms.json": "three forms in one file: read one by one below",
    "ws_height_update.json": NOT_SUBSCRIBED,
    "ws_notification_update.json": NOT_SUBSCRIBED,
    "ws_pong.json": "an answer to our own ping, which is a protocol ping",
    "ws_pool_info_shape.json": NOT_SUBSCRIBED,
    "ws_sendtx_ack.json": "we send by request",
    "ws_spot_market_stats_subscribed.json": NOT_SUBSCRIBED,
    "ws_spot_market_stats_update_all.json": NOT_SUBSCRIBED,
    "ws_ticker_subscribed.json": NOT_SUBSCRIBED,
    "ws_ticker_subscribed_empty.json": NOT_SUBSCRIBED,
    "ws_ticker_update.json": NOT_SUBSCRIBED,
    "ws_unsubscribed.json": "confirms what we asked for",
}


def test_every_payload_is_read_or_out_of_scope_with_a_reason() -> None:
    """No file of the collection is forgotten."""
    names = {path.name for path in shared("payloads/lighter").iterdir()}
    known = READ.keys() | FRAMES.keys() | OUT_OF_SCOPE.keys()

    assert set() == {name for name in names - known if not name.startswith("signing_")}


@pytest.mark.parametrize("name", sorted(READ))
def test_a_collected_answer_decodes(name: str) -> None:
    """Every answer we use reads as it was collected."""
    READ[name]((shared("payloads/lighter") / name).read_bytes())


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_a_collected_frame_decodes(name: str) -> None:
    """Every frame we use reads as it was collected."""
    text = (shared("payloads/lighter") / name).read_text("utf-8")

    assert FRAMES[name] is type(read_frame(text))


def test_frames_we_do_not_use_say_nothing() -> None:
    """A channel nobody asked for is no frame and no error."""
    folder = shared("payloads/lighter")
    ignored = [name for name, why in OUT_OF_SCOPE.items() if why is NOT_SUBSCRIBED]

    assert {None} == {read_frame((folder / name).read_text("utf-8")) for name in ignored}


def test_the_streams_errors_are_read_in_both_forms() -> None:
    """With and without an error object; a reply to a sent transaction is none of ours."""
    text = (shared("payloads/lighter") / "ws_error_forms.json").read_text("utf-8")
    first, second, third = (read_frame(json.dumps(frame)) for frame in json.loads(text))

    assert (Problem(30005, "Invalid Channel"), 30003, None) == (
        first,
        second.code if isinstance(second, Problem) else None,
        third,
    )


def test_recorded_books_never_cross_and_have_no_gap() -> None:
    """3,759 frames of two markets rebuild into standing books."""
    books = {0: StreamedBook(), 1: StreamedBook()}
    count = 0
    for text in recorded_frames("lighter_ws_order_book_2markets_20251009_41s.jsonl.gz"):
        frame = read_frame(text)
        assert isinstance(frame, BookFrame)
        assert books[frame.market_id].apply(frame)
        book = books[frame.market_id].book
        assert book is not None
        assert not book.is_crossed
        count += 1

    assert 3_759 == count


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lighter_ws_trades_20251009_41s.jsonl.gz", {"TradesFrame": 335}),
        ("lighter_ws_market_stats_20251009_41s.jsonl.gz", {"StatsFrame": 569}),
        (
            "lighter_ws_market_stats_height_20251101.jsonl.gz",
            {"StatsFrame": 1_473, "NoneType": 653},
        ),
    ],
)
def test_recorded_frames_decode(name: str, expected: dict[str, int]) -> None:
    """Trades, statistics and heights of recorded sessions all read."""
    kinds = Counter(type(read_frame(text)).__name__ for text in recorded_frames(name))

    assert expected == dict(kinds)


def test_the_recorded_first_frame_of_all_statistics_decodes() -> None:
    """101 markets, of which one has no prices and therefore no statistics."""
    path = shared("data/snapshots") / "lighter_ws_subscribed_market_stats_all_20251101.json"
    frame = read_frame(path.read_text("utf-8"))
    assert isinstance(frame, StatsFrame)
    seen = [stats(row, str(row.market_id), at_ms=0) for row in frame.rows]

    assert (101, 1) == (len(seen), seen.count(None))


def test_the_recorded_funding_rates_decode() -> None:
    """Of 317 rows 83 are Lighter's own, each a whole number of its steps of 1e-6 an hour."""
    path = shared("data/snapshots") / "lighter_rest_funding_rates_20250919.json"
    rates = lighter_wire.read_funding_rates(path.read_bytes())

    assert 83 == len(rates)
    assert {D(0)} == {rate.fraction % D("1e-6") for rate in rates.values()}


def test_a_collected_funding_value_proves_the_unit() -> None:
    """Value over rate is the index price only when the rate is a percent per hour."""
    raw = (shared("payloads/lighter") / "rest_fundings.json").read_bytes()
    row = json.loads(raw)["fundings"][0]
    rate = lighter_wire.read_funding_history(raw, "ETH")[0].rate

    assert HourlyRate(D("0.000012")) == rate
    assert D(2257) == (D(row["value"]) / rate.fraction).to_integral_value()  # ETH that day
