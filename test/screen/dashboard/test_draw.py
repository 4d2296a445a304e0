"""The picture fits every screen, in every state, and says unknown rather than a number."""

from dataclasses import replace
from decimal import Decimal

import pytest

from desk.core.venue import VenueName
from desk.hedge.purse import Move
from desk.screen.dashboard.draw import draw
from desk.screen.dashboard.status_line import status_line
from desk.screen.dashboard.values import Board, Reading
from test.screen.dashboard.conftest import Rounds

SIZES = [(width, height) for width in (80, 100, 149, 150, 200) for height in (24, 40, 60)]
PHASES = {"RECOVER", "ANALYZE", "SELECT", "OPEN", "HOLD", "CLOSE", "WAIT", "HALT"}


def boards(rounds: Rounds) -> list[Board]:
    """Return every moment of every life."""
    return [row.board for moments in rounds.values() for row in moments.values()]


def shown(board: Board, width: int = 120, height: int = 44) -> str:
    """Return the picture as plain text."""
    return draw(board, width, height).plain


def test_every_state_has_been_played(rounds: Rounds) -> None:
    """None is drawn only in theory."""
    assert PHASES == {str(board.phase) for board in boards(rounds)}


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_state_fits(rounds: Rounds, width: int, height: int) -> None:
    """No line is wider than the screen, and there are no more than it has."""
    for board in boards(rounds):
        lines = draw(board, width, height).split("\n")
        assert len(lines) <= height
        assert max(line.cell_len for line in lines) <= width


@pytest.mark.parametrize("width", [80, 120, 200])
def test_nothing_is_cut_where_there_is_room(rounds: Rounds, width: int) -> None:
    """A line that does not fit is folded, not cut."""
    assert not any("…" in shown(board, width, 80) for board in boards(rounds))


def test_a_low_screen_keeps_what_matters(rounds: Rounds) -> None:
    """On 80 by 24 the hedge and both venues are whole; the funding table says what is missing."""
    text = shown(rounds["whole_round"]["holding"].board, 80, 24)
    for word in ("both legs", "spread", "exit", "triggers", "ends in", "pacifica", "more"):
        assert word in text


def test_paying_is_red_and_said(rounds: Rounds) -> None:
    """The sign is there without colours, too."""
    picture = draw(rounds["bad_day"]["paying"].board, 120, 44)
    at = picture.plain.index("-175.20 %")
    assert "paying" in picture.plain
    assert any("red" in str(row.style) for row in picture.spans if row.start <= at < row.end)


def test_what_is_old_is_said_to_be(rounds: Rounds) -> None:
    """With its age, in place of the figure."""
    text = shown(rounds["bad_day"]["outage"].board)
    assert "stale 5 min" in text
    assert "away 5 min" in text


def test_what_nobody_told_is_unknown(rounds: Rounds) -> None:
    """At the start no account has been read, and no market."""
    text = shown(rounds["whole_round"]["RECOVER"].board)
    assert "both venues are being read" in text
    assert "unknown" in text
    assert "no look at the markets yet" in text


def test_a_latch_is_told_with_its_way_out(rounds: Rounds) -> None:
    """In red, above all else."""
    text = shown(rounds["bad_day"]["latched"].board)
    assert "halted: latched: emergency close" in text
    assert "lighter_pacifica_hedge.py resume" in text


def test_a_low_margin_comes_with_advice(rounds: Rounds) -> None:
    """The bot says who should do it: not itself."""
    board = rounds["whole_round"]["holding"].board
    move = Move(Decimal("12.5"), VenueName.LIGHTER)
    text = shown(replace(board, is_low=True, move=move))
    assert "LOW MARGIN" in text
    assert "move 12.50 USDC from lighter to pacifica" in text
    assert "the bot moves no money" in text


def test_a_state_that_is_not_saved_is_told(rounds: Rounds) -> None:
    """Nothing is opened until it is."""
    board = rounds["idle"]["nothing to open"].board
    assert "cannot be written" in shown(replace(board, is_saved=False))


# The same in a line


def test_the_line_has_what_the_dashboard_has(rounds: Rounds) -> None:
    """State, symbol, profit per leg and in all, leverage, spread, stops, time left."""
    line = status_line(rounds["whole_round"]["holding"].board)
    assert line.startswith("HOLD BTC held 10 min, ends in 20 min; long lighter ")
    assert ", short pacifica " in line
    assert ", net " in line
    assert "leverage 1x and 1x" in line
    assert "spread +350.40 % APR" in line
    assert "stop 50.0 % away and 50.1 % away" in line
    assert "\n" not in line


def test_the_line_of_an_idle_bot_says_what_comes(rounds: Rounds) -> None:
    """And when."""
    line = status_line(rounds["idle"]["nothing to open"].board)
    assert line.startswith("WAIT nothing of ours is open; look at ")


def test_the_line_names_who_is_away(rounds: Rounds) -> None:
    """And what holds the bot back."""
    line = status_line(rounds["bad_day"]["outage"].board)
    assert "pacifica away 5 min" in line
    assert "stale" in line
    assert line.endswith("paused: nothing is opened")


# Readings


def test_two_readings_are_as_old_as_the_older() -> None:
    """And good as long as the shorter."""
    young, old = Reading.of(2, 100, 10), Reading.of(3, 50, 1000)
    both = young.join(old, lambda one, other: one * other)
    assert Reading(6, 50, 110) == both
    assert both.is_good(110)
    assert not both.is_good(111)


def test_what_follows_from_nothing_is_nothing() -> None:
    """An unknown part makes the whole unknown."""
    nothing: Reading[int] = Reading()
    assert nothing.join(Reading.of(1, 0, 1), lambda one, other: one + other).value is None
    assert not nothing.is_good(0)
