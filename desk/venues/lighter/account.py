"""Lighter's answers about one account as our values: equity, positions, orders, fills, payments.

Pure: bytes or rows in, core values out, `BadMessage` for anything else. Shapes and units are those
of the official OpenAPI description (apidocs.lighter.xyz) unless a docstring says "recorded".
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from desk.core.account import Account, Leverage, MarginMode, Position
from desk.core.funding import FundingPayment
from desk.core.market import FeeRates
from desk.venues.lighter.decode import (
    bad,
    canonical,
    decode,
    is_perp,
    positive_or_none,
    readable,
    rows_of,
    to_ms,
)
from desk.venues.lighter.wire import FRACTION_UNIT, MarketDetails
from desk.venues.rows import Row

FEE_TICK = Decimal("0.000001")  # fees are integers in millionths of notional
_SIGN = {"long": 1, "short": -1}


class PositionRow(Row, frozen=True):
    """A market the account has ever touched; `position` is unsigned, `sign` +1 or -1."""

    market_id: int
    symbol: str
    sign: int
    position: Decimal
    avg_entry_price: Decimal
    initial_margin_fraction: Decimal
    liquidation_price: str = ""
    margin_mode: int = 0


class AccountRow(Row, frozen=True):
    """An account: amounts in USDC, `collateral` with realised profit, fees and funding.

    `positions` must be there: null is an empty list (recorded of others), its absence is not.
    """

    index: int
    collateral: Decimal
    available_balance: Decimal
    total_asset_value: Decimal
    positions: list[msgspec.Raw] | None
    l1_address: str = ""


class _Accounts(Row, frozen=True):
    accounts: list[msgspec.Raw] | None


def read_account_row(body: bytes, account_index: int) -> AccountRow:
    """Return the row of `account_index`; raises `BadMessage` when it is not in the answer."""
    raws = decode(body, _Accounts, "account").accounts
    for row in rows_of(raws, AccountRow, key="index", request="account"):
        if row.index == account_index:
            return row
    raise bad(f"account {account_index} is missing", "account", body)


def position_rows(row: AccountRow) -> list[PositionRow]:
    """Return the markets an account has touched, size zero included; raises `BadMessage`."""
    return rows_of(row.positions, PositionRow, key="market_id", request="account")


def account(row: AccountRow, *, asked_at_ms: int, at_ms: int) -> Account:
    """Return equity and open positions; rows of size zero are markets once touched."""
    with readable("account", row.available_balance.to_eng_string()):
        positions = tuple(
            _position(entry)
            for entry in position_rows(row)
            if entry.position != 0 and is_perp(entry.market_id)
        )
    return Account(
        equity_usd=row.total_asset_value,
        balance_usd=row.collateral,
        free_usd=row.available_balance,
        positions=positions,
        asked_at_ms=asked_at_ms,
        at_ms=at_ms,
    )


def _position(row: PositionRow) -> Position:
    if row.sign not in (1, -1) or row.position < 0:
        raise ValueError(f"sign {row.sign} of a position of {row.position}")
    return Position(
        symbol=canonical(row.symbol),
        size=row.sign * row.position,
        entry_price=row.avg_entry_price,
        liquidation_price=positive_or_none(row.liquidation_price),
        margin_mode=_margin_mode(row.margin_mode),
    )


def _margin_mode(number: int) -> MarginMode:
    return {0: MarginMode.CROSS, 1: MarginMode.ISOLATED}[number]


def leverage(row: AccountRow, market: MarketDetails) -> Leverage:
    """Return a market's leverage setting.

    `initial_margin_fraction` of a position row is a percent text ("5.00" is 20 times). A market
    the account never touched has no row, and the market's own default in force.
    """
    symbol = canonical(market.symbol)
    with readable("account", repr(row.index)):
        for entry in position_rows(row):
            if entry.market_id == market.market_id:
                value = 100 / entry.initial_margin_fraction
                return Leverage(symbol, value, _margin_mode(entry.margin_mode))
        default = market.default_initial_margin_fraction * FRACTION_UNIT
        return Leverage(symbol, 1 / default, MarginMode.CROSS)


class _Limits(Row, frozen=True):
    current_maker_fee_tick: int
    current_taker_fee_tick: int


def read_fees(body: bytes) -> FeeRates:
    """Return the account's fees from `accountLimits`: ticks of a millionth of notional."""
    row = decode(body, _Limits, "accountLimits")
    return FeeRates(
        maker=row.current_maker_fee_tick * FEE_TICK, taker=row.current_taker_fee_tick * FEE_TICK
    )


class _Payment(Row, frozen=True):
    timestamp: int
    market_id: int
    funding_id: int
    change: Decimal
    position_size: Decimal
    position_side: str


class _Payments(Row, frozen=True):
    position_fundings: list[msgspec.Raw] | None
    next_cursor: str | None = None


def read_funding_payments(
    body: bytes, symbols: Mapping[int, str]
) -> tuple[list[FundingPayment], str | None]:
    """Return one page of `positionFunding` as it comes, and the cursor of the next page.

    `change` is the account's view: negative was paid. The scale of `rate` is not documented, so
    it is left out rather than guessed. A market without a name of ours is a `BadMessage`.
    """
    request = "positionFunding"
    page = decode(body, _Payments, request)
    payments = rows_of(page.position_fundings, _Payment, key="market_id", request=request)
    with readable(request, body):
        rows = [
            FundingPayment(
                symbol=symbols[row.market_id],
                payment_id=f"{row.market_id}:{row.funding_id}",
                usd=row.change,
                at_ms=to_ms(row.timestamp),
                position_size=_SIGN[row.position_side] * abs(row.position_size),
            )
            for row in payments
            if is_perp(row.market_id)
        ]
    return rows, page.next_cursor or None


class _Key(Row, frozen=True):
    api_key_index: int
    public_key: str


class _Keys(Row, frozen=True):
    api_keys: list[msgspec.Raw] | None


def read_public_keys(body: bytes) -> dict[int, str]:
    """Return the registered public keys by API key index: 80 hex digits without 0x."""
    raws = decode(body, _Keys, "apikeys").api_keys
    rows = rows_of(raws, _Key, key="api_key_index", request="apikeys")
    return {row.api_key_index: row.public_key.lower().removeprefix("0x") for row in rows}
