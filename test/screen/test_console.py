"""The plain console prints one line for each thing a person would want to know, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from desk.core.account import Account, Position
from desk.core.actions import Action, Alert, Decision, Exit, Level, SendOrders, Watch
from desk.core.events import (
    AccountsRead,
    Command,
    Event,
    OrderReport,
    OrdersSettled,
    OwnerAsked,
    Tick,
    VenueAccount,
    Verdict,
)
from desk.core.funding import FundingPayment
from desk.core.stream import FillSeen, StreamDown, StreamUp
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.config import Config
from desk.hedge.events import ConfigChanged, Started
from desk.hedge.state import Backoff, BotState, CycleResult, Phase
from desk.screen.console import ConsoleView
from test.screen.looks import AT_MS, LIGHTER, PACIFICA, holding, markets, recorder, result

ROOT = Path(__file__).resolve().parent.parent.parent
FLAT = BotState(config=Config(symbols_to_monitor=("BTC",)), epoch=1, phase=Phase.WAIT)


def record(
    event: Event, state: BotState, *actions: Action, before: str = "", reason: str = "because"
) -> Record[BotState]:
    """Return a decision as the engine shows it."""
    after = Watch(state.phase, state.hedge is None, (), None)
    return Record(
        event, replace(after, label=before or after.label), after, Decision(state, actions, reason)
    )


def shown(*records: Record[BotState]) -> str:
    """Return what the console prints for these decisions."""
    console = recorder()
    view = ConsoleView(console)
    for each in records:
        view(each)
    return console.export_text()


def settled(**more: Any) -> OrdersSettled:
    """Return the report of one order."""
    report = OrderReport(
        venue=LIGHTER,
        client_id="1",
        verdict=Verdict.ACCEPTED,
        is_final=True,
        filled=Decimal("0.00050"),
        average_price=Decimal("92000.5"),
    )
    return OrdersSettled(AT_MS, 1, (replace(report, **more),))


def test_a_change_of_phase_is_a_line() -> None:
    """A new phase is shown with its stamp, its name and the reason."""
    text = shown(record(Tick(AT_MS), FLAT, before="CLOSE", reason="flat [again]"))

    assert 1 == len(text.splitlines())
    assert "wait     flat [again]; " in text


def test_a_wait_says_until_when() -> None:
    """With the offset of its reader's clock; while paused nothing is set but the owner's word."""
    waits = replace(FLAT, look_at_ms=AT_MS + 300_000)
    line = shown(record(Tick(AT_MS), waits, before="CLOSE", reason="flat")).rstrip()
    assert line.endswith("flat; next look at 01-01 00:05:00 +0000")
    line = shown(record(Tick(AT_MS), replace(waits, paused=True), before="CLOSE", reason="flat"))
    assert line.rstrip().endswith("flat; nothing is opened until resume")
    assert shown(record(Tick(AT_MS), waits, Exit(0), before="CLOSE")).rstrip().endswith("because")


def test_what_the_owner_says_is_a_line() -> None:
    """He may have said it from another terminal."""
    heard = OwnerAsked(AT_MS, Command.PAUSE)
    assert "owner said pause" in shown(record(heard, FLAT, reason="owner said pause"))


def test_an_edited_configuration_is_a_line() -> None:
    """What changed, for whoever watches the screen."""
    assert "renew_hold" in shown(record(ConfigChanged(AT_MS, Config()), FLAT, reason="renew_hold"))


def test_an_alert_that_is_the_reason_is_not_said_twice() -> None:
    """A halt, say: once is enough, and loud."""
    alert = Alert(Level.CRITICAL, "halted: a bug")
    halted = replace(FLAT, phase=Phase.HALT)
    text = shown(record(Tick(AT_MS), halted, alert, before="WAIT", reason="halted: a bug"))
    assert ["alert    halted: a bug"] == [line[22:] for line in text.splitlines()]


def test_nothing_new_is_no_line() -> None:
    """A decision that stays where it is and does nothing is not shown."""
    assert "" == shown(record(Tick(AT_MS), FLAT))


def test_orders_are_a_line_even_without_a_change() -> None:
    """Sending is always worth a line."""
    assert "because" in shown(record(Tick(AT_MS), FLAT, SendOrders(1, (), Decimal(5))))


def test_a_fill_has_its_price() -> None:
    """A report names venue, verdict, size and price; a detail stands in brackets."""
    assert "accepted, filled 0.0005 at 92000.5" in shown(record(settled(), FLAT))
    lost = settled(verdict=Verdict.UNKNOWN, filled=Decimal(0), detail="no answer in time")
    assert "unknown, no fill (no answer in time)" in shown(record(lost, FLAT))


def test_an_alert_is_always_shown() -> None:
    """Alerts are lines of their own, before the decision's."""
    text = shown(record(Tick(AT_MS), FLAT, Alert(Level.CRITICAL, "legs differ [1]")))

    assert text.rstrip().endswith("alert    legs differ [1]")


