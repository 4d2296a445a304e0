"""Which decisions are worth a message, in which words, and how often."""

from dataclasses import replace
from decimal import Decimal

from desk.alerts.notes import DAY_MS, FOLD_MS, Folder, Herald, Note
from desk.core.account import Account, Position
from desk.core.actions import Action, Alert, Level
from desk.core.errors import VenueUnavailable
from desk.core.events import AccountsRead, Tick, VenueAccount
from desk.hedge.config import Config
from desk.hedge.state import BotState, CloseReason, Phase
from test.screen.looks import AT_MS, LIGHTER, PACIFICA, holding, result, venue_markets

FLAT = BotState(config=Config(), epoch=1, phase=Phase.WAIT)


def heard(before: BotState, after: BotState, *actions: Action) -> list[Note]:
    """Return the messages about one decision."""
    return Herald(before).hear(Tick(AT_MS), after, actions)


def only(notes: list[Note]) -> Note:
    """Return the one message there is; it says what to do."""
    [note] = notes
    assert note.advice
    return note


def account(equity: str, *positions: Position) -> Account:
    """Return an account whose equity is all free."""
    usd = Decimal(equity)
    return Account(usd, usd, usd, positions, AT_MS, AT_MS)


def test_an_opening_is_told() -> None:
    """With its size, its sides and its spread; there is nothing to do."""
    note = only(heard(FLAT, holding()))
    assert "Opened BTC" == note.title
    assert "0.0005 BTC each: long lighter, short pacifica, +12.00 % APR at entry" == note.text
    assert note.body.endswith("Nothing to do.")


def test_a_close_is_told_with_its_result() -> None:
    """And where its books are."""
    note = only(heard(holding(), replace(FLAT, result=result())))
    assert "Closed BTC" == note.title
    assert "net +0.0100 USD" in note.text
    assert "explain 3" in note.advice


def test_a_halt_is_told_once() -> None:
    """The alert of the strategy is the same news."""
    halted = replace(FLAT, phase=Phase.HALT, halt_reason="a stranger uses our key")
    alert = Alert(Level.CRITICAL, "halted: a stranger uses our key")
    note = only(heard(FLAT, halted, alert))
    assert ("Halted", Level.CRITICAL) == (note.title, note.level)
    assert "resume" in note.advice


def test_a_stop_loss_is_told_before_it_is_closed() -> None:
    """It is the loudest there is, and asks for nothing at once."""
    state = holding(Phase.CLOSE)
    assert state.hedge is not None
    stopped = replace(state, hedge=replace(state.hedge, close_reason=CloseReason.STOP_LOSS))
    note = only(heard(holding(), stopped))
    assert ("Stop-loss of BTC", Level.CRITICAL) == (note.title, note.level)
    assert "both legs are being closed" in note.advice


def test_a_planned_close_is_told_only_when_done() -> None:
    """The hold has ended: that is no news by itself."""
    state = holding(Phase.CLOSE)
    assert state.hedge is not None
    ended = replace(state, hedge=replace(state.hedge, close_reason=CloseReason.HOLD_ENDED))
    assert [] == heard(holding(), ended)


def test_an_outage_and_its_end_are_told() -> None:
    """How long it lasted, too."""
    away = replace(FLAT, outages={PACIFICA: AT_MS - 1_800_000})
    alert = Alert(Level.WARNING, "no news from pacifica: GET /account: the server hung up")
    note = only(heard(FLAT, away, alert))
    assert ("pacifica is away", alert.text) == (note.title, note.text)
    note = only(heard(away, FLAT, Alert(Level.INFO, "news from pacifica again after 30 min")))
    assert ("pacifica is back", "it answers again after 30 min") == (note.title, note.text)


def test_other_warnings_are_told_as_they_are() -> None:
    """What is for information only is not."""
    alerts = Alert(Level.WARNING, "lighter holds more"), Alert(Level.INFO, "it guards itself")
    note = only(heard(holding(), holding(), *alerts))
    assert ("HOLD BTC", "lighter holds more") == (note.title, note.text)


def test_a_low_margin_is_told_with_what_would_help() -> None:
    """The amount that makes both legs equal, moved by hand."""
    near = Position("BTC", Decimal("0.0005"), Decimal(92_000), liquidation_price=Decimal(850))
    stats = venue_markets(LIGHTER, {"BTC": "1"}).stats["BTC"]
    rows = {
        LIGHTER: VenueAccount(account("10", near), stats=stats),
        PACIFICA: VenueAccount(account("100"), stats=stats),
    }
    note = only(Herald(holding()).hear(AccountsRead(AT_MS, 1, rows), holding(), ()))
    assert "lighter is 15.0 % from the liquidation of BTC" == note.text
    assert "move 45.00 USDC from pacifica to lighter" in note.advice


def test_nothing_is_no_message() -> None:
    """Most decisions are none."""
    assert [] == heard(holding(), holding())


# The line of the day


def test_the_line_of_an_idle_day() -> None:
    """Equity, what the day brought, and why nothing is held; an account unread is unknown."""
    herald = Herald(FLAT)
    herald.note_reason(AccountsRead(AT_MS, 1, {}), "nothing to open; nearest is BTC")
    error = VenueUnavailable("away", venue=PACIFICA, request="account")
    note = herald.daily({LIGHTER: account("10000"), PACIFICA: error}, AT_MS)
    assert (
        "WAIT, nothing open: nothing to open; nearest is BTC; equity lighter 10,000.00, pacifica "
        "unknown USD; no cycle ended" == note.text
    )


def test_the_line_of_a_day_with_cycles() -> None:
    """Each cycle counts for one day; equity is held against that of the day before."""
    herald = Herald(holding())
    herald.hear(Tick(AT_MS), replace(FLAT, result=result()), ())
    accounts = {LIGHTER: account("10000"), PACIFICA: account("9999")}
    assert "1 cycle, net +0.0100 USD" in herald.daily(accounts, AT_MS).text
    later = herald.daily({**accounts, LIGHTER: account("10001.50")}, AT_MS + DAY_MS)
    assert "USD, +1.50 in a day; no cycle ended" in later.text


# Repeats


def test_repeats_are_folded() -> None:
    """The first at once, the others as one line later; then the next is a first one again."""
    folder, note = Folder(), Note("x", Level.WARNING, "title", "text", "advice", AT_MS)
    sent = [folder.take(replace(note, at_ms=AT_MS + number)) for number in range(5)]
    assert [1, 0, 0, 0, 0] == [len(row) for row in sent]
    assert [] == folder.due(AT_MS + FOLD_MS - 1)
    assert ["4 more since: text"] == [row.text for row in folder.due(AT_MS + FOLD_MS)]
    assert [note] == folder.take(note)


def test_warnings_that_differ_in_figures_are_repeats() -> None:
    """A price that moves is not news each time."""
    herald = Herald(FLAT)
    texts = ("mark at 93,000.5 stands alone", "mark at 92,000 stands alone")
    sent = [herald.hear(Tick(AT_MS), FLAT, (Alert(Level.CRITICAL, text),)) for text in texts]
    assert [1, 0] == [len(row) for row in sent]
