"""The same program against the same world sees the same things, to the millisecond."""

import pytest

from desk.core.order import Side
from test.contract.bench import Bench, Candidate, run_fact
from test.contract.candidates import CANDIDATES

_HOUR_S = 3_600


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda one: one.label)
def test_two_runs_are_identical(candidate: Candidate) -> None:
    """Every event, stamp and number of two runs is equal, sockets or not."""
    runs: list[str] = []

    async def record(bench: Bench) -> None:
        await bench.fill("BTC", Side.BUY)
        await bench.place(bench.resting("ETH", Side.SELL))
        await bench.wait(_HOUR_S / 60)
        await bench.fill("BTC", Side.SELL)
        account, fills = await bench.venue.account(), await bench.venue.fills(since_ms=0)
        runs.append(repr((bench.events, account, fills, bench.clock.now_ms())))

    for _ in range(2):
        run_fact(candidate, record)
    assert runs[0] == runs[1]
