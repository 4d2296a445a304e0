"""What a run shows of itself while it plays: the events that invariants are checked after."""

from decimal import Decimal

from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState
from desk.sim.exchange import Fill
from desk.storm.strikes import Strike


class Witness:
    """Sees what happens in and to every life of a run; overridden by who judges it."""

    def started(self, state: BotState) -> None:
        """See what a new life begins with."""

    def struck(self, strike: Strike) -> None:
        """See something go wrong."""

    def decided(self, record: Record[BotState]) -> None:
        """See one decision."""

    def sending(self, venue: VenueName, request: OrderRequest) -> None:
        """See an order that is about to leave."""

    def left(self, venue: VenueName, client_id: str, *, may_act: bool) -> None:
        """See an order on the wire; without `may_act` it is lost on the way."""

    def landed(self, venue: VenueName, client_id: str, *, is_orphan: bool) -> None:
        """See an order arrive, whatever becomes of it there; an orphan's sender is dead."""

    def filled(self, venue: VenueName, fill: Fill, before: Decimal) -> None:
        """See an execution of the account; `before` is what was ours before it, signed."""

    def save_failed(self) -> None:
        """See a state that could not be saved."""

    def ended(self, error: BaseException | None) -> None:
        """See a life end; `error` is what it broke of, None for an exit or a death."""

    def spent(self, *, held_back: int, refused: int) -> None:
        """See how many requests of a life our own count and the venue's kept from happening."""
