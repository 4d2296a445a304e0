"""One instance: two locks the kernel drops when their holder dies, however it dies.

A file that a killed process left behind says nothing without its lock, and the next start takes it.
"""

import fcntl
import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from desk.core.errors import ConfigError, DeskError

OPEN_TRIES_MAX = 10  # a holder may remove the file between our opening and our locking
_ACCOUNT_NAMES = ("LIGHTER_BASE_URL", "ACCOUNT_INDEX", "PACIFICA_BASE_URL", "SOL_WALLET")


class AlreadyRunning(DeskError):
    """Another process holds the lock; the text says which."""


class InstanceLock:
    """Hold every path in `paths` exclusively, or none."""

    def __init__(self, paths: list[Path], *, owner: str) -> None:
        """`owner` is written into the lock files for the next one to read."""
        self._paths = paths
        self._owner = owner
        self._files: list[tuple[Path, BinaryIO]] = []

    def __enter__(self) -> Self:
        """Take the locks. Raises `AlreadyRunning` or `OSError`, holding nothing."""
        try:
            for path in self._paths:
                self._take(path)
        except (AlreadyRunning, OSError):
            self.release()
            raise
        return self

    def _take(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(OPEN_TRIES_MAX):
            file = _locked(path)
            if _is_at(path, file):
                self._files.append((path, file))
                _sign(file, self._owner)
                return
            file.close()
        raise AlreadyRunning(f"another instance runs: {path} keeps changing hands; stop it first")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the locks."""
        self.release()

    def release(self) -> None:
        """Drop whatever is held, and remove its file first: while it is locked nobody else can."""
        for path, file in self._files:
            with suppress(OSError):  # a file that stays blocks nobody
                if _is_at(path, file):
                    path.unlink()
            file.close()
        self._files.clear()


def holder(path: Path) -> str | None:
    """Return who holds a lock, None where nobody does. Raises `OSError`, holds nothing."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(file)
    return None


def accounts_lock_path(folder: Path, accounts: list[str]) -> Path:
    """Return the per-user lock file for a set of venue accounts; their names are hashed."""
    digest = hashlib.sha256("|".join(accounts).encode()).hexdigest()[:16]
    return folder / f"accounts-{digest}.lock"


def accounts_lock(env: Mapping[str, str], shell: Mapping[str, str]) -> Path:
    """Return the lock file of the pair of accounts that `env` names, where `shell` keeps state.

    Raises `ConfigError` for a user who has no place for it.
    """
    try:
        base = shell.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError as error:  # a user without a home, as in some containers
        raise ConfigError(
            "this user has no home directory: set XDG_STATE_HOME to one that keeps a lock file"
        ) from error
    return accounts_lock_path(
        Path(base) / "lighter-pacifica-hedge", [env.get(name, "") for name in _ACCOUNT_NAMES]
    )


def describe_process(home: Path, at: str) -> str:
    """Return what a lock file tells of its holder."""
    return f"process {os.getpid()} in {home}, started {at}"


def _locked(path: Path) -> BinaryIO:
    """Return the file, locked. Raises `AlreadyRunning` or `OSError`."""
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        text = f"another instance runs: {_holder(file)} holds {path}"
        file.close()
        raise AlreadyRunning(f"{text}; stop it first") from error
    except OSError:
        file.close()
        raise
    return file


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Return whether the file under `path` is still the one that is open."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _holder(file: BinaryIO) -> str:
    file.seek(0)
    return file.read(300).decode("utf-8", "replace").strip() or "a process that left no name"


def _sign(file: BinaryIO, owner: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(owner.encode() + b"\n")
    file.flush()
