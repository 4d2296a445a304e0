"""Lives of the bot that several tests look at: played once."""

from pathlib import Path

import pytest

from test.screen.dashboard.plays import SCRIPTS, Moment, play

Rounds = dict[str, dict[str, Moment]]


@pytest.fixture(scope="session")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Rounds:
    """Return the moments of every script, by its name."""
    def played(name: str) -> Path:
        return tmp_path_factory.mktemp(name)

    return {
        script.__name__: play(played(script.__name__), script, config) for script, config in SCRIPTS
    }
