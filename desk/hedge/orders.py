"""Turn a decision to trade into orders that are written down first.

Nothing is sent from here: the intents go into the state, the engine saves the state, and only then
the action is carried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from desk.core.actions import Action, Decision, SendOrders, VenueOrder
from desk.core.order import OrderRequest, Side
from desk.core.venue import VenueName
from desk.hedge import clocks
from desk.hedge.state import BotState, Hedge, Intent, Role
from desk.hedge.steps import Step, hedge_of

# How long a signed request can still take effect by the venues' own rules (Lighter transactions:
# ten minutes; Pacifica requests: five seconds), with room for a clock that is off.
REQUEST_LIFE_MS: Mapping[VenueName, int] = {VenueName.LIGHTER: 610_000, VenueName.PACIFICA: 20_000}
# An order that closed nothing is kept this long after its last breath, then forgotten: a close that
# tries for days must not fill the state.
EMPTY_CLOSE_KEPT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One order to be: `size` in base units, at `price` (USD) or better. CLOSE is reduce-only."""

    role: Role
    side: Side
    size: Decimal
    price: Decimal


def send_orders(
    state: BotState,
    wanted: Mapping[VenueName, Wanted],
    *also: Action,
    at_ms: int,
    reason: str,
) -> Step:
    """Write down and send one order for each venue in `wanted`."""
    hedge = hedge_of(state)
    intents = tuple(_intent(state, venue, row, at_ms=at_ms) for venue, row in wanted.items())
    kept = tuple(row for row in hedge.intents if not _is_forgotten(row, at_ms))
    hedge = replace(hedge, intents=(*kept, *intents), rounds=hedge.rounds + 1)
    state = replace(state, hedge=hedge, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    orders = tuple(VenueOrder(row.venue, _request(hedge, row)) for row in intents)
    action = SendOrders(state.asked, orders, state.config.fill_deadline_s)
    return Decision(state, (*also, action), reason)


def _intent(state: BotState, venue: VenueName, wanted: Wanted, *, at_ms: int) -> Intent:
    """Return the order as it is written down, its id derived from what is on record."""
    return Intent(
        venue=venue,
        client_id=state.key(wanted.role, hedge_of(state).rounds).text_for(venue),
        role=wanted.role,
        side=wanted.side,
        size=wanted.size,
        price=wanted.price,
        saved_at_ms=at_ms,
        expires_at_ms=at_ms + REQUEST_LIFE_MS[venue] + clocks.behind_ms(state, venue),
    )


def _is_forgotten(intent: Intent, at_ms: int) -> bool:
    is_empty_close = intent.role is Role.CLOSE and not intent.in_doubt and not intent.filled
    return is_empty_close and at_ms > intent.expires_at_ms + EMPTY_CLOSE_KEPT_MS


def _request(hedge: Hedge, intent: Intent) -> OrderRequest:
    return OrderRequest(
        symbol=hedge.symbol,
        side=intent.side,
        size=intent.size,
        price=intent.price,
        client_id=intent.client_id,
        reduce_only=intent.role is Role.CLOSE,
        goes_through=intent.role is Role.THROUGH,
    )
