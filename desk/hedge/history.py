"""What two venues' spread of a symbol has been, hour by hour, and what follows from it.

Pure: rows that were read come in, what to read next goes out. Kept in the state, so that a start
asks only for what is missing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from desk.core.events import VenueMarkets
from desk.core.funding import SETTLEMENT_PERIOD_MS, FundingPoint, HourlyRate
from desk.core.venue import VenueName
from desk.hedge.forecast import Belief, Forecast

DAY_HOURS = 24
HOURS_MAX = 14 * DAY_HOURS
"""A history begins with a day: what was learnt of it stands until the oldest one is dropped, so it
is up to a day longer than this."""
HOURS_MIN = 72
"""With fewer known hours nobody can tell a level from a burst: the prior speaks."""
HOURS_LATE_MAX = 6
HISTORIES_MAX = 8
ASKED_AT_ONCE_MAX = 4
BOOKED_MS = 90_000
"""How long after the hour both venues are given to publish what it paid."""
ASK_AGAIN_MS = 900_000

_SCALE = Decimal(10**9)
_BPS_PER_STEP = 1e-5  # a billionth of notional is 1e-5 bp
_BELIEFS_MAX = 2_048  # the days of a hundred symbols; some kilobytes each


@dataclass(frozen=True, slots=True)
class SpreadHistory:
    """The spreads of one symbol: Lighter's settled rate less Pacifica's, billionths of notional.

    One for each hour up to `last_hour` (hours since 1970), oldest first, None where a venue's rate
    is not known. `asked_at_ms` is when the venues were asked last, whether they answered or not.
    """

    asked_at_ms: int
    last_hour: int = 0
    spreads: tuple[int | None, ...] = ()

    @property
    def known_hours(self) -> int:
        """Return how many hours are known."""
        return sum(spread is not None for spread in self.spreads)


Histories = Mapping[str, SpreadHistory]


def wanted(histories: Histories, symbols: Iterable[str], at_ms: int) -> dict[str, int]:
    """Return which of `symbols` to ask for now, each since when (ms); the first few come first."""
    settled_hour = (at_ms - BOOKED_MS) // SETTLEMENT_PERIOD_MS
    found: dict[str, int] = {}
    for symbol in symbols:
        kept = histories.get(symbol)
        if len(found) == ASKED_AT_ONCE_MAX:
            break
        if kept is None:
            found[symbol] = at_ms - HOURS_MAX * SETTLEMENT_PERIOD_MS
        elif kept.last_hour < settled_hour and at_ms - kept.asked_at_ms >= ASK_AGAIN_MS:
            oldest = max(kept.last_hour + 1, settled_hour - HOURS_MAX)
            found[symbol] = oldest * SETTLEMENT_PERIOD_MS
    return found


def mark_asked(
    histories: Histories, symbols: Iterable[str], at_ms: int
) -> dict[str, SpreadHistory]:
    """Return the histories with a note of who is being asked for; the least wanted are dropped."""
    asked = {
        symbol: replace(histories.get(symbol, SpreadHistory(at_ms)), asked_at_ms=at_ms)
        for symbol in symbols
    }
    every = {**histories, **asked}
    newest = sorted(every, key=lambda symbol: (-every[symbol].asked_at_ms, symbol))
    return {symbol: every[symbol] for symbol in sorted(newest[:HISTORIES_MAX])}


def take_in(
    histories: Histories, venues: Mapping[VenueName, VenueMarkets]
) -> dict[str, SpreadHistory]:
    """Return the histories with what both venues told; what one alone told waits for the other."""
    if len(venues) < len(VenueName):
        return dict(histories)
    found = dict(histories)
    for symbol, kept in histories.items():
        told = {venue: venues[venue].history.get(symbol, ()) for venue in VenueName}
        known = spreads_of(told[VenueName.LIGHTER], told[VenueName.PACIFICA])
        if known:
            found[symbol] = _with(kept, known)
    return found


def spreads_of(
    lighter: Iterable[FundingPoint], pacifica: Iterable[FundingPoint]
) -> dict[int, int]:
    """Return the spread, billionths of notional, of every hour (since 1970) that both have."""
    first, second = _hours(lighter), _hours(pacifica)
    return {
        hour: int(((first[hour] - second[hour]).fraction * _SCALE).to_integral_value())
        for hour in first.keys() & second.keys()
    }


def _hours(points: Iterable[FundingPoint]) -> dict[int, HourlyRate]:
    """Return rates by the nearest whole hour: Pacifica stamps its rows some seconds after it."""
    half = SETTLEMENT_PERIOD_MS // 2
    return {(row.settled_at_ms + half) // SETTLEMENT_PERIOD_MS: row.rate for row in points}


def _with(kept: SpreadHistory, told: Mapping[int, int]) -> SpreadHistory:
    begin = kept.last_hour - len(kept.spreads) + 1
    known = {begin + at: spread for at, spread in enumerate(kept.spreads) if spread is not None}
    known |= told
    last = max(known)
    return replace(kept, last_hour=last, spreads=window(known, last))


def window(known: Mapping[int, int], last: int) -> tuple[int | None, ...]:
    """Return what is kept of the known spreads when `last` is the newest hour."""
    first = max(min(known), (last - HOURS_MAX + 1) // DAY_HOURS * DAY_HOURS)
    return tuple(known.get(hour) for hour in range(first, last + 1))


def foresee(kept: SpreadHistory | None, estimate: HourlyRate, at_ms: int) -> Forecast | None:
    """Return the forecast from `at_ms` on, None where the history is too short or too old for one.

    `estimate` is the spread (Lighter less Pacifica) of the hour in progress, as both venues tell it
    now: they average over the hour, so it counts as far as the hour has gone.
    """
    if kept is None or kept.known_hours < HOURS_MIN:
        return None
    settled_hour, elapsed_ms = divmod(at_ms, SETTLEMENT_PERIOD_MS)
    late = settled_hour - kept.last_hour
    if late > HOURS_LATE_MAX:
        return None
    belief = _believed(kept.spreads).copy()
    for _ in range(late):
        belief.pass_over()
    predicted = belief.next_bps()
    share = elapsed_ms / SETTLEMENT_PERIOD_MS
    first = predicted + share * (float(estimate.bps) - predicted)
    belief.learn(first)
    return belief.forecast(first_bps=first)


def bps_of(spread: int) -> float:
    """Return a spread as the estimator reads it."""
    return spread * _BPS_PER_STEP


@lru_cache(maxsize=_BELIEFS_MAX)
def _believed(spreads: tuple[int | None, ...]) -> Belief:
    """Return what that history teaches: nobody may teach the answer more.

    Whole days are remembered, so that an hour more costs the hours of its day.
    """
    whole = (len(spreads) - 1) // DAY_HOURS * DAY_HOURS
    belief = _believed(spreads[:whole]).copy() if whole > 0 else Belief()
    for spread in spreads[max(whole, 0) :]:
        if spread is None:
            belief.pass_over()
        else:
            belief.learn(bps_of(spread))
    return belief
