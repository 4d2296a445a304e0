"""Why a good hedge is closed, and how often an opening that failed is tried again.

Invariants of one kind, told to the judge. Causes are looked for in the world: in fills, marks and
words, not in the reasons the bot gives.
"""

from dataclasses import dataclass
from decimal import Decimal

from desk.core.events import Command, OwnerAsked
from desk.core.market import MarketStatus
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Hedge, Phase
from desk.sim.exchange import Fill, FillCause
from desk.storm.examiner import Case, Examiner
from desk.storm.limits import Limits
from desk.storm.patience import FAILURES_MAX, HOLD_SLACK_MS, retry_pause_s
from desk.storm.rules import Rule
from desk.storm.truth import is_ours

ENDING_WORDS = (Command.CLOSE, Command.STOP, Command.HALT, Command.LEAVE)


class Causes(Examiner):
    """Follows what happens to each hedge that could be a cause to close it."""

    def __init__(self, case: Case, *, limits: Limits) -> None:
        """Tell `breach` what must not be."""
        super().__init__(case)
        self._limits = limits
        self._was_standing = False
        self._was_told = False
        self._was_cut = False
        self._cycle = 0
        self._began_ms = self._began_by_bot_ms = 0

    def started(self, state: BotState) -> None:
        """What stood stands, for all that a new life can know."""
        self._was_standing = state.hedge is not None and state.hedge.is_standing

    def filled(self, venue: VenueName, fill: Fill, before: Decimal) -> None:
        """Another hand, or a trigger, took of ours: the legs are not what they were."""
        is_sent = is_ours(fill.client_id) and fill.cause is FillCause.TRADE
        if before and not (is_sent and not fill.order_type.is_trigger):
            self._was_cut = True

    def decided(self, record: Record[BotState]) -> None:
        """Keep what may end a hedge; judge the end of one that stood."""
        state, event = record.decision.state, record.event
        hedge = state.hedge
        if isinstance(event, OwnerAsked) and event.command in ENDING_WORDS:
            self._was_told = True
        elif isinstance(event, OwnerAsked) and event.command is Command.RESUME:
            self._was_told = False
        if hedge is None:
            self._was_standing = self._was_told = self._was_cut = False
            return
        if hedge.cycle != self._cycle:
            self._cycle = hedge.cycle
            self._began_ms = self._stage.world.time_ms()
            self._began_by_bot_ms = event.at_ms
        if self._was_standing and state.phase is Phase.CLOSE:
            self._judge(hedge, event.at_ms)
        self._was_standing = hedge.is_standing

    def _judge(self, hedge: Hedge, at_ms: int) -> None:
        """A hedge that is whole, wanted and far from its ends is held until its time is over."""
        held_ms = self._stage.world.time_ms() - self._began_ms
        held_ms = max(held_ms, at_ms - self._began_by_bot_ms)
        if (
            self._was_told
            or self._was_cut
            or held_ms >= self._config.hold_ms - HOLD_SLACK_MS
            or self._limits.was_reached(hedge.symbol)
            or not self._is_as_known(hedge)
            or self._is_ending(hedge.symbol)
        ):
            return
        text = f"{hedge.symbol} after {held_ms / 1000:.0f} s: {hedge.close_reason}"
        self._breach(Rule.UNCAUSED, text)

    def _is_as_known(self, hedge: Hedge) -> bool:
        """Return whether on both venues there is what is known to be ours."""
        ours = {venue: self._truth.ours(venue, hedge.symbol) for venue in VenueName}
        return all(size == hedge.held(venue) for venue, size in ours.items())

    def _is_ending(self, symbol: str) -> bool:
        """Return whether a market takes no new positions."""
        exchanges = self._stage.world.exchanges.values()
        markets = (exchange.markets[symbol].instrument for exchange in exchanges)
        return any(market.status is not MarketStatus.ACTIVE for market in markets)


@dataclass(slots=True)
class _Failed:
    """How often in a row a symbol was not opened, and when last: truly, and by the bot's clock."""

    count: int
    at_ms: int
    by_bot_ms: int


class Churn(Examiner):
    """Follows openings that come to nothing: each costs fees, so they become seldom."""

    def __init__(self, case: Case) -> None:
        """Tell `breach` of openings that follow too soon, or of too many."""
        super().__init__(case)
        self._failed: dict[str, _Failed] = {}
        self._in_a_row = 0
        self._trying = ""

    def started(self, state: BotState) -> None:
        """What a crash ended did not fail; and of a failure at that moment nobody may know."""
        self._trying = ""
        known = state.backoffs
        self._failed = {symbol: row for symbol, row in self._failed.items() if symbol in known}

    def decided(self, record: Record[BotState]) -> None:
        """Count openings, and judge when the next one follows."""
        state, before = record.decision.state, record.before.label
        hedge = state.hedge
        if isinstance(record.event, OwnerAsked):
            self._trying = ""  # what he says may end it
        elif hedge is not None and state.phase is Phase.OPEN and before != Phase.OPEN:
            self._judge(hedge.symbol, record.event.at_ms)
            self._trying = hedge.symbol
        elif state.phase is Phase.HOLD:
            self._failed.pop(self._trying, None)
            self._trying, self._in_a_row = "", 0
        elif hedge is None and self._trying:
            count = self._failed[self._trying].count if self._trying in self._failed else 0
            now_ms = self._stage.world.time_ms()
            self._failed[self._trying] = _Failed(count + 1, now_ms, record.event.at_ms)
            self._trying = ""
            self._in_a_row += 1

    def _judge(self, symbol: str, at_ms: int) -> None:
        """The pause is long enough by one clock or the other: the bot's may be set."""
        failed = self._failed.get(symbol)
        if self._in_a_row > FAILURES_MAX:
            self._breach(Rule.CHURN, f"{self._in_a_row} openings failed in a row, and one more")
        if failed is None:
            return
        now_ms = self._stage.world.time_ms()
        paused_s = max(now_ms - failed.at_ms, at_ms - failed.by_bot_ms) / 1000
        if paused_s < retry_pause_s(failed.count):
            text = f"{symbol} again after {paused_s:.0f} s, {failed.count} failed"
            self._breach(Rule.CHURN, text)
