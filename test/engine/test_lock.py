"""Two instances never run on the same files or accounts, and a dead one blocks nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desk.engine.lock import AlreadyRunning, InstanceLock, accounts_lock_path, describe_process

ROOT = Path(__file__).resolve().parent.parent.parent
HOLDER = """
import sys
from pathlib import Path
from desk.engine.lock import InstanceLock
with InstanceLock([Path(name) for name in sys.argv[1:]], owner="process 42 in /home/ada"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(*paths: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield another process that holds the locks."""
    command = [sys.executable, "-c", HOLDER, *map(str, paths)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "held\n" == process.stdout.readline()
        yield process
        process.kill()


def take(*paths: Path) -> None:
    """Take the locks and give them back."""
    with InstanceLock(list(paths), owner="me"):
        pass


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    """The refusal names the holder, the file, and what to do."""
    path = tmp_path / "state.lock"
    with holder(path), pytest.raises(AlreadyRunning) as refusal:
        take(path)

    expected = f"another instance runs: process 42 in /home/ada holds {path}; stop it first"
    assert expected == str(refusal.value)


def test_a_killed_holder_blocks_nobody(tmp_path: Path) -> None:
    """The kernel drops the lock with the process, however it dies."""
    path = tmp_path / "state.lock"
    with holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        take(path)


def test_an_ended_holder_blocks_nobody_and_leaves_nothing(tmp_path: Path) -> None:
    """Leaving the block gives the lock back and takes the file away."""
    path = tmp_path / "state" / "demo.lock"
    take(path)
    take(path)

    assert [] == list(path.parent.iterdir())


def test_a_refusal_leaves_the_holders_file(tmp_path: Path) -> None:
    """Only who holds a lock removes its file."""
    path = tmp_path / "state.lock"
    with holder(path):
        with pytest.raises(AlreadyRunning):
            take(path)
        assert path.exists()


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A lock file that was swapped under its holder belongs to another one now."""
    path = tmp_path / "state.lock"
    with InstanceLock([path], owner="me"):
        path.unlink()
        path.write_text("theirs")

    assert "theirs" == path.read_text()


class Swept(type(Path())):  # type: ignore[misc]
    """A path whose file the last holder removes just after it was opened, the first time."""

    is_swept = False

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Open it, too late or in time."""
        file = super().open(*args, **kwargs)
        if not self.is_swept:
            self.is_swept = True
            self.unlink()
        return file


def test_a_lock_on_a_removed_file_is_taken_anew(tmp_path: Path) -> None:
    """Two starts never each hold a file of the same name: the lock is on the one that is there."""
    path = tmp_path / "state.lock"
    with InstanceLock([Swept(path)], owner="me"), pytest.raises(AlreadyRunning, match="me holds"):
        take(path)


def test_all_locks_are_taken_or_none(tmp_path: Path) -> None:
    """A refusal at the second file leaves the first one free."""
    free, held = tmp_path / "free.lock", tmp_path / "held.lock"
    with holder(held):
        lock = InstanceLock([free, held], owner="me")
        with pytest.raises(AlreadyRunning):
            lock.__enter__()
        take(free)


def test_an_impossible_lock_file_leaves_the_others_free(tmp_path: Path) -> None:
    """A file that cannot be opened is an `OSError`, and nothing stays held."""
    free, folder = tmp_path / "free.lock", tmp_path / "folder.lock"
    folder.mkdir()
    lock = InstanceLock([free, folder], owner="me")

    with pytest.raises(OSError, match=r"folder\.lock"):
        lock.__enter__()

    take(free)


def test_a_shorter_name_replaces_a_longer_one(tmp_path: Path) -> None:
    """The file names its present holder and nobody before."""
    path = tmp_path / "state.lock"
    with InstanceLock([path], owner="a process with a long name"):
        pass
    with InstanceLock([path], owner="me"):
        assert "me\n" == path.read_text()


def test_a_nameless_holder_is_still_refused(tmp_path: Path) -> None:
    """An empty lock file says little, but the lock counts."""
    path = tmp_path / "state.lock"
    with holder(path):
        path.write_text("")
        with pytest.raises(AlreadyRunning, match="a process that left no name"):
            take(path)


def test_accounts_have_one_lock_whatever_the_home() -> None:
    """The file depends on the accounts alone, and does not show them."""
    folder = Path("locks")
    first = accounts_lock_path(folder, ["lighter 7", "pacifica 9xQ"])

    assert first == accounts_lock_path(folder, ["lighter 7", "pacifica 9xQ"])
    assert first != accounts_lock_path(folder, ["lighter 8", "pacifica 9xQ"])
    assert "9xQ" not in str(first)


def test_a_process_says_where_it_runs() -> None:
    """The holder's line has its process number, home and start."""
    line = describe_process(Path("/srv/bot"), "2026-01-01T00:00:00.000Z")

    assert line.startswith("process ")
    assert line.endswith(" in /srv/bot, started 2026-01-01T00:00:00.000Z")
