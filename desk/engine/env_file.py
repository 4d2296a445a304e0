"""The owner's `.env` under the shell's variables, and what in it looks like a slip.

Reads the one file it is given. A remark has names and line numbers, never a value: it may be a
key. What a value must look like, each venue's `access` knows.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from desk.core.errors import ConfigError
from desk.engine.files import read_text
from desk.engine.home import HOME_VARIABLE

NEEDED = (
    "API_KEY_PRIVATE_KEY",
    "ACCOUNT_INDEX",
    "API_KEY_INDEX",
    "SOL_WALLET",
    "API_PUBLIC",
    "API_PRIVATE",
)
OPTIONAL = (
    "EMERGENCY_API_KEY_PRIVATE_KEY",
    "EMERGENCY_API_KEY_INDEX",
    "ALERT_URLS",
    "HEARTBEAT_URL",
    "LIGHTER_BASE_URL",
    "LIGHTER_WS_URL",
    "LIGHTER_CHAIN_ID",
    "PACIFICA_BASE_URL",
    "PACIFICA_WS_URL",
    "PACIFICA_API_KEY",
)
_OURS = ("LIGHTER_", "PACIFICA_", "API_", "EMERGENCY_", "SOL_")
LIKENESS_MIN = 0.7  # below it a name is somebody else's: other programs may share the file
REMARKS_MAX = 3
OTHERS_MODE = 0o066  # group and others, reading or writing


@dataclass(frozen=True, slots=True)
class Environment:
    """Every variable that has a value, and one-line remarks on the file for its owner."""

    values: Mapping[str, str]
    remarks: tuple[str, ...]


EMERGENCY_PAIR = ("EMERGENCY_API_KEY_PRIVATE_KEY", "EMERGENCY_API_KEY_INDEX")


def read_environment(path: Path, shell: Mapping[str, str]) -> Environment:
    """Return the variables of the file at `path` under those of `shell`, which win.

    A file that is missing has none. Raises `ConfigError` for one that cannot be read.
    """
    given = {name: value for name, value in shell.items() if value}
    try:
        bindings = list(parse_stream(StringIO(read_text(path))))
    except FileNotFoundError:
        return Environment(given, ())
    last = {row.key: row.value for row in bindings if row.key}
    values = {name: value for name, value in last.items() if value}
    return Environment({**values, **given}, _remarks(path, bindings))


def require(env: Mapping[str, str], path: Path) -> None:
    """Raise `ConfigError` naming every needed variable without a value, and the mend."""
    missing = [name for name in NEEDED if not env.get(name, "").strip()]
    if not missing:
        return
    verb = "is" if len(missing) == 1 else "are"
    mend = f"set in {path} what .env.example explains"
    if not path.exists():
        mend = f"there is no {path}: cp .env.example {path}, fill it in, and chmod 600 {path}"
    raise ConfigError(f"{', '.join(missing)} {verb} missing; {mend}")


def _remarks(path: Path, bindings: list[Binding]) -> tuple[str, ...]:
    slips = [*_unreadable(bindings), *_misspelt(bindings), *_doubled(bindings)]
    remarks = []
    if slips:
        more = len(slips) - REMARKS_MAX
        rest = f"; and {more} more" if more > 0 else ""
        remarks.append(f"{path}: {'; '.join(slips[:REMARKS_MAX])}{rest}")
    given = {row.key for row in bindings if row.key and row.value}
    missing = [name for name in EMERGENCY_PAIR if name not in given]
    if len(missing) == 1:
        remarks.append(f"{path}: the emergency key is of no use without {missing[0]}: set it")
    if path.stat().st_mode & OTHERS_MODE:
        remarks.append(f"{path} holds keys and is open to other users: chmod 600 {path}")
    return tuple(remarks)


def _unreadable(bindings: list[Binding]) -> list[str]:
    lines = [row.original.line for row in bindings if row.error]
    return [f"line {line} is not NAME=value and was left out" for line in lines]


def _misspelt(bindings: list[Binding]) -> list[str]:
    slips = []
    for name in dict.fromkeys(row.key for row in bindings if row.key):
        if name == HOME_VARIABLE:  # known, but of the shell alone: it says where the file is
            slips.append(f"{name} has no effect in here: set it in the shell, or pass --home DIR")
        elif name not in (*NEEDED, *OPTIONAL):
            nearest = _nearest(name)
            slips += [f"{name} is not used, did you mean {nearest}?"] if nearest else []
    return slips


def _nearest(name: str) -> str | None:
    """Return the variable of ours that a name was probably meant for; None for a stranger's."""
    least = 0.0 if name.upper().startswith(_OURS) else LIKENESS_MIN
    close = get_close_matches(name.upper(), (*NEEDED, *OPTIONAL), n=1, cutoff=least)
    return close[0] if close else None


def _doubled(bindings: list[Binding]) -> list[str]:
    counts = Counter(row.key for row in bindings if row.key in (*NEEDED, *OPTIONAL))
    twice = (name for name, count in counts.items() if count > 1)
    return [f"{name} is given twice, the last one counts" for name in twice]
