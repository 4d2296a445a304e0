"""What a new owner meets before the first hedge: each thing that goes wrong at the start is named
with its mend, in at most three lines, without a traceback, a class name or a secret."""

from __future__ import annotations

import ast
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from desk.engine.store import StateStore
from desk.hedge.state import SCHEMA, BotState
from test.daemons import DAEMON, ROOT, Venues, credentials, environment, make_home, run, started
from test.daemons import venues as served_venues
from test.engine.states import AT_MS, holding_state

Done = subprocess.CompletedProcess[str]
CLASS_NAME = re.compile(r"\b[A-Z][a-z]+[A-Z]\w*|Errno|Traceback|Error\b")
STATE = "bot_state_lighter_pacifica.json"


def complaint(done: Done, code: int) -> str:
    """Return what was said on stderr by a process that ended as it should: plainly and briefly."""
    said = done.stderr
    assert code == done.returncode, said + done.stdout
    assert 1 <= said.count("\n") <= 3, said
    assert not CLASS_NAME.search(said), said
    return said


def changed(**values: str) -> str:
    """Return good credentials, to venues that do not answer, with some variables changed."""
    lines = [line.partition("=") for line in credentials().splitlines()]
    return "".join(f"{name}={values.get(name, value)}\n" for name, _, value in lines)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    """Yield embedded venues."""
    with served_venues(tmp_path_factory.mktemp("sim"), "--limits", "off") as served:
        yield served


# The machine


def test_a_python_without_the_libraries_is_one_line(tmp_path: Path) -> None:
    """The module and the two ways to it are named; exit 2."""
    home = make_home(tmp_path)
    for command in ([str(DAEMON)], [str(DAEMON), "--demo"], ["-m", "desk.sim"]):
        done = subprocess.run(
            [sys.executable, "-S", *command],  # -S: the interpreter without installed packages
            cwd=ROOT,
            env=environment(home),
            capture_output=True,
            text=True,
        )
        said = complaint(done, 2)
        assert re.match(r"error: the Python module \w+ is not installed: ", said)
        assert "pip install -r requirements.txt in a virtual environment" in said


