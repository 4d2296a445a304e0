"""The two ends that no hedge waits beyond: a leg at its stop, and one close to its liquidation.

Invariants of one kind, told to the judge. Reckoned from our own fills, the configuration, and the
exchanges' marks; the bot is not asked.
"""

from decimal import Decimal
from functools import partial

from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState
from desk.sim.exchange import ExchangeEvent, Fill, FillCause, StatsChanged
from desk.storm.alone import Alone
from desk.storm.examiner import Case, Examiner
from desk.storm.naked import StopWatch
from desk.storm.patience import STOP_S, second_look_s
from desk.storm.rules import Rule
from desk.storm.stage import ACCOUNT, SYMBOLS
from desk.storm.truth import Gap, is_ours

ZERO = Decimal(0)
NEAR = Decimal("0.05")  # a mark within this of its index, or of the other mark, can be believed
SLACK = Decimal("0.01")  # of the price: the bot may know it a little less well
CALM = Decimal("0.005")  # a move of the mark, after which a leg is looked at again


class Limits(Examiner):
    """Follows how near each leg is to its two ends through all lives of a run."""

    def __init__(self, case: Case, *, alone: Alone) -> None:
        """Listen to both exchanges' marks from now on; tell `breach` what must not be."""
        super().__init__(case)
        self._alone = alone
        self._entry: dict[tuple[VenueName, str], tuple[Decimal, Decimal]] = {}
        self._calm: dict[tuple[VenueName, str], tuple[Decimal, Decimal]] = {}
        self._reached: set[str] = set()
        self._told: set[tuple[Rule, int]] = set()
        now_ms = self._stage.world.time_ms()
        self._watches = {
            (rule, venue): StopWatch(now_ms)
            for rule in (Rule.PAST_STOP, Rule.THIN_MARGIN)
            for venue in VenueName
        }
        for venue, exchange in self._stage.world.exchanges.items():
            exchange.listen(partial(self._hear, venue), StatsChanged)

    def was_reached(self, symbol: str) -> bool:
        """Return whether a leg of what is held in a symbol has been at one of its ends, or so near
        that it may have seemed so."""
        return symbol in self._reached

    def filled(self, venue: VenueName, fill: Fill, before: Decimal) -> None:
        """Keep what our legs were entered at."""
        key, after = (venue, fill.symbol), self._truth.ours(venue, fill.symbol)
        self._calm.pop(key, None)
        if not after or before * after < 0:
            self._entry.pop(key, None)
            if not self._truth.ours(venue.twin, fill.symbol):
                self._reached.discard(fill.symbol)
        elif is_ours(fill.client_id) and fill.cause is FillCause.TRADE and abs(after) > abs(before):
            size, cost = self._entry.get(key, (ZERO, ZERO))
            self._entry[key] = size + fill.size, cost + fill.size * fill.price
        self.turn()

    def started(self, state: BotState) -> None:
        """A new life can help."""
        self.turn()

    def ended(self, error: BaseException | None) -> None:
        """Nobody can help."""
        self.turn()

    def decided(self, record: Record[BotState]) -> None:
        """Count while a leg is where it must not stay."""
        if not self._is_calm():
            self.turn()

    def _is_calm(self) -> bool:
        return all(watch.episode is None for watch in self._watches.values())

    def _hear(self, venue: VenueName, event: ExchangeEvent) -> None:
        """Look at a leg whose mark has moved far enough to matter: each look costs."""
        assert isinstance(event, StatsChanged), "that is all it listens to"
        if not self._truth.ours(venue, event.symbol):
            return
        low, high = self._calm.get((venue, event.symbol), (ZERO, ZERO))
        mark = self._stage.world.exchanges[venue].stats(event.symbol).mark
        if not (low < mark < high and self._is_calm()):
            self._calm[venue, event.symbol] = mark * (1 - CALM), mark * (1 + CALM)
            self.turn()

    def turn(self) -> None:
        """Count time up to now as things stood; to be called when a circumstance has changed."""
        for (rule, venue), watch in self._watches.items():
            measure = self._past_stop if rule is Rule.PAST_STOP else self._thin
            leg = next((leg for symbol in SYMBOLS if (leg := measure(venue, symbol))), None)
            watch.turn(self._stage.world.time_ms(), self._alone.circumstances(leg))
            if watch.episode is not None and leg is not None:
                self._judge(rule, leg, watch)

    def _judge(self, rule: Rule, leg: Gap, watch: StopWatch) -> None:
        """Where the streams tell of it, it is done at once; else at the next check."""
        episode = watch.episode
        assert episode is not None, "there is a leg to judge"
        feed = self._stage.feeds.get(leg.venue)
        is_told = rule is Rule.PAST_STOP and feed is not None and feed.is_whole
        allowed_s = STOP_S + self._alone.allowed_s(episode)
        allowed_s += second_look_s(self._config, is_told=is_told)
        stood_s = (episode.helped_ms + episode.alone_ms + episode.kept_ms) / 1000
        if stood_s > allowed_s and (rule, episode.began_at_ms) not in self._told:
            self._told.add((rule, episode.began_at_ms))
            text = f"{leg.size.normalize():f} {leg.symbol} on {leg.venue} for {stood_s:.0f} s"
            self._breach(rule, f"{text}, {allowed_s:g} s allowed")

    def _past_stop(self, venue: VenueName, symbol: str) -> Gap | None:
        """Return the leg whose loss is beyond the stop at a mark that can be believed."""
        ours, entered = self._truth.ours(venue, symbol), self._entry.get((venue, symbol))
        if not ours or entered is None:
            return None
        size, cost = entered
        exchanges = self._stage.world.exchanges
        stats = exchanges[venue].stats(symbol)
        loss = (cost / size - stats.mark) * (1 if ours > 0 else -1) * size / cost
        stop = self._config.stop_loss_pct / 100
        if loss < stop - SLACK:
            return None
        self._reached.add(symbol)
        beside = (stats.index, exchanges[venue.twin].stats(symbol).mark)
        is_believed = any(abs(stats.mark - price) <= price * NEAR for price in beside)
        is_past = is_believed and loss >= stop
        return self._alone.but_dust(Gap(symbol, abs(ours), venue)) if is_past else None

    def _thin(self, venue: VenueName, symbol: str) -> Gap | None:
        """Return the leg that is nearer to its liquidation than it may be."""
        ours = self._truth.ours(venue, symbol)
        if not ours:
            return None
        exchange = self._stage.world.exchanges[venue]
        row = exchange.account(ACCOUNT).positions.get(symbol)
        price = row.liquidation_price if row is not None else None
        if price is None or price <= 0:
            return None
        mark, least = exchange.stats(symbol).mark, self._config.min_margin_distance_pct / 100
        distance = abs(mark - price) / mark
        if distance > least + SLACK:
            return None
        self._reached.add(symbol)
        is_thin = distance < least
        return self._alone.but_dust(Gap(symbol, abs(ours), venue)) if is_thin else None
