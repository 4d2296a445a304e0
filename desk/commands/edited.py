"""The owner's configuration file beside a running bot: read again when he says so, and unasked.

Both ways go through the same gates as a start; what is bad, or may close what is held, changes
nothing. What an edit means is the strategy's.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from desk.core.errors import ConfigError, VenueError
from desk.core.ports import Clock
from desk.engine.control import Reply
from desk.engine.files import read_text
from desk.engine.run import Engine
from desk.hedge.config import Config
from desk.hedge.edits import edits, may_close
from desk.hedge.events import ConfigChanged
from desk.hedge.state import BotState

Reread = Callable[[], Awaitable[Config]]
Tell = Callable[[str], None]
OLD_GOES_ON = "the old configuration goes on"
UNCHANGED = "nothing in it has changed"


async def adopt(
    engine: Engine[BotState], clock: Clock, reread: Reread, *, is_sure: bool
) -> Reply:
    """Have the bot adopt the file as it is now, and return each change with when it acts.

    `reread` returns what is in the file. Not without `is_sure` where that may close what is held.
    Raises `ConfigError` for a file that is bad, `VenueError` where its symbols cannot be checked.
    """
    config = await reread()
    state, now_ms = engine.state, clock.now_ms()
    changes = tuple(str(row) for row in edits(state.config, config))
    if not changes:
        return Reply(True, (UNCHANGED,))
    closing = may_close(state, config, now_ms)
    if closing and not is_sure:
        why = f"{', '.join(closing)} may close what is held at once: reload --yes does it"
        return Reply(False, (*changes, why, OLD_GOES_ON))
    await engine.hear(ConfigChanged(now_ms, config))
    return Reply(True, changes)


@asynccontextmanager
async def edits_heeded(
    path: Path, engine: Engine[BotState], clock: Clock, reread: Reread, *, tell: Tell
) -> AsyncIterator[None]:
    """Within, an edit of the file at `path` is adopted by the next regular check at the latest.

    `tell` hears once of each edit that is not, with the reason; an adopted one is a decision, and
    told as such. What was edited between the start's reading and now is found, too.
    """
    watch = asyncio.create_task(_watch(_Edited(path, engine, clock, reread, tell=tell)))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(edited: "_Edited") -> None:
    while True:
        await asyncio.sleep(edited.pause_s)
        await edited.look()


class _Edited:
    """The file as it was last taken in, or refused."""

    def __init__(
        self, path: Path, engine: Engine[BotState], clock: Clock, reread: Reread, *, tell: Tell
    ) -> None:
        self._path = path
        self._engine = engine
        self._clock = clock
        self._reread = reread
        self._tell = tell
        self._seen: str | None = None
        self._told_of: str | None = None

    @property
    def pause_s(self) -> float:
        """Return how long an edit may wait: a regular check, by the settings of now."""
        return float(self._engine.state.config.check_interval_seconds)

    async def look(self) -> None:
        """Take in what is new in the file; a venue that is away is asked again the next time."""
        text = self._text()
        if text == self._seen:
            return
        try:
            reply = await adopt(self._engine, self._clock, self._reread, is_sure=False)
        except VenueError as error:
            self._refuse(text, f"{error}; it is read again")
            return
        except ConfigError as error:
            reply = Reply(False, (*str(error).splitlines(), OLD_GOES_ON))
        self._seen = text
        if not reply.ok:
            self._refuse(text, "; ".join(reply.lines))

    def _text(self) -> str:
        """Return what is in the file, or why it cannot be read: no text that could be adopted."""
        try:
            return read_text(self._path)
        except (FileNotFoundError, ConfigError) as error:
            return str(error)

    def _refuse(self, text: str, why: str) -> None:
        """Tell why this text is not adopted, once."""
        if text != self._told_of:
            self._told_of = text
            self._tell(f"{self._path.name} was edited: {why}")