@pytest.mark.parametrize("name", ["lighter_pacifica_hedge.py", "desk/sim/__main__.py"])
def test_an_old_python_is_one_line(name: str) -> None:
    """Version, place and mend; exit 2, before anything an old Python does not know."""
    script = (
        "import runpy, sys\n"
        "sys.version_info = (3, 6, 8, 'final', 0)\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        f"runpy.run_path({str(ROOT / name)!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert "error: Python 3.11 or newer is needed, this one is 3.6 (" in complaint(done, 2)
    assert "`make demo`" in done.stderr


@pytest.mark.parametrize("path", [*ROOT.glob("*.py"), ROOT / "desk/__init__.py"], ids=str)
def test_what_runs_first_can_be_read_by_an_old_python(path: Path) -> None:
    """A command of the root parses there, so that it gets as far as saying what is needed."""
    assert ast.parse(path.read_text("utf-8"), feature_version=(3, 6))


# The owner's files


def test_no_env_file_is_explained(tmp_path: Path) -> None:
    """What is missing, and the command that begins to mend it."""
    home = make_home(tmp_path)
    said = complaint(run(home), 2)

    assert said.startswith("error: API_KEY_PRIVATE_KEY, ACCOUNT_INDEX, ")
    assert f"there is no {home}/.env: cp .env.example {home}/.env, fill it in" in said


def test_a_misspelt_variable_is_named_with_what_it_leaves_missing(tmp_path: Path) -> None:
    """The warning stands before the error it explains, and shows no value."""
    env = credentials().replace("API_KEY_PRIVATE_KEY", "API_KEY_PRIVAT_KEY", 1)
    said = complaint(run(make_home(tmp_path, env=env)), 2)

    assert "API_KEY_PRIVAT_KEY is not used, did you mean API_KEY_PRIVATE_KEY?" in said
    assert "error: API_KEY_PRIVATE_KEY is missing; set in " in said
    assert not re.search("[0-9a-f]{40}", said)


def test_a_readable_env_file_is_a_warning(tmp_path: Path) -> None:
    """It is no reason not to start: containers bring files as they are."""
    home = make_home(tmp_path, env=credentials())
    (home / ".env").chmod(0o644)

    assert f"warning: {home}/.env holds keys and is open to other users: chmod 600" in complaint(
        run(home), 1
    )


def test_several_mistakes_in_the_configuration_are_told_together(tmp_path: Path) -> None:
    """Three lines at most, each an error of its own."""
    config = '{"leverage": 3, "levrage": 1, "renew_hold": 1, "x": 1}'
    said = complaint(run(make_home(tmp_path, config=config)), 2)

    assert 3 == said.count("error: ") == said.count("bot_config.json: ")
    assert said.endswith("(1 more mistake in the file)\n")


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    """It is there, but it is no directory."""
    (tmp_path / "file").touch()
    said = complaint(run(tmp_path / "file"), 2)

    assert f"home directory {tmp_path}/file is not a directory" in said


def test_a_home_that_takes_no_files_is_named(tmp_path: Path) -> None:
    """Which file could not be written, in words."""
    home = make_home(tmp_path, env=credentials())
    (home / f"{STATE}.lock").mkdir()
    said = complaint(run(home), 1)

    assert f"{STATE}.lock: is a directory; the home (--home DIR) and " in said


def test_an_interval_too_short_for_the_venues_is_slowed(tmp_path: Path) -> None:
    """The start goes on, and says how often both venues will be checked."""
    config = '{"check_interval_seconds": 0.5}'
    env = credentials()
    for key, least in (("", "3.6 s (3 s with a PACIFICA_API_KEY)"), ("PACIFICA_API_KEY=k", "3 s")):
        folder = tmp_path / f"key{len(key)}"
        folder.mkdir()
        done = run(make_home(folder, config=config, env=env + key))
        assert "warning: check_interval_seconds = 0.5 is more than " in complaint(done, 1)
        assert f"both venues are checked every {least}\n" in done.stderr


# The venues


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("LIGHTER_BASE_URL", "localhost:9", "must begin with https:// (or http://) and a host"),
        ("LIGHTER_WS_URL", "localhost:9/stream", "must begin with wss:// (or ws://) and a host"),
        ("PACIFICA_BASE_URL", "localhost:9/api/v1", "must begin with https:// (or http://)"),
        ("PACIFICA_WS_URL", "localhost:9/ws", "must begin with wss:// (or ws://) and a host"),
        ("LIGHTER_BASE_URL", "http://h:port", "its port is not one"),
    ],
)
def test_an_address_that_is_none_is_named(
    tmp_path: Path, name: str, value: str, fault: str
) -> None:
    """The variable, its value and what is wrong with it; exit 2."""
    said = complaint(run(make_home(tmp_path, env=changed(**{name: value}))), 2)

    assert f"error: {name} is '{value}': it {fault}".replace("it its", "its") in said


@pytest.mark.parametrize("name", ["ACCOUNT_INDEX", "API_KEY_INDEX"])
def test_an_account_or_key_lighter_does_not_know_is_named(
    tmp_path: Path, market: Venues, name: str
) -> None:
    """Exit 2: a supervisor that starts it again mends nothing."""
    env = re.sub(rf"^{name}=.*", f"{name}=77", market.env_text, flags=re.MULTILINE)
    said = complaint(run(make_home(tmp_path, env=env)), 2)

    assert f"error: {name} 77 is " in said
    assert ": set the " in said


def test_a_venue_that_is_away_is_named_with_its_address(tmp_path: Path) -> None:
    """Venue, host, variable, the reason in words, and that nothing was opened; exit 1."""
    said = complaint(run(make_home(tmp_path, env=credentials())), 1)

    assert re.search(
        r"error: (lighter|pacifica) at 127\.0\.0\.1:9 \((LIGHTER|PACIFICA)_BASE_URL\) "
        "cannot be reached: connection refused; nothing was opened; start again when it answers",
        said,
    )


@pytest.mark.parametrize("name", ["LIGHTER_WS_URL", "PACIFICA_WS_URL"])
def test_a_stream_that_is_away_is_named_with_its_own_variable(
    tmp_path: Path, market: Venues, name: str
) -> None:
    """Requests may be answered while the stream is not: another address, another variable."""
    env = re.sub(rf"^{name}=.*", f"{name}=ws://127.0.0.1:9/", market.env_text, flags=re.MULTILINE)
    said = complaint(run(make_home(tmp_path, env=env)), 1)

    assert f"at 127.0.0.1:9 ({name}) did not answer stream: cannot connect: " in said


class WebPage(BaseHTTPRequestHandler):
    """Answers everything with a page for people."""

    def do_GET(self) -> None:
        """Send the page."""
        body = b"<html>\n<body>It works! [/b]</body>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def web_page() -> Iterator[str]:
    """Yield host and port of a web server that is no venue."""
    with HTTPServer(("127.0.0.1", 0), WebPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("venue", "path"), [("lighter", ""), ("pacifica", "/api/v1")])
def test_a_venue_that_answers_with_a_page_is_named(
    tmp_path: Path, market: Venues, venue: str, path: str
) -> None:
    """Somebody answers there, but not the venue; exit 1."""
    name = f"{venue.upper()}_BASE_URL"
    with web_page() as host:
        env = re.sub(
            rf"^{name}=.*", f"{name}=http://{host}{path}", market.env_text, flags=re.MULTILINE
        )
        done = run(make_home(tmp_path, env=env))

    assert (1, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert f"{venue} at {host} ({name}) answers, but not as {venue} does: '<html>" in done.stderr


# Signals


@contextmanager
def deaf_venues() -> Iterator[tuple[socket.socket, str]]:
    """Yield a listening socket that never answers, and credentials for venues behind it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        env = changed(LIGHTER_BASE_URL=url, PACIFICA_BASE_URL=f"{url}/api/v1")
        yield server, env


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
@pytest.mark.parametrize("holds", [False, True], ids=["flat", "holding"])
def test_a_signal_while_it_starts_is_answered(
    tmp_path: Path, number: signal.Signals, holds: bool
) -> None:
    """One line says that nothing was sent; exit 1."""
    with deaf_venues() as (server, env):
        home = make_home(tmp_path, env=env)
        if holds:
            store = StateStore(home / STATE, kind=BotState, schema=SCHEMA)
            store.save(holding_state(), at_ms=AT_MS)
        with started(home) as daemon:
            caller, _ = server.accept()
            daemon.send_signal(number)
            said, _ = daemon.communicate(timeout=30)
            caller.close()

    assert "stopped before it began to trade: nothing was sent, what is open stays open\n" == said
    assert 1 == daemon.returncode


@contextmanager
def sigint_ignored() -> Iterator[None]:
    """Give what is started within SIGINT ignored, as a script gives it to its background jobs."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_a_job_in_the_background_of_a_script_is_answered_too(
    tmp_path: Path, number: signal.Signals
) -> None:
    """A shell has such a job ignore SIGINT; it must not outlive a supervisor's SIGTERM for that."""
    with (
        deaf_venues() as (server, env),
        sigint_ignored(),
        started(make_home(tmp_path, env=env)) as daemon,
    ):
        caller, _ = server.accept()
        daemon.send_signal(number)
        said, _ = daemon.communicate(timeout=30)
        caller.close()

    assert (1, "stopped before it began to trade") == (daemon.returncode, said.partition(":")[0])


def test_a_start_that_failed_left_no_trace_of_a_hedge(tmp_path: Path) -> None:
    """Nothing was opened is no figure of speech: there is no state."""
    home = make_home(tmp_path, env=credentials(), config=json.dumps({"leverage": 1}))
    complaint(run(home), 1)

    assert not (home / STATE).exists()