BTC, DOGE = {"BTC": "-100", "DOGE": "10"}, {"BTC": "10", "DOGE": "-100"}
EVEN = {"BTC": "10", "DOGE": "10"}
BOTH_SYMBOLS = replace(FLAT, config=Config(symbols_to_monitor=("BTC", "DOGE")))


def test_the_table_is_shown_when_it_changes_in_substance() -> None:
    """The same candidate and verdicts make one table, another candidate makes a second."""
    rates = [BTC, BTC | {"BTC": "-101"}, DOGE, BTC]

    text = shown(*(record(markets(each, EVEN), BOTH_SYMBOLS) for each in rates))

    assert 2 == text.count("symbol  Lighter")
    assert 2 == text.count(" look ")


def test_the_table_says_who_is_left_alone() -> None:
    """A pair that was refused lately is not shown as one that may be opened."""
    state = replace(BOTH_SYMBOLS, backoffs={"BTC": Backoff(1, AT_MS + 60_000)})

    assert "not opened 1x in a row" in shown(record(markets(BTC, EVEN), state))


def test_the_same_refusal_is_told_now_and_then() -> None:
    """Once when it is news, then every ten minutes, whatever its figures are."""
    rests = [
        record(replace(markets({}, {}), at_ms=at_ms), FLAT, before="ANALYZE", reason=f"{at_ms} bp")
        for at_ms in range(AT_MS, AT_MS + 20 * 60_000, 60_000)
    ]

    assert 2 == shown(*rests).count("  wait  ")


def test_a_wait_for_room_is_a_line_and_no_alert() -> None:
    """Before a first opening it is said how long and why."""
    waiting = replace(FLAT, phase=Phase.SELECT, wake_at_ms=AT_MS + 60_000)
    said = "BTC is free; opening in 1 min"
    text = shown(record(AccountsRead(AT_MS, 1, {}), waiting, reason=said))

    assert text.rstrip().endswith("select   BTC is free; opening in 1 min")


def test_a_wait_in_a_close_is_told_once() -> None:
    """A venue that does not answer while legs are open is worth a line, not one a second."""
    stuck = replace(holding(Phase.CLOSE), pauses=3)
    waits = [
        record(AccountsRead(AT_MS, 1, {}), stuck, reason=f"lighter is away; again in {each} s")
        for each in (1, 2, 4)
    ]

    assert 1 == len(shown(*waits).splitlines())


def test_a_failed_look_has_no_table() -> None:
    """When a venue did not answer there is nothing to rank."""
    look = replace(markets({}, {}), failures={PACIFICA: "away"})

    assert "" == shown(record(look, FLAT))


def paid(at_ms: int, told_ms: int = 1000, **usd: str) -> AccountsRead:
    """Return a check in which each venue tells one payment of that instant."""
    held = Account(Decimal(1000), Decimal(1000), Decimal(900), (), at_ms, at_ms)
    return AccountsRead(
        at_ms + told_ms,
        1,
        {
            VenueName(name): VenueAccount(
                held, payments=(FundingPayment("BTC", f"{at_ms}", Decimal(each), at_ms),)
            )
            for name, each in usd.items()
        },
    )


HOUR_MS = 3_600_000


def test_an_hour_is_two_lines_once_both_venues_told_it() -> None:
    """One venue's payment alone is not what the hour brought; told twice, it is shown once."""
    half = record(paid(AT_MS + HOUR_MS, lighter="-0.0005"), holding())
    both = record(paid(AT_MS + HOUR_MS, lighter="-0.0005", pacifica="0.0131"), holding())

    funding, hold = shown(half, both, both).splitlines()

    assert funding.endswith("funding  +0.0126 USD this hour: lighter -0.0005, pacifica +0.0131")
    assert "hold     BTC held 1 h, review in 11 h: funding +0.0126, net" in hold


def test_an_hour_nobody_tells_is_one_line_that_says_so() -> None:
    """Two minutes late, the hold is shown with what is missing."""
    ticks = [Tick(AT_MS + HOUR_MS + second * 1000) for second in range(300)]

    (line,) = shown(*(record(tick, holding()) for tick in ticks)).splitlines()

    assert "funding +0.0000 (0 of 1 hours seen)" in line


