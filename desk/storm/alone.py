"""How long and how large a leg stands alone, and how long a close takes.

Invariants of one kind, told to the judge. Reads the exchanges' own fills; of what the bot says of
itself only whether it is closing, and which orders it does not know the end of.
"""

from decimal import Decimal

from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Phase, Role
from desk.sim.exchange import Fill
from desk.storm.boundaries import Boundary
from desk.storm.examiner import Case, Examiner
from desk.storm.naked import Circumstances, Episode, StopWatch
from desk.storm.orders import Orders, least, role_of
from desk.storm.patience import (
    BASE_S,
    CLOSE_S,
    EXCUSES_S_MAX,
    alone_s,
    excuse_s,
    second_look_s,
)
from desk.storm.rules import Rule
from desk.storm.stage import PACE, SYMBOLS
from desk.storm.strikes import Kind, Strike
from desk.storm.truth import Gap
from desk.storm.weather import Weather

ZERO = Decimal(0)
RECENT_MS = 90_000  # a strike counts for what becomes naked so long after it
UNHEARD_MS = 100


def _felt_ms(strike: Strike, boundary: Boundary) -> int:
    """Return how long a strike goes on: an outage until its end, a thin book until it is filled."""
    if strike.kind is Kind.OUTAGE:
        return round(strike.amount * 1000)
    if strike.kind in (Kind.PARTIAL, Kind.NO_FILL):
        is_slow = not boundary.operation.endswith(SYMBOLS[0])
        return PACE.step_ms * (PACE.others_every if is_slow else 1)
    return 0


