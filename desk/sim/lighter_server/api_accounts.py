"""The GET endpoints about accounts, keys and transactions.

Each method answers one endpoint with its whole body. Which of them ask for a token is told by the
venue's REST reference: `account`, `apikeys`, `nextNonce` and `tx` are public.
"""

from collections.abc import Sequence
from decimal import Decimal

from desk.sim.exchange import CashKind, CashRow, FundingPaid, OrderView
from desk.sim.lighter_server import accounts, codes
from desk.sim.lighter_server.api_markets import PAGE_MAX, RESOLUTIONS_MS, Answer
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.keyring import ApiKey
from desk.sim.lighter_server.ledger import Ledger, TxRecord, enriched_tx, tx_row
from desk.sim.lighter_server.markets import Row
from desk.sim.lighter_server.numbers import instant_ms, json_number
from desk.sim.lighter_server.query import Query, page
from desk.sim.lighter_server.reader import HISTORY_MAX, Reader
from desk.venues.lighter.crypto.transactions import NIL_MARKET

ALL_KEYS = 255
PNL_ROWS_MAX = 1_000
_CASH_IN = (CashKind.DEPOSIT, CashKind.WITHDRAW)


class AccountsApi:
    """Answer questions about accounts of one exchange."""

    def __init__(self, reader: Reader, ledger: Ledger) -> None:
        """Answer from `reader`, and about transactions from `ledger`."""
        self._reader = reader
        self._exchange = reader.exchange
        self._keyring = reader.keyring
        self._ledger = ledger
        self.answers: dict[str, Answer] = {
            "account": self.account,
            "accountsByL1Address": self.accounts_by_l1_address,
            "accountLimits": self.account_limits,
            "accountActiveOrders": self.account_active_orders,
            "accountInactiveOrders": self.account_inactive_orders,
            "positionFunding": self.position_funding,
            "pnl": self.pnl,
            "deposit/history": self.deposits,
            "withdraw/history": self.withdrawals,
            "transfer/history": self.transfers,
            "apikeys": self.apikeys,
            "nextNonce": self.next_nonce,
            "tx": self.tx,
            "txs": self.txs,
            "accountTxs": self.account_txs,
        }

    def account(self, query: Query) -> Row:
        """Answer `account`: the whole account, for anybody who asks."""
        ids = self._account_ids(query)
        only_open = query.flag("active_only")
        found = [self._reader.account_row(index, only_open=only_open) for index in ids]
        return {"code": codes.OK, "total": len(found), "accounts": found}

    def _account_ids(self, query: Query) -> list[int]:
        by = query.one_of("by", ("index", "l1_address"))
        if by == "index":
            return [query.integer("value")]
        return self._of_address(query.text("value"))

    def _of_address(self, l1_address: str) -> list[int]:
        ids = self._keyring.accounts_of(l1_address)
        if not ids:
            raise LighterRefusal(codes.ACCOUNT_NOT_FOUND)
        return ids

    def accounts_by_l1_address(self, query: Query) -> Row:
        """Answer `accountsByL1Address`: the first row is the main account."""
        l1_address = query.text("l1_address")
        ids = self._of_address(l1_address)
        printed = [
            accounts.account_head(
                self._reader.account(index), l1_address, account_type=int(number > 0)
            )
            for number, index in enumerate(ids)
        ]
        return {"code": codes.OK, "l1_address": l1_address, "sub_accounts": printed}

    def account_limits(self, query: Query) -> Row:
        """Answer `accountLimits`: the tier and the fees really paid."""
        view = self._reader.account(self._authorized(query))
        return accounts.limits_row(view, self._exchange.rules.tiers[view.fee_level].name)

    def account_active_orders(self, query: Query) -> Row:
        """Answer `accountActiveOrders`: open orders and waiting triggers."""
        account = self._authorized(query)
        symbols = self._symbols(query)
        orders = [row for row in self._exchange.orders(account) if row.symbol in symbols]
        return {"code": codes.OK, "orders": [self._reader.order(order) for order in orders]}

    def account_inactive_orders(self, query: Query) -> Row:
        """Answer `accountInactiveOrders`: finished orders, newest first, in pages."""
        account = self._authorized(query)
        limit = query.within("limit", 1, PAGE_MAX)
        symbols = self._symbols(query)
        start_ms, end_ms = _between(query.text("between_timestamps", ""))
        history = [
            order
            for order in self._exchange.order_history(account, limit=HISTORY_MAX)
            if order.symbol in symbols and start_ms <= order.updated_at_ms <= end_ms
        ]
        cursor = query.text("cursor", "")
        shown, following = page(history, limit=limit, cursor=cursor, key=_order_key)
        body: Row = {"code": codes.OK, "orders": [self._reader.order(order) for order in shown]}
        return {**body, "next_cursor": following} if following else body

    def position_funding(self, query: Query) -> Row:
        """Answer `positionFunding`: payments newest first, in pages; negative was paid."""
        account = self._authorized(query)
        limit = query.within("limit", 1, PAGE_MAX)
        side = query.one_of("side", ("long", "short", "all"), "all")
        symbols = self._symbols(query)
        start_ms = instant_ms(query.integer("start_timestamp", 0))
        end_ms = instant_ms(query.integer("end_timestamp", query.now_ms))
        paid = [
            row
            for row in self._exchange.funding_payments(account, limit=HISTORY_MAX)
            if row.symbol in symbols
            and start_ms <= row.at_ms <= end_ms
            and side in ("all", "long" if row.size > 0 else "short")
        ]
        cursor = query.text("cursor", "")
        shown, following = page(paid, limit=limit, cursor=cursor, key=_payment_key)
        markets = self._reader.by_symbol
        printed = [accounts.payment_row(markets[row.symbol], row) for row in shown]
        return {"code": codes.OK, "position_fundings": printed, "next_cursor": following}

    def pnl(self, query: Query) -> Row:
        """Answer `pnl`: profit since the beginning at the end of each period, oldest first."""
        [account] = self._account_ids(query)[:1]
        view = self._reader.account(account)
        resolution = query.text("resolution")
        if resolution not in RESOLUTIONS_MS:
            raise LighterRefusal(codes.INVALID_RESOLUTION)
        start_ms, end_ms = query.span_ms()
        cash = self._exchange.balance_history(account, limit=HISTORY_MAX)
        periods = _periods(query, start_ms, min(end_ms, query.now_ms), RESOLUTIONS_MS[resolution])
        printed = [_pnl(cash, begin_ms, end_ms) for begin_ms, end_ms in periods]
        if printed and end_ms >= query.now_ms:
            printed[-1]["trade_pnl"] += json_number(view.equity - view.balance)
        return {"code": codes.OK, "resolution": resolution, "pnl": printed}

    def deposits(self, query: Query) -> Row:
        """Answer `deposit/history`: newest first, in pages; the owner's address is required."""
        query.text("l1_address")
        shown, following = self._moved(query, CashKind.DEPOSIT)
        printed = [accounts.moved_row(row, status="completed") for row in shown]
        return {"code": codes.OK, "deposits": printed, "cursor": following}

    def withdrawals(self, query: Query) -> Row:
        """Answer `withdraw/history`: newest first, in pages."""
        shown, following = self._moved(query, CashKind.WITHDRAW)
        printed = [
            {**accounts.moved_row(row, status="claimable"), "type": "secure"} for row in shown
        ]
        return {"code": codes.OK, "withdraws": printed, "cursor": following}

    def transfers(self, query: Query) -> Row:
        """Answer `transfer/history`: the embedded venue moves nothing between accounts."""
        self._authorized(query)
        return {"code": codes.OK, "transfers": [], "cursor": ""}

    def _moved(self, query: Query, kind: CashKind) -> tuple[Sequence[CashRow], str]:
        """Return a page of what moved in or out, and the next cursor."""
        cash = self._exchange.balance_history(self._authorized(query), limit=HISTORY_MAX)
        moved = [row for row in cash if row.kind is kind]
        cursor = query.text("cursor", "")
        return page(moved, limit=PAGE_MAX, cursor=cursor, key=lambda row: str(row.row_id))

    def apikeys(self, query: Query) -> Row:
        """Answer `apikeys`: public keys without 0x; 21109 for one that is not registered."""
        account = query.integer("account_index")
        index = query.integer("api_key_index", ALL_KEYS)
        if index == ALL_KEYS:
            self._keyring.l1_address(account)
            keys = self._keyring.keys_of(account)
        else:
            keys = [self._keyring.key(account, index)]
        return {"code": codes.OK, "api_keys": [_key_row(key) for key in keys]}

    def next_nonce(self, query: Query) -> Row:
        """Answer `nextNonce`."""
        account, index = query.integer("account_index"), query.integer("api_key_index")
        return {"code": codes.OK, "nonce": self._keyring.next_nonce(account, index)}

    def tx(self, query: Query) -> Row:
        """Answer `tx`: one transaction by hash or place; 21500 while nobody knows it."""
        by = query.one_of("by", ("hash", "sequence_index"))
        if by == "hash":
            record = self._ledger.get(query.text("value").removeprefix("0x").lower())
        else:
            record = self._ledger.at(query.integer("value"))
        if record is None:
            raise LighterRefusal(codes.TX_NOT_FOUND)
        return enriched_tx(record, self._address(record))

    def txs(self, query: Query) -> Row:
        """Answer `txs`: transactions from a place on."""
        index = query.integer("index", 0)
        limit = query.within("limit", 1, PAGE_MAX)
        records = self._ledger.newest()[index : index + limit]
        return {"code": codes.OK, "txs": [self._tx_row(record) for record in records]}

    def account_txs(self, query: Query) -> Row:
        """Answer `accountTxs`: one account's transactions, newest first."""
        query.one_of("by", ("account_index",))
        account = query.integer("value")
        query.require_token(self._keyring, account)
        limit = query.within("limit", 1, PAGE_MAX)
        records = self._ledger.newest(account_index=account)[:limit]
        return {"code": codes.OK, "txs": [self._tx_row(record) for record in records]}

    def _tx_row(self, record: TxRecord) -> Row:
        return tx_row(record, self._address(record))

    def _address(self, record: TxRecord) -> str:
        return self._keyring.l1_address(record.transaction.account_index)

    def _authorized(self, query: Query) -> int:
        """Return `account_index` of a request that carries its token."""
        account = query.integer("account_index")
        query.require_token(self._keyring, account)
        return account

    def _symbols(self, query: Query) -> frozenset[str]:
        market_id = query.integer("market_id", NIL_MARKET)
        return frozenset(market.symbol for market in self._reader.chosen(market_id))