def test_a_hold_that_has_just_begun_is_not_told_again() -> None:
    """After the line about both legs the next one comes with the next hour."""
    opened = record(AccountsRead(AT_MS, 1, {}), holding(), before="OPEN")
    ticks = [record(Tick(AT_MS + second * 1000), holding()) for second in range(1, 300)]

    assert 1 == len(shown(opened, *ticks).splitlines())


def test_a_renewal_is_a_line_with_its_reason() -> None:
    """A review that keeps the hedge changes no phase, and is news all the same."""
    look = markets({}, {})
    text = shown(record(look, holding(), reason="renewed: BTC still earns 12.00 % APR"))

    assert "renewed: BTC still earns 12.00 % APR" in text


def test_the_books_are_shown_once() -> None:
    """A finished cycle's table is printed when it is finished, not at every line after."""
    state = replace(FLAT, result=result())

    assert 1 == shown(*(record(Tick(AT_MS), state) for _ in range(3))).count("cycle 3")


def test_the_books_of_a_former_life_are_not_shown_again() -> None:
    """A restart finds the last result in its state; that was printed when it came about."""
    state = replace(FLAT, result=result())
    started = record(Started(AT_MS, FLAT.config, None), state)

    assert "Cycle" not in shown(started, record(Tick(AT_MS), state)).title()
    assert "cycle 4" in shown(started, record(Tick(AT_MS), replace(state, result=fourth())))


def fourth() -> CycleResult:
    """Return the books of the cycle after."""
    return replace(result(), cycle=4)


def test_the_cycles_of_this_life_are_kept_for_the_last_words() -> None:
    """What the state says of former lives does not count."""
    view = ConsoleView(recorder())
    for state in (replace(FLAT, result=result()), replace(FLAT, result=fourth())):
        view(record(Started(AT_MS, FLAT.config, None), state))
        view(record(Tick(AT_MS), replace(state, result=fourth())))

    assert [4] == [each.cycle for each in view.results]


def test_positions_of_others_are_kept_for_the_last_words() -> None:
    """The last read of each account tells what is there besides ours."""
    view = ConsoleView(recorder())
    sizes = {"ETH": "-0.50", "BTC": "1"}
    rows = tuple(Position(symbol, Decimal(size), Decimal(9)) for symbol, size in sizes.items())
    seen = VenueAccount(Account(Decimal(1), Decimal(1), Decimal(1), rows, AT_MS, AT_MS))
    view(record(AccountsRead(AT_MS, 1, {LIGHTER: seen}), holding()))

    assert {LIGHTER: ["-0.5 ETH"]} == view.strangers
    view(record(AccountsRead(AT_MS, 1, {LIGHTER: seen}), FLAT))
    assert {LIGHTER: ["-0.5 ETH", "1 BTC"]} == view.strangers


def test_a_stream_that_stops_is_told_at_once() -> None:
    """It does not wait for the next decision; books and statistics are not told."""
    console = recorder()
    view = ConsoleView(console)
    view.hear(PACIFICA, StreamDown(AT_MS, "closed by the server"))
    view.hear(PACIFICA, StreamUp(AT_MS + 12_000))
    view.hear(PACIFICA, FillSeen(None))  # type: ignore[arg-type]  # nobody looks inside

    down, up = console.export_text().splitlines()
    assert down.endswith("stream   pacifica live data has stopped: closed by the server")
    assert up.endswith("stream   pacifica live data is back after 12 s")


def test_a_label_is_not_said_twice() -> None:
    """A reason that begins with the name of the phase loses it."""
    text = shown(record(Tick(AT_MS), holding(Phase.CLOSE), before="HOLD", reason="close BTC: flip"))

    assert text.rstrip().endswith("close    BTC: flip")


def test_no_color_means_no_color() -> None:
    """With NO_COLOR set there is no colour, even on a terminal."""
    words = {}
    for no_color in ("", "1"):
        console = Console(
            force_terminal=True, width=80, _environ={"NO_COLOR": no_color, "TERM": "xterm"}
        )
        with console.capture() as capture:
            ConsoleView(console).line(AT_MS, "alert", "now", style="bold red")
        words[no_color] = capture.get()

    assert "\x1b[1;31m" in words[""]
    assert "31m" not in words["1"]


PIPE = """
import sys
from desk.screen.terminal import Terminal
terminal = Terminal(width=80)
for _ in range(5):
    terminal.print("a line")
print("still here", file=sys.stderr)
"""


def test_a_reader_that_goes_away_does_not_end_the_program() -> None:
    """When the other end of a pipe is closed the program goes on, silently."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-c", PIPE], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(write)

    assert (0, "still here\n") == (done.returncode, done.stderr)
