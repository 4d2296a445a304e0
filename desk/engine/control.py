"""The owner's way to a running bot: a unix socket beside its state, one JSON object a line.

Carries words and answers; what they mean is decided elsewhere. Whoever may open the socket may
speak, so it is its owner's alone (mode 0600).
"""

import asyncio
import hashlib
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from desk.core.errors import DeskError
from desk.engine.files import why

# An address holds 104 bytes on macOS and 108 on Linux, of which the last is a zero.
PATH_BYTES_MAX = 103
FILE_MODE, FOLDER_MODE = 0o600, 0o700
LINE_BYTES_MAX = 64 * 1024
CALLERS_MAX = 8
LISTEN_S_MAX = 10.0  # a caller that says nothing for so long is hung up on
ANSWER_S_MAX = 30.0  # how long a caller waits
LAST_WORDS_S_MAX = 1.0


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command, with its flags."""

    command: str
    now: bool = False
    yes: bool = False


class Reply(msgspec.Struct, frozen=True):
    """What came of it, in lines for people; `ok` False: it was not done."""

    ok: bool
    lines: tuple[str, ...]


Answer = Callable[[Request], Awaitable[Reply]]


class ControlFailed(DeskError):
    """A bot runs and could not be spoken to; the text is a line for its owner."""


def socket_path(beside: Path) -> Path:
    """Return where the socket lies: at `beside`, or where its name is too long for one, under a
    short name in a folder of the user's.

    That folder depends on nothing in the environment, so that a bot and its owner's shell always
    mean the same. Raises `OSError` where it is not the user's alone.
    """
    wanted = beside.resolve()
    if len(os.fsencode(wanted)) <= PATH_BYTES_MAX:
        return wanted
    folder = Path(f"/tmp/lighter-pacifica-hedge-{os.getuid()}")
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    facts = folder.lstat()
    if facts.st_uid != os.getuid() or facts.st_mode & 0o077 or not stat.S_ISDIR(facts.st_mode):
        raise PermissionError(None, "belongs to somebody else, too: remove it", str(folder))
    return folder / f"{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]}.sock"


# The bot's end


@asynccontextmanager
async def control_served(beside: Path, answer: Answer) -> AsyncIterator[None]:
    """Within, every request that comes in is answered by `answer`.

    Only for who holds the lock of the state: a socket that a killed process left is taken over.
    Raises `OSError` where there can be none.
    """
    path = socket_path(beside)
    callers: set[asyncio.Task[None]] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a caller is attended to in a task"
        callers.add(task)
        try:
            await _attend(reader, writer, answer, is_crowded=len(callers) > CALLERS_MAX)
        finally:
            callers.discard(task)

    door = _door(path)
    server = await asyncio.start_unix_server(attend, sock=door, limit=LINE_BYTES_MAX)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)
        if callers:
            _, late = await asyncio.wait(callers, timeout=LAST_WORDS_S_MAX)
            for task in late:
                task.cancel()


def _door(path: Path) -> socket.socket:
    """Return a socket at `path` that only its owner may open, before anybody could.

    Nobody can connect before it listens, and then it has its mode.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(None, "is no socket: move it away", str(path))
        path.unlink()
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.bind(str(path))
        path.chmod(FILE_MODE)
    except OSError:
        door.close()
        raise
    return door


async def _attend(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Answer,
    *,
    is_crowded: bool,
) -> None:
    """Answer one caller, line by line, until he hangs up."""
    try:
        while True:
            async with asyncio.timeout(LISTEN_S_MAX):
                line = await reader.readline()
            if not line:
                return
            reply = _CROWDED if is_crowded else await _reply(line, answer)
            writer.write(msgspec.json.encode(reply) + b"\n")
            await writer.drain()
            if is_crowded:
                return
    except (OSError, TimeoutError, ValueError):  # hung up, silent, or a line without an end
        return
    finally:
        writer.close()


async def _reply(line: bytes, answer: Answer) -> Reply:
    try:
        request = msgspec.json.decode(line, type=Request)
    except msgspec.DecodeError as error:
        return _refused(f"not understood: {error}")
    return await answer(request)


def _refused(text: str) -> Reply:
    return Reply(False, (text,))


_CROWDED = _refused("too many callers at once")


# The owner's end


def ask(beside: Path, request: Request) -> Reply:
    """Return what the running bot answers. Raises `ControlFailed` where it does not."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_S_MAX)
            line.connect(str(socket_path(beside)))
            line.sendall(msgspec.json.encode(request) + b"\n")
            with line.makefile("rb") as answers:
                said = answers.readline(LINE_BYTES_MAX)
        return msgspec.json.decode(said, type=Reply)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise ControlFailed("it takes no commands: it is starting or ending; try again") from error
    except TimeoutError as error:
        text = f"it has not answered for {ANSWER_S_MAX:g} s; what was asked may still be done"
        raise ControlFailed(text) from error
    except OSError as error:
        raise ControlFailed(f"it cannot be spoken to: {why(error)}") from error
    except msgspec.DecodeError as error:
        raise ControlFailed("it hung up without an answer") from error
