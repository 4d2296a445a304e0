"""What may leave a venue, and what would even the margins out, in figures."""

from decimal import Decimal

from desk.core.account import Account
from desk.core.venue import VenueName
from desk.hedge.purse import Move, evening_move, spare_usd

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA


def account(equity: int, free: int) -> Account:
    """Return an account without positions."""
    return Account(Decimal(equity), Decimal(equity), Decimal(free), (), 0, 0)


def test_a_leg_stays_at_1x() -> None:
    """What it is worth stays with it, though the venue would let more go."""
    assert Decimal(40) == spare_usd(account(100, 90), Decimal(60))


def test_what_is_not_free_does_not_leave() -> None:
    """The venue's own count is the other bound."""
    assert Decimal(10) == spare_usd(account(100, 10), Decimal(60))


def test_an_account_below_1x_spares_nothing() -> None:
    """Never a negative amount."""
    assert Decimal(0) == spare_usd(account(50, 40), Decimal(60))


def test_half_the_difference_evens_both() -> None:
    """From the richer to the poorer."""
    equity = {LIGHTER: Decimal(70), PACIFICA: Decimal(100)}
    spare = {LIGHTER: Decimal(0), PACIFICA: Decimal(40)}
    move = evening_move(equity, spare)
    assert Move(Decimal("15.00"), PACIFICA) == move
    assert "move 15.00 USDC from pacifica to lighter" == str(move)


def test_no_more_than_may_leave() -> None:
    """A part of the way is better than a leg above 1x."""
    equity = {LIGHTER: Decimal(20), PACIFICA: Decimal(100)}
    move = evening_move(equity, {LIGHTER: Decimal(0), PACIFICA: Decimal(5)})
    assert Move(Decimal("5.00"), PACIFICA) == move


def test_small_differences_are_left_alone() -> None:
    """A tenth is as good as equal, and what cannot leave is no advice."""
    equity = {LIGHTER: Decimal(91), PACIFICA: Decimal(100)}
    assert evening_move(equity, dict.fromkeys(VenueName, Decimal(50))) is None
    equity = {LIGHTER: Decimal(10), PACIFICA: Decimal(100)}
    assert evening_move(equity, dict.fromkeys(VenueName, Decimal(0))) is None
