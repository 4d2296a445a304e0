"""The panic close: halt the bot, flatten both venues, and say what is proved.

Needs the keys, not the bot. What to send is decided in `desk.core.flatten`, how a venue is worked
in `desk.engine.flatten`; here is what the close knows of the bot beside it, and the order of work.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
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
from desk.hedge.state import Doubt, Hedge, Role
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

    `problem` is why its state may know too little; `knows_its_own` False: not even which hedge is
    its own.
    """

    running: str | None
    has_halted: bool = False
    hedge: Hedge | None = None
    problem: str | None = None
    knows_its_own: bool = True

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
    try:
        loaded = open_store(home).load()
    except StateError as error:
        return BotSeen(running, problem=str(error), knows_its_own=False)
    if loaded is None:
        return BotSeen(running)
    state, problem = loaded.state, loaded.notice
    if problem is None and state.doubt is not None:
        problem = _doubtful(state.doubt)
    is_proved = state.doubt is None or state.doubt.is_searched
    return BotSeen(
        running,
        has_halted=here is not None and state.halt_reason is not None,
        hedge=state.hedge,
        problem=problem,
        knows_its_own=is_proved and loaded.notice is None,
    )


def _doubtful(doubt: Doubt) -> str:
    """Return why more may have been sent than the bot's state knows."""
    if doubt.is_first:
        return "the bot has just been installed and has not looked at both venues yet"
    if doubt.is_searched:
        return f"the bot found its hedge again ({doubt.why}), but may have sent more"
    return f"the bot searches for what is its own ({doubt.why})"


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

    async def rehearse(self, symbol: str | None) -> int:
        """Show what is open and what would be sent; nothing is. Returns the exit code of having
        looked only: 0 where nothing is open."""
        views, _ = await self._look(symbol)
        for view in views:
            self._report.plan(view)
        self._report.rehearsed(views)
        return EXIT_FLAT if _shows_nothing(views) else EXIT_OPEN

    async def ask(self, symbol: str | None, *, force: str) -> int | None:
        """Show what is open and ask whether to close it. Returns None for yes, else the exit code.

        Nobody is asked to close nothing: that is proved by the look where no bot can change it,
        else said, with `force`, the command that halts the bot, too.
        """
        views, bot = await self._look(symbol)
        if not _shows_nothing(views):
            return None if self._report.agreed() else EXIT_OPEN
        if bot.running is None and not any(bot.doubts(view.name) for view in views):
            self._report.nothing_to_do(symbol)
            return EXIT_FLAT
        why = bot.problem or "an order is in doubt"
        who = why if bot.running is None else f"{bot.running} runs"
        self._report.nothing_yet(who, force)
        return EXIT_OPEN

    async def _look(self, symbol: str | None) -> tuple[Sequence[Flattener], BotSeen]:
        """Return what is open, after showing it, and the bot beside us."""
        views = self._flatteners(symbol)
        await asyncio.gather(*(view.begin() for view in views))
        bot = see_bot(self._home, self._env)
        for view in views:
            self._report.listing(view, bot.hedge, is_known=bot.knows_its_own)
        return views, bot

    async def press(self, symbol: str | None, *, again: str, resume: str) -> int:
        """Halt the bot, flatten both venues, and say what is proved. Returns the exit code.

        `again` and `resume` are the commands for the owner.
        """
        self._report.begin()
        latching = self._set_latch()
        works = self._flatteners(symbol)
        found = see_bot(self._home, self._env)
        ways = asyncio.gather(*(self._work(each, found, latching) for each in works))
        bot, _ = await asyncio.gather(self._hush(works, latching), ways)
        refusals = [desk.refused for desk in self._desks if desk.refused is not None]
        is_flat = bot.is_quiet and all(each.is_proved for each in works)
        self._report.ending(works, bot_line(bot, self._home))
        self._report.next_step(
            again=None if is_flat else again,
            resume=resume if self._home.latch.exists() else None,
            is_halted=bot.is_quiet,
        )
        if refusals and not any(each.sent_count for each in works):
            raise ConfigError("; ".join(refusals))
        return EXIT_FLAT if is_flat else EXIT_OPEN

    def _flatteners(self, symbol: str | None) -> list[Flattener]:
        return [Flattener(desk, self._clock, self._report, symbol) for desk in self._desks]

    def _set_latch(self) -> asyncio.Future[None]:
        """Begin to stop the bot: the first look need not wait for the disk."""
        return Latch(self._home.latch).set_soon(
            f"emergency close at {utc_text(self._clock.now_ms())}; once you have looked, say "
            f"resume, or delete {self._home.latch.resolve()}"
        )

    async def _work(
        self, flattener: Flattener, bot: BotSeen, latching: asyncio.Future[None]
    ) -> None:
        await asyncio.gather(
            flattener.begin(), asyncio.wait({latching}, timeout=LATCH_S_MAX)
        )
        self._report.listing(flattener, bot.hedge, is_known=bot.knows_its_own)
        await flattener.run()

    async def _hush(
        self, works: Sequence[Flattener], latching: asyncio.Future[None]
    ) -> BotSeen:
        """Wait for the bot to halt; from then on it is known what is in doubt."""
        await asyncio.wait({latching}, timeout=LATCH_S_MAX)
        self._tell_latch(latching)
        bot = await quiet_bot(self._home, self._env)
        if bot.problem is not None:
            self._report.warn(f"{bot.problem}: taken as if a request were still under way")
        for each in works:
            each.in_doubt = bot.doubts(each.name)
            is_calm = bot.running is None and not each.in_doubt
            each.stopped_at_ms = 0 if is_calm else self._clock.now_ms()
        return bot

    def _tell_latch(self, latching: asyncio.Future[None]) -> None:
        """Warn of a disk that takes no latch, or hangs; neither stops the close."""
        path = self._home.latch
        if not latching.done():
            hangs = f"the disk has not taken it for {LATCH_S_MAX:g} s; going on without"
            self._report.warn(f"the bot may not be halted: {path}: {hangs}")
        elif (error := latching.exception()) is not None:
            self._report.warn(f"the bot cannot be halted: {path}: {error}")


def _shows_nothing(views: Sequence[Flattener]) -> bool:
    """Return whether both venues answered and hold nothing."""
    return all(view.sight is not None and view.sight.is_flat for view in views)


def bot_line(bot: BotSeen, home: Home) -> str:
    """Return how it stands with the bot, in one line."""
    if bot.running is None:
        return f"none runs in {home.root.resolve()}"
    if bot.has_halted:
        return f"{bot.running}: halted"
    return f"{bot.running}: has NOT halted and may open again; stop it"
