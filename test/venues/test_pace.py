"""A stream comes back ever more slowly, and says no more than a minute has room for."""

import itertools

from desk.venues.pace import MessageWindow, backoff_delays


def test_delays_grow_to_a_maximum() -> None:
    """Each pause doubles until the maximum, half of it being left to chance."""
    delays = backoff_delays(lambda: 0.0, first_s=1, delay_s_max=5)

    assert [0.5, 1, 2, 2.5, 2.5] == list(itertools.islice(delays, 5))


def test_jitter_fills_the_other_half() -> None:
    """The largest draw gives the whole step."""
    assert 1.0 == next(backoff_delays(lambda: 1.0, first_s=1))


def test_a_window_of_messages_waits_for_the_oldest() -> None:
    """Room comes back a minute after each message; more than fits waits for an empty minute."""
    now_s = [0.0]
    window = MessageWindow(3, lambda: now_s[0])
    assert 0 == window.wait_s(9)
    for at_s in (0.0, 10.0):
        now_s[0] = at_s
        window.note()

    assert [0, 50, 60, 60] == [window.wait_s(count) for count in (1, 2, 3, 9)]
