"""What an exchange tells its listeners, as it happens and in order.

Values only. Listeners must not call back into the exchange while they are told; they queue.
"""

from dataclasses import dataclass
from typing import get_args

from desk.sim.exchange.orders import OrderView
from desk.sim.exchange.views import Fill, FundingPaid, FundingRow, PositionView, Trade
from desk.sim.exchange.words import PacificaEvent, RefusalReason


@dataclass(frozen=True, slots=True)
class BookChanged:
    """Levels changed; read `Exchange.levels` and compare with what was sent before."""

    symbol: str


@dataclass(frozen=True, slots=True)
class StatsChanged:
    """Index, mark, premium or funding changed; read `Exchange.stats`."""

    symbol: str


@dataclass(frozen=True, slots=True)
class TradePrinted:
    """A public trade, ours or a stranger's."""

    trade: Trade


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An account's order changed; `event` is Pacifica's word for what happened."""

    order: OrderView
    event: PacificaEvent


@dataclass(frozen=True, slots=True)
class FillBooked:
    """An account traded; comes after the `OrderChanged` of the same execution."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A position changed by fill, funding, margin or the venue's hand; None when flat."""

    account_id: int
    symbol: str
    position: PositionView | None


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """Cash, orders, leverage or margin of an account changed; read `Exchange.account`."""

    account_id: int


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """Leverage or margin mode of an account in one market was set."""

    account_id: int
    symbol: str


@dataclass(frozen=True, slots=True)
class FundingSettled:
    """A market settled its funding; `payments` are those of our accounts."""

    row: FundingRow
    payments: tuple[FundingPaid, ...]


@dataclass(frozen=True, slots=True)
class TxDone:
    """A request that carried a `tag` was executed.

    `ok` False means the engine refused it after the gateway took it (`reason`, `message`); the
    order row, if there is one, tells the rest. `order_id` is set where an order is concerned.
    """

    account_id: int
    tag: str
    ok: bool
    reason: RefusalReason | None
    message: str
    order_id: int | None
    at_ms: int


ExchangeEvent = (
    BookChanged
    | StatsChanged
    | TradePrinted
    | OrderChanged
    | FillBooked
    | PositionChanged
    | AccountChanged
    | SettingChanged
    | FundingSettled
    | TxDone
)
EVENT_KINDS: tuple[type[ExchangeEvent], ...] = get_args(ExchangeEvent)
