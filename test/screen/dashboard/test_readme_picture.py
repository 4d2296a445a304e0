"""The picture in the README is what the dashboard draws today."""

from collections.abc import Mapping
from pathlib import Path

from test.screen.dashboard.captures import svg
from test.screen.dashboard.conftest import Rounds
from test.screen.dashboard.plays import Moment

ROOT = Path(__file__).resolve().parent.parent.parent.parent
PICTURE = ROOT / "docs" / "dashboard.svg"
WIDTH, HEIGHT = 104, 37
BYTES_MAX = 100_000


def picture(moments: Mapping[str, Moment]) -> str:
    """Return the picture of a hedge that is held."""
    return svg(moments["holding"].board, WIDTH, HEIGHT, title="lighter_pacifica_hedge.py")


def test_the_picture_is_drawn_anew(rounds: Rounds) -> None:
    """The same seed gives the same picture."""
    is_true = picture(rounds["whole_round"]) == PICTURE.read_text("utf-8")
    assert is_true, "what is shown has changed: draw it anew with `make picture`, and look at it"


def test_the_picture_is_light() -> None:
    """A reader of the README loads it each time."""
    assert PICTURE.stat().st_size < BYTES_MAX
    assert "docs/dashboard.svg" in (ROOT / "README.md").read_text("utf-8")
