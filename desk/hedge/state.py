"""What the bot knows and intends: one frozen, JSON-serialisable value, saved before anything is
done about it.

Only data and what follows from it alone. Who may change which phase stands in
`desk.hedge.machine`.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import IntEnum, StrEnum

from desk.core.ids import ATTEMPT_MAX, CYCLE_MAX, LEG_MAX, OrderKey
from desk.core.market import Instrument, MarketStatus
from desk.core.order import FillCause, PositionSide, Side
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.economics import Expected
from desk.hedge.guard import Guard, Trigger
from desk.hedge.history import SpreadHistory
from desk.hedge.worth import Plan

SCHEMA = 1
GUARD_LEG = 0  # the leg field of a trigger's id: no role has it


class Phase(StrEnum):
    """Where the bot is in its round."""

    RECOVER = "RECOVER"
    ANALYZE = "ANALYZE"
    SELECT = "SELECT"
    OPEN = "OPEN"
    HOLD = "HOLD"
    CLOSE = "CLOSE"
    WAIT = "WAIT"
    HALT = "HALT"


class Role(IntEnum):
    """What an order is for: the `leg` field of its id.

    OPEN and CLOSE are what they say; CLOSE is always reduce-only. THROUGH closes a rest that is too
    small for the venue, by one order through zero (see `desk.hedge.closing`).
    """

    OPEN = 1
    CLOSE = 2
    THROUGH = 3

    @classmethod
    def of(cls, key: OrderKey) -> "Role":
        """Return what an order with that id was for (see `BotState.key`); a trigger closes."""
        if key.leg == GUARD_LEG:
            return cls.CLOSE
        return cls((key.leg - 1) % len(cls) + 1)


# How often the leg field has room for all roles: more orders than one attempt field counts.
_ID_BLOCKS = LEG_MAX // len(Role)


@dataclass(frozen=True, slots=True)
class Intent:
    """One order of ours, written down before it is signed.

    `filled` (base units) and `average_price` (USD) are what is known so far. `in_doubt` until the
    venue has said what became of it; after `expires_at_ms` it can no longer take effect.
    `was_taken`: the venue has acknowledged it, which is not a fill.
    """

    venue: VenueName
    client_id: str
    role: Role
    side: Side
    size: Decimal
    price: Decimal
    saved_at_ms: int
    expires_at_ms: int
    in_doubt: bool = True
    was_taken: bool = False
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None

    @property
    def signed(self) -> Decimal:
        """Return what it has added to the position, signed base units."""
        return self.filled * self.side.sign


_TAKEN = {
    FillCause.TRADE: "closed by hand",
    FillCause.LIQUIDATION: "liquidated",
    FillCause.DELEVERAGE: "deleveraged",
}


@dataclass(frozen=True, slots=True)
class Cut:
    """What another hand took of a leg of ours: the owner's, or the venue's.

    `size` is the signed change of the position, base units; `cause` is what the venue's fills say.
    """

    venue: VenueName
    size: Decimal
    cause: FillCause
    at_ms: int

    @property
    def words(self) -> str:
        """Return what happened, for people: "0.5 on pacifica liquidated"."""
        return f"{abs(self.size).normalize():f} on {self.venue} {_TAKEN[self.cause]}"


class CloseReason(StrEnum):
    """Why a hedge is being closed; the words stand in the journal and on screen.

    REDUCED closes only what stands above a leg that was cut.
    """

    HOLD_ENDED = "hold ended"
    UNWIND = "opening failed"
    STOP_LOSS = "stop-loss"
    IMBALANCE = "legs differ"
    MARGIN = "too close to liquidation"
    REDUCED = "a leg was cut"
    TRIGGERED = "a venue's trigger fired"
    LATCHED = "cut by the emergency close, as it seems"
    MARKET = "a market takes no new positions"
    OWNER = "owner asked"
    RECOVERY = "found half-done at start"

    @property
    def is_urgent(self) -> bool:
        """Return whether to close at the wide band, each leg as soon as it can be."""
        return self not in (CloseReason.HOLD_ENDED, CloseReason.MARKET, CloseReason.OWNER)

    @property
    def leaves_twin(self) -> bool:
        """Return whether a leg is closed although its twin cannot be: it would be lost."""
        return self in (CloseReason.STOP_LOSS, CloseReason.MARGIN)

    def gives_way_to(self, other: "CloseReason") -> bool:
        """Return whether `other` takes its place: what can wait yields to what cannot, and a
        reduction to whatever closes all."""
        if self is CloseReason.REDUCED:
            return other is not self
        return other.is_urgent and not self.is_urgent


@dataclass(frozen=True, slots=True)
class Hedge:
    """A hedge from its approval to its proof of flatness.

    `size` is the base size chosen for each leg. `equity_before_usd` was read on each venue while
    flat. `spread_apr_pct` is what made us choose it, None where that went with a lost state.
    `review_at_ms` is when the hold ends or is renewed; `opened_at_ms` None until both legs are
    verified. `rounds` counts how often orders were sent, `suspicions` the reads in a row that
    showed less than is ours, `told` what the owner has been told already. `is_stirred`: a fill was
    streamed that no full check has explained, the last that brought one at `stirred_at_ms`.
    `is_vouched`: the owner has looked at a close that could not be proved. `funding_bps` was
    expected over the hold when it
    was approved, None where nobody noted it. `mids` (USD) are what the opening was decided on,
    `first_sent_at_ms` and `last_filled_at_ms` frame the time in which one leg could stand alone.
    `guard` is None until triggers have been placed. `cuts` are what others took of it, the rest
    being held on. `expected` is what it was opened for, None where nobody noted that.
    """

    cycle: int
    symbol: str
    size: Decimal
    long_venue: VenueName
    spread_apr_pct: Decimal | None
    approved_at_ms: int
    equity_before_usd: dict[VenueName, Decimal]
    instruments: dict[VenueName, Instrument]
    intents: tuple[Intent, ...] = ()
    opened_at_ms: int | None = None
    review_at_ms: int | None = None
    renewals: int = 0
    next_check_at_ms: int = 0
    close_reason: CloseReason | None = None
    close_began_at_ms: int | None = None
    rounds: int = 0
    close_tries: int = 0
    result_tries: int = 0
    suspicions: int = 0
    told: tuple[str, ...] = ()
    is_stirred: bool = False
    stirred_at_ms: int = 0
    is_vouched: bool = False
    funding_bps: Decimal | None = None
    mids: dict[VenueName, Decimal] = field(default_factory=dict)
    first_sent_at_ms: int | None = None
    last_filled_at_ms: int | None = None
    guard: Guard | None = None
    weighed_at_ms: int | None = None
    cuts: tuple[Cut, ...] = ()
    expected: Expected | None = None

    @property
    def is_standing(self) -> bool:
        """Return whether both legs were verified and nobody has decided to close them."""
        return self.opened_at_ms is not None and self.close_reason is None

    @property
    def is_reducing(self) -> bool:
        """Return whether only the twin of a cut leg is being made smaller."""
        return self.close_reason is CloseReason.REDUCED

    @property
    def is_suspect(self) -> bool:
        """Return whether a leg may have been cut: the next look tells."""
        return self.is_stirred or self.suspicions > 0

    @property
    def notional_usd(self) -> Decimal | None:
        """Return what a leg was worth by the mids it was decided on, None where none was noted."""
        if not self.mids:
            return None
        return self.size * sum(self.mids.values(), Decimal(0)) / len(self.mids)

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """Return every trigger on record."""
        return () if self.guard is None else self.guard.triggers

    @property
    def orders(self) -> tuple[Intent | Trigger, ...]:
        """Return everything of ours that may have filled."""
        return (*self.intents, *self.triggers)

    @property
    def is_even(self) -> bool:
        """Return whether what is ours on both venues cancels out."""
        return sum((self.held(venue) for venue in VenueName), Decimal(0)) == 0

    def side_at(self, venue: VenueName) -> PositionSide:
        """Return which way the leg on `venue` earns."""
        return PositionSide.LONG if venue is self.long_venue else PositionSide.SHORT

    def traded(self, venue: VenueName) -> Decimal:
        """Return the net of our own fills on `venue`, signed base units."""
        return sum(
            [row.signed for row in self.orders if row.filled and row.venue is venue], Decimal(0)
        )

    def taken(self, venue: VenueName) -> Decimal:
        """Return by how much others have changed our leg on `venue`, signed base units."""
        return sum((cut.size for cut in self.cuts if cut.venue is venue), Decimal(0))

    def held(self, venue: VenueName) -> Decimal:
        """Return what is ours on `venue`, signed: our own fills, but for what others took."""
        return self.traded(venue) + self.taken(venue) if self.cuts else self.traded(venue)

    def entry_price(self, venue: VenueName) -> Decimal | None:
        """Return the average price (USD) of the opening fills on `venue`, None without any.

        A fill whose price has not been told counts at its limit: it cannot have been worse.
        """
        rows = [row for row in self.intents if row.venue is venue and row.role is Role.OPEN]
        size = sum((row.filled for row in rows), Decimal(0))
        if not size:
            return None
        return sum((row.filled * (row.average_price or row.price) for row in rows), size * 0) / size

    def shut(self) -> tuple[VenueName, ...]:
        """Return the venues whose market takes no orders at all at present."""
        markets = self.instruments.items()
        return tuple(venue for venue, row in markets if row.status is MarketStatus.INACTIVE)

    def in_doubt(self) -> tuple[Intent, ...]:
        """Return the orders whose fate is not known; what rests as a trigger is not among them."""
        return tuple(row for row in self.intents if row.in_doubt)

    def is_shared(self, venue: VenueName) -> bool:
        """Return whether somebody else has been seen to hold the symbol on `venue`, too."""
        return f"{venue} more" in self.told

    def in_doubt_at(self, venue: VenueName) -> tuple[Intent, ...]:
        """Return those of them that were sent to one venue."""
        return tuple(row for row in self.in_doubt() if row.venue is venue)

    def owns(self, client_id: str | None) -> bool:
        """Return whether an order or fill with that id is one of this hedge's."""
        return client_id is not None and any(row.client_id == client_id for row in self.orders)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often in a row a symbol was not opened, and until when it is left alone."""

    failures: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class LegResult:
    """What one leg of a finished cycle brought, USD: `net_usd` is price + funding - fees."""

    side: PositionSide
    price_usd: Decimal
    funding_usd: Decimal
    fees_usd: Decimal

    @property
    def net_usd(self) -> Decimal:
        """Return the leg's part of the result."""
        return self.price_usd + self.funding_usd - self.fees_usd


