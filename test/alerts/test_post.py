"""Sending holds nothing up, has a bound, and what did not get out is told."""

from threading import Event

import pytest

from desk.alerts.notes import Note
from desk.alerts.post import QUEUE_MAX, Post
from desk.core.actions import Level

WAIT_S = 5.0
NOTE = Note("kind", Level.INFO, "title", "text", "advice", 0)


class Channel:
    """A channel that keeps what it takes; while `go_on` is not set it hangs."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.taken: list[Note] = []
        self.missed: list[str] = []
        self.error: Exception | None = None
        self.is_deaf = False
        self.go_on = Event()
        if not hangs:
            self.go_on.set()
        self.post = Post(self.deliver, lambda title, why: self.missed.append(why))

    def deliver(self, note: Note) -> bool:
        """Take a note, or not."""
        self.go_on.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        if not self.is_deaf:
            self.taken.append(note)
        return not self.is_deaf

    def send(self) -> bool | None:
        """Send a note and wait for what becomes of it."""
        future = self.post.send(NOTE)
        assert future is not None
        return future.result(WAIT_S) if self.error is None else None


def test_a_channel_that_hangs_holds_nobody() -> None:
    """The caller goes on; beyond the bound notes are dropped, and that is told."""
    channel = Channel(hangs=True)
    sent = [channel.post.send(NOTE) for _ in range(QUEUE_MAX + 3)]
    assert [None] * 3 == sent[QUEUE_MAX:]
    assert ["too many are waiting"] * 3 == channel.missed
    channel.go_on.set()
    for future in sent[:QUEUE_MAX]:
        assert future is not None
        future.result(WAIT_S)
    channel.send()
    assert "(3 before this one did not get out: see the log)" in channel.taken[-1].text
    channel.post.close()


def test_a_refusal_is_told_by_the_next() -> None:
    """Once."""
    channel = Channel()
    channel.is_deaf = True
    assert channel.send() is False
    channel.is_deaf = False
    channel.send()
    channel.send()
    assert ["a channel did not take it"] == channel.missed
    assert ["(1 before" in note.text for note in channel.taken] == [True, False]
    channel.post.close()


def test_a_fault_is_told_without_its_text() -> None:
    """It may hold an address, and that a key."""
    channel = Channel()
    channel.error = ConnectionError("https://hooks.example/KEY refused")
    channel.send()
    channel.post.close()
    assert ["ConnectionError"] == channel.missed


def test_the_last_notes_get_a_moment() -> None:
    """What was sent right before the end still leaves."""
    channel = Channel()
    channel.post.send(NOTE)
    channel.post.close()
    assert [NOTE] == channel.taken
    with pytest.raises(RuntimeError):
        channel.post.send(NOTE)
