"""The image and what is around it: everything a user runs is in it, and no secret is."""

import fnmatch
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()


def copied() -> list[str]:
    """Return what the image takes from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    return [word for line in lines for word in line.split()]


@pytest.mark.parametrize("command", sorted(path.name for path in ROOT.glob("*.py")))
def test_every_root_command_is_in_the_image(command: str) -> None:
    """The emergency close above all."""
    assert any(fnmatch.fnmatch(command, pattern) for pattern in copied())


def test_the_builder_is_sent_nothing_else() -> None:
    """No credentials, no state, no history: what is not named stays out."""
    rules = [row for row in (ROOT / ".dockerignore").read_text().splitlines() if row[:1] != "#"]
    assert ["*", *(f"!{name}" for name in copied())] == rules[:-1]
    assert "**/__pycache__" == rules[-1]


def test_the_bot_is_not_root_and_its_home_outlives_the_container() -> None:
    """State, journal, ledger and logs lie in a volume that belongs to the bot's user."""
    assert "USER hedge" in DOCKERFILE
    assert "HEDGE_HOME=/home/hedge" in DOCKERFILE
    assert "- hedge-home:/home/hedge" in COMPOSE


@pytest.mark.parametrize(
    "line",
    [
        "  hedge-bot:",
        "restart: unless-stopped",
        "stop_grace_period: 60s",
        "init: true",
        "cpus: 0.5",
        "mem_limit: 512m",
        "max-size: 10m",
        "profiles: [demo]",
    ],
)
def test_the_service_is_kept_up_and_within_bounds(line: str) -> None:
    """What the owner was promised of `docker-compose up -d`."""
    assert line in COMPOSE


def test_no_single_file_is_mounted() -> None:
    """It would go on showing its old text after an editor has replaced it."""
    mounts = re.findall(r"^ {6}- (\S+):/\S+", COMPOSE, re.M)
    assert [".", "hedge-home"] == mounts
