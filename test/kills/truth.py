"""What the exchanges hold and did, and how long one leg was without its twin. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from desk.core.venue import VenueName

ZERO = Decimal(0)
Positions = Mapping[VenueName, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill: `size` signed base units, `at_ms` by the venues' clock."""

    venue: VenueName
    symbol: str
    size: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class Truth:
    """Both accounts at one moment. `fills` are all there ever were, in order of time; `orders` the
    symbols of those that rest."""

    positions: Positions
    orders: Mapping[VenueName, Sequence[str]]
    fills: Sequence[Fill]

    def legs(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return the positions on Lighter and on Pacifica, signed base units."""
        lighter, pacifica = (self.positions[venue].get(symbol, ZERO) for venue in VenueName)
        return lighter, pacifica

    def legs_at(self, symbol: str, at_ms: int) -> tuple[Decimal, Decimal]:
        """Return what the fills up to an instant come to, as `legs` does."""
        rows = [row for row in self.fills if row.symbol == symbol and row.at_ms <= at_ms]
        lighter, pacifica = (
            sum((row.size for row in rows if row.venue is venue), ZERO) for venue in VenueName
        )
        return lighter, pacifica


def read_truth(answer: Mapping[str, Any]) -> Truth:
    """Return what `GET /_sim/truth` says of the one account of each venue."""
    accounts = {venue: next(iter(answer[venue]["accounts"].values())) for venue in VenueName}
    fills = [
        Fill(venue, row["symbol"], signed(row["side"], row["size"]), row["at_ms"])
        for venue, account in accounts.items()
        for row in account["fills"]
    ]
    return Truth(
        positions={
            venue: {symbol: Decimal(size) for symbol, size in account["positions"].items()}
            for venue, account in accounts.items()
        },
        orders={
            venue: [row["symbol"] for row in account["orders"]]
            for venue, account in accounts.items()
        },
        fills=sorted(fills, key=lambda row: row.at_ms),
    )


def signed(side: str, size: str) -> Decimal:
    """Return the size of a trade, positive for a buy."""
    return Decimal(size) if side == "buy" else -Decimal(size)


@dataclass(frozen=True, slots=True)
class Naked:
    """A time in which the legs did not cancel out. `began_on` is the venue that filled first, so
    what is waited for is its twin's word; `until_ms` None: it lasts."""

    began_on: VenueName
    since_ms: int
    until_ms: int | None


def naked_times(fills: Sequence[Fill], symbol: str) -> Iterator[Naked]:
    """Yield each time one leg of `symbol` stood alone, by fills in order of time."""
    gap, began = ZERO, None
    for row in fills:
        if row.symbol != symbol:
            continue
        gap += row.size
        if began is None:
            began = row
        elif not gap:
            yield Naked(began.venue, began.at_ms, row.at_ms)
            began = None
    if began is not None:
        yield Naked(began.venue, began.at_ms, None)


def alive_ms(naked: Naked, lives: Sequence[tuple[int, int]]) -> int:
    """Return the longest part (ms) of a naked time that one process lived through.

    A process that was killed took its knowledge along: the next one begins anew. `lives` are
    instants of start and death.
    """
    return max((_shared_ms(naked, start_ms, end_ms) for start_ms, end_ms in lives), default=0)


def _shared_ms(naked: Naked, start_ms: int, end_ms: int) -> int:
    until_ms = end_ms if naked.until_ms is None else min(naked.until_ms, end_ms)
    return max(0, until_ms - max(naked.since_ms, start_ms))
