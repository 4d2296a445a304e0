"""Settings: leverage, margin mode, isolated margin, and the scheduled cancel-all.

Each function takes a request or raises `Refusal`; all act at once.
"""

from decimal import Decimal
from functools import partial

from desk.core.account import MarginMode
from desk.sim.exchange import changes, clearing, margin
from desk.sim.exchange.accounts import Account, Setting
from desk.sim.exchange.events import SettingChanged
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.rules import DAY_MS
from desk.sim.exchange.words import Refusal, RefusalReason

CANCEL_ALL_MS_MIN = 5 * 60_000
CANCEL_ALL_MS_MAX = 15 * DAY_MS


def set_leverage(
    floor: Floor,
    account_id: int,
    symbol: str,
    *,
    fraction: Decimal,
    margin_mode: MarginMode | None,
    tag: str | None,
) -> None:
    """Set the initial margin fraction of an account in a market, and on request the margin mode.

    Pacifica lets leverage only rise while a position is open; Lighter lets it fall as long as the
    account can carry it.
    """
    account, market = floor.account(account_id), floor.market(symbol)
    setting = floor.setting(account, symbol)
    if not market.spec.initial_min <= fraction <= 1:
        raise Refusal(RefusalReason.INVALID_LEVERAGE, f"fraction {fraction}", str(fraction))
    if margin_mode is not None and margin_mode is not setting.margin_mode:
        _check_mode(account, market, margin_mode)
    held = account.size_of(symbol)
    if held and fraction > setting.initial_margin_fraction:
        if floor.rules.leverage_only_up:
            leverage = str((1 / fraction).to_integral_value())
            reason = RefusalReason.LEVERAGE_LOWERED_WITH_POSITION
            raise Refusal(reason, "cannot decrease leverage with a position", leverage)
        _check_affordable(floor, account, market, setting=setting, fraction=fraction)
    setting.initial_margin_fraction = fraction
    if margin_mode is not None:
        setting.margin_mode = margin_mode
    _told(floor, account, symbol, setting, tag=tag)


def set_margin_mode(
    floor: Floor, account_id: int, symbol: str, margin_mode: MarginMode, *, tag: str | None
) -> None:
    """Set cross or isolated while nothing is open in the market."""
    account, market = floor.account(account_id), floor.market(symbol)
    setting = floor.setting(account, symbol)
    if margin_mode is not setting.margin_mode:
        _check_mode(account, market, margin_mode)
    setting.margin_mode = margin_mode
    _told(floor, account, symbol, setting, tag=tag)


def move_isolated_margin(
    floor: Floor, account_id: int, symbol: str, amount: Decimal, *, tag: str | None
) -> None:
    """Move USD into an isolated position's margin, or out of it (Lighter only)."""
    account, _ = floor.account(account_id), floor.market(symbol)
    if not account.size_of(symbol):
        raise Refusal(RefusalReason.POSITION_NOT_FOUND, "PositionNotFound")
    if margin.is_cross(floor, account, symbol):
        raise Refusal(RefusalReason.INVALID_MARGIN_MODE, "position is not isolated")
    if not amount or (amount < 0 and not floor.rules.is_lighter):
        raise Refusal(RefusalReason.INVALID_MARGIN_AMOUNT, f"amount {amount}")
    holding = account.holdings[symbol]
    pools = margin.pools(floor, account)
    own = next(pool for pool in pools if holding in pool.holdings)
    spare = own.equity - margin.tied_up(floor, account, own)
    free = margin.free_usd(floor, account, margin.counted(account, in_progress=False), pools[0])
    if amount > free or -amount > min(spare, holding.margin):
        raise Refusal(RefusalReason.NOT_ENOUGH_MARGIN, f"cannot move {amount} USD", str(amount))
    holding.margin += amount
    floor.done(account_id, tag)
    clearing.tell_position(floor, account, symbol)
    floor.account_changed(account)


def schedule_cancel_all(
    floor: Floor, account_id: int, at_ms: int | None, *, tag: str | None
) -> None:
    """Cancel everything at an instant, or abort that plan (Lighter)."""
    account = floor.account(account_id)
    if not floor.rules.is_lighter:
        raise Refusal(RefusalReason.UNSUPPORTED, "no scheduled cancel-all here")
    if at_ms is not None:
        if account.cancel_all_at_ms is not None:
            raise Refusal(RefusalReason.CANCEL_ALL_ALREADY_SCHEDULED, "already scheduled")
        if not CANCEL_ALL_MS_MIN <= at_ms - floor.now_ms <= CANCEL_ALL_MS_MAX:
            raise Refusal(RefusalReason.INVALID_CANCEL_ALL_TIME, f"{at_ms - floor.now_ms} ms ahead")
        floor.schedule.put(at_ms, partial(_cancel_as_planned, floor, account, at_ms))
    account.cancel_all_at_ms = at_ms
    floor.done(account_id, tag)
    floor.account_changed(account)


def _cancel_as_planned(floor: Floor, account: Account, at_ms: int) -> None:
    if account.cancel_all_at_ms == at_ms:
        account.cancel_all_at_ms = None
        changes.cancel_everything(floor, account, None)


def _check_mode(account: Account, market: Market, margin_mode: MarginMode) -> None:
    """Refuse another margin mode while a position or an order is open, or where only isolated
    is offered."""
    if market.spec.isolated_only and margin_mode is MarginMode.CROSS:
        raise Refusal(RefusalReason.INVALID_MARGIN_MODE, "market is isolated only")
    has_order = any(order.new.symbol == market.symbol for order in account.live.values())
    if account.size_of(market.symbol) or has_order:
        raise Refusal(
            RefusalReason.MARGIN_MODE_LOCKED,
            "margin mode is locked by a position or an order",
            str(margin_mode is MarginMode.ISOLATED).lower(),
        )


def _check_affordable(
    floor: Floor, account: Account, market: Market, *, setting: Setting, fraction: Decimal
) -> None:
    """Refuse a higher fraction whose initial margin the account does not have."""
    holding = account.holdings[market.symbol]
    pool = next(pool for pool in margin.pools(floor, account) if holding in pool.holdings)
    added = fraction - setting.initial_margin_fraction
    if pool.equity - margin.tied_up(floor, account, pool) < added * abs(holding.size) * market.mark:
        raise Refusal(RefusalReason.NOT_ENOUGH_MARGIN, "not enough margin at that leverage")


def _told(
    floor: Floor, account: Account, symbol: str, setting: Setting, *, tag: str | None
) -> None:
    setting.is_default = False
    setting.updated_at_ms = floor.now_ms
    floor.done(account.account_id, tag)
    floor.emit(SettingChanged(account.account_id, symbol))
    floor.account_changed(account)
