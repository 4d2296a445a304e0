"""What befalls an account from outside: liquidations, deleveraging, the owner's own hand.

The faults of a plan that are done to an account rather than to a request; carried out at once, on
the exchange itself, so that both wire servers tell of them as of anything else.
"""

from decimal import Decimal, InvalidOperation

from desk.core.order import Side
from desk.sim.exchange import Exchange, Fill, FillCause, NewOrder, TimeInForce
from desk.sim.faults import Fault, FaultKind

NONCE_KINDS = (FaultKind.NONCE_GAP, FaultKind.NONCE_STRANGER)
OWNER_BAND = Decimal("0.03")
"""How far from mark the owner's hand reaches: a hurried click, inside both venues' collars."""


def befall(exchange: Exchange, fault: Fault) -> None:
    """Carry out a fault that is done to an account; others are left to the servers.

    `match` is the symbol; for `owner_trades` it is "SYMBOL buy|sell SIZE". Raises `ValueError`
    naming what is missing, or `Refusal`.
    """
    if fault.kind in NONCE_KINDS and not exchange.rules.is_lighter:
        raise ValueError(f"{fault.kind} is a fault of lighter: {fault.venue} has no nonces")
    if fault.kind is FaultKind.OWNER_TRADES:
        _trade_by_hand(exchange, fault.match)
    elif fault.kind in (FaultKind.LIQUIDATION, FaultKind.ADL):
        cause = (
            FillCause.LIQUIDATION if fault.kind is FaultKind.LIQUIDATION else FillCause.DELEVERAGE
        )
        if not close_by_venue(exchange, fault.match, Decimal(1), cause=cause):
            raise ValueError(f"no account holds {fault.match!r}: match names the symbol")


def close_by_venue(
    exchange: Exchange,
    symbol: str,
    fraction: Decimal,
    *,
    cause: FillCause = FillCause.LIQUIDATION,
) -> list[Fill]:
    """Close `fraction` (0..1] of every position in `symbol` at mark by the venue's hand."""
    return [
        exchange.liquidate(account_id, symbol, fraction, cause=cause)
        for account_id in exchange.account_ids()
        if symbol in exchange.account(account_id).positions
    ]


def _trade_by_hand(exchange: Exchange, text: str) -> None:
    symbol, side, size = _parse_order(text)
    if symbol not in exchange.markets:
        raise ValueError(f"no market {symbol}")
    instrument = exchange.markets[symbol].instrument
    edge = exchange.stats(symbol).mark * (1 + side.sign * OWNER_BAND)
    order = NewOrder(
        symbol=symbol,
        side=side,
        size=instrument.size_down(size),
        price=instrument.price_down(edge),
        tif=TimeInForce.IOC,
    )
    exchange.submit(exchange.account_ids()[0], order)


def _parse_order(text: str) -> tuple[str, Side, Decimal]:
    try:
        symbol, side, size = text.split()
        return symbol, Side(side), Decimal(size)
    except (ValueError, InvalidOperation):
        raise ValueError(f'match {text!r} must read like "BTC buy 0.001"') from None
