"""The daemon as its owner meets it: what is wrong in at most three lines, and the right exit
code."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.engine.lock import InstanceLock
from desk.engine.store import StateStore
from desk.hedge.config import Config
from desk.hedge.state import SCHEMA, BotState
from desk.screen.command_line import CommandLines, parse_args
from test.daemons import (
    DAEMON,
    ROOT,
    Venues,
    credentials,
    make_home,
    paying_venues,
    read_until,
    run,
    started,
)
from test.engine.states import AT_MS, holding_state

STATE = "bot_state_lighter_pacifica.json"
HEAVY = ("aiohttp", "msgspec", "nacl", "rich", "solders", "structlog", "desk.sim", "desk.hedge")
# Opens at once, holds seven seconds, closes: the whole round in real time.
QUICK = json.dumps({
    "symbols_to_monitor": ["BTC"],
    "hold_duration_hours": 0.002,
    "wait_between_cycles_minutes": 0,
    "check_interval_seconds": 5,
    "require_expected_profit": False,
    "renew_hold": False,
})
SLOW = QUICK.replace("0.002", "1")

Done = subprocess.CompletedProcess[str]


def complaint(done: Done, code: int) -> str:
    """Return what was said on stderr by a process that ended as it should: briefly."""
    assert code == done.returncode, done.stderr + done.stdout
    assert 1 <= done.stderr.count("\n") <= 3, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    """Yield embedded venues that pay 300 % APR on BTC, without limits on requests."""
    with paying_venues(tmp_path_factory.mktemp("sim")) as served:
        yield served


# Usage


@pytest.mark.parametrize(
    "words", [["--frobnicate"], ["--seed", "3"], ["--cycles", "0"], ["--snapshot", "x"]], ids=str
)
def test_a_mistyped_command_is_refused(tmp_path: Path, words: list[str]) -> None:
    """An unknown flag or a value that makes no sense: one line, exit 2."""
    assert complaint(run(make_home(tmp_path), *words), 2).startswith("error: ")


def test_help_costs_nothing() -> None:
    """The manual answers without loading a single library of the trade."""
    script = (
        "import runpy, sys\n"
        "sys.argv = ['lighter_pacifica_hedge.py', '--help']\n"
        "try:\n"
        f"    runpy.run_path({str(DAEMON)!r}, run_name='__main__')\n"
        "except SystemExit as leaving:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], leaving.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert "[] 0" == done.stdout.splitlines()[-1], done.stderr


@pytest.mark.parametrize("words", [["--home", "nowhere"], []], ids=["flag", "variable"])
def test_a_missing_home_is_named(tmp_path: Path, words: list[str]) -> None:
    """A home that is not there is not made by accident."""
    done = run(tmp_path / "nowhere", *words)

    assert "nowhere does not exist; make it, or pass --home DIR" in complaint(done, 2)
    assert not (tmp_path / "nowhere").exists()


# Configuration

BAD_CONFIGS = [
    ("{", "not valid JSON"),
    ("", "not valid JSON"),
    ("[]", "must hold one JSON object"),
    ('{"leverage": 1, "leverage": 1}', "given twice"),
    ('{"leverag": 1}', "unknown key 'leverag'; did you mean 'leverage'?"),
    ('{"leverage": 3}', "leverage = 3 is not allowed: write 1"),
    ('{"base_capital_allocation": "50"}', "base_capital_allocation"),
    ('{"base_capital_allocation": 5}', "base_capital_allocation = 5 is not allowed"),
    ('{"stop_loss_pct": NaN}', "stop_loss_pct = NaN is not allowed"),
    ('{"hold_duration_hours": 1e999999}', "hold_duration_hours"),
    ('{"renew_hold": "yes"}', "renew_hold"),
    ('{"symbols_to_monitor": []}', "symbols_to_monitor"),
    ('{"symbols_to_monitor": ["BTC", "BTC"]}', "listed twice"),
    ('{"max_hold_hours": 1, "hold_duration_hours": 2}', "max_hold_hours"),
    ("[" * 100_000, "not valid JSON"),
]


@pytest.mark.parametrize(("text", "words"), BAD_CONFIGS, ids=[text[:40] for text, _ in BAD_CONFIGS])
def test_a_bad_configuration_is_named(tmp_path: Path, text: str, words: str) -> None:
    """File, key, value and what is allowed stand in one line; nothing is traded."""
    said = complaint(run(make_home(tmp_path, config=text, env=credentials())), 2)

    assert "bot_config.json: " in said
    assert words in said


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    """Live trading never runs on settings nobody wrote down."""
    said = complaint(run(make_home(tmp_path, config=None, env=credentials())), 2)

    assert "bot_config.json is missing; copy bot_config.json" in said


@pytest.mark.parametrize("content", [None, b'{"leverage": "\xff"}'], ids=["folder", "not UTF-8"])
def test_an_unreadable_configuration_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A file that cannot be read is not a file that is missing."""
    home = make_home(tmp_path, config=None, env=credentials())
    path = home / "bot_config.json"
    path.mkdir() if content is None else path.write_bytes(content)

    assert "bot_config.json cannot be read: " in complaint(run(home), 2)


