"""A scripted bot: events by hand, answered by a small world that is honest about what happened.

A story holds the state and the truth about every order. What is not told to the bot yet (an order
of unknown fate) is still true, and shows in the next read.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from desk.core.actions import Alert, Exit, ReadAccounts, SendOrders
from desk.core.events import (
    AccountsRead,
    ActionBroke,
    Command,
    Event,
    MarketsRead,
    MarkView,
    OwnerAsked,
    Tick,
    VenueAccount,
)
from desk.core.funding import FundingPayment
from desk.core.order import Fill, FillCause, Side
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.events import Started
from desk.hedge.machine import decide, watch
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, Hedge, Intent, Phase
from test.hedge import builders as b
from test.hedge.builders import LIGHTER, PACIFICA, BotDecision


class Story:
    """A bot and what is true about its orders."""

    def __init__(self, state: BotState | None = None, **changes: Any) -> None:
        """Begin with a bot that has never run, under the plain configuration and its changes."""
        self.state = state or BotState(config=b.config(**changes), epoch=b.EPOCH)
        self.at_ms = b.T0
        self.steps: list[BotDecision] = []
        self.fills: dict[VenueName, list[Fill]] = {venue: [] for venue in BOTH}
        self.payments: dict[VenueName, list[FundingPayment]] = {venue: [] for venue in BOTH}
        if self.state.hedge is not None:
            self._believe(self.state.hedge.intents)

    def _believe(self, intents: Iterable[Intent]) -> None:
        for row in intents:
            if not row.in_doubt:
                self._trade(row, row.filled)

    # What the bot did

    @property
    def step(self) -> BotDecision:
        """Return the last decision."""
        return self.steps[-1]

    @property
    def phase(self) -> Phase:
        """Return where the bot is."""
        return self.state.phase

    @property
    def hedge(self) -> Hedge:
        """Return the hedge in hand."""
        assert self.state.hedge is not None
        return self.state.hedge

    @property
    def sent(self) -> SendOrders:
        """Return the orders of the last decision."""
        action = b.sent(self.step)
        assert action is not None, f"nothing sent: {self.step.reason}"
        return action

    @property
    def alerts(self) -> list[str]:
        """Return every alert of the story so far."""
        return [row.text for step in self.steps for row in step.actions if isinstance(row, Alert)]

    @property
    def orders(self) -> list[SendOrders]:
        """Return every batch of orders of the story so far."""
        return [action for step in self.steps if (action := b.sent(step)) is not None]

    @property
    def exit_code(self) -> int | None:
        """Return with which code the last decision ends the process, None if it does not."""
        return next((row.code for row in self.step.actions if isinstance(row, Exit)), None)

    # What happens

    def feed(self, event: Event) -> "Story":
        """Let the bot decide."""
        self.steps.append(decide(self.state, event))
        self.state = self.step.state
        return self

    def wait(self, ms: int) -> "Story":
        """Let time pass, nothing else."""
        self.at_ms += ms
        return self

    def start(self, cycles: int | None = None, config: Config | None = None) -> "Story":
        """Let the process begin, or begin again."""
        return self.feed(Started(self.at_ms, config or self.state.config, cycles))

    def say(self, command: Command) -> "Story":
        """Let the owner speak."""
        return self.feed(OwnerAsked(self.at_ms, command))

    def tick(self, mark: str | None = None, index: str | None = None) -> "Story":
        """Feed a tick, with this mark on both venues."""
        if mark is None:
            return self.feed(Tick(self.at_ms))
        view = MarkView(b.d(mark), b.d(index or mark), self.at_ms)
        return self.feed(Tick(self.at_ms, dict.fromkeys(BOTH, view)))

    def wake(self) -> "Story":
        """Let time pass until the bot wants to be woken, and wake it."""
        due = watch(self.state).wake_at_ms
        assert due is not None, f"{self.phase} is not waiting for a time"
        self.at_ms = max(self.at_ms, due)
        return self.tick()

    def look(self, spread: str | int = 40, away: VenueName | None = None) -> "Story":
        """Answer a question about markets."""
        venues = b.markets(spread, at_ms=self.at_ms)
        failures = {}
        if away is not None:
            del venues[away]
            failures[away] = f"{away} is away"
        return self.feed(MarketsRead(self.at_ms, self.state.asked, venues, failures))

    def read(self, *away: VenueName, **changes: Any) -> "Story":
        """Answer a question about accounts with the truth; `changes` go into every row."""
        rows = {venue: self.row(venue, **changes) for venue in BOTH if venue not in away}
        failures = {venue: f"{venue} is away" for venue in away}
        return self.feed(AccountsRead(self.at_ms, self.state.asked, rows, failures))

    def row(self, venue: VenueName, **changes: Any) -> VenueAccount:
        """Return the truth about one venue, as far as the last question asked for it."""
        question = self._question()
        size = sum((fill.size * fill.side.sign for fill in self.fills[venue]), Decimal(0))
        account = b.account(*([b.position(size)] if size else []), at_ms=self.at_ms)
        plain = b.close_look(
            venue,
            self.at_ms,
            fills=tuple(self.fills[venue]),
            payments=tuple(self.payments[venue]),
            is_fenced=venue in question.fence and venue is LIGHTER,
        )
        if not question.orders:
            plain = replace(plain, orders=None)
        told = replace(plain, **({"account": account} | changes))
        if question.since_ms is None:
            return replace(told, fills=None, payments=None)
        if question.symbol is None:
            return replace(told, payments=None, instruments={b.SYMBOL: b.instrument(venue)})
        return told

    def settle(self, *sizes: str | Decimal | None) -> "Story":
        """Report the orders just sent: how much of each filled, None for a fate unknown to all."""
        known = [None if size is None else Decimal(size) for size in sizes]
        for row, size in zip(self.hedge.intents[-len(sizes) :], known, strict=True):
            if size is not None:
                self._trade(row, size)
        return self.feed(b.settled(self.state, self.at_ms, known))

    def lands(self, venue: VenueName, size: str | Decimal) -> "Story":
        """Let the order of unknown fate on a venue have filled that much, told to nobody yet."""
        row = next(row for row in self.hedge.in_doubt() if row.venue is venue)
        self._trade(row, Decimal(size))
        return self

    def hand(
        self, venue: VenueName, size: str | Decimal, cause: FillCause = FillCause.TRADE
    ) -> "Story":
        """Let somebody else, or the venue, trade a signed size in our symbol."""
        signed = Decimal(size)
        side = Side.BUY if signed > 0 else Side.SELL
        row = b.fill(None, side, abs(signed), at_ms=self.at_ms)
        ident = f"hand {len(self.fills[venue])}"
        self.fills[venue].append(replace(row, fill_id=ident, cause=cause))
        return self

    def pay(self, lighter: str, pacifica: str) -> "Story":
        """Let both venues settle one hour."""
        for venue, usd in ((LIGHTER, lighter), (PACIFICA, pacifica)):
            row = b.payment(usd, self.at_ms)
            number = len(self.payments[venue])
            self.payments[venue].append(replace(row, payment_id=f"hour {number}"))
        return self

    def fault(self) -> "Story":
        """Let an action meet a bug of ours."""
        return self.feed(ActionBroke(self.at_ms, "a bug"))

    def _trade(self, row: Intent, size: Decimal) -> None:
        if size:
            fill = b.fill(row.client_id, row.side, size, at_ms=self.at_ms)
            self.fills[row.venue].append(fill)

    def _question(self) -> ReadAccounts:
        """Return the last question about accounts."""
        asked = (action for step in reversed(self.steps) for action in b.asked(step))
        return next(action for action in asked if isinstance(action, ReadAccounts))

    # Chapters that many stories begin with

    def opening(self, cycles: int | None = None) -> "Story":
        """Start, find a pair, and send both orders."""
        return self.start(cycles).read().look().read().read()

    def holding(self, cycles: int | None = None) -> "Story":
        """Open a hedge and verify both legs."""
        self.opening(cycles)
        size = self.hedge.size
        return self.settle(size, size).read()
