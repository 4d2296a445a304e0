"""The page of a hold adds up what was told, and says what was not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from desk.core.account import Account, Position
from desk.core.events import (
    AccountsRead,
    MarkView,
    OrderReport,
    OrdersSettled,
    Tick,
    VenueAccount,
    Verdict,
)
from desk.core.funding import FundingPayment
from desk.core.order import Fill, Side
from desk.core.venue import VenueName
from desk.hedge.state import BotState, Hedge
from desk.screen.hold import HoldBook
from test.screen.looks import AT_MS, LIGHTER, PACIFICA, holding, markets

HOUR_MS = 3_600_000
STATE = holding()
assert STATE.hedge is not None
HEDGE: Hedge = STATE.hedge
MARKS = Tick(
    AT_MS,
    {
        venue: MarkView(Decimal(mark), Decimal(mark), AT_MS)
        for venue, mark in ((LIGHTER, 92_100), (PACIFICA, 92_060))
    },
)


def report(venue: VenueName, fee: str) -> OrderReport:
    """Return what became of the opening order on a venue."""
    filled = Decimal("0.0005")
    return OrderReport(
        venue, f"{venue}-1", Verdict.ACCEPTED, True, filled, fee_usd=Decimal(fee)
    )


OPENED = OrdersSettled(AT_MS, 1, (report(LIGHTER, "0"), report(PACIFICA, "0.0184")))


def read(at_ms: int = AT_MS, fills: tuple[Fill, ...] | None = None, **usd: str) -> AccountsRead:
    """Return a read in which each venue tells one payment of that instant."""
    held = Account(Decimal(1000), Decimal(1000), Decimal(900), (), at_ms, at_ms)
    rows = {}
    for name, amount in usd.items():
        payment = FundingPayment("BTC", f"{at_ms}", Decimal(amount), at_ms)
        rows[VenueName(name)] = VenueAccount(held, fills=fills, payments=(payment,))
    return AccountsRead(at_ms, 1, rows)


def book(*events: object, hedge: Hedge = HEDGE) -> HoldBook:
    """Return a page that has followed these events."""
    page = HoldBook()
    for event in events:
        page.follow(event, hedge)  # type: ignore[arg-type]
    return page


def test_net_is_price_and_funding_less_fees() -> None:
    """The long gained 0.05, the short lost 0.03, funding brought 0.01, fees took 0.0184."""
    page = book(OPENED, MARKS, read(lighter="-0.002", pacifica="0.012"))

    assert Decimal("0.010") == page.funding_usd
    assert Decimal("0.0116") == page.net_usd(HEDGE)


def test_what_is_not_known_is_not_a_number() -> None:
    """Without a mark, or without a fee, there is no net."""
    assert book(OPENED).net_usd(HEDGE) is None
    assert book(MARKS).net_usd(HEDGE) is None
    assert "net not known; APR not known" in book(MARKS).line(STATE, HEDGE, AT_MS)


def test_a_restart_takes_fees_and_payments_from_the_rows() -> None:
    """The first read of a life has every row of the hedge; told again they count once."""
    fill = Fill(
        "BTC", "1", "1", "pacifica-1", Side.SELL, Decimal(1), Decimal(1), Decimal("0.01"), AT_MS
    )
    own = replace(fill, client_id="lighter-1", fill_id="2", fee_usd=Decimal(0))
    stranger = replace(fill, client_id="7", fill_id="3", fee_usd=Decimal(99))
    rows = (fill, fill, own, stranger)
    seen = read(fills=rows, pacifica="0.012").venues | read(fills=rows, lighter="0").venues
    page = book(MARKS, *[AccountsRead(AT_MS, 1, seen)] * 2)

    assert Decimal("0.012") == page.funding_usd
    assert Decimal("0.022") == page.net_usd(HEDGE)


def test_payments_from_before_the_hedge_are_not_its_own() -> None:
    """Nor are those of another symbol."""
    other = read(lighter="5")
    rows = tuple(
        replace(row, symbol="ETH") for row in other.venues[LIGHTER].payments or ()
    )
    foreign = AccountsRead(AT_MS, 1, {LIGHTER: replace(other.venues[LIGHTER], payments=rows)})

    assert 0 == book(read(AT_MS - 1, lighter="5"), foreign).funding_usd


def test_the_rate_now_stands_against_that_at_the_entry() -> None:
    """Of our direction: long Lighter at -5, short Pacifica at 10."""
    line = book(markets({"BTC": "-5"}, {"BTC": "10"})).line(STATE, HEDGE, AT_MS)

    assert line.endswith("; APR 15 %, at entry 12 %")


def test_the_next_hedge_begins_with_an_empty_page() -> None:
    """Nothing of the last one is carried over."""
    page = book(OPENED, MARKS, read(lighter="5"))
    page.follow(Tick(AT_MS), replace(HEDGE, cycle=2))

    assert 0 == page.funding_usd
    assert page.net_usd(HEDGE) is None


def test_the_line_says_whether_the_end_is_open() -> None:
    """A hold that may be renewed is reviewed, one that may not ends; minutes below an hour."""
    late_ms = AT_MS + 12 * HOUR_MS - 36_000
    page = book(*(read(AT_MS + hour * HOUR_MS, lighter="0", pacifica="0") for hour in range(1, 12)))

    def line(state: BotState) -> str:
        return page.line(state, HEDGE, late_ms)

    assert line(STATE).startswith("BTC held 11 h 59 min, review in 36 s: funding +0.0000, net")
    assert "ends in 36 s" in line(replace(STATE, cycles_left=1))
    assert "ends in 36 s" in line(replace(STATE, stop_asked=True))


def test_hours_that_nobody_told_are_named() -> None:
    """A sum that lacks something says so; an hour that has just ended is not missing yet."""
    page = book(read(AT_MS + HOUR_MS, lighter="0.01", pacifica="0.02"))

    assert "seen" not in page.line(STATE, HEDGE, AT_MS + 2 * HOUR_MS + 60_000)
    text = page.line(STATE, HEDGE, AT_MS + 2 * HOUR_MS + 180_000)
    assert "funding +0.0300 (1 of 2 hours seen), net" in text


def test_after_a_restart_the_equity_tells_the_net() -> None:
    """Without the opening's fees the accounts say it, unless they hold something besides."""
    seen = {venue: VenueAccount(account_of("9999.98")) for venue in VenueName}
    line = book(MARKS, AccountsRead(AT_MS, 1, seen)).line(STATE, HEDGE, AT_MS)
    assert "net -0.0400 USD by the equity; APR" in line

    other = Position("ETH", Decimal(1), Decimal(3000))
    seen[LIGHTER] = VenueAccount(replace(account_of("9999.98"), positions=(other,)))
    line = book(MARKS, AccountsRead(AT_MS, 1, seen)).line(STATE, HEDGE, AT_MS)
    assert "net not known; APR" in line


def account_of(equity: str) -> Account:
    """Return an account with that equity and no position but ours."""
    ours = Position("BTC", Decimal("0.0005"), Decimal(92_000))
    return Account(Decimal(equity), Decimal(1), Decimal(1), (ours,), AT_MS, AT_MS)
