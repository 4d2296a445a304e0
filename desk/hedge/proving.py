"""Whether the venues pay what their rates say: sign and unit, proved by each hour's payments.

The rates decide what is opened. Had a venue's unit or sign been read wrongly, every decision would
be wrong alike; the payments are the only witness. Pure: rows that were read come in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from desk.core.actions import Action, Alert, Level
from desk.core.events import AccountsRead, VenueAccount
from desk.core.funding import SETTLEMENT_PERIOD_MS, FundingPayment
from desk.core.venue import VenueName
from desk.hedge.history import BOOKED_MS
from desk.hedge.state import BotState, RateProof
from desk.hedge.steps import hedge_of

# Of a lower rate the payment of a small position is a few ten-thousandths of a cent: its rounding
# says more than its rate.
RATE_MIN = Decimal("0.000005")
RATIO_MIN, RATIO_MAX = Decimal("0.5"), Decimal(2)
ODD_HOURS_MAX = 2


@dataclass(frozen=True, slots=True)
class _Hour:
    """What one venue's settled hour brought, USD: as booked, and as its rate says."""

    hour: int
    paid_usd: Decimal
    due_usd: Decimal

    @property
    def is_odd(self) -> bool:
        """Return whether sign or unit cannot be what we take them for."""
        return not RATIO_MIN <= self.paid_usd / self.due_usd <= RATIO_MAX


def take_in(state: BotState, event: AccountsRead) -> tuple[BotState, tuple[Action, ...]]:
    """Hold the last hour's payments against the settled rates of that hour; tell the owner when a
    venue's do not fit for the second judged hour in a row."""
    alerts: tuple[Action, ...] = ()
    proofs = dict(state.rate_proofs)
    for venue, row in event.venues.items():
        seen = _last_hour(hedge_of(state).symbol, row, event.at_ms)
        before = proofs.get(venue, RateProof())
        if seen is None or seen.hour == before.hour:
            continue
        odd_hours = before.odd_hours + 1 if seen.is_odd else 0
        said = f"paid {seen.paid_usd:+f} USD where its rate says {seen.due_usd:+.6f}"
        proofs[venue] = RateProof(seen.hour, odd_hours, said if seen.is_odd else "")
        if odd_hours == ODD_HOURS_MAX:
            alerts = (*alerts, Alert(Level.CRITICAL, f"{_doubted(venue, said)}; look, then resume"))
    return state if proofs == state.rate_proofs else replace(state, rate_proofs=proofs), alerts


def obstacle(proofs: Mapping[VenueName, RateProof]) -> str:
    """Return why nothing may be opened, empty where the payments fit the rates."""
    return "; ".join(
        _doubted(venue, proof.said)
        for venue, proof in proofs.items()
        if proof.odd_hours >= ODD_HOURS_MAX
    )


def _doubted(venue: VenueName, said: str) -> str:
    return f"{venue} {said}: its rates are not what we take them for, nothing is opened"


def _last_hour(symbol: str, row: VenueAccount, at_ms: int) -> _Hour | None:
    """Return what the hour that settled last brought; None where the read does not tell, comes
    before the rate of that hour is surely published, or the rate is too low to prove anything."""
    hour, elapsed_ms = divmod(at_ms, SETTLEMENT_PERIOD_MS)
    rate = None if row.stats is None else row.stats.funding_last
    if elapsed_ms < BOOKED_MS or row.stats is None or rate is None:
        return None
    paid = [entry for entry in row.payments or () if _is_of(entry, symbol, hour)]
    if abs(rate.fraction) < RATE_MIN or len(paid) != 1 or not paid[0].position_size:
        return None
    due_usd = -paid[0].position_size * row.stats.mark * rate.fraction
    return _Hour(hour, paid[0].usd, due_usd)


def _is_of(entry: FundingPayment, symbol: str, hour: int) -> bool:
    """Return whether a payment settled at that hour; venues stamp it some seconds after."""
    nearest = (entry.at_ms + SETTLEMENT_PERIOD_MS // 2) // SETTLEMENT_PERIOD_MS
    return entry.symbol == symbol and nearest == hour
