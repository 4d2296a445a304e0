"""Where things lie under the owner's home directory, so that no path is spelled twice."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from desk.core.errors import ConfigError

LOGS_KEPT_MAX = 5
HOME_VARIABLE = "HEDGE_HOME"


def home_folder(given: Path | None, shell: Mapping[str, str]) -> Path:
    """Return the owner's home directory: the one given, else the shell's, else this one.

    Raises `ConfigError` where it is none.
    """
    root = given or Path(shell.get(HOME_VARIABLE) or ".")
    if not root.is_dir():
        fault = "is not a directory" if root.exists() else "does not exist"
        raise ConfigError(f"home directory {root} {fault}; make it, or pass --home DIR")
    return root


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one running bot.

    `work` is where state and journal lie: the home itself when live.
    """

    root: Path
    work: Path
    config: Path
    state: Path
    journal: Path

    @classmethod
    def live(
        cls,
        root: Path,
        *,
        config: Path | None = None,
        state: Path | None = None,
        journal: Path | None = None,
    ) -> "Home":
        """Return the paths of the live daemon, single ones overridden where given."""
        return cls(
            root=root,
            work=root,
            config=config or root / "bot_config.json",
            state=state or root / "bot_state_lighter_pacifica.json",
            journal=journal or root / "state" / "journal.jsonl",
        )

    def apart(self, name: str) -> "Home":
        """Return the paths of a run that must not touch the live files (`demo`, `paper`)."""
        work = self.root / "state" / name
        return Home(
            root=self.root,
            work=work,
            config=self.config,
            state=work / self.state.name,
            journal=work / self.journal.name,
        )

    @property
    def env(self) -> Path:
        """Return the file with the credentials."""
        return self.root / ".env"

    @property
    def lock(self) -> Path:
        """Return the lock file that guards the state.

        Beside it, for a rename swaps the state file; beside the folder of a run apart, for that is
        cleared.
        """
        if self.work != self.root:
            return self.work.with_name(self.work.name + ".lock")
        return self.state.with_name(self.state.name + ".lock")

    @property
    def latch(self) -> Path:
        """Return the file beside the state that halts the bot while it is there."""
        return self.state.with_name(self.state.name + ".halt")

    @property
    def control(self) -> Path:
        """Return the place beside the state where a running bot hears its owner's commands."""
        return self.state.with_name(self.state.name + ".sock")

    @property
    def ledger(self) -> Path:
        """Return the ledger, in the folder of the state directory."""
        base = self.root / "state" if self.work == self.root else self.work
        return base / "ledger.sqlite3"

    @property
    def log(self) -> Path:
        """Return the log file."""
        base = self.root if self.work == self.root else self.work
        return base / "logs" / "lighter_pacifica_hedge.log"

    def clear_work(self) -> None:
        """Remove everything of a run apart. Never the live files."""
        if self.work == self.root:
            raise ValueError("refusing to clear the live home")
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
