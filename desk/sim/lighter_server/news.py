"""What happened to one account between two looks, and the frame it makes on each private stream.

Pure composition: the hub decides when, this decides what.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from desk.sim.exchange import Fill, FillCause, OrderView, Trade
from desk.sim.lighter_server.channels import Snapshots, Topic
from desk.sim.lighter_server.ledger import TxRecord, tx_row
from desk.sim.lighter_server.markets import Row
from desk.sim.lighter_server.numbers import usd
from desk.sim.lighter_server.reader import Reader

MS_PER_S = 1000


@dataclass(slots=True)
class AccountNews:
    """An account's changes: each order as it stands last, every trade and outcome, fills by the
    venue's hand, and whether cash, positions or settings changed."""

    orders: dict[tuple[str, int], OrderView] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    txs: list[TxRecord] = field(default_factory=list)
    forced: list[Fill] = field(default_factory=list)
    has_changed: bool = False


def private_frame(
    topic: Topic, news: AccountNews, reader: Reader, *, snapshots: Snapshots, now_ms: int
) -> Row | None:
    """Return the body of an update of `topic`, None when the news do not concern it."""
    account = topic.account
    if account is None:
        return None
    if topic.market is not None:
        return _of_market(topic, news, reader, account)
    if topic.family == "account_all_orders":
        return {"orders": reader.orders_by_market(news.orders.values())} if news.orders else None
    if topic.family == "account_all_trades":
        return {"trades": reader.trades_by_market(news.trades)} if news.trades else None
    if topic.family == "account_tx":
        address = reader.keyring.l1_address(account)
        return {"txs": [tx_row(record, address) for record in news.txs]} if news.txs else None
    if topic.family == "notification":
        notices = [_notice(reader, fill) for fill in news.forced]
        return {"notifs": notices} if notices else None
    return _of_state(topic, news, reader, snapshots=snapshots, now_ms=now_ms)


def _of_state(
    topic: Topic, news: AccountNews, reader: Reader, *, snapshots: Snapshots, now_ms: int
) -> Row | None:
    """Return the body of a stream that tells how things stand, not what happened."""
    account = topic.account
    if account is None or not (news.has_changed or news.trades or news.orders):
        return None
    if topic.family == "account_all":
        return snapshots.account_all(account, now_ms)
    if topic.family == "account_all_positions":
        return _positions(snapshots.all_positions(account, now_ms), news, reader)
    if topic.family == "account_all_assets":
        return snapshots.all_assets(account, now_ms)
    if topic.family == "user_stats":
        return snapshots.user_stats(account, now_ms)
    return None


def _positions(body: Row, news: AccountNews, reader: Reader) -> Row:
    """Return every position, or with the other reading those that changed."""
    if reader.switches.positions_in_full:
        return body
    symbols = {trade.symbol for trade in news.trades} | {symbol for symbol, _ in news.orders}
    changed = {str(reader.by_symbol[symbol].market_id) for symbol in symbols}
    kept = {key: row for key, row in body["positions"].items() if not changed or key in changed}
    return {**body, "positions": kept}


def _of_market(topic: Topic, news: AccountNews, reader: Reader, account: int) -> Row | None:
    market = topic.market
    if market is None:
        return None
    orders = [row for row in news.orders.values() if row.symbol == market.symbol]
    trades = [row for row in news.trades if row.symbol == market.symbol]
    if topic.family == "account_orders":
        nonce = reader.exchange.book_nonce(market.symbol)
        by_market = reader.orders_by_market(orders)
        return {"account": account, "nonce": nonce, "orders": by_market} if orders else None
    if not (orders or trades or news.has_changed):
        return None
    return {
        "account": account,
        "funding_history": None,
        "orders": [reader.order(order) for order in orders],
        "position": reader.position(reader.account(account), market),
        "trades": [reader.trade(trade) for trade in trades],
    }


def _notice(reader: Reader, fill: Fill) -> Row:
    """Return a notification of a position closed by the venue's hand."""
    market = reader.by_symbol[fill.symbol]
    kind = "deleverage" if fill.cause is FillCause.DELEVERAGE else "liquidation"
    notice_id = f"notif_{fill.fill_id}"
    content: dict[str, Any] = {
        "id": notice_id,
        "usdc_amount": usd(fill.size * fill.price),
        "size": market.size(fill.size),
        "market_index": market.market_id,
        "timestamp": fill.at_ms // MS_PER_S,
    }
    if kind == "deleverage":
        content["settlement_price"] = market.price(fill.price)
    else:
        content["price"] = content["avg_price"] = market.price(fill.price)
        content["is_ask"] = fill.side.sign < 0
    return {
        "id": notice_id,
        "created_at": _iso(fill.at_ms),
        "updated_at": _iso(fill.at_ms),
        "kind": kind,
        "account_index": fill.account_id,
        "content": content,
        "ack": False,
        "acked_at": None,
    }


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / MS_PER_S, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
