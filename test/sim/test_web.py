"""What both wire servers share: how numbers are printed and requests counted."""

from decimal import Decimal

import pytest

from desk.sim.web import RollingWindow, encode, plain


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+3", "1000"), ("0.50", "0.5"), ("-0.0", "0"), ("1E-8", "0.00000001"), ("-2.10", "-2.1")],
)
def test_decimals_are_printed_plainly(value: str, text: str) -> None:
    """No exponent, no trailing zero, no minus zero."""
    assert text == plain(Decimal(value))


def test_json_has_no_blanks() -> None:
    """A client that searches for `"code":5` finds it."""
    assert b'{"code":5,"data":[1,null]}' == encode({"code": 5, "data": [1, None]})


def test_a_window_refuses_what_it_cannot_hold_and_counts_nothing() -> None:
    """Too dear a request is refused and leaves the rest to be spent."""
    window = RollingWindow(Decimal(10))

    assert [True, False, True, False] == [
        window.charge("a", Decimal(cost), 0) for cost in ("8", "3", "2", "0.5")
    ]


def test_a_window_rolls() -> None:
    """What was spent a minute ago is there again, to the millisecond."""
    window = RollingWindow(Decimal(1))
    window.charge("a", Decimal(1), 1_000)

    assert [Decimal(0), Decimal(1)] == [window.left("a", now_ms) for now_ms in (60_999, 61_000)]
    assert 0 == window.reset_ms("a", 61_000)


def test_windows_are_apart() -> None:
    """One asker's spending is not another's."""
    window = RollingWindow(Decimal(1))
    window.charge("a", Decimal(1), 0)

    assert (Decimal(0), Decimal(1)) == (window.left("a", 0), window.left("b", 0))
    assert 60_000 == window.reset_ms("a", 0)