# Credentials

NEEDED = [
    "API_KEY_PRIVATE_KEY",
    "ACCOUNT_INDEX",
    "API_KEY_INDEX",
    "SOL_WALLET",
    "API_PUBLIC",
    "API_PRIVATE",
]


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("value", [None, "", "not-a-key!"], ids=["missing", "empty", "malformed"])
def test_a_bad_credential_is_named(tmp_path: Path, name: str, value: str | None) -> None:
    """The variable is named, its value is not shown, and nothing is sent."""
    line = "" if value is None else f"{name}={value}\n"
    text = re.sub(rf"^{name}=.*\n", line, credentials(), flags=re.MULTILINE)

    said = complaint(run(make_home(tmp_path, env=text)), 2)

    assert name in said
    secrets = re.findall(r"PRIVATE\w*=(\S+)", text)
    assert not [secret for secret in secrets if secret in said]


@pytest.mark.parametrize("content", [None, b"API_PUBLIC=\xff\xfe\n"], ids=["folder", "not UTF-8"])
def test_an_unreadable_env_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A `.env` that cannot be read is named."""
    home = make_home(tmp_path)
    path = home / ".env"
    path.mkdir() if content is None else path.write_bytes(content)

    assert ".env cannot be read: " in complaint(run(home), 2)


# State and locks


def test_a_second_instance_in_the_same_home_is_refused(tmp_path: Path) -> None:
    """Exit 3, and the line says who runs."""
    home = make_home(tmp_path, env=credentials())
    with InstanceLock([home / f"{STATE}.lock"], owner="process 42"):
        assert "another instance runs: process 42" in complaint(run(home), 3)


def test_a_second_instance_on_the_same_accounts_is_refused(tmp_path: Path) -> None:
    """Another home does not make another account."""
    homes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        homes.append(make_home(tmp_path / name, env=credentials()))
    store = StateStore(homes[0] / STATE, kind=BotState, schema=SCHEMA)
    store.save(holding_state(), at_ms=AT_MS)  # with a hedge it waits for its venues for ever
    state_home = {"XDG_STATE_HOME": str(tmp_path)}
    with started(homes[0], **state_home) as first:
        read_until(first, "trying again")
        said = complaint(run(homes[1], **state_home), 3)

    assert f"process {first.pid} in {homes[0]}" in said


@pytest.mark.parametrize("text", ["", "{}", "\0" * 100], ids=["empty", "other", "zeroes"])
def test_a_damaged_state_is_refused(tmp_path: Path, text: str) -> None:
    """A damaged state is never a fresh start, with or without the venues."""
    home = make_home(tmp_path, env=credentials())
    (home / STATE).write_text(text)

    assert "state is damaged" in complaint(run(home), 2)
    assert text == (home / STATE).read_text()


def test_a_state_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The file and the reason in words, not in numbers."""
    home = make_home(tmp_path, env=credentials())
    (home / STATE).mkdir()

    expected = f"state cannot be read: {home / STATE} (is a directory); mend that"
    assert expected in complaint(run(home), 2)


def test_a_newer_state_is_refused_and_left_alone(tmp_path: Path) -> None:
    """The state of a newer program is not touched."""
    home = make_home(tmp_path, env=credentials())
    (home / STATE).write_text('{"schema": 99}')

    assert "newer program (schema 99" in complaint(run(home), 2)
    assert '{"schema": 99}' == (home / STATE).read_text()


def test_a_home_that_takes_no_files_is_one_line(tmp_path: Path) -> None:
    """Where no log can be written, the line names the file; exit 1."""
    home = make_home(tmp_path, env=credentials())
    (home / "logs").write_text("not a folder")

    assert "logs" in complaint(run(home), 1)


@pytest.mark.parametrize("words", [[], ["--once"]], ids=["trade", "look"])
def test_venues_that_are_away_are_one_line(tmp_path: Path, words: list[str]) -> None:
    """Without anything held, a start against dead venues fails, and says who did not answer."""
    said = complaint(run(make_home(tmp_path, env=credentials()), *words), 1)

    assert re.search("error: (lighter|pacifica) ", said)


# Looking


NO_RECORDS = [None, "", "{}", '{"hour_utc": "x", "venues": {}}', "[1]"]


@pytest.mark.parametrize("text", NO_RECORDS, ids=str)
def test_a_bad_snapshot_is_named(tmp_path: Path, text: str | None) -> None:
    """A record that is missing or anything else is named; exit 2."""
    path = tmp_path / "record.json"
    if text is not None:
        path.write_text(text)

    said = complaint(run(make_home(tmp_path), "--once", "--snapshot", str(path)), 2)

    assert "record.json" in said