def _between(text: str) -> tuple[int, int]:
    """Return the ms range of `between_timestamps` ("start-end", seconds); empty is everything."""
    if not text:
        return 0, 1 << 62
    start, _, end = text.partition("-")
    if not start.isdecimal() or not end.isdecimal():
        raise LighterRefusal(codes.INVALID_PARAM, "between_timestamps")
    return instant_ms(int(start)), instant_ms(int(end))


def _order_key(order: OrderView) -> str:
    # Ids repeat across markets, so the symbol is part of the place.
    return f"{order.symbol}-{order.order_id}"


def _payment_key(payment: FundingPaid) -> str:
    return str(payment.payment_id)


def _key_row(key: ApiKey) -> Row:
    return {
        "account_index": key.account_index,
        "api_key_index": key.index,
        "nonce": key.next_nonce,
        "public_key": key.public_key,
        "transaction_time": key.transaction_time_us,
    }


def _periods(query: Query, start_ms: int, end_ms: int, step_ms: int) -> list[tuple[int, int]]:
    """Return the newest `count_back` whole periods that begin in [start, end), oldest first."""
    count = min(query.integer("count_back") or PNL_ROWS_MAX, PNL_ROWS_MAX)
    newest = max(0, end_ms - 1) // step_ms
    oldest = max(start_ms // step_ms, newest - count + 1)
    return [(number * step_ms, (number + 1) * step_ms) for number in range(oldest, newest + 1)]


def _pnl(cash: Sequence[CashRow], start_ms: int, end_ms: int) -> Row:
    """Return one row of `pnl` for [start, end)."""
    past = [row for row in cash if row.at_ms < end_ms]
    deposits = sum((row.amount for row in past if row.kind in _CASH_IN), Decimal(0))
    earned = sum((row.amount for row in past if row.kind not in _CASH_IN), Decimal(0))
    return accounts.pnl_row(start_ms, earned, deposits, Decimal(0))
