"""What goes wrong in one run, drawn from its seed, and the text that plays it again."""

from dataclasses import dataclass
from random import Random

from desk.core.venue import VenueName
from desk.sim.faults import (
    ORDER_KINDS,
    REQUEST_KINDS,
    STREAM_KINDS,
    Fault,
    FaultKind,
)

MISCHIEFS = (2, 6)
WRITES = {VenueName.LIGHTER: "sendTx", VenueName.PACIFICA: "/orders/create"}
# Where they are most felt: the opening, which waits for a minute's budget, and the close after it.
MOMENTS_S = ((0.0, 3.0), (58.0, 66.0), (58.0, 66.0), (80.0, 92.0), (80.0, 92.0), (0.0, 120.0))
CRASHES_MAX = 2
LASTS_S = {
    FaultKind.REPLY_LATE: (1.0, 4.0, 8.0),
    FaultKind.EFFECT_LATE: (1.0, 4.5, 20.0),
    FaultKind.STREAM_SILENT: (5.0, 30.0, 90.0),
    FaultKind.STALE_PRICES: (5.0, 30.0),
    FaultKind.OUTAGE: (2.0, 15.0, 60.0),
    FaultKind.CLOCK_SKEW: (-0.8, 0.8),
}
_ON_REQUESTS = tuple(sorted(REQUEST_KINDS))
_ELSEWHERE = (
    *sorted(STREAM_KINDS),
    *sorted(ORDER_KINDS - {FaultKind.ACCEPTED_THEN_CANCELLED}),
    *LASTS_S,
)


@dataclass(frozen=True, slots=True)
class Mischief:
    """One fault and when it is planned; without a fault the process dies."""

    at_s: float
    fault: Fault | None = None

    def __str__(self) -> str:
        """Name it for people."""
        if self.fault is None:
            return f"{self.at_s:g} s: the process dies"
        fault = self.fault
        where = f" of {fault.match}" if fault.match else ""
        lasts = f", {fault.delay_s:g} s" if fault.delay_s else ""
        return f"{self.at_s:g} s: {fault.venue} {fault.kind}{where}{lasts} x{fault.count}"


def draw(seed: int) -> tuple[Mischief, ...]:
    """Return what goes wrong in the run of this seed, in the order of time."""
    chance = Random(f"wire:{seed}")
    faults = [_fault(chance) for _ in range(chance.randint(*MISCHIEFS))]
    deaths = chance.choice((0, 0, *range(CRASHES_MAX + 1)))
    drawn = [Mischief(_moment(chance), fault) for fault in (*faults, *[None] * deaths)]
    return tuple(sorted(drawn, key=lambda row: row.at_s))


def _moment(chance: Random) -> float:
    return round(chance.uniform(*chance.choice(MOMENTS_S)), 2)


def _fault(chance: Random) -> Fault:
    venue = chance.choice(tuple(VenueName))
    is_on_request = chance.random() < 0.7
    kind = chance.choice(_ON_REQUESTS if is_on_request else _ELSEWHERE)
    is_on_write = is_on_request and chance.random() < 0.6
    return Fault(
        venue,
        kind,
        match=WRITES[venue] if is_on_write else "",
        count=chance.choice((1, 1, 1, 2, 4)),
        delay_s=chance.choice(LASTS_S.get(kind, (0.0,))),
    )
