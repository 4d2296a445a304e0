"""The panic button against both embedded venues: flat means proved, and nothing else is said."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from desk.commands.panic import EXIT_FLAT, EXIT_OPEN
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.engine.flatten import WORK_S_MAX
from desk.engine.latch import Latch
from desk.engine.lock import InstanceLock
from desk.engine.store import StateStore
from desk.hedge.state import SCHEMA, BotState, Phase
from desk.sim.faults import FaultKind
from test.emergency_stage import LIGHTER, PACIFICA, RTT_S, Stage, play
from test.hedge.builders import bot, opening

WRITES = ("/api/v1/sendTxBatch", "/orders/batch")
EACH_S = 0.002  # what each position may cost
DELAY_S = 0.3  # Lighter's standard accounts; Pacifica's is shorter
KEYS = pytest.mark.parametrize("second_key", [False, True], ids=["one key", "two keys"])


# Speed


@KEYS
def test_thirty_hedges_are_closed_within_three_round_trips(
    tmp_path: Path, second_key: bool
) -> None:
    """All closes leave within two; both venues prove flat one round trip after their delays."""

    async def story(stage: Stage) -> None:
        await stage.hedge(*stage.world.rows)
        assert {LIGHTER: 30, PACIFICA: 30} == {name: len(row) for name, row in stage.held().items()}
        began_s = stage.clock.monotonic_s()
        assert EXIT_FLAT == await stage.press()
        took_s = stage.clock.monotonic_s() - began_s
        sent_s = [row.left_s - began_s for row in stage.log if row.path in WRITES]
        assert max(sent_s) <= 2 * RTT_S
        assert took_s <= 3 * RTT_S + DELAY_S + 30 * EACH_S
        assert {} == stage.held()

    play(tmp_path, story, markets=30, second_key=second_key)


# Both venues, and one


def test_whoever_opened_it_is_closed_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Positions and orders of the owner's go, too; the list says that the bot did not open them."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC", "SOL")
        stage.order(PACIFICA, "ETH", Side.BUY, Decimal("0.01"), off_pct=-3)
        stage.order(LIGHTER, "ETH", Side.SELL, Decimal("0.01"), off_pct=-3)
        await asyncio.sleep(1)
        assert 2 == stage.resting()
        assert EXIT_FLAT == await stage.press()
        assert ({}, 0) == (stage.held(), stage.resting())

    play(tmp_path, story)
    said = capsys.readouterr().out
    assert "BTC long 0.00054, about 50." in said
    assert "ETH order to buy 0.01 at " in said
    assert 2 == said.count("NOT sent by the bot")


@pytest.mark.parametrize("away", [LIGHTER, PACIFICA])
def test_one_venue_down_does_not_hold_the_other_back(
    tmp_path: Path, away: VenueName, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other one is flat as fast as ever; the one that is away is reported, and exit is 1."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC")
        stage.strike(away, FaultKind.OUTAGE)
        assert EXIT_OPEN == await stage.press()
        assert [away] == list(stage.held())
        last_write_s = max(row.left_s for row in stage.log if row.path in WRITES)
        assert last_write_s - stage.log[0].left_s < 1

    play(tmp_path, story)
    said = capsys.readouterr().out
    assert f"{away}  " in said
    assert "not known: " in said


def test_both_venues_down_is_never_flat(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No answer is not an empty account."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC")
        for venue in (LIGHTER, PACIFICA):
            stage.strike(venue, FaultKind.OUTAGE)
        assert EXIT_OPEN == await stage.press()

    play(tmp_path, story)
    said = capsys.readouterr().out
    assert 2 == said.count("│ not known: ")
    assert "nothing open" not in said
    assert "Not proved flat. Run it again" in said


def test_a_venue_that_comes_back_in_time_is_closed(tmp_path: Path) -> None:
    """It is asked again and again until patience ends."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC")
        stage.strike(PACIFICA, FaultKind.OUTAGE, delay_s=5.0)
        assert EXIT_FLAT == await stage.press()
        assert {} == stage.held()

    play(tmp_path, story)


def test_a_symbol_limits_closing_and_cancelling(tmp_path: Path) -> None:
    """What is open elsewhere stays open, and flat then means: in that symbol."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC", "ETH")
        for symbol in ("BTC", "ETH"):
            stage.order(PACIFICA, symbol, Side.SELL, Decimal("0.01"), off_pct=-3)
        await asyncio.sleep(1)
        for desk in stage.desks:
            desk.symbol = "BTC"
        assert EXIT_FLAT == await stage.press("BTC")
        assert {LIGHTER: ["ETH"], PACIFICA: ["ETH"]} == {
            venue: list(rows) for venue, rows in stage.held().items()
        }
        assert 1 == stage.resting()

    play(tmp_path, story)


# What goes wrong on the way

LOST = [
    (FaultKind.REQUEST_LOST_BEFORE, 1),
    (FaultKind.REQUEST_LOST_AFTER, 1),
    (FaultKind.REPLY_LOST, 1),
    (FaultKind.EFFECT_LATE, 1),
    (FaultKind.HTTP_5XX, 2),
    (FaultKind.HTTP_429, 1),
    (FaultKind.HTML_BODY, 1),
    (FaultKind.PARTIAL_FILL, 2),
    (FaultKind.NO_FILL, 2),
]


@pytest.mark.parametrize(("kind", "count"), LOST, ids=[kind.value for kind, _ in LOST])
@pytest.mark.parametrize("venue", [LIGHTER, PACIFICA])
def test_a_close_that_goes_wrong_is_closed_all_the_same(
    tmp_path: Path, venue: VenueName, kind: FaultKind, count: int
) -> None:
    """What is left is read and sent anew until nothing is."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC", "ETH")
        is_order = kind in (FaultKind.PARTIAL_FILL, FaultKind.NO_FILL)
        match = "" if is_order else WRITES[venue is PACIFICA]
        stage.strike(venue, kind, match=match, count=count, delay_s=2.0)
        assert EXIT_FLAT == await stage.press()
        assert {} == stage.held()

    play(tmp_path, story)


