"""The daemon as a process, with channels of its owner's."""

from pathlib import Path

import pytest

from test.alerts.test_channels import KEY, hook
from test.daemons import make_home, paying_venues, read_until, run, started
from test.test_daemon import QUICK, STATE

LOG = "logs/lighter_pacifica_hedge.log"


def test_a_life_is_told(tmp_path: Path) -> None:
    """Opened and closed reach the channel, the heart beats, and no address is in any file."""
    with paying_venues(tmp_path) as served, hook() as (address, seen):
        variables = f"\nALERT_URLS={address}\nHEARTBEAT_URL={address}\n"
        home = make_home(tmp_path, config=QUICK, env=served.env_text + variables)
        done = run(home, "--cycles", "1")
    assert 0 == done.returncode, done.stderr
    titles = [row["title"] for row in seen if row is not None]
    assert ["Opened BTC", "Closed BTC"] == titles
    assert None in seen
    files = [home / LOG, home / STATE, home / "state" / "journal.jsonl"]
    assert not any(KEY in file.read_text() for file in files)
    assert KEY not in done.stdout + done.stderr


def test_a_test_alert_is_sent_by_the_bot(tmp_path: Path) -> None:
    """And without one from here."""
    with paying_venues(tmp_path) as served, hook() as (address, seen):
        home = make_home(tmp_path, env=f"{served.env_text}\nALERT_URLS={address}\n")
        assert "sent to 1 address" in run(home, "test-alert").stdout
        with started(home) as daemon:
            read_until(daemon, "analyze")
            assert "sent to 1 address" in run(home, "test-alert").stdout
    assert ["Test alert"] * 2 == [row["title"] for row in seen if row is not None]


NOBODY = "json://127.0.0.1:9/x"


@pytest.mark.parametrize(("value", "code"), [("", 1), ("foo://bar", 2), (NOBODY, 1)])
def test_a_test_alert_that_cannot_be_sent(tmp_path: Path, value: str, code: int) -> None:
    """No channel, one that is misspelt, one that does not answer: a line, and no traceback."""
    done = run(make_home(tmp_path), "test-alert", ALERT_URLS=value)
    assert code == done.returncode
    assert 1 == done.stderr.count("\n")
