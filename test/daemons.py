"""The daemon as a real process, in a home of its own, with the embedded venues in another one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.request import Request, urlopen

from desk.sim.accounts import Endpoints, as_env, credentials_from_seed

ROOT = Path(__file__).resolve().parent.parent
DAEMON = ROOT / "lighter_pacifica_hedge.py"
RUN_S_MAX = 200
NOWHERE = Endpoints(  # nobody listens on port 9, and it is on this machine
    "http://127.0.0.1:9", "ws://127.0.0.1:9/stream", "http://127.0.0.1:9/api/v1", "ws://127.0.0.1:9"
)


def credentials(endpoints: Endpoints = NOWHERE) -> str:
    """Return a `.env` whose keys are good and whose venues do not answer."""
    return as_env(credentials_from_seed(1), endpoints)


@dataclass(slots=True)
class Venues:
    """Both embedded venues in a process of their own; `env_text` is a `.env` for the daemon."""

    url: str
    env_text: str

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return what the control plane answers."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/_sim/{path}", data), timeout=10) as reply:
            return json.load(reply)

    def clear_faults(self) -> None:
        """Call off every fault that has not struck yet."""
        with urlopen(Request(f"{self.url}/_sim/fault", method="DELETE"), timeout=10):
            pass

    def positions(self) -> dict[str, dict[str, str]]:
        """Return the signed positions by venue and symbol, as the exchanges have them."""
        truth = self.ask("truth")
        return {
            venue: positions
            for venue in ("lighter", "pacifica")
            for account in truth[venue]["accounts"].values()
            if (positions := account["positions"])
        }

    def orders(self) -> list[dict[str, Any]]:
        """Return every order that rests at either exchange."""
        truth = self.ask("truth")
        accounts = (row for v in ("lighter", "pacifica") for row in truth[v]["accounts"].values())
        return [order for account in accounts for order in account["orders"]]


@contextmanager
def venues(folder: Path, *arguments: str) -> Iterator[Venues]:
    """Yield both venues, served in real time by another process."""
    env_file = folder / "sim.env"
    ports = ["--lighter-port", "0", "--pacifica-port", "0", "--env-file", str(env_file)]
    command = [sys.executable, "-m", "desk.sim", *ports, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield Venues(ready["lighter"]["url"], env_file.read_text())
        finally:
            process.terminate()


@contextmanager
def paying_venues(folder: Path) -> Iterator[Venues]:
    """Yield venues where long Lighter, short Pacifica earns 300 % APR on BTC."""
    with venues(folder, "--limits", "off") as served:
        for venue, hourly in (("lighter", "-0.00017"), ("pacifica", "0.00017")):
            served.ask("market", {"symbol": "BTC", "venue": venue, "funding_hourly": hourly})
        yield served


def make_home(folder: Path, *, config: str | None = "{}", env: str | None = None) -> Path:
    """Return a home with a configuration and credentials, either of which may be missing."""
    home = folder / "home"
    home.mkdir()
    if config is not None:
        (home / "bot_config.json").write_text(config)
    if env is not None:
        (home / ".env").write_text(env)
        (home / ".env").chmod(0o600)
    return home


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the variables of a fresh shell of a user who lives beside `home`."""
    shell = {"HOME": str(home.parent), "HEDGE_HOME": str(home), "TZ": "UTC", **more}
    return {"PATH": os.environ["PATH"], **shell}


def run(home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the daemon to its end, from a folder that is not the repository."""
    command = [sys.executable, str(DAEMON), *words]
    shell = environment(home, **variables)
    return subprocess.run(
        command, cwd=home.parent, env=shell, capture_output=True, text=True, timeout=RUN_S_MAX
    )


@contextmanager
def started(home: Path, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Yield a running daemon whose lines can be read; it is killed at the end."""
    command = [sys.executable, "-u", str(DAEMON), *words]
    with subprocess.Popen(
        command,
        cwd=home.parent,
        env=environment(home, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """Return what the process prints up to the line that has `word` in it."""
    assert process.stdout is not None
    lines = []
    patience = Timer(RUN_S_MAX, process.kill)
    patience.start()
    try:
        for line in process.stdout:
            lines.append(line)
            if word in line:
                return "".join(lines)
    finally:
        patience.cancel()
    raise AssertionError(f"no {word!r} in:\n{''.join(lines)}")