@dataclass(frozen=True, slots=True)
class CycleResult:
    """A finished cycle.

    `equity_change_usd` was read from the venues, apart from the legs' own sums. `forecast_usd` is
    the funding that was expected at the opening, up to the first review. `legging_ms` went by from
    the first opening order sent to the last fill, for which both legs together paid `slippage_bps`
    more than the mids it was decided on. Each is None where not known.

    `cuts` are what others took of its legs while it was held.

    `is_complete` False: a venue did not hand out its rows, and the missing ones are not counted as
    zero by anybody.
    """

    cycle: int
    symbol: str
    size: Decimal
    long_venue: VenueName
    opened_at_ms: int | None
    closed_at_ms: int
    close_reason: CloseReason
    renewals: int
    legs: dict[VenueName, LegResult]
    equity_change_usd: Decimal | None
    is_complete: bool
    forecast_usd: Decimal | None = None
    legging_ms: int | None = None
    slippage_bps: Decimal | None = None
    cuts: tuple[Cut, ...] = ()

    @property
    def net_usd(self) -> Decimal:
        """Return the result of both legs."""
        return sum((leg.net_usd for leg in self.legs.values()), Decimal(0))


@dataclass(frozen=True, slots=True)
class Choice:
    """The pair SELECT is looking at closely before it opens.

    `funding_bps` is expected over the hold. `looks` counts the close looks so far. `plan` is the
    hold that a forecast chose it for, None where the symbol's history is too short for one.
    `expected` is what it was chosen for, at the costs of that look.
    """

    symbol: str
    long_venue: VenueName
    spread_apr_pct: Decimal
    funding_bps: Decimal
    instruments: dict[VenueName, Instrument]
    looks: int = 0
    plan: Plan | None = None
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class RateProof:
    """How a venue's payments agree with its rates (see `desk.hedge.proving`).

    `hour` (since 1970) was judged last; `odd_hours` in a row did not agree, `said` in words.
    """

    hour: int = 0
    odd_hours: int = 0
    said: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why more may have been sent than this state knows, and how far the search for it has come.

    `why` is for people. `is_first`: there is no trace of a former life, only the possibility.
    Whatever a former life sent left before `since_ms`. `reach` counts how often the search had to
    go further back, `tries` how often it came back without an explanation. `is_vouched`: the owner
    has looked, and what cannot be proved to be ours is his.
    """

    why: str
    is_first: bool = False
    since_ms: int | None = None
    reach: int = 0
    tries: int = 0
    is_searched: bool = False
    is_vouched: bool = False

    def anew(self) -> "Doubt":
        """Return the doubt with its search still to be done."""
        return replace(self, reach=0, tries=0, is_searched=False)


@dataclass(frozen=True, slots=True)
class BotState:
    """Everything that must survive a crash.

    `asked` numbers the last question to the engine; `waiting` is whether its answer is still to
    come. `cycle` is the number of the next hedge. `look_at_ms` is the earliest time of the next
    look. `cycles_left` None: no limit. `outages` tells since when a venue has not answered.
    `pauses` counts the waits in a row inside this phase. `by_hand` are symbols whose position
    somebody else changed. `halt_reason` is the latch: while it is set nothing is opened, whatever
    the phase, and only the owner's `resume` clears it. While there is a `doubt` nothing is opened
    either: the venues are searched first. `skews_ms` names the venues whose clock was last seen too
    far from ours, and how far it is ahead.
    `pauses` counts the waits in a row inside this phase, `unwound` the openings in a row that had
    to be unwound, at `unwound_usd` in all. `by_hand` are symbols whose position
    somebody else changed. While there is a `halt_reason` nothing is opened, whatever the phase, and
    only the owner's `resume` clears it. `latch` says why the latch file was set: somebody else may
    be closing everything. While there is a `doubt` nothing is opened
    either: the venues are searched first.
    """

    config: Config
    epoch: int
    schema: int = SCHEMA
    phase: Phase = Phase.RECOVER
    asked: int = 0
    waiting: bool = False
    wake_at_ms: int | None = None
    look_at_ms: int = 0
    cycle: int = 1
    hedge: Hedge | None = None
    choice: Choice | None = None
    refusals: dict[str, str] = field(default_factory=dict)
    backoffs: dict[str, Backoff] = field(default_factory=dict)
    outages: dict[VenueName, int] = field(default_factory=dict)
    pauses: int = 0
    cycles_left: int | None = None
    cycles_done: int = 0
    result: CycleResult | None = None
    paused: bool = False
    leaving: bool = False
    close_asked: bool = False
    stop_asked: bool = False
    by_hand: tuple[str, ...] = ()
    halt_reason: str | None = None
    latch: str | None = None
    doubt: Doubt | None = None
    histories: dict[str, SpreadHistory] = field(default_factory=dict)
    rate_proofs: dict[VenueName, RateProof] = field(default_factory=dict)
    skews_ms: dict[VenueName, int] = field(default_factory=dict)
    unwound: int = 0
    unwound_usd: Decimal = Decimal(0)

    @property
    def is_latched(self) -> bool:
        """Return whether the latch file was set and nobody has resumed since."""
        return self.latch is not None

    @property
    def is_halted_by_latch(self) -> bool:
        """Return whether nothing but the latch file halts the bot: its end is a resume."""
        return self.is_latched and self.halt_reason == self.latch

    def key(self, role: Role, round_number: int) -> OrderKey:
        """Return the id fields of an order of the current hedge.

        A hedge that needs more rounds than the attempt field counts goes on in the next legs.
        """
        assert self.hedge is not None
        block, attempt = divmod(round_number, ATTEMPT_MAX + 1)
        leg = role + len(Role) * (block % _ID_BLOCKS)
        cycle = self.hedge.cycle % (CYCLE_MAX + 1)
        return OrderKey(epoch=self.epoch, cycle=cycle, leg=leg, attempt=attempt)

    def trigger_key(self, number: int) -> OrderKey:
        """Return the id fields of the current hedge's trigger of that number."""
        assert self.hedge is not None
        cycle, attempt = self.hedge.cycle % (CYCLE_MAX + 1), number % (ATTEMPT_MAX + 1)
        return OrderKey(epoch=self.epoch, cycle=cycle, leg=GUARD_LEG, attempt=attempt)

    def with_hedge(self, hedge: Hedge) -> "BotState":
        """Return the state with its hedge replaced, the state itself where that is the same."""
        return self if hedge is self.hedge else replace(self, hedge=hedge)
