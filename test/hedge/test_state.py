"""The state is one value that survives being written and read."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.core.ids import OrderKey
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.state import Backoff, BotState, Choice, CloseReason, Phase, Role
from test.hedge.builders import (
    LIGHTER,
    PACIFICA,
    SIZE,
    T0,
    ZERO,
    bare_hedge,
    bot,
    closing_hedge,
    d,
    filled,
    halted,
    instrument,
    opening,
    standing,
)

CHOICE = Choice("ETH", LIGHTER, d(40), d("1.5"), {v: instrument(v) for v in VenueName}, looks=1)
STATES = [
    bot(),
    halted(by_hand=("ETH",)),
    bot(Phase.OPEN, hedge=opening(), asked=7, waiting=True),
    bot(Phase.HOLD, hedge=standing(told=("once",)), outages={PACIFICA: T0}, cycles_left=2),
    bot(Phase.CLOSE, hedge=closing_hedge(CloseReason.STOP_LOSS), stop_asked=True),
    bot(Phase.SELECT, choice=CHOICE, backoffs={"BTC": Backoff(3, T0)}, refusals={"SOL": "thin"}),
    BotState(config=Config(), epoch=0),
]


@pytest.mark.parametrize("state", STATES)
def test_a_state_comes_back_from_json_as_it_was(state: BotState) -> None:
    """Decimals to the last digit, enums, nested values, keys that are venues."""
    body = msgspec.json.encode(state)
    assert state == msgspec.json.decode(body, type=BotState)
    assert body == msgspec.json.encode(msgspec.json.decode(body, type=BotState))


def test_a_hedge_saved_before_expectations_were_kept_is_read() -> None:
    """It has none, and goes on."""
    saved = msgspec.to_builtins(bot(Phase.HOLD, hedge=standing()))
    del saved["hedge"]["expected"]
    got = msgspec.convert(saved, type=BotState)
    assert got.hedge is not None
    assert got.hedge.expected is None


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 1 << 53))
def test_any_number_comes_back(number: object, at_ms: int) -> None:
    """No price or size is rounded by being saved."""
    state = bot(hedge=bare_hedge(size=number, approved_at_ms=at_ms))
    got = msgspec.json.decode(msgspec.json.encode(state), type=BotState)
    assert got.hedge is not None
    assert str(number) == str(got.hedge.size)
    assert state == got


def test_a_hedge_adds_up_its_fills() -> None:
    """Held is signed; even means that both legs cancel out."""
    hedge = standing()
    assert (SIZE, -SIZE, True) == (hedge.held(LIGHTER), hedge.held(PACIFICA), hedge.is_even)
    lame = standing(intents=(filled(LIGHTER),))
    assert (SIZE, ZERO, False) == (lame.held(LIGHTER), lame.held(PACIFICA), lame.is_even)


def test_a_hedge_owns_what_it_has_written_down() -> None:
    """No other id is its own, and an order without an id is nobody's."""
    hedge = opening()
    assert all(hedge.owns(row.client_id) for row in hedge.intents)
    assert not hedge.owns(None)
    assert not hedge.owns("0")


def test_order_ids_never_repeat_within_a_hedge() -> None:
    """A close that goes on for thousands of rounds still finds new ids, for each role."""
    state = bot(hedge=bare_hedge())
    ids = {state.key(role, number).text_for(LIGHTER) for role in Role for number in range(5 * 1024)}
    assert len(Role) * 5 * 1024 == len(ids)
    assert all(OrderKey.parse(text) is not None for text in ids)


@pytest.mark.parametrize("reason", list(CloseReason))
def test_only_planned_closes_wait_for_both_venues(reason: CloseReason) -> None:
    """The end of a hold or a market and the owner's wish can wait; everything else is urgent."""
    planned = (CloseReason.HOLD_ENDED, CloseReason.MARKET, CloseReason.OWNER)
    assert (reason not in planned) is reason.is_urgent
