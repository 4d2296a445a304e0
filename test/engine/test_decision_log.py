"""The log has every step that touches money, and no line for each tick that changes nothing."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import structlog

from desk.core.actions import Action, Decision, ReadAccounts, SendOrders, VenueOrder, Watch
from desk.core.events import (
    AccountsRead,
    Command,
    Event,
    OrderReport,
    OrdersSettled,
    OwnerAsked,
    Tick,
    Verdict,
)
from desk.core.order import OrderRequest, Side
from desk.engine.decision_log import DecisionLog
from desk.engine.log import log_to
from desk.engine.said import Said
from test.engine.bench import LIGHTER, Stage
from test.engine.scripted import Run
from test.engine.states import AT_MS
from test.engine.test_log import FixedClock
from test.engine.test_run import perform, waiting

HOLD = Watch("HOLD", False, ("BTC",), None, held="BTC")
WAIT, ANALYZE = Watch("WAIT", True, ("BTC",), None), Watch("ANALYZE", True, ("BTC",), None)
ORDER = OrderRequest(
    "BTC", Side.BUY, Decimal("0.00050"), Decimal("92000.5"), client_id="7", reduce_only=True
)
SEND = SendOrders(1, (VenueOrder(LIGHTER, ORDER),), Decimal(5))


class Page:
    """A log of decisions that can be read back."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        log_to(self._file, FixedClock())
        self._log = DecisionLog()

    def note(
        self,
        event: Event,
        *actions: Action,
        reason: str = "because",
        before: Watch = HOLD,
        after: Watch = HOLD,
    ) -> Page:
        """Log one decision."""
        self._log.note(event, Decision(None, actions, reason), before=before, after=after)
        return self

    def lines(self) -> list[str]:
        """Return the lines without their stamps."""
        return [line.split(" ", 1)[1] for line in self._file.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_transition_has_its_reason_and_its_symbol() -> None:
    """From where to where, upon what, of which symbol, and why."""
    (line,) = Page().note(Tick(AT_MS), before=HOLD, after=WAIT, reason="closed flat").lines()

    assert (
        'level=info event=decision now=WAIT on=Tick reason="closed flat" symbol=BTC was=HOLD'
    ) == line


def test_an_order_is_logged_before_and_after() -> None:
    """Size and price when it is sent, fill, price and fee when it is settled: one id."""
    report = OrderReport(
        LIGHTER, "7", Verdict.ACCEPTED, True, Decimal("0.00050"), "", Decimal(91_990), Decimal(0)
    )
    page = Page().note(Tick(AT_MS), SEND).note(OrdersSettled(AT_MS, 1, (report,)))

    sent, done = (line for line in page.lines() if "event=order" in line)
    assert "order.intended client_id=7 price=92000.5 reduce_only side=buy size=0.00050" in sent
    assert "fee_usd=0 filled=0.00050 is_final price=91990 venue=lighter" in done


def test_an_order_nobody_took_is_a_warning() -> None:
    """Unknown and rejected stand out, with the venue's words."""
    lost = OrderReport(LIGHTER, "7", Verdict.UNKNOWN, False, Decimal(0), "no answer in time")
    line = Page().note(OrdersSettled(AT_MS, 1, (lost,))).lines()[0]

    assert line.startswith("level=warning event=order.settled")
    assert 'detail="no answer in time"' in line


def test_idle_ticks_and_checks_are_one_line_an_hour() -> None:
    """What repeats itself but for its figures is told again after an hour."""
    page = Page()
    read = ReadAccounts(1)
    for second in range(3_601):
        page.note(Tick(AT_MS + second * 1000), read, reason=f"check {second}")
        page.note(AccountsRead(AT_MS + second * 1000, 1, {}), reason="both legs stand")

    assert 4 == len(page.lines())


def test_looks_that_find_nothing_are_one_line_an_hour() -> None:
    """The same round of looking and resting does not fill the file."""
    page = Page()
    for minute in range(60):
        at_ms = AT_MS + minute * 60_000
        page.note(Tick(at_ms), before=WAIT, after=ANALYZE, reason="time to look")
        page.note(Tick(at_ms), before=ANALYZE, after=WAIT, reason=f"nothing; 0.{minute} bp short")

    assert 2 == len(page.lines())


def test_the_owners_voice_is_always_logged() -> None:
    """Said twice, it stands there twice."""
    event = OwnerAsked(AT_MS, Command.PAUSE)

    assert 2 == len(Page().note(event).note(event).lines())


def test_what_was_said_is_remembered_within_a_bound() -> None:
    """Old texts make room for new ones, and a clock set back is no reason to be quiet."""
    said = Said(memory_ms=1000)

    assert said.is_news("a", 5000)
    assert not said.is_news("a", 5999)
    assert said.is_news("a", 4000)
    assert all(said.is_news(f"text {chr(code)}", 4000) for code in range(0x4E00, 0x4E00 + 300))
    assert said.is_news("a", 4001)


def test_a_gap_in_a_stream_is_logged_once_with_its_length(tmp_path: Path) -> None:
    """Down with its reason, up with the gap; what a reconnection tries in between is not told."""
    file = io.StringIO()

    async def play(stage: Stage, run: Run) -> None:
        log_to(file, stage.clock)
        life = asyncio.create_task(run.engine.run())
        await asyncio.sleep(1)
        stage.feed(LIGHTER).cut("connection lost")
        await asyncio.sleep(12)
        stage.feed(LIGHTER).mend()
        await asyncio.sleep(1)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)

    perform(tmp_path, waiting, play)
    down, up = [line for line in file.getvalue().splitlines() if "venue=lighter" in line][-2:]
    assert down.endswith('=warning event=stream.down reason="connection lost" venue=lighter')
    assert up.endswith("=info event=stream.up gap_ms=12000 venue=lighter")
