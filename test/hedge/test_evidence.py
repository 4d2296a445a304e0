"""What fills prove about a position: whose it is, how much of it, and which hedge it was."""

from dataclasses import replace

import pytest

from desk.core.events import AccountsRead
from desk.core.order import Fill, Side
from desk.core.venue import VenueName
from desk.hedge.doubting import doubted, search
from desk.hedge.evidence import Leg, Trace, hedge_from, traces_in
from desk.hedge.state import BotState, CloseReason, Phase, Role
from test.hedge.builders import (
    LIGHTER,
    PACIFICA,
    SIZE,
    T0,
    ZERO,
    account,
    config,
    d,
    fill,
    instrument,
    intent,
    position,
    seen,
)

BOTH = (LIGHTER, PACIFICA)


def ours(venue: VenueName, role: Role = Role.OPEN, size: str = "0.01", symbol: str = "ETH") -> Fill:
    """Return a fill with an id of ours."""
    row = intent(venue, role)
    return fill(row.client_id, row.side, d(size), symbol=symbol)


def theirs(size: str, symbol: str = "ETH") -> Fill:
    """Return a fill of somebody else's, signed."""
    side = Side.BUY if d(size) > 0 else Side.SELL
    return fill(None, side, abs(d(size)), symbol=symbol)


def read(lighter: tuple[Fill, ...], pacifica: tuple[Fill, ...] = ()) -> AccountsRead:
    """Return both accounts, with just the positions that these fills add up to, all numbered."""
    rows = {}
    for venue, fills in zip(BOTH, (lighter, pacifica), strict=True):
        told = tuple(replace(row, fill_id=str(n)) for n, row in enumerate(fills))
        symbols = sorted({row.symbol for row in told})
        held = {
            name: sum((r.size * r.side.sign for r in told if r.symbol == name), ZERO)
            for name in symbols
        }
        positions = (position(size, name) for name, size in held.items() if size)
        rows[venue] = seen(
            account=account(*positions),
            fills=told,
            is_fenced=True,
            instruments={name: instrument(venue, name) for name in ("BTC", "ETH")},
        )
    return AccountsRead(T0, 1, rows)


def leg(*fills: Fill) -> Leg:
    """Return what Lighter's fills prove."""
    (trace,) = traces_in(read(fills))
    return trace.legs[LIGHTER]


def test_a_position_of_our_fills_is_ours() -> None:
    """Followed back to flat, with nobody else in between."""
    assert (SIZE, True) == (leg(ours(LIGHTER)).standing, leg(ours(LIGHTER)).is_whole)


def test_what_was_before_the_last_flat_does_not_count() -> None:
    """An old hedge of ours, closed, then the owner's own position: his."""
    closed = (ours(LIGHTER), ours(LIGHTER, Role.CLOSE))
    assert (ZERO, ()) == (leg(*closed, theirs("0.01")).standing, leg(*closed, theirs("1")).ours)


@pytest.mark.parametrize(
    ("hand", "standing"),
    [("0.5", "0.01"), ("-0.004", "0.006"), ("-0.5", "0")],
    ids=["added", "reduced", "turned"],
)
def test_never_more_is_ours_than_our_fills_and_than_is_there(hand: str, standing: str) -> None:
    """Somebody traded on top of our leg: what he added is his, what he took is gone."""
    assert d(standing) == leg(ours(LIGHTER), theirs(hand)).standing


def test_rows_that_do_not_reach_back_prove_nothing() -> None:
    """The position is larger than all its fills: the first ones are missing."""
    event = read((ours(LIGHTER),))
    row = replace(event.venues[LIGHTER], account=account(position(d("0.02"))))
    (trace,) = traces_in(replace(event, venues=event.venues | {LIGHTER: row}))
    assert (False, False) == (trace.is_whole, trace.is_ours)


def trace_of(event: AccountsRead) -> Trace:
    """Return the one trace in a read."""
    (trace,) = traces_in(event)
    return trace


def test_an_even_hedge_is_made_up_whole() -> None:
    """Direction, size, orders and the time it was opened come from the fills."""
    event = read((ours(LIGHTER),), (ours(PACIFICA),))
    hedge = hedge_from(trace_of(event), event, cycle=5)

    assert hedge is not None
    assert (5, LIGHTER, SIZE, -SIZE) == (
        hedge.cycle,
        hedge.long_venue,
        hedge.held(LIGHTER),
        hedge.held(PACIFICA),
    )
    assert (T0 + 500, None, {}) == (
        hedge.opened_at_ms,
        hedge.close_reason,
        hedge.equity_before_usd,
    )


def test_a_hedge_in_its_close_is_made_up_as_one() -> None:
    """A closing order of the same cycle stands among the fills, on the flat venue too."""
    event = read((ours(LIGHTER),), (ours(PACIFICA), ours(PACIFICA, Role.CLOSE)))
    hedge = hedge_from(trace_of(event), event, cycle=5)

    assert hedge is not None
    assert (CloseReason.RECOVERY, ZERO, 3) == (
        hedge.close_reason,
        hedge.held(PACIFICA),
        len(hedge.intents),
    )


def test_a_market_that_is_no_longer_listed_makes_no_hedge() -> None:
    """Without its steps and minimums nothing can be closed there."""
    event = read((ours(LIGHTER),))
    bare = {venue: replace(row, instruments={}) for venue, row in event.venues.items()}
    event = replace(event, venues=bare)
    assert hedge_from(trace_of(event), event, cycle=5) is None


def test_of_two_hedges_the_uneven_one_is_taken_first_and_the_other_named() -> None:
    """One at a time: a human is told of the second."""
    even = ours(LIGHTER, symbol="BTC"), ours(PACIFICA, symbol="BTC")
    event = read((even[0], ours(LIGHTER)), (even[1],))
    state = doubted(BotState(config=config(), epoch=3), BotState(config=config(), epoch=4), "lost")
    step = search(state, event)

    assert step is not None
    assert step.state.hedge is not None
    assert ("ETH", Phase.RECOVER) == (step.state.hedge.symbol, step.state.phase)
    assert "lighter holds 0.01 BTC, pacifica holds -0.01 BTC: ours too" in (
        step.state.halt_reason or ""
    )
