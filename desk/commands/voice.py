"""The owner's commands as a running bot hears them over its control socket."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from desk.commands.edited import OLD_GOES_ON, Reread, adopt
from desk.core.errors import ConfigError, VenueError
from desk.core.events import Command, OwnerAsked
from desk.core.ports import Clock
from desk.engine.control import Reply, Request
from desk.engine.files import why
from desk.engine.latch import Latch
from desk.engine.run import Engine
from desk.hedge.state import BotState
from desk.screen.status import answer_lines, status_lines

STATUS, RELOAD, TEST_ALERT = "status", "reload", "test-alert"
COMMANDS = {row.value: row for row in (Command.PAUSE, Command.RESUME, Command.CLOSE, Command.STOP)}
HEARD_S_MAX = 10.0  # a decision takes milliseconds; longer means that the bot is stuck
NOTHING = "nothing held it back"
UNSAVED = "but the state cannot be written: a restart would not know of it"


TestAlert = Callable[[], Awaitable[tuple[bool, str]]]


class Voice:
    """Answers requests by what the bot decides about them."""

    def __init__(
        self,
        engine: Engine[BotState],
        clock: Clock,
        latch: Latch,
        reread: Reread,
        *,
        test_alert: TestAlert,
    ) -> None:
        """Speak to `engine`; a `resume` also deletes the latch. `reread` returns the configuration
        as it is in its file now; it raises `ConfigError`, `VenueError`. `test_alert` says whether
        one got out."""
        self._engine = engine
        self._clock = clock
        self._latch = latch
        self._reread = reread
        self._test_alert = test_alert

    async def answer(self, request: Request) -> Reply:
        """Return what came of a command, once it is decided and saved."""
        command = COMMANDS.get(request.command)
        if request.command == STATUS:
            return Reply(True, tuple(status_lines(self._engine.state, self._clock.now_ms())))
        if request.command == RELOAD:
            return await self._reload(is_sure=request.yes)
        if request.command == TEST_ALERT:
            is_sent, text = await self._test_alert()
            return Reply(is_sent, (text,))
        if command is None:
            return Reply(False, (f"no such command: {request.command}",))
        try:
            async with asyncio.timeout(HEARD_S_MAX):
                lines = await self._obey(command, now=request.now)
        except TimeoutError:
            return Reply(False, (f"not decided within {HEARD_S_MAX:g} s; look at its screen",))
        except OSError as error:
            return Reply(False, (f"{self._latch.path} cannot be deleted: {why(error)}",))
        return Reply(True, (*lines, *([] if self._engine.is_saved else [UNSAVED])))

    async def _reload(self, *, is_sure: bool) -> Reply:
        """Adopt the edited file; one that is bad, or may close what is held, changes nothing."""
        try:
            async with asyncio.timeout(HEARD_S_MAX):
                return await adopt(self._engine, self._clock, self._reread, is_sure=is_sure)
        except (ConfigError, VenueError) as error:
            return Reply(False, (*str(error).splitlines(), OLD_GOES_ON))
        except TimeoutError:
            return Reply(False, (f"not done within {HEARD_S_MAX:g} s; the old one may go on",))

    async def _obey(self, command: Command, *, now: bool) -> Sequence[str]:
        lines = []
        before = self._engine.state
        if command is Command.RESUME and self._latch.lift():
            lines.append(f"deleted: {self._latch.path.resolve()}")
        after = await self._say(command)
        if command is Command.STOP and now and after.hedge is not None:
            after = await self._say(Command.CLOSE)
        return [*lines, *answer_lines(command, before, after)] or [NOTHING]

    async def _say(self, command: Command) -> BotState:
        """Return the state that the bot's decision made."""
        asked = OwnerAsked(self._clock.now_ms(), command)
        return (await self._engine.hear(asked)).state
