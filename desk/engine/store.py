"""The durable state: what was intended survives a crash at any instant.

A save is temp file, fsync, rename, fsync of the directory; the previous generation is kept beside
it, and is on the disk before the newest is renamed away. A damaged file is never taken for a fresh
start, nor put in the place of a good one, and a file of a newer program is never touched.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from desk.core.errors import StateError
from desk.engine.files import why

S = TypeVar("S")
FILE_MODE = 0o600


class _Version(msgspec.Struct):
    schema: int


class _Envelope(msgspec.Struct):
    schema: int
    saved_at_ms: int
    sha256: str
    state: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A state read back, and when it was saved.

    `notice` tells why it is not what the file itself holds, and so may be older than what was done
    since; None where it is.
    """

    state: S
    saved_at_ms: int
    notice: str | None


class Disk:
    """The few operations a save is made of, so that each instant between them can be tried."""

    def read(self, path: Path) -> bytes:
        """Return what `path` holds. Raises `OSError`."""
        return path.read_bytes()

    def make_folder(self, path: Path) -> None:
        """Make a folder, and those above it, unless they are there."""
        path.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        """Make `path` hold `data`, and wait until the disk has it."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, path: Path) -> None:
        """Remove `path` if it is there."""
        path.unlink(missing_ok=True)

    def link(self, path: Path, name: Path) -> None:
        """Give the file at `path` a second name."""
        os.link(path, name)

    def rename(self, path: Path, name: Path) -> None:
        """Put `path` in the place of `name`, at once or not at all."""
        os.replace(path, name)

    def sync_folder(self, path: Path) -> None:
        """Wait until the disk has the names in a folder."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class StateStore(Generic[S]):
    """One state in one file. `kind` is its dataclass; `schema` the version this program writes."""

    def __init__(
        self, path: Path, *, kind: type[S], schema: int, disk: Disk | None = None
    ) -> None:
        """Use `path`; nothing is touched until the first save."""
        self.path = path
        self.previous = path.with_name(path.name + ".previous")
        self.damaged = path.with_name(path.name + ".damaged")
        self._temporary = path.with_name(path.name + ".new")
        self._links = {
            name: name.with_name(name.name + ".new") for name in (self.previous, self.damaged)
        }
        self._folder = path.parent
        self._decode: Callable[[bytes], S] = msgspec.json.Decoder(kind).decode
        self._schema = schema
        self._disk = disk or Disk()
        self._is_passed_over = False

    def load(self) -> Loaded[S] | None:
        """Return the newest readable generation, None where there never was one.

        A save that died before its last rename may have left the newest one under its temporary
        name; that counts where the file itself does not. Raises `StateError` when files are there
        and none can be used, when one may not be read (that is no damage, and the other may be
        older than what was sent), and when one is newer than this program.
        """
        found, trouble = self._tried(self.path)
        if found is not None:
            return found
        self._is_passed_over = True
        lost = trouble or f"{self.path.name} is missing"
        previous, its_trouble = self._tried(self.previous)
        unnamed = self._unnamed()
        if unnamed and (previous is None or unnamed.saved_at_ms >= previous.saved_at_ms):
            return replace(unnamed, notice=f"used {self._temporary.name}, because {lost}")
        if previous is not None:
            return replace(previous, notice=f"used {self.previous.name}, because {lost}")
        damage = [text for text in (trouble, its_trouble) if text]
        if damage:
            raise StateError(f"state is damaged ({'; '.join(damage)}); {self._mend()}")
        return None

    def _unnamed(self) -> Loaded[S] | None:
        """Return what a save left that died before its last rename, if it is whole."""
        try:
            return self._tried(self._temporary)[0]
        except StateError:
            return None

    def _mend(self) -> str:
        return (
            "what it held may still be open on the venues: look there first. Then restore a good "
            f"copy of {self.path.name}, or move it and {self.previous.name} away: the next start "
            "then searches both venues for what is ours before it opens anything"
        )

    def _tried(self, path: Path) -> tuple[Loaded[S] | None, str | None]:
        """Return what a file holds, or what is wrong with it; neither where there is none."""
        try:
            return self._read(path), None
        except FileNotFoundError:
            return None, None
        except (msgspec.DecodeError, _DamageError) as error:
            return None, f"{path.name}: {error}"
        except OSError as error:
            text = f"state cannot be read: {path} ({why(error)}); mend that, then start"
            raise StateError(text) from error

    def _read(self, path: Path) -> Loaded[S]:
        data = self._disk.read(path)
        schema = msgspec.json.decode(data, type=_Version).schema
        if schema > self._schema:
            raise StateError(
                f"{path.name} was written by a newer program (schema {schema}, "
                f"this one knows {self._schema}); update, nothing was touched"
            )
        envelope = msgspec.json.decode(data, type=_Envelope)
        body = bytes(envelope.state)
        if hashlib.sha256(body).hexdigest() != envelope.sha256:
            raise _DamageError("checksum does not match")
        return Loaded(self._decode(body), envelope.saved_at_ms, None)

    def save(self, state: S, *, at_ms: int) -> None:
        """Write `state` durably. Raises `OSError` when the disk does not take it."""
        body = msgspec.json.encode(state)
        digest = hashlib.sha256(body).hexdigest()
        envelope = _Envelope(self._schema, at_ms, digest, msgspec.Raw(body))
        self._disk.make_folder(self._folder)
        self._disk.write(self._temporary, msgspec.json.encode(envelope) + b"\n")
        self._keep(self.damaged if self._is_passed_over else self.previous)
        self._disk.sync_folder(self._folder)
        self._disk.rename(self._temporary, self.path)
        self._disk.sync_folder(self._folder)
        self._is_passed_over = False

    def _keep(self, name: Path) -> None:
        """Link the present file to another name, so that at no instant there is none."""
        link = self._links[name]
        self._disk.remove(link)
        try:
            self._disk.link(self.path, link)
        except FileNotFoundError:
            return
        self._disk.rename(link, name)


class _DamageError(Exception):
    """A state file whose content is not what was saved."""
