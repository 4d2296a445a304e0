"""What has been seen of the hedge in hand: its payments, its fees, its marks, its rates.

Adds up what the events told and names what they did not; decides nothing.
"""

from decimal import Decimal

from desk.core.events import AccountsRead, Event, MarketsRead, OrdersSettled, Tick, VenueAccount
from desk.core.funding import FundingPayment, HourlyRate
from desk.core.market import MarketStats
from desk.core.venue import VenueName
from desk.core.words import span
from desk.hedge.economics import settlements_between
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, Hedge

# A venue may book a payment some seconds after the hour; until then it is not missing.
BOOKED_MS_MAX = 120_000


class HoldBook:
    """Follows one hedge after another; each begins with an empty page."""

    def __init__(self) -> None:
        """Know nothing."""
        self._cycle: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._payments: dict[tuple[VenueName, str], FundingPayment] = {}
        self._fees: dict[tuple[VenueName, str], Decimal] = {}
        self._marks: dict[VenueName, Decimal] = {}
        self._rates: dict[VenueName, HourlyRate] = {}
        self._equity: dict[VenueName, Decimal] = {}

    def follow(self, event: Event, hedge: Hedge | None) -> None:
        """Take in what an event tells of the hedge in hand."""
        cycle = None if hedge is None else hedge.cycle
        if cycle != self._cycle:
            self._cycle = cycle
            self._clear()
        if hedge is None:
            return
        if isinstance(event, Tick):
            self._marks.update({venue: view.mark for venue, view in event.marks.items()})
        elif isinstance(event, MarketsRead):
            for venue, row in event.venues.items():
                self._note_stats(venue, row.stats.get(hedge.symbol))
        elif isinstance(event, AccountsRead):
            for venue, seen in event.venues.items():
                self._note_account(venue, seen, hedge)
        elif isinstance(event, OrdersSettled):
            for report in event.reports:
                if report.fee_usd is not None:
                    self._fees[report.venue, report.client_id] = report.fee_usd

    def _note_account(self, venue: VenueName, seen: VenueAccount, hedge: Hedge) -> None:
        self._note_stats(venue, seen.stats)
        self._equity.pop(venue, None)
        if all(row.symbol == hedge.symbol for row in seen.account.positions):
            self._equity[venue] = seen.account.equity_usd
        for payment in seen.payments or ():
            if payment.symbol == hedge.symbol and payment.at_ms >= hedge.approved_at_ms:
                self._payments[venue, payment.payment_id] = payment
        fees: dict[str, Decimal] = {}
        for fill in {fill.fill_id: fill for fill in seen.fills or ()}.values():
            if fill.client_id is not None and hedge.owns(fill.client_id):
                fees[fill.client_id] = fees.get(fill.client_id, Decimal(0)) + fill.fee_usd
        self._fees.update({(venue, client_id): fee for client_id, fee in fees.items()})

    def _note_stats(self, venue: VenueName, stats: MarketStats | None) -> None:
        if stats is not None:
            self._marks[venue] = stats.mark
            self._rates[venue] = stats.funding_next

    def paid_since(self, since_ms: int) -> dict[VenueName, Decimal]:
        """Return what each venue has paid since then, USD; a venue that told nothing is absent."""
        paid: dict[VenueName, Decimal] = {}
        for (venue, _), payment in self._payments.items():
            if payment.at_ms >= since_ms:
                paid[venue] = paid.get(venue, Decimal(0)) + payment.usd
        return paid

    @property
    def funding_usd(self) -> Decimal:
        """Return every payment that was told."""
        return sum((payment.usd for payment in self._payments.values()), Decimal(0))

    def funding_usd_of(self, venue: VenueName) -> Decimal:
        """Return every payment that a venue told."""
        rows = (row.usd for (name, _), row in self._payments.items() if name is venue)
        return sum(rows, Decimal(0))

    def fees_usd(self, hedge: Hedge, venue: VenueName) -> Decimal | None:
        """Return what a leg's fills have cost so far; None while a fee is not known."""
        rows = [row for row in hedge.orders if row.venue is venue and row.filled]
        fees = [self._fees.get((venue, row.client_id)) for row in rows]
        known = [fee for fee in fees if fee is not None]
        return sum(known, Decimal(0)) if len(known) == len(rows) else None

    def net_usd(self, hedge: Hedge) -> Decimal | None:
        """Return price, funding and fees so far, at the marks; None while a part is not known."""
        net = self.funding_usd
        for venue in BOTH:
            entry, mark = hedge.entry_price(venue), self._marks.get(venue)
            fees = self.fees_usd(hedge, venue)
            if entry is None or mark is None or fees is None:
                return None
            net += hedge.held(venue) * (mark - entry) - fees
        return net

    def equity_change_usd(self, hedge: Hedge) -> Decimal | None:
        """Return what both accounts gained since the hedge was approved.

        None while one is not known, or holds something besides.
        """
        change = Decimal(0)
        for venue in BOTH:
            before, now = hedge.equity_before_usd.get(venue), self._equity.get(venue)
            if before is None or now is None:
                return None
            change += now - before
        return change

    def apr_pct(self, hedge: Hedge) -> Decimal | None:
        """Return what our direction earns a year now, percent; None while a rate is not known."""
        long, short = (self._rates.get(v) for v in (hedge.long_venue, hedge.long_venue.twin))
        return None if long is None or short is None else (short - long).apr_pct

    def hours_told(self, venue: VenueName) -> int:
        """Return how many payments a venue has told."""
        return sum(1 for name, _ in self._payments if name is venue)

    def line(self, state: BotState, hedge: Hedge, at_ms: int) -> str:
        """Return how the hold stands, in one line."""
        opened_ms, review_ms = hedge.opened_at_ms or at_ms, hedge.review_at_ms or at_ms
        apr = self.apr_pct(hedge)
        ends = "review" if may_be_renewed(state) else "ends"
        return (
            f"{hedge.symbol} held {span(at_ms - opened_ms)}, {ends} in {span(review_ms - at_ms)}: "
            f"funding {self.funding_usd:+.4f}{self._untold(opened_ms, at_ms)}, "
            f"{self._net(hedge)}; "
            f"APR {_pct(apr)}, at entry {_pct(hedge.spread_apr_pct)}"
        )

    def _net(self, hedge: Hedge) -> str:
        """Return the net in words; after a restart the fees may be known from the equity alone."""
        net, change = self.net_usd(hedge), self.equity_change_usd(hedge)
        if net is not None:
            return f"net {net:+.4f} USD"
        return "net not known" if change is None else f"net {change:+.4f} USD by the equity"

    def _untold(self, opened_ms: int, at_ms: int) -> str:
        """Return a remark where a venue has not told every hour: the sum lacks something."""
        hours = hours_due(opened_ms, at_ms)
        told = min(self.hours_told(venue) for venue in BOTH)
        return f" ({told} of {hours} hours seen)" if told < hours else ""


def hours_due(opened_ms: int, at_ms: int) -> int:
    """Return how many hours must have been paid and told since an opening."""
    return settlements_between(opened_ms, at_ms - BOOKED_MS_MAX)


def may_be_renewed(state: BotState) -> bool:
    """Return whether the end of this hold is a review."""
    return state.config.renew_hold and state.cycles_left != 1 and not state.stop_asked


def _pct(value: Decimal | None) -> str:
    return "not known" if value is None else f"{value:.0f} %"