def test_a_position_that_shrinks_meanwhile_is_closed_to_the_rest(tmp_path: Path) -> None:
    """Pacifica refuses a reduce-only order that is too large: the remainder is sent."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC")
        press = asyncio.ensure_future(stage.press())
        await asyncio.sleep(1.1 * RTT_S)
        stage.order(PACIFICA, "BTC", Side.BUY, Decimal("0.0002"))
        assert EXIT_FLAT == await press
        assert {} == stage.held()

    play(tmp_path, story)


def test_dust_goes_through_zero_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rest that Pacifica does not take alone is closed by one order through zero, then back."""

    async def story(stage: Stage) -> None:
        stage.order(PACIFICA, "BTC", Side.BUY, Decimal("0.00022"))
        await asyncio.sleep(1)
        stage.order(PACIFICA, "BTC", Side.SELL, Decimal("0.00013"))
        await asyncio.sleep(1)
        assert {PACIFICA: {"BTC": Decimal("0.00009")}} == stage.held()
        assert EXIT_FLAT == await stage.press()
        assert {} == stage.held()

    play(tmp_path, story)
    assert 1 == capsys.readouterr().out.count("through zero")


def test_a_market_that_fills_nothing_ends_in_its_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The band widens to its end; then it says what is left."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC")
        stage.strike(PACIFICA, FaultKind.NO_FILL, count=1_000)
        began_s = stage.clock.monotonic_s()
        assert EXIT_OPEN == await stage.press()
        assert stage.clock.monotonic_s() - began_s < WORK_S_MAX + 10

    play(tmp_path, story)
    assert "open: BTC -0.00054" in capsys.readouterr().out


# The bot


def test_the_latch_is_left_behind(tmp_path: Path) -> None:
    """The next start stays halted, and the file says how to resume."""

    async def story(stage: Stage) -> None:
        await stage.press()
        reason = Latch(stage.home.latch).read()
        assert reason is not None
        assert f"say resume, or delete {stage.home.latch.resolve()}" in reason

    play(tmp_path, story)


def test_a_latch_that_cannot_be_written_does_not_stop_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk is said, and everything is closed all the same."""

    async def story(stage: Stage) -> None:
        stage.home.latch.mkdir()
        await stage.hedge("BTC")
        assert EXIT_FLAT == await stage.press()
        assert {} == stage.held()

    play(tmp_path, story)
    assert "the bot cannot be halted" in capsys.readouterr().out


def test_a_damaged_state_does_not_stop_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose a position is cannot be said; what may be under way is waited for."""

    async def story(stage: Stage) -> None:
        stage.home.state.write_text("{")
        await stage.hedge("BTC")
        assert EXIT_FLAT == await stage.press()
        assert {} == stage.held()

    play(tmp_path, story)
    said = capsys.readouterr().out
    assert "by whom is not known" in said
    assert "taken as if a request were still under way" in said


def test_an_order_of_a_dead_bot_that_lands_late_is_closed(tmp_path: Path) -> None:
    """Its state says that something is in doubt: nothing is proved before that can act no more."""

    async def story(stage: Stage) -> None:
        save(stage, bot(Phase.OPEN, waiting=True, hedge=opening()))
        press = asyncio.ensure_future(stage.press())
        await asyncio.sleep(3)
        stage.order(PACIFICA, "ETH", Side.SELL, Decimal("0.01"))
        assert EXIT_FLAT == await press
        assert {} == stage.held()

    play(tmp_path, story)


def test_a_bot_that_does_not_halt_is_not_proved_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody holds the lock and does not heed the latch: flat now, not for good."""

    async def story(stage: Stage) -> None:
        await stage.hedge("BTC")
        with InstanceLock([stage.home.lock], owner="process 42"):
            assert EXIT_OPEN == await stage.press()
        assert {} == stage.held()

    play(tmp_path, story)
    assert "process 42: has NOT halted" in capsys.readouterr().out


def save(stage: Stage, state: BotState) -> None:
    """Put a state where the bot keeps its own."""
    store = StateStore(stage.home.state, kind=BotState, schema=SCHEMA)
    store.save(state, at_ms=stage.clock.now_ms())
