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

from desk.core.account import Account
from desk.core.actions import Action, Alert, Decision, Level, SendOrders, Watch
from desk.core.events import (
    AccountsRead,
    Event,
    OrderReport,
    OrdersSettled,
    Tick,
    VenueAccount,
    Verdict,
)
from desk.core.funding import FundingPayment
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.config import Config
from desk.hedge.state import BotState, Phase
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


def farewell(state: BotState) -> str:
    """Return the last words, on one line."""
    console = recorder()
    ConsoleView(console).farewell(state)
    return " ".join(console.export_text().split())


def test_a_change_of_phase_is_a_line() -> None:
    """A new phase is shown with its stamp, its name and the reason."""
    text = shown(record(Tick(AT_MS), FLAT, before="CLOSE", reason="flat [again]"))

    assert 1 == len(text.splitlines())
    assert text.rstrip().endswith("wait     flat [again]")


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


def test_the_table_is_shown_when_its_top_changes() -> None:
    """The same best symbol twice makes one table, another one makes a second."""
    btc, doge = {"BTC": "-100", "DOGE": "10"}, {"BTC": "10", "DOGE": "-100"}
    even = {"BTC": "10", "DOGE": "10"}
    state = replace(FLAT, config=Config(symbols_to_monitor=("BTC", "DOGE")))
    looks = [markets(btc, even), markets(btc, even), markets(doge, even)]

    text = shown(*(record(look, state) for look in looks))

    assert 2 == text.count("Funding, hourly rates as APR")


def test_a_failed_look_has_no_table() -> None:
    """When a venue did not answer there is nothing to rank."""
    look = replace(markets({}, {}), failures={PACIFICA: "away"})

    assert "Funding" not in shown(record(look, FLAT))


def test_a_hold_is_one_line_an_hour() -> None:
    """While holding, the hours pass with how long it has been and when the next review is."""
    hour_ms = 3_600_000
    ticks = [Tick(AT_MS + hour_ms + second * 600_000) for second in range(12)]

    text = shown(*(record(tick, holding()) for tick in ticks))

    assert 2 == len(text.splitlines())
    assert "BTC held 1.0 h, next review in 11.0 h" in text


def paid(at_ms: int, **usd: str) -> AccountsRead:
    """Return a check in which each venue tells one payment of that instant."""
    held = Account(Decimal(1000), Decimal(1000), Decimal(900), (), at_ms, at_ms)
    return AccountsRead(
        at_ms + 1000,
        1,
        {
            VenueName(name): VenueAccount(
                held, payments=(FundingPayment("BTC", "1", Decimal(each), at_ms),)
            )
            for name, each in usd.items()
        },
    )


def test_a_payment_is_one_line_once_both_venues_told_it() -> None:
    """One venue's payment alone is not what the hour brought; told twice, it is shown once."""
    hour_ms = AT_MS // 3_600_000 * 3_600_000
    half = record(paid(hour_ms, lighter="-0.0005"), holding())
    both = record(paid(hour_ms, lighter="-0.0005", pacifica="0.0131"), holding())

    (line,) = shown(half, both, both).splitlines()

    assert line.endswith("lighter -0.0005, pacifica +0.0131: +0.0126 USD this hour")


def test_a_renewal_is_a_line_with_its_reason() -> None:
    """A review that keeps the hedge changes no phase, and is news all the same."""
    look = markets({}, {})
    text = shown(record(look, holding(), reason="renewed: BTC still earns 12.00 % APR"))

    assert "renewed: BTC still earns 12.00 % APR" in text


def test_the_books_are_shown_once() -> None:
    """A finished cycle's table is printed when it is finished, not at every line after."""
    state = replace(FLAT, result=result())

    assert 1 == shown(*(record(Tick(AT_MS), state) for _ in range(3))).count("Cycle 3")


def test_the_last_words_when_flat() -> None:
    """Nothing held: said in one line."""
    assert "Flat. 4 cycles done." == farewell(replace(FLAT, cycles_done=4))


def test_the_last_words_name_what_is_left_open() -> None:
    """Something held: both legs with their sizes, and how to go on."""
    text = farewell(holding())

    assert "Left open: BTC, long 0.0005 on lighter, short 0.0005 on pacifica (HOLD)." in text
    assert "python lighter_pacifica_hedge.py" in text


def test_the_last_words_do_not_hide_a_lone_leg() -> None:
    """Legs that differ are named as they are."""
    assert "long 0.0005 on lighter, short 0 on pacifica (CLOSE)" in farewell(
        holding(Phase.CLOSE, short="0")
    )


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
from desk.screen.console import Terminal
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
