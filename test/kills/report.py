"""What is shown of the kills: a line each, one table at the end. Computes nothing new."""

from collections.abc import Iterator, Sequence
from statistics import median

from rich.table import Table

from desk.core.venue import VenueName
from test.kills.life import PHASES, START, Life
from test.kills.record import QUIET_S, Alone, Kill


def kill_line(kill: Kill) -> str:
    """Return one kill and what came of it."""
    lighter, pacifica = kill.legs
    held = f"{lighter:+f} {pacifica:+f}" if any(kill.legs) else "flat"
    lost = f", an order to {kill.lost_on} lost" if kill.lost_on else ""
    head = f"life {kill.life} kill {kill.number:>2}  {kill.phase:<8}{held}{lost}"
    if kill.back_s is None:
        return f"{head} → killed again before it was back"
    adopted = f", untouched for {QUIET_S:g} s" if kill.was_adopted else ""
    asked = " + ".join(f"{spent:f} {venue}" for venue, spent in kill.spent.items())
    asked = asked or "requests not counted"
    took = f"{kill.back_s:.2f} s (import {kill.import_s or 0:.2f})"
    return f"{head} → {kill.back_in} after {took}, {asked}{adopted}"


def violations(life: Life) -> Iterator[str]:
    """Yield everything that was broken in one life."""
    yield from life.faults
    for row in life.times_alone():
        if row.naked.until_ms is None:
            yield f"{_where(life, row)}: a leg stands alone at the end"
        elif row.alive_s > row.alive_s_max:
            yield (
                f"{_where(life, row)}: a leg stood alone for {row.alive_s:.1f} s of one process, "
                f"allowed {row.alive_s_max:.1f}"
            )


def table(lives: Sequence[Life]) -> Table:
    """Return how often each state was struck, and what the way back took: seconds (median and most)
    and credits (most)."""
    kills = [kill for life in lives for kill in life.kills]
    drawn = Table("killed in", "kills", "back after, s", "at most", "lighter", "pacifica")
    for phase in (START, *PHASES):
        _add_row(drawn, phase, [kill for kill in kills if kill.phase == phase])
    _add_row(drawn, "all", kills)
    _add_row(drawn, "a hedge held", [kill for kill in kills if kill.back_in == "HOLD"])
    return drawn


def figures(lives: Sequence[Life], *, wall_s: float) -> Iterator[str]:
    """Yield the rest of the summary, a line each."""
    kills = [kill for life in lives for kill in life.kills]
    yield f"{len(kills)} kills of {len(lives)} daemons in {wall_s:.0f} s"
    adopted = sum(kill.was_adopted for kill in kills)
    yield f"{adopted} hedges taken over and watched for {QUIET_S:g} s: nothing was traded"
    yield f"{sum(life.refused for life in lives)} requests beyond the published limits"
    yield f"{sum(kill.is_naked for kill in kills)} kills while a leg stood alone"
    alone = [(row, life) for life in lives for row in life.times_alone()]
    for venue in VenueName:
        here = [(row, life) for row, life in alone if row.naked.began_on is venue.twin]
        if here:
            row, life = max(here, key=lambda pair: pair[0].alive_s)
            yield (
                f"{len(here)} times a leg waited for {venue}: at most {row.alive_s:.2f} s of one "
                f"process (allowed {row.alive_s_max:g}), {row.total_s:.2f} s with its deaths, "
                f"{_where(life, row)}"
            )


def _add_row(drawn: Table, name: str, kills: Sequence[Kill]) -> None:
    times = [kill.back_s for kill in kills if kill.back_s is not None]
    took = [f"{median(times):.2f}", f"{max(times):.2f}"] if times else []
    counted = [kill.spent for kill in kills if kill.spent]
    most = [f"{max(row[venue] for row in counted):f}" for venue in VenueName if counted]
    drawn.add_row(name, str(len(kills)), *took, *most)


def _where(life: Life, row: Alone) -> str:
    """Return between which kills a leg stood alone."""
    before = [kill for kill in life.kills if kill.at_ms < row.naked.since_ms]
    after = [
        kill
        for kill in life.kills
        if kill.at_ms >= row.naked.since_ms
        and (row.naked.until_ms is None or kill.at_ms <= row.naked.until_ms)
    ]
    number = life.kills[0].life if life.kills else 0
    if after:
        names = ", ".join(f"{kill.number} in {kill.phase}" for kill in after)
        return f"life {number}, kill {names}"
    return f"life {number}, after kill {len(before)}"