def test_a_snapshot_is_ranked(tmp_path: Path) -> None:
    """A recorded hour is ranked without keys, network or books."""
    row = {"mark": 100, "index": 100, "funding_hourly_fraction": 0.0001}
    rows = {"lighter": {"BTC": row}, "pacifica": {"BTC": row | {"funding_hourly_fraction": 0}}}
    path = tmp_path / "record.json"
    path.write_text(json.dumps({"hour_utc": "2026-01-06T12:00:00+00:00", "venues": rows}))

    done = run(make_home(tmp_path), "--once", "--snapshot", str(path))

    assert 0 == done.returncode, done.stderr
    assert "87.60" in done.stdout
    assert "1 symbol on both venues" in done.stdout


def test_one_look_at_the_live_markets(tmp_path: Path, market: Venues) -> None:
    """`--once` prints the table and the nearest candidate without credentials, and trades
    nothing."""
    urls = "".join(line + "\n" for line in market.env_text.splitlines() if "_URL" in line)
    done = run(make_home(tmp_path, config=SLOW, env=urls), "--once")

    assert 0 == done.returncode, done.stderr
    assert "BTC may be opened: long lighter" in done.stdout
    assert {} == market.positions()


def test_a_look_says_what_is_held_and_leaves_it_alone(tmp_path: Path, market: Venues) -> None:
    """A state file with a hedge in it is read, told in one line, and not touched."""
    urls = "".join(line + "\n" for line in market.env_text.splitlines() if "_URL" in line)
    home = make_home(tmp_path, config=SLOW, env=urls)
    StateStore(home / STATE, kind=BotState, schema=SCHEMA).save(holding_state(), at_ms=AT_MS)
    before = (home / STATE).read_bytes()

    done = run(home, "--once")

    (line,) = [line for line in done.stdout.splitlines() if "by the state file" in line]
    assert line.startswith("Held since ")
    assert (0, before) == (done.returncode, (home / STATE).read_bytes())


def test_a_look_heeds_what_the_state_holds_back(tmp_path: Path, market: Venues) -> None:
    """A symbol set aside by hand is refused with that reason, and a pause is named."""
    urls = "".join(line + "\n" for line in market.env_text.splitlines() if "_URL" in line)
    home = make_home(tmp_path, config=SLOW, env=urls)
    state = BotState(config=Config(), epoch=1, by_hand=("BTC",), paused=True)
    StateStore(home / STATE, kind=BotState, schema=SCHEMA).save(state, at_ms=AT_MS)

    done = run(home, "--once")

    assert "Nothing to open. Nearest is BTC: closed by another hand, until resume" in done.stdout
    assert "By the state file: paused: nothing is opened (until resume)" in done.stdout


def test_a_look_beside_a_damaged_state_says_so(tmp_path: Path, market: Venues) -> None:
    """What is held is then not known; the look goes on."""
    urls = "".join(line + "\n" for line in market.env_text.splitlines() if "_URL" in line)
    home = make_home(tmp_path, config=SLOW, env=urls)
    (home / STATE).write_text("{}")

    done = run(home, "--once")

    assert "What is held is not known: state is damaged" in done.stdout
    assert (0, "{}") == (done.returncode, (home / STATE).read_text())


def test_a_symbol_nobody_lists_is_named(tmp_path: Path, market: Venues) -> None:
    """A typing error in the list of symbols is found before anything is traded."""
    config = '{"symbols_to_monitor": ["BTC", "BTCC"]}'
    done = run(make_home(tmp_path, config=config, env=market.env_text))

    assert "'BTCC'" in complaint(done, 2)


# Living and dying


def test_a_demo_is_interrupted_while_it_looks(tmp_path: Path) -> None:
    """Ctrl-C before anything is opened ends a demo with exit 0, flat."""
    with started(make_home(tmp_path), "--demo", "--speed", "100") as demo:
        read_until(demo, "DEMO")
        read_until(demo, "may be opened")
        demo.send_signal(signal.SIGINT)
        assert "leaving  a second signal exits at once" in read_until(demo, "Flat.")
        assert 0 == demo.wait(10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_a_demo_is_interrupted_while_it_holds(tmp_path: Path, number: signal.Signals) -> None:
    """A signal in a hold ends a demo with exit 0 and says what stands."""
    home = make_home(tmp_path, config=None)
    with started(home, "--demo", "--seed", "1", "--speed", "20000") as demo:
        read_until(demo, "both legs hold")
        demo.send_signal(number)
        assert "Left open: " in read_until(demo, "It ends with this demo")
        assert 0 == demo.wait(10)


def test_the_commands_to_go_on_work_from_anywhere() -> None:
    """Every path is absolute, and each override of the owner's that a command knows is in it."""
    paths = ["--home", "a b", "--config", "c.json", "--state", "s", "--journal", "j"]
    lines = CommandLines.of(parse_args(paths), Path("a b"), folder=ROOT)
    here = Path.cwd()
    both = ["--home", here / "a b", "--state", here / "s"]
    more = ["--config", here / "c.json", "--journal", here / "j", "--cycles", "2"]

    again, panic = lines.ways(cycles=2)

    assert [sys.executable, *map(str, [DAEMON, *both, *more])] == shlex.split(again)
    assert [sys.executable, *map(str, [ROOT / "emergency_close.py", *both])] == shlex.split(panic)
