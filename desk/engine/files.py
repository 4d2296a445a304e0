"""The files an owner writes, read as text; what the disk refuses is said in plain words."""

import os
from pathlib import Path

from desk.core.errors import ConfigError


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, without the mark that some editors put at its head.

    Raises `FileNotFoundError`, and `ConfigError` for a file that is there and cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {why(error)}; mend the file") from error


def why(error: OSError | UnicodeDecodeError) -> str:
    """Return what stood in the way, without numbers or names of classes."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return os.strerror(error.errno).lower() if error.errno else str(error)


def disk_trouble(error: OSError) -> str:
    """Return what to tell an owner whose disk takes no lock, log or journal of ours."""
    where = f"{error.filename}: " if error.filename else ""
    mend = "the home (--home DIR) and the place of the locks (XDG_STATE_HOME) must take files"
    return f"{where}{why(error)}; {mend}"