class Alone(Examiner):
    """Follows the gap between the legs through all lives of a run."""

    def __init__(self, case: Case, *, orders: Orders) -> None:
        """Tell `breach` what must not be; `weather` is given once it is made."""
        self.weather: Weather | None = None
        self.size_ratio_max = ZERO
        super().__init__(case)
        self._orders = orders
        now_ms = self._stage.world.time_ms()
        self.watch = StopWatch(now_ms)
        self.closing = StopWatch(now_ms)
        self._state: BotState | None = None
        self._is_alive = False
        self._struck: list[tuple[int, float]] = []
        self._unseen: list[tuple[int, float]] = []
        self._leg_max: dict[str, Decimal] = {}
        self._through_until_ms = 0
        self._cut_ms: dict[VenueName, int] = {}
        self._told_late: set[int] = set()

    def fell(self, strike: Strike, boundary: Boundary) -> None:
        """Count what a strike excuses."""
        ends_ms = self._now_ms() + _felt_ms(strike, boundary)
        self._struck.append((ends_ms, excuse_s(strike, boundary)))

    def turn(self) -> None:
        """Count time up to now as things stood; to be called when a circumstance has changed."""
        gap = self.gap()
        is_kept = gap is not None and (self._is_twin_taken(gap) or self._is_cut_unseen(gap))
        self.watch.turn(self._now_ms(), self.circumstances(gap, is_twin_taken=is_kept))
        self._turn_close()
        episode = self.watch.episode
        if episode is None or gap is None:
            return
        allowed_s = self.allowed_s(episode)
        late_s = max(episode.helped_ms / 1000, episode.alone_ms / 1000 - alone_s(self._config))
        if late_s > allowed_s and episode.began_at_ms not in self._told_late:
            self._told_late.add(episode.began_at_ms)
            self._breach(
                Rule.NAKED_TIME,
                f"{gap.size.normalize():f} {gap.symbol} on {gap.venue} for {late_s:.1f} s, "
                f"{allowed_s:g} s allowed",
            )

    def circumstances(self, gap: Gap | None, *, is_twin_taken: bool = False) -> Circumstances:
        """Return who could help now with what stands somewhere."""
        weather = self.weather
        out = frozenset(v for v in VenueName if weather is not None and weather.is_out(v))
        return Circumstances(gap, self._is_alive, out, is_twin_taken)

    def allowed_s(self, episode: Episode) -> float:
        """Return how long a leg may stand as it does: what fell together is excused together."""
        since_ms = episode.began_at_ms - RECENT_MS
        excused_s = sum(more_s for at_ms, more_s in self._struck if at_ms > since_ms)
        unseen_s = max((more_s for at_ms, more_s in self._unseen if at_ms > since_ms), default=0.0)
        return BASE_S + min(excused_s, EXCUSES_S_MAX) + unseen_s

    def _turn_close(self) -> None:
        """Count how long what is being closed stands while the bot runs and both venues answer."""
        is_closing = self._state is not None and self._state.phase is Phase.CLOSE
        left = self.but_dust(self._truth.largest()) if is_closing else None
        self.closing.turn(self._now_ms(), self.circumstances(left))
        episode = self.closing.episode
        if episode is None or left is None or -episode.began_at_ms in self._told_late:
            return
        stood_s, allowed_s = episode.helped_ms / 1000, CLOSE_S + self.allowed_s(episode)
        if stood_s > allowed_s:
            self._told_late.add(-episode.began_at_ms)
            text = f"{left.symbol} on {left.venue} stands after {stood_s:.1f} s"
            self._breach(Rule.SLOW_CLOSE, f"{text}, {allowed_s:g} s allowed")

    def gap(self) -> Gap | None:
        """Return the naked part of what is ours, but for dust beside the owner's part."""
        return self.but_dust(self._truth.gap())

    def but_dust(self, gap: Gap | None) -> Gap | None:
        """Return nothing for a rest that its venue takes no order for, beside the owner's part."""
        if gap is None:
            return None
        there = self._truth.there(gap.venue, gap.symbol)
        is_shared = there != self._truth.ours(gap.venue, gap.symbol)
        return None if is_shared and gap.size < least(self._stage, gap.venue, gap.symbol) else gap

    def _is_twin_taken(self, gap: Gap) -> bool:
        """Return whether the twin's venue has acknowledged an order nobody knows the end of."""
        hedge = self._state.hedge if self._state is not None else None
        orders = hedge.in_doubt() if hedge is not None else ()
        return any(row.venue is gap.venue.twin and row.was_taken for row in orders)

    def _is_cut_unseen(self, gap: Gap) -> bool:
        """Return whether another hand took the twin while its venue was about to be away."""
        venue, weather = gap.venue.twin, self.weather
        if venue not in self._cut_ms or weather is None or not weather.is_out(venue):
            return False
        seen_ms = self._cut_ms[venue] + round(second_look_s(self._config) * 1000)
        return weather.out_since_ms(venue) <= seen_ms

    # What a run shows

    def started(self, state: BotState) -> None:
        """A new life can help."""
        self._is_alive = True
        self.turn()
        self._state = state

    def ended(self, error: BaseException | None) -> None:
        """Nobody can help."""
        self._is_alive = False
        self.turn()

    def left_by_itself(self) -> None:
        """See a life exit of its own will."""
        gap = self.gap()
        if gap is not None and not self._was_just_cut():
            self._breach(Rule.LEFT_NAKED, f"{gap.size.normalize():f} {gap.symbol} on {gap.venue}")

    def _was_just_cut(self) -> bool:
        """Return whether another hand took of ours a moment ago, which nobody can have heard of."""
        return any(self._now_ms() - at_ms <= UNHEARD_MS for at_ms in self._cut_ms.values())

    def decided(self, record: Record[BotState]) -> None:
        """Count while a leg stands alone or is being closed."""
        self._state = record.decision.state
        is_watched = self.watch.episode is not None or self.closing.episode is not None
        if is_watched or self._state.phase is Phase.CLOSE:
            self.turn()

    def sending(self, venue: VenueName, request: OrderRequest) -> None:
        """A rest that is closed through zero may become the venue's least the other way."""
        if role_of(request) is Role.THROUGH:
            self._through_until_ms = self._now_ms() + RECENT_MS

    def filled(self, venue: VenueName, fill: Fill, before: Decimal) -> None:
        """See how the gap changes; what the bot did not send it has to see first."""
        after = self._truth.ours(venue, fill.symbol)
        sent = self._orders.sent(venue, fill.client_id)
        if sent is not None and sent.role is Role.OPEN and not before:
            twin = abs(self._truth.ours(venue.twin, fill.symbol))
            self._leg_max[fill.symbol] = max(sent.request.size, twin)
        if before != after if sent is None else sent.request.trigger_price is not None:
            if before != after:
                self._cut_ms[venue] = self._now_ms()
            feed = self._stage.feeds.get(venue)
            is_told = feed is not None and feed.is_whole
            self._unseen.append((self._now_ms(), second_look_s(self._config, is_told=is_told)))
        self._judge_gap(fill.symbol)
        self.turn()

    def _judge_gap(self, symbol: str) -> None:
        """A naked leg is never larger than the size that was chosen.

        But for a rest that is closed through zero: then it may be the venue's least.
        """
        chosen = self._leg_max.get(symbol)
        gap = self.gap()
        if gap is None or not chosen:
            return
        self.size_ratio_max = max(self.size_ratio_max, gap.size / chosen)
        is_through = self._now_ms() < self._through_until_ms
        leasts = (least(self._stage, venue, symbol) for venue in VenueName)
        more = max(leasts) if is_through else ZERO
        if gap.size > chosen + more:
            self._breach(Rule.NAKED_SIZE, f"{gap.size} {symbol} naked, {chosen} was chosen")

    def _now_ms(self) -> int:
        return self._stage.world.time_ms()
