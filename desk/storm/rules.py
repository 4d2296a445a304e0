"""What must hold in every run, and which rare branches must have been reached by many."""

from dataclasses import dataclass
from enum import StrEnum

RARE = (
    "both orders unknown",
    "close: found half-done at start",
    "close: legs differ",
    "close: opening failed",
    "close: stop-loss",
    "closed through zero",
    "crash in CLOSE",
    "crash in OPEN",
    "crash in RECOVER",
    "crash while a leg was naked",
    "fence voided an order",
    "held back by our own budget",
    "one order unknown",
    "order expired on its way",
    "order landed after its sender had died",
    "outage while a leg was naked",
    "opening topped up",
    "refused by the venue's count",
    "save failed while a leg was naked",
)
"""What only a storm meets, and must meet."""


class Rule(StrEnum):
    """What must hold."""

    NAKED_SIZE = "naked leg larger than one leg"
    NAKED_TIME = "naked leg for too long"
    LEFT_NAKED = "exit with a naked leg"
    NO_INTENT = "increasing order without a saved intent"
    TWO_LIVE = "two live orders of one leg"
    RESTS = "an order of ours rests without its hedge"
    MAY_OPEN = "an order of ours that waits may open"
    GUARDS = "a hold that its venues do not guard alike"
    TOO_LARGE = "size beyond the lock or the config"
    REDUCE_ONLY = "reduce-only order increased"
    OWNERS = "something of the owner's was touched"
    END_STATE = "end differs from what the state says"
    NOT_SETTLED = "not settled in time"
    HALTED = "halted although no other hand was at work"
    OUR_FAULT = "a fault of our own"
    RUNAWAY = "too many requests"
    SLOW_CLOSE = "a close that takes too long"
    UNASKED = "opened against the owner's word or a halt"
    FUNDING = "opened for funding that is not paid"
    ONE_BY_ONE = "an opening order that waited for its twin"
    ID_TWICE = "an id used twice"
    BOOKS = "a result that the accounts do not show"
    WIDENED = "an order of ours that parted the legs"
    PAST_STOP = "a leg left beyond its stop"
    THIN_MARGIN = "a leg left close to its liquidation"
    UNCAUSED = "a good hedge closed without a cause"
    CHURN = "failed openings without growing pauses"


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach: when (seconds since the start) and what was seen."""

    rule: Rule
    at_s: float
    text: str
