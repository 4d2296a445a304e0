"""Alerts and heartbeat of one life: hears decisions, sends what is worth it, and pings while all is
well."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog
from structlog.typing import FilteringBoundLogger

from desk.alerts.channels import Deliver, channels, heartbeat, ping
from desk.alerts.notes import DAY_MS, NOTHING_TO_DO, Herald, Note
from desk.alerts.post import Post
from desk.core.account import Account
from desk.core.actions import Level
from desk.core.errors import VenueError
from desk.core.ports import Clock
from desk.core.secret import Secret
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState

PING_S = 60.0
QUIET_MS_MAX = 5 * 60_000  # without a decision for so long, something is stuck
DAY_CHECK_S = 60.0
TEST_S_MAX = 20.0
NO_CHANNEL = "there is no channel: set ALERT_URLS in .env (see .env.example) and start again"

Accounts = Callable[[], Awaitable[Mapping[VenueName, Account | VenueError]]]


class Channels(NamedTuple):
    """Where messages and pings go, as `.env` has it; either may be missing."""

    alerts: tuple[Deliver, int] | None = None
    heartbeat: Secret | None = None

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Channels":
        """Return them, checked. Raises `ConfigError`."""
        return cls(channels(env), heartbeat(env))


class Alerting:
    """An observer of the engine that tells the owner what he must know."""

    def __init__(
        self, found: Channels, state: BotState, clock: Clock, is_saved: Callable[[], bool]
    ) -> None:
        """Begin with the state that was loaded; nothing is sent before `on`."""
        self._found = found
        self._clock = clock
        self._is_saved = is_saved
        self._herald = Herald(state)
        self._post = None if found.alerts is None else Post(found.alerts[0], _log_missed)
        self._state = state
        self._heard_at_ms = clock.now_ms()
        self._day = self._heard_at_ms // DAY_MS

    def observe(self, record: Record[BotState]) -> None:
        """Take a decision in; what it is worth is sent right after, apart from who decides."""
        self._state, self._heard_at_ms = record.decision.state, record.event.at_ms
        if self._post is not None:
            asyncio.get_running_loop().call_soon(self._tell, self._post, record)

    def _tell(self, post: Post, record: Record[BotState]) -> None:
        """A fault in here ends in the loop's log, not in the bot."""
        decision = record.decision
        self._herald.note_reason(record.event, decision.reason)
        for note in self._herald.hear(record.event, decision.state, decision.actions):
            post.send(note)

    def warn(self, title: str, text: str) -> bool:
        """Send a warning that no decision led to. Returns whether it is news."""
        fresh = self._herald.warn(title, text, self._clock.now_ms())
        if self._post is not None:
            for note in fresh:
                self._post.send(note)
        return bool(fresh)

    @property
    def is_well(self) -> bool:
        """Return whether the bot decides, saves and is not halted."""
        is_alive = self._clock.now_ms() - self._heard_at_ms <= QUIET_MS_MAX
        return is_alive and self._is_saved() and self._state.halt_reason is None

    @asynccontextmanager
    async def on(self, accounts: Accounts) -> AsyncIterator[None]:
        """Within, days are summed up and pings sent; `accounts` reads both for the daily line."""
        loop = asyncio.get_running_loop()
        tasks = []
        if self._post is not None:
            tasks.append(loop.create_task(self._days(self._post, accounts)))
        if self._found.heartbeat is not None:
            tasks.append(loop.create_task(self._pings(self._found.heartbeat)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            if self._post is not None:
                await asyncio.sleep(0)  # what the last decision is worth is queued by now
                self._post.close()

    async def _days(self, post: Post, accounts: Accounts) -> None:
        """Send a line after each midnight (UTC), also where nothing happened."""
        while True:
            await asyncio.sleep(DAY_CHECK_S)
            now_ms = self._clock.now_ms()
            if now_ms // DAY_MS > self._day:
                self._day = now_ms // DAY_MS
                post.send(self._herald.daily(await accounts(), now_ms))

    async def _pings(self, address: Secret) -> None:
        """Call the address while all is well; one that does not answer is called again later."""
        log: FilteringBoundLogger = structlog.get_logger()
        worker = ThreadPoolExecutor(1, thread_name_prefix="heartbeat")
        job: Future[str | None] | None = None
        try:
            while True:
                if job is not None and job.done() and job.result() is not None:
                    log.warning("heartbeat.failed", why=job.result())
                if self.is_well and (job is None or job.done()):
                    job = worker.submit(ping, address)
                await asyncio.sleep(PING_S)
        finally:
            worker.shutdown(wait=False, cancel_futures=True)

    async def test(self) -> tuple[bool, str]:
        """Return whether a test message got out, and what to tell."""
        if self._post is None:
            return False, NO_CHANNEL
        future = self._post.send(test_note(self._clock))
        return await told_of_test(future, self._found)


def test_note(clock: Clock) -> Note:
    """Return a message for trying the channels."""
    text = "this is what alerts look like"
    return Note("test", Level.INFO, "Test alert", text, NOTHING_TO_DO, clock.now_ms())


async def told_of_test(future: "Future[bool] | None", found: Channels) -> tuple[bool, str]:
    """Return whether a test message got out, and what to tell of it."""
    count = 0 if found.alerts is None else found.alerts[1]
    where = "1 address" if count == 1 else f"{count} addresses"
    if future is None:
        return False, "not sent: too many alerts are waiting already"
    try:
        async with asyncio.timeout(TEST_S_MAX):
            is_taken = await asyncio.wrap_future(future)
    except TimeoutError:
        return False, f"not taken within {TEST_S_MAX:g} s by {where}"
    if not is_taken:
        return False, f"not taken by all of {where}: check ALERT_URLS"
    return True, f"sent to {where}"


def _log_missed(title: str, why: str) -> None:
    log: FilteringBoundLogger = structlog.get_logger()
    log.warning("alert.missed", title=title, why=why)
