"""Whether the books of a cycle are what the accounts show.

The money of both accounts before a hedge and after it, as the exchanges have it, against the result
the bot writes down. Only where nobody else trades in the account.
"""

from collections.abc import Callable
from decimal import Decimal

from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Phase
from desk.storm.examiner import Case, Examiner
from desk.storm.rules import Rule
from desk.storm.stage import ACCOUNT

ROUNDING_USD = Decimal("0.000001")


class Ledger(Examiner):
    """Keeps the money there was before each cycle."""

    def __init__(self, case: Case, *, had_hands: Callable[[], bool]) -> None:
        """Tell `breach` of a result that is not true; say nothing where there `had_hands`."""
        super().__init__(case)
        self._had_hands = had_hands
        self._before_usd: dict[int, Decimal] = {}

    def decided(self, record: Record[BotState]) -> None:
        """Note the money when a hedge is decided on; compare when its result is written."""
        state = record.decision.state
        hedge, result = state.hedge, state.result
        if hedge is not None:
            if state.phase is Phase.OPEN and record.before.label == Phase.SELECT:
                self._before_usd[hedge.cycle] = self._money()
            return
        before = self._before_usd.pop(result.cycle, None) if result is not None else None
        if result is None or before is None or not result.is_complete:
            return
        change = self._money() - before
        if self._had_hands() or not self._truth.is_flat():
            return
        if abs(change - result.net_usd) > ROUNDING_USD:
            text = f"cycle {result.cycle}: {result.net_usd:+.6f} USD written, {change:+.6f} came"
            self._breach(Rule.BOOKS, text)

    def _money(self) -> Decimal:
        accounts = (self._stage.world.exchanges[venue].account(ACCOUNT) for venue in VenueName)
        return sum((row.balance for row in accounts), Decimal(0))
