"""The panic close: halt the bot, flatten both venues, and say what is proved.

Needs the keys, not the bot. What to send is decided in `desk.core.flatten`, how a venue is worked
in `desk.engine.flatten`; here is what the close knows of the bot beside it, and the order of work.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from desk.commands.memory import open_store
from desk.core.errors import ConfigError, StateError, VenueError
from desk.core.flatten import named
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.engine.flatten import Desk, Flattener
from desk.engine.home import Home
from desk.engine.journal import utc_text
from desk.engine.latch import Latch
from desk.engine.lock import accounts_lock, holder
from desk.hedge.state import Hedge, Role
from desk.screen.emergency import Report
from desk.screen.terminal import open_terminal

EXIT_FLAT, EXIT_OPEN = 0, 1
# A running bot looks at the latch four times a second: it is given about three.
HEED_LOOKS_MAX = 60
HEED_PAUSE_S = 0.05
LATCH_S_MAX = 1.0  # a disk that takes longer is not waited for by a close


async def spelled(typed: str, desks: Sequence[Desk]) -> str:
    """Return a symbol as the venues spell it; raises `ConfigError` where neither lists it.

    While a venue does not answer, what was typed may be right.
    """

    async def listing(desk: Desk) -> Mapping[str, object] | None:
        try:
            return await desk.markets()
        except VenueError:
            return None

    listings = await asyncio.gather(*(listing(desk) for desk in desks))
    name = named(typed, [row for row in listings if row is not None])
    if name is None and None not in listings:
        raise ConfigError(f"--symbol {typed}: neither venue lists it; mend the spelling (BTC)")
    return name or typed


# The bot


class BotSeen(NamedTuple):
    """The bot beside us: who runs (None: nobody), whether it has halted, and the hedge it has.

    `problem` is why its state cannot be believed.
    """

    running: str | None
    has_halted: bool
    hedge: Hedge | None
    problem: str | None

    @property
    def is_quiet(self) -> bool:
        """Return whether nobody goes on opening anything."""
        return self.running is None or self.has_halted

    def doubts(self, venue: VenueName) -> bool:
        """Return whether something it sent to a venue may still open a position."""
        if self.problem is not None or not self.is_quiet:
            return True
        rows = () if self.hedge is None else self.hedge.in_doubt()
        return any(row.venue is venue and row.role is not Role.CLOSE for row in rows)


def see_bot(home: Home, env: Mapping[str, str]) -> BotSeen:
    """Return who runs and what the state says; nothing found here stops a panic close.

    A bot in another home does not look at our latch, and its state is not here.
    """
    try:
        here = holder(home.lock)
        running = here or holder(accounts_lock(env, os.environ))
    except (ConfigError, OSError) as error:
        here, running = None, f"perhaps a bot, whose lock cannot be looked at ({error})"
    loaded = problem = None
    try:
        loaded = open_store(home).load()
    except StateError as error:
        problem = str(error)
    if loaded is None:
        return BotSeen(running, has_halted=False, hedge=None, problem=problem)
    problem = loaded.notice
    if problem is None and loaded.state.doubt is not None:
        problem = "the bot has lost its state and does not know yet what is its own"
    has_halted = here is not None and loaded.state.halt_reason is not None
    return BotSeen(running, has_halted, loaded.state.hedge, problem)


async def quiet_bot(home: Home, env: Mapping[str, str]) -> BotSeen:
    """Return the bot once it has halted, or as it is when patience ends."""
    for _ in range(HEED_LOOKS_MAX):
        bot = see_bot(home, env)
        if bot.is_quiet:
            break
        await asyncio.sleep(HEED_PAUSE_S)
    return bot


# The close


class Panic:
    """One press of the button."""

    def __init__(
        self, home: Home, env: Mapping[str, str], desks: Sequence[Desk], *, clock: Clock
    ) -> None:
        """Do nothing yet."""
        self._home = home
        self._env = env
        self._desks = desks
        self._clock = clock
        self._report = Report(open_terminal(), clock)

    async def preview(self, symbol: str | None, *, plans: bool) -> int:
        """Show what is open, and with `plans` what would be sent; nothing is sent.

        Returns the exit code of having looked only: 0 where nothing is open.
        """
        views = self._flatteners(symbol)
        await asyncio.gather(*(view.begin() for view in views))
        bot = see_bot(self._home, self._env)
        for view in views:
            self._report.listing(view, bot.hedge, is_known=bot.problem is None)
            if plans:
                self._report.plan(view)
        is_flat = all(view.sight is not None and view.sight.is_flat for view in views)
        return EXIT_FLAT if is_flat else EXIT_OPEN

    async def press(self, symbol: str | None, *, again: str) -> int:
        """Halt the bot, flatten both venues, and say what is proved. Returns the exit code."""
        self._report.begin()
        # In a thread: the first look need not wait for the disk, nor a close for one that hangs.
        latching = asyncio.ensure_future(asyncio.to_thread(self._set_latch))
        works = self._flatteners(symbol)
        found = see_bot(self._home, self._env)
        ways = asyncio.gather(*(self._work(each, found, latching) for each in works))
        bot, _ = await asyncio.gather(self._hush(works, latching), ways)
        refusals = [desk.refused for desk in self._desks if desk.refused is not None]
        is_flat = bot.is_quiet and all(each.is_proved for each in works)
        self._report.ending(works, bot_line(bot, self._home))
        next_command = None if is_flat else again
        self._report.next_step(latching.result(), again=next_command, is_halted=bot.is_quiet)
        if refusals and not any(each.sent_count for each in works):
            raise ConfigError("; ".join(refusals))
        return EXIT_FLAT if is_flat else EXIT_OPEN

    def _flatteners(self, symbol: str | None) -> list[Flattener]:
        return [Flattener(desk, self._clock, self._report, symbol) for desk in self._desks]

    def _set_latch(self) -> Path | None:
        """Stop the bot; a disk that takes no latch does not stop the close."""
        path = self._home.latch
        try:
            Latch(path).set(
                f"emergency close at {utc_text(self._clock.now_ms())}; once you have looked, "
                f"delete {path.resolve()} to let the bot trade again"
            )
        except OSError as error:
            self._report.warn(f"the bot cannot be halted: {path}: {error}")
            return None
        return path

    async def _work(
        self, flattener: Flattener, bot: BotSeen, latching: "asyncio.Future[Path | None]"
    ) -> None:
        await asyncio.gather(
            flattener.begin(), asyncio.wait({latching}, timeout=LATCH_S_MAX)
        )
        self._report.listing(flattener, bot.hedge, is_known=bot.problem is None)
        await flattener.run()

    async def _hush(
        self, works: Sequence[Flattener], latching: "asyncio.Future[Path | None]"
    ) -> BotSeen:
        """Wait for the bot to halt; from then on it is known what is in doubt."""
        await latching
        bot = await quiet_bot(self._home, self._env)
        if bot.problem is not None:
            self._report.warn(f"{bot.problem}: taken as if a request were still under way")
        for each in works:
            each.in_doubt = bot.doubts(each.name)
            is_calm = bot.running is None and not each.in_doubt
            each.stopped_at_ms = 0 if is_calm else self._clock.now_ms()
        return bot


def bot_line(bot: BotSeen, home: Home) -> str:
    """Return how it stands with the bot, in one line."""
    if bot.running is None:
        return f"none runs in {home.root.resolve()}"
    if bot.has_halted:
        return f"{bot.running}: halted"
    return f"{bot.running}: has NOT halted and may open again; stop it"
