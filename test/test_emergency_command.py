"""`python emergency_close.py` as a process: what it says, what it leaves, and its exit codes."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.engine.lock import InstanceLock
from test.daemons import (
    ROOT,
    Venues,
    credentials,
    environment,
    make_home,
    read_until,
    started,
    venues,
)

BUTTON = ROOT / "emergency_close.py"
LATCH = "bot_state_lighter_pacifica.json.halt"
Done = subprocess.CompletedProcess[str]


def press(
    home: Path, *words: str, stdin: int = subprocess.DEVNULL, **variables: str
) -> Done:
    """Press the button from another folder, without a terminal unless one is given."""
    return subprocess.run(
        [sys.executable, str(BUTTON), *words],
        cwd=home.parent,
        env=environment(home, **variables),
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=100,
    )


def complaint(done: Done) -> str:
    """Return the one line of a usage or credentials error."""
    assert 2 == done.returncode, done.stderr + done.stdout
    assert 1 == done.stderr.count("\n"), done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    """Yield embedded venues without limits on requests."""
    with venues(tmp_path_factory.mktemp("sim"), "--limits", "off") as served:
        yield served


def trade_by_hand(market: Venues) -> None:
    """Hold BTC on both venues."""
    for venue, side in (("lighter", "buy"), ("pacifica", "sell")):
        fault = {"venue": venue, "kind": "owner_trades", "match": f"BTC {side} 0.001"}
        market.ask("fault", fault)
    for _ in range(5_000):
        if 2 == len(market.positions()):
            return
    raise AssertionError("nothing was opened")


def test_without_a_terminal_it_asks_for_force(tmp_path: Path) -> None:
    """Nobody is there to say yes; one line, and nothing is touched."""
    home = make_home(tmp_path, env=credentials())
    assert "add --force" in complaint(press(home))
    assert not (home / LATCH).exists()


def test_missing_credentials_are_named(tmp_path: Path) -> None:
    """All of them, in one line."""
    said = complaint(press(make_home(tmp_path), "--force"))
    assert "API_KEY_PRIVATE_KEY" in said
    assert "SOL_WALLET" in said


@pytest.mark.parametrize("words", [["--home", "/nowhere/at/all"], ["--sybmol", "BTC"]])
def test_a_mistyped_command_is_refused(tmp_path: Path, words: list[str]) -> None:
    """The mistake is named."""
    assert words[0].strip("-")[:4] in complaint(press(make_home(tmp_path), "--force", *words))


def test_a_symbol_nobody_lists_halts_nothing(tmp_path: Path, market: Venues) -> None:
    """A typing error is found before anything is done."""
    home = make_home(tmp_path, env=market.env_text)
    assert "--symbol BTCC" in complaint(press(home, "--force", "--symbol", "BTCC"))
    assert not (home / LATCH).exists()


def test_a_key_that_is_not_registered_is_named(tmp_path: Path, market: Venues) -> None:
    """Where nothing can be sent for it, that is a matter of credentials."""
    env = re.sub(r"API_KEY_INDEX=\d+", "API_KEY_INDEX=77", market.env_text)
    said = complaint(press(make_home(tmp_path, env=env), "--force"))
    assert "API_KEY_INDEX 77 is no key of Lighter account" in said


@pytest.mark.parametrize("name", ["\nAPI_KEY_INDEX", "EMERGENCY_API_KEY_INDEX"])
def test_one_of_two_keys_is_enough(tmp_path: Path, market: Venues, name: str) -> None:
    """A key that was revoked does not stop the other."""
    trade_by_hand(market)
    env = re.sub(rf"{name}=\d+", f"{name}=77", market.env_text)
    done = press(make_home(tmp_path, env=env), "--force")
    assert (0, {}) == (done.returncode, market.positions()), done.stdout + done.stderr


@pytest.mark.parametrize("name", ["PRIVATE_KEY", "INDEX"])
def test_half_an_emergency_key_does_not_stop_the_other(
    tmp_path: Path, market: Venues, name: str
) -> None:
    """A panic does not end at a spare key that somebody forgot to fill in."""
    trade_by_hand(market)
    env = re.sub(rf"EMERGENCY_API_KEY_{name}=.*", "", market.env_text)
    done = press(make_home(tmp_path, env=env), "--force")
    assert (0, {}) == (done.returncode, market.positions()), done.stdout + done.stderr
    assert "without the second Lighter key" in done.stderr


def test_two_venues_that_are_away_are_not_flat(tmp_path: Path) -> None:
    """Exit 1, and what is not known is called so."""
    done = press(make_home(tmp_path, env=credentials()), "--force")
    assert 1 == done.returncode, done.stderr
    assert 2 <= done.stdout.count("not known: ")
    assert "nothing open" not in done.stdout


def test_a_dry_run_shows_and_leaves_all_as_it_is(tmp_path: Path, market: Venues) -> None:
    """No order, no latch; exit 1, since something is open."""
    trade_by_hand(market)
    home = make_home(tmp_path, env=market.env_text)
    done = press(home, "--dry-run")
    assert 1 == done.returncode, done.stderr
    assert "would sell 0.001 BTC at " in done.stdout
    said = "Dry run: would halt the bot, close 2 positions and cancel 0 orders. Nothing was sent"
    assert said in done.stdout
    assert (2, False) == (len(market.positions()), (home / LATCH).exists())


def test_it_closes_and_says_so_without_colours(tmp_path: Path, market: Venues) -> None:
    """A line for each order, a table, and how to let the bot trade again."""
    trade_by_hand(market)
    home = make_home(tmp_path, env=market.env_text)
    done = press(home, "--force", NO_COLOR="1")
    assert (0, {}) == (done.returncode, market.positions()), done.stdout + done.stderr
    assert 2 == done.stdout.count("flat, proved")
    assert f"lighter_pacifica_hedge.py --home {home} resume\n" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("reply", "code", "open_venues"), [("y", 1, 2), ("yes", 0, 0)])
def test_it_shows_the_list_and_asks(
    tmp_path: Path, market: Venues, reply: str, code: int, open_venues: int
) -> None:
    """With a terminal, and only the whole word lets anything be done."""
    trade_by_hand(market)
    home = make_home(tmp_path, env=market.env_text)
    ours, its = pty.openpty()
    os.write(ours, f"{reply}\n".encode())
    done = press(home, stdin=its)
    os.close(ours)
    os.close(its)
    assert code == done.returncode, done.stdout + done.stderr
    assert done.stdout.index("NOT opened by the bot") < done.stdout.index("Only `yes` does it")
    assert (open_venues, code == 0) == (len(market.positions()), (home / LATCH).exists())


def ask_at_terminal(home: Path, *words: str) -> Done:
    """Press the button at a terminal where nobody types anything."""
    ours, its = pty.openpty()
    try:
        return press(home, *words, stdin=its)
    finally:
        os.close(ours)
        os.close(its)


def test_nothing_open_asks_nothing_and_writes_nothing(tmp_path: Path, market: Venues) -> None:
    """Two looks that show nothing, and no bot that could change it: proved, exit 0."""
    assert 0 == press(make_home(tmp_path, env=market.env_text), "--force").returncode
    (tmp_path / "home" / LATCH).unlink()
    done = ask_at_terminal(tmp_path / "home")
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    assert "Both venues are flat, proved" in done.stdout
    assert [".env", "bot_config.json"] == sorted(os.listdir(tmp_path / "home"))


def test_nothing_open_beside_a_bot_is_no_proof(tmp_path: Path, market: Venues) -> None:
    """It may open something: the command that halts it is offered, and nothing is asked."""
    home = make_home(tmp_path, env=market.env_text)
    with InstanceLock([home / LATCH.replace(".halt", ".lock")], owner="process 42"):
        done = ask_at_terminal(home)
    assert 1 == done.returncode, done.stdout
    assert "Nothing is open, but process 42 runs: not proved flat" in done.stdout
    assert f"emergency_close.py --home {home} --force" in done.stdout


def test_a_disk_that_hangs_holds_up_no_close(tmp_path: Path, market: Venues) -> None:
    """The latch is given a second, then that is said; everything is closed, and it ends."""
    trade_by_hand(market)
    home = make_home(tmp_path, env=market.env_text)
    os.mkfifo(home / LATCH)  # to write into it waits for a reader that never comes
    done = press(home, "--force")
    assert (0, {}) == (done.returncode, market.positions()), done.stdout + done.stderr
    assert "the disk has not taken it for 1 s; going on" in done.stdout


def test_a_running_daemon_halts_and_a_restart_stays_halted(
    tmp_path: Path, market: Venues
) -> None:
    """Until the owner deletes the latch."""
    home = make_home(tmp_path, env=market.env_text)
    with started(home) as daemon:
        read_until(daemon, "analyze")
        done = press(home, "--force")
        assert 0 == done.returncode, done.stdout
        assert f"process {daemon.pid} in {home}" in done.stdout
        said = read_until(daemon, "halted: latched: emergency close")
        assert "the latch is set, by the emergency close or by hand: nothing is opened" in said
    with started(home) as daemon:
        read_until(daemon, "halted: latched: emergency close")
        (home / LATCH).unlink()
        read_until(daemon, "owner said resume")
