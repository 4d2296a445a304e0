"""Turn a decision to trade into orders that are written down first.

Nothing is sent from here: the intents go into the state, the engine saves the state, and only then
the action is carried out.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Action, Decision, SendOrders, VenueOrder
from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.hedge.state import BotState, Intent, Role
from desk.hedge.steps import Step, hedge_of

# How long a signed request can still take effect by the venues' own rules (Lighter transactions:
# ten minutes; Pacifica requests: five seconds), with room for a clock that is off.
REQUEST_LIFE_MS: Mapping[VenueName, int] = {VenueName.LIGHTER: 610_000, VenueName.PACIFICA: 20_000}


def send_orders(
    state: BotState,
    role: Role,
    sizes: Mapping[VenueName, Decimal],
    prices: Mapping[VenueName, Decimal],
    at_ms: int,
    reason: str,
    *also: Action,
) -> Step:
    """Write down and send one order for each venue in `sizes` (base units), at `prices` or better.

    Opening orders take the leg's entry side; closing orders its exit side, reduce-only.
    """
    hedge = hedge_of(state)
    intents = tuple(
        _intent(state, venue, role, size=size, price=prices[venue], at_ms=at_ms)
        for venue, size in sizes.items()
    )
    hedge = replace(hedge, intents=(*hedge.intents, *intents))
    state = replace(state, hedge=hedge, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    orders = tuple(VenueOrder(row.venue, _request(hedge.symbol, row)) for row in intents)
    action = SendOrders(state.asked, orders, state.config.fill_deadline_s)
    return Decision(state, (*also, action), reason)


def _intent(
    state: BotState, venue: VenueName, role: Role, *, size: Decimal, price: Decimal, at_ms: int
) -> Intent:
    """Return the next order of that role on `venue`, its id derived from what is on record."""
    hedge = hedge_of(state)
    attempt = sum(1 for row in hedge.intents if row.venue is venue and row.role is role)
    position = hedge.side_at(venue)
    return Intent(
        venue=venue,
        client_id=state.key(role, attempt).text_for(venue),
        role=role,
        side=position.entry if role is Role.OPEN else position.exit,
        size=size,
        price=price,
        saved_at_ms=at_ms,
        expires_at_ms=at_ms + REQUEST_LIFE_MS[venue],
    )


def _request(symbol: str, intent: Intent) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=intent.side,
        size=intent.size,
        price=intent.price,
        client_id=intent.client_id,
        reduce_only=intent.role is Role.CLOSE,
    )
