"""The durable state: what was intended survives a crash at any instant.

A save is temp file, fsync, rename, fsync of the directory; the previous generation is kept beside
it. A damaged file is never taken for a fresh start, and a file of a newer program is never
touched.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from desk.core.errors import StateError

S = TypeVar("S")
FILE_MODE = 0o600


class _Envelope(msgspec.Struct):
    schema: int
    saved_at_ms: int
    sha256: str
    state: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A state read back. `notice` tells the owner when it is not the newest generation."""

    state: S
    notice: str | None


class StateStore(Generic[S]):
    """One state in one file. `kind` is its dataclass; `schema` the version this program writes."""

    def __init__(self, path: Path, *, kind: type[S], schema: int) -> None:
        """Use `path`; nothing is touched until the first save."""
        self.path = path
        self.previous = path.with_name(path.name + ".previous")
        self._temporary = path.with_name(path.name + ".new")
        self._decode: Callable[[bytes], S] = msgspec.json.Decoder(kind).decode
        self._schema = schema

    def load(self) -> Loaded[S] | None:
        """Return the newest readable generation, None where there never was one.

        Raises `StateError` when files are there and none can be used.
        """
        damage = []
        for path in (self.path, self.previous):
            try:
                state = self._read(path)
            except FileNotFoundError:
                continue
            except (OSError, msgspec.DecodeError, _DamageError) as error:
                damage.append(f"{path.name}: {error}")
                continue
            notice = f"used {path.name}, because {damage[0]}" if damage else None
            return Loaded(state, notice)
        if damage:
            mend = f"keep both files and restore a good copy of {self.path.name}"
            raise StateError(f"state is damaged ({'; '.join(damage)}); {mend}")
        return None

    def _read(self, path: Path) -> S:
        envelope = msgspec.json.decode(path.read_bytes(), type=_Envelope)
        if envelope.schema > self._schema:
            raise StateError(
                f"{path.name} was written by a newer program (schema {envelope.schema}, "
                f"this one knows {self._schema}); update, nothing was touched"
            )
        body = bytes(envelope.state)
        if hashlib.sha256(body).hexdigest() != envelope.sha256:
            raise _DamageError("checksum does not match")
        return self._decode(body)

    def save(self, state: S, *, at_ms: int) -> None:
        """Write `state` durably. Raises `OSError` when the disk does not take it."""
        body = msgspec.json.encode(state)
        digest = hashlib.sha256(body).hexdigest()
        envelope = _Envelope(self._schema, at_ms, digest, msgspec.Raw(body))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _write_durably(self._temporary, msgspec.json.encode(envelope) + b"\n")
        self._keep_previous()
        os.replace(self._temporary, self.path)
        _sync_directory(self.path.parent)

    def _keep_previous(self) -> None:
        """Link the present file to the previous name, so that at no instant there is none."""
        link = self.previous.with_name(self.previous.name + ".new")
        link.unlink(missing_ok=True)
        try:
            os.link(self.path, link)
        except FileNotFoundError:
            return
        os.replace(link, self.previous)


class _DamageError(Exception):
    """A state file whose content is not what was saved."""


def _write_durably(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
