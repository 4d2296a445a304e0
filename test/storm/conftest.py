"""Nothing is logged while a storm plays: its judge sees all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from desk.storm.__main__ import be_quiet


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Drop every line, then log as before."""
    before = structlog.get_config()
    be_quiet()
    yield
    structlog.configure(**before)
