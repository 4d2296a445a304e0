"""Lighter payloads for tests: our own small ones, and the recorded ones where they are kept."""

import copy
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "test" / "payloads" / "lighter"
SHARED = ROOT / "../shared"
REMOVE = object()


def own(name: str) -> Any:
    """Return one of our payloads as JSON values."""
    return json.loads((OWN / f"{name}.json").read_text("utf-8"))


def body(name: str) -> bytes:
    """Return one of our payloads as a server would send it."""
    return (OWN / f"{name}.json").read_bytes()


def changed(payload: Any, path: str, value: object) -> bytes:
    """Return a payload with the value at a path (a/0/b) replaced, or taken out (`REMOVE`)."""
    result = copy.deepcopy(payload)
    *parents, last = path.split("/")
    target = result
    for step in parents:
        target = target[_key(target, step)]
    if value is REMOVE:
        del target[_key(target, last)]
    else:
        target[_key(target, last)] = value
    return json.dumps(result).encode()


def _key(target: Any, step: str) -> Any:
    return int(step) if isinstance(target, list) else step


def shared(folder: str) -> Path:
    """Return a folder of recorded data; skips the test where it is not kept."""
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"no recorded {folder} beside this repository")
    return path


def recorded_frames(name: str) -> Iterator[str]:
    """Yield the frames of a recording, as text."""
    path = shared("data/books") / name
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield json.dumps(row.get("frame", row))
