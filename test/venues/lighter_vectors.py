"""Where the Lighter signing tests find their vectors: the repository's own, and recorded files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "payloads" / "lighter"
VECTORS = json.loads((ROOT / "test/vectors/lighter_signing.json").read_text("utf-8"))


def shared(name: str) -> Any:
    """Return a recorded file, or skip where the records are not at hand."""
    file = SHARED / name
    if not file.is_file():
        pytest.skip(f"{name} is not at hand")
    return json.loads(file.read_text("utf-8"))


def scalar(text: str) -> int:
    """Return the scalar of a hex text, with or without 0x."""
    return int.from_bytes(bytes.fromhex(text.removeprefix("0x")), "little")
