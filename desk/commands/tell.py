"""The owner's commands as he types them: told to the running bot, or done to its saved state.

Without a bot only `status`, `resume` and `test-alert` mean anything. The state is edited under its
lock, so that no bot can be at it, and durably.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from desk.commands.alerting import NO_CHANNEL, Channels, test_note, told_of_test
from desk.commands.memory import open_store
from desk.commands.start import read_env, recalled
from desk.commands.voice import NOTHING, TEST_ALERT
from desk.core.errors import StateError
from desk.core.ports import Clock
from desk.engine.control import ControlFailed, Request, ask
from desk.engine.home import Home
from desk.engine.journal import utc_text
from desk.engine.latch import Latch
from desk.engine.lock import InstanceLock, describe_process, holder
from desk.engine.usage import complain, fail
from desk.hedge.owner import restraints, resumed
from desk.screen.status import status_lines
from desk.screen.terminal import stamp

EXIT_DONE, EXIT_FAILED = 0, 1


def tell(request: Request, home: Home, clock: Clock, *, must_run: bool = False) -> int:
    """Do a command and print what came of it. Returns the exit code, a failure where a bot
    `must_run` and none does."""
    running = holder(home.lock)
    if running is None:
        code = _offline(request, home, clock)
        return EXIT_FAILED if must_run else code
    try:
        reply = ask(home.control, request)
    except ControlFailed as error:
        return fail(f"{running}: {error}", EXIT_FAILED)
    _show(running, *reply.lines) if reply.ok else fail("\n".join(reply.lines), EXIT_FAILED)
    return EXIT_DONE if reply.ok else EXIT_FAILED


def _offline(request: Request, home: Home, clock: Clock) -> int:
    where = f"no bot runs in {home.root.resolve()}"
    if request.command == "resume":
        return _resume(home, clock, where)
    if request.command == "status":
        return _status(home, where)
    if request.command == TEST_ALERT:
        return _test_alert(home, clock, where)
    return fail(f"{where}: there is nobody to {request.command}", EXIT_FAILED)


def _test_alert(home: Home, clock: Clock, where: str) -> int:
    """Send a test message from here: so the channels can be tried before the first start."""
    found = Channels.of(read_env(home, needed=False))
    if found.alerts is None:
        return fail(NO_CHANNEL, EXIT_FAILED)
    deliver, _ = found.alerts
    with ThreadPoolExecutor(1) as worker:
        sending = told_of_test(worker.submit(deliver, test_note(clock)), found)
        is_sent, text = asyncio.run(sending)
    if not is_sent:
        return fail(text, EXIT_FAILED)
    _show(where, text)
    return EXIT_DONE


def _status(home: Home, where: str) -> int:
    """Print what the state file says, and the latch."""
    loaded = open_store(home).load()
    if loaded is None:
        _show(f"{where}, and none has: there is no {home.state.name}")
        return EXIT_DONE
    if loaded.notice is not None:
        complain(f"warning: {loaded.notice}")
    reason = Latch(home.latch).read()
    latch = [] if reason is None else [f"latch: {reason}"]
    saved = f"by its state file of {stamp(loaded.saved_at_ms)}"
    _show(f"{where}; {saved}:", *status_lines(loaded.state, None), *latch)
    return EXIT_DONE


def _resume(home: Home, clock: Clock, where: str) -> int:
    """Lift what holds the next start back, in the saved state first: where that is interrupted, the
    latch still holds."""
    owner = describe_process(home.root.resolve(), f"{utc_text(clock.now_ms())} to resume")
    with InstanceLock([home.lock], owner=owner):
        store = open_store(home)
        found = recalled(home, store)
        if found.behind is not None:
            mend = "start the bot, which searches both venues first; resume then"
            raise StateError(f"{found.behind}: {mend}")
        lifted = []
        if found.state is not None and restraints(found.state):
            lifted = [f"lifted: {text}" for text in restraints(found.state)]
            store.save(resumed(found.state), at_ms=clock.now_ms())
        if Latch(home.latch).lift():
            lifted.append(f"deleted: {home.latch.resolve()}")
    _show(f"{where}; its next start:", *(lifted or [NOTHING]))
    return EXIT_DONE


def _show(*lines: str) -> None:
    """Print a first line, and what belongs to it below."""
    sys.stdout.write("\n  ".join(lines) + "\n")
