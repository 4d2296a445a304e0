"""One life of the venues and the many of the daemon on them: when to kill, and what to look at."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

from desk.core.venue import VenueName
from test.daemons import Venues, make_home
from test.kills.daemon import Daemon, DaemonEnded, Line, now_ms
from test.kills.record import (
    QUIET_S,
    SYMBOL,
    Alone,
    Kill,
    disagreement,
    fills_after,
    is_in_doubt,
    left_behind,
    review_at_ms,
    times_alone,
)
from test.kills.truth import Truth, read_truth, signed

START = "START"
PHASES = ("RECOVER", "ANALYZE", "SELECT", "OPEN", "HOLD", "CLOSE", "WAIT")
# How likely a state is struck once it has been before, and how long after it was entered (seconds,
# about as long as it lasts on loopback).
ODDS = {START: 0.1, "RECOVER": 0.2, "ANALYZE": 0.25, "SELECT": 0.35, "OPEN": 0.9, "HOLD": 1.0,
        "CLOSE": 0.5, "WAIT": 0.25}
LENGTH_S = {START: 0.6, "RECOVER": 0.03, "ANALYZE": 0.03, "SELECT": 0.5, "OPEN": 0.45, "HOLD": 6.0,
            "CLOSE": 0.45, "WAIT": 8.0}
LOOK_S_MAX = 0.1
LOST_ODDS = 0.5
LOST_LENGTH_S = 3.0  # a state whose order was lost lasts longer
ORDER_PATH = {VenueName.LIGHTER: "sendTx", VenueName.PACIFICA: "/orders/create"}
DOWN_S_MAX = 2.0
REST_S_MIN = 4.0  # a hold with less left is let go to its close
STALL_S_MAX = 150.0  # a full check comes every ten seconds; a pause for the limits takes a minute
PURSE_S_MAX = 65
HALF = {VenueName.LIGHTER: Decimal(30), VenueName.PACIFICA: Decimal(50)}
OWNER_S = 3.0  # his orders have filled by then
OWNERS = {VenueName.LIGHTER: ("ETH", "buy", "0.05"), VenueName.PACIFICA: ("SOL", "sell", "1")}

CONFIG = {
    "symbols_to_monitor": [SYMBOL, "ETH"],
    "hold_duration_hours": 0.035,
    "wait_between_cycles_minutes": 0.2,
    "check_interval_seconds": 10,
    "require_expected_profit": False,
    "renew_hold": False,
}
FUNDING_HOURLY = {VenueName.LIGHTER: "-0.00017", VenueName.PACIFICA: "0.00017"}


class Life:
    """Kills the daemon in one home `kills_max` times. `kills` and `faults` are what came of it."""

    def __init__(
        self, number: int, venues: Venues, folder: Path, *, random: Random, kills_max: int
    ) -> None:
        """Prepare a home in `folder`; `random` draws every moment."""
        self.kills: list[Kill] = []
        self.faults: list[str] = []
        self.refused = 0
        root = make_home(folder, config=json.dumps(CONFIG), env=venues.env_text)
        self.daemon = Daemon(root)
        self._number = number
        self._venues = venues
        self._random = random
        self._kills_max = kills_max
        self._struck: Counter[str] = Counter()
        self._phase: str | None = None
        self._spent: dict[VenueName, Decimal] = {}
        self._lost_on: VenueName | None = None
        self._has_opened = False
        self._owner_came_s: float | None = None

    async def run(self, tell: Callable[[Kill], None]) -> None:
        """Kill and start until there were enough, then let it leave and look once more.

        `tell` hears of each kill once it is known what came of it.
        """
        for venue, hourly in FUNDING_HOURLY.items():
            wish = {"symbol": SYMBOL, "venue": venue, "funding_hourly": hourly}
            self._venues.ask("market", wish)
        try:
            self.daemon.start()
            for _ in range(self._kills_max):
                await self._until(self._draw_kill)
                self._conclude(tell)
                self._kill()
                await self._pause()
                self._start()
            await self._until(self._draw_end)
            self._conclude(tell)
            self._leave()
        except (DaemonEnded, TimeoutError) as error:
            self._fault(str(error))
        finally:
            self.daemon.close()
        if self.daemon.has_stumbled():
            self._fault("a traceback was shown")

    def times_alone(self) -> list[Alone]:
        """Return each time a leg stood alone."""
        return list(times_alone(self._look(), self.daemon.lives, now_ms()))

    # The moment

    async def _until(self, draw: Callable[[str], float | None]) -> None:
        """Follow the daemon until the moment that `draw` gives for the state it enters."""
        due_s = draw(START)
        while True:
            wait_s = STALL_S_MAX if due_s is None else due_s - time.monotonic()
            line = await self.daemon.next_line(wait_s)
            if line is not None:
                entered = self._follow(line)
                due_s = draw(entered) if entered and due_s is None else due_s
                if entered and (due_s is None or due_s - time.monotonic() > LOOK_S_MAX):
                    self._check(line)
            elif due_s is not None:
                return
            else:
                raise TimeoutError(f"nothing is decided any more in {self._phase}")

    def _draw_kill(self, state: str) -> float | None:
        """Return when the state entered just now is to be struck, None if not at all."""
        is_new = state in PHASES and not self._struck[state]
        if self._random.random() >= (1.0 if is_new else ODDS.get(state, 0.0)):
            return None
        is_longer = self._lost_on is not None and state in ("OPEN", "CLOSE")
        length_s = LOST_LENGTH_S if is_longer else LENGTH_S[state]
        due_s = time.monotonic() + self._random.uniform(0, length_s)
        if state != "HOLD":
            return due_s
        due_s = max(due_s, self._quiet_until_s())
        if self._holds_until_s() - due_s >= REST_S_MIN:
            return due_s
        self._lose_an_order()
        return None

    def _draw_end(self, state: str) -> float | None:
        """Return when enough was seen after the last kill, None while it is under way."""
        if state not in ("HOLD", "ANALYZE", "WAIT", "HALT"):
            return None
        return self._quiet_until_s() if state == "HOLD" else time.monotonic()

    def _quiet_until_s(self) -> float:
        """Return until when a hedge that was taken over is to be left alone."""
        must_adopt = bool(self.kills) and self.kills[-1].must_adopt
        left_s = QUIET_S - self.daemon.age_s() if must_adopt else 0.0
        return time.monotonic() + max(left_s, 0.0)

    def _holds_until_s(self) -> float:
        until_ms = review_at_ms(self.daemon.state()) or 0
        return time.monotonic() + (until_ms - now_ms()) / 1000

    def _lose_an_order(self) -> None:
        """Have one venue lose the next order on its way, now and then."""
        if self._random.random() >= LOST_ODDS:
            return
        # Lighter's first transaction sets the leverage: it would be that one.
        choices = list(VenueName) if self._has_opened else [VenueName.PACIFICA]
        venue = self._lost_on = self._random.choice(choices)
        kind = {"venue": venue, "kind": "request_lost_before", "match": ORDER_PATH[venue]}
        self._venues.ask("fault", kind)

    def _forget_the_lost(self) -> None:
        self._venues.clear_faults()
        self._lost_on = None

    # What is seen

    def _follow(self, line: Line) -> str | None:
        """Take in a line of the journal; return the state it enters, None for none."""
        if line.phase is None:
            return None
        is_new = line.phase != self._phase or line.event == "Started"
        self._phase = line.phase
        if line.came_from == "RECOVER" and line.phase != "RECOVER":
            self._came_back(line.phase)
        if line.phase == "SELECT" and is_new:
            self._lose_an_order()
        if line.phase in ("HOLD", "WAIT") and is_new and self._lost_on is not None:
            self._forget_the_lost()
        self._has_opened = self._has_opened or line.phase == "HOLD"
        return line.phase if is_new else None

    def _check(self, line: Line) -> None:
        """Hold what the daemon believes in a state against what is; not where that state is about
        to be struck: looking takes longer than some states last."""
        if self._owner_came_s is None and line.came_from == "RECOVER":
            self._owner_comes()
        self._count_requests()
        phase, truth = line.phase or "", self._look()
        self._note(disagreement(phase, truth, line.at_ms))
        if phase in ("ANALYZE", "WAIT"):
            self._note(left_behind(truth))
        if self._owner_came_s is not None and time.monotonic() - self._owner_came_s > OWNER_S:
            self._note(self._owners_trouble(truth))

    def _came_back(self, phase: str) -> None:
        """Measure the way back to a known state."""
        if not self.kills or self.kills[-1].back_s is not None:
            return
        kill = self.kills[-1]
        kill.back_s, kill.back_in = self.daemon.age_s(), phase
        kill.import_s = self.daemon.import_s
        if kill.had_half and kill.back_s > kill.back_s_max:
            self._fault(f"in {phase} after {kill.back_s:.1f} s, allowed {kill.back_s_max:.1f}")

    def _count_requests(self) -> None:
        """Note what the way back has cost, once it is behind."""
        if not self.kills or self.kills[-1].back_s is None or self.kills[-1].spent:
            return
        kill, refused, spent = self.kills[-1], self.refused, self._spent
        self._read_purses()
        kill.spent = {venue: self._spent[venue] - spent[venue] for venue in VenueName}
        if kill.had_half and self.refused > refused:
            self._fault(f"{self.refused - refused} requests of the start were refused")

    def _owner_comes(self) -> None:
        self._owner_came_s = time.monotonic()
        for venue, order in OWNERS.items():
            trade = {"venue": venue, "kind": "owner_trades", "match": " ".join(order)}
            self._venues.ask("fault", trade)

    def _owners_trouble(self, truth: Truth) -> str | None:
        """Return what became of the owner's positions, None if nothing did."""
        for venue, (symbol, side, size) in OWNERS.items():
            there = truth.positions[venue].get(symbol)
            fills = sum(1 for row in truth.fills if row.symbol == symbol)
            if fills != 1 or there != signed(side, size):
                return f"the owner's {side} of {size} {symbol} on {venue} was touched: {there}"
        return None

    def _look(self) -> Truth:
        return read_truth(self._venues.ask("truth"))

    def _read_purses(self) -> dict[VenueName, Decimal]:
        """Note what was spent and refused so far; return what each venue has left."""
        rows = self._venues.ask("requests")
        self._spent = {venue: Decimal(rows[venue]["spent"]) for venue in VenueName}
        self.refused = sum(rows[venue]["refused"] for venue in VenueName)
        return {venue: Decimal(rows[venue]["left"]) for venue in VenueName}

    # What is done

    def _kill(self) -> None:
        phase = self._phase or START
        self.daemon.kill()
        state, at_ms = self.daemon.state(), now_ms()
        kill = Kill(
            life=self._number,
            number=len(self.kills) + 1,
            phase=START if phase == START else state.get("phase", phase),
            legs=self._look().legs(SYMBOL),
            lost_on=self._lost_on,
            at_ms=at_ms,
            is_in_doubt=is_in_doubt(state),
        )
        self.kills.append(kill)
        self._struck[kill.phase] += 1
        self._forget_the_lost()

    async def _pause(self) -> None:
        """Leave it dead for a moment, and unless a leg stands alone until half of both venues'
        limits is free again: so much a start counts on."""
        kill = self.kills[-1]
        await asyncio.sleep(self._random.uniform(0, DOWN_S_MAX))
        for _ in range(PURSE_S_MAX):
            left = self._read_purses()
            kill.had_half = all(left[venue] >= half for venue, half in HALF.items())
            if kill.had_half or kill.is_naked:
                return
            await asyncio.sleep(1)

    def _start(self) -> None:
        kill, self._phase = self.kills[-1], None
        until_ms = review_at_ms(self.daemon.state()) or 0
        kill.started_ms = self.daemon.start()
        kill.must_adopt = until_ms - kill.started_ms > (QUIET_S + REST_S_MIN) * 1000

    def _conclude(self, tell: Callable[[Kill], None]) -> None:
        """Judge whether a hedge was left alone, and tell of the last kill."""
        if not self.kills:
            return
        kill = self.kills[-1]
        if kill.must_adopt and self.daemon.age_s() >= QUIET_S and kill.started_ms is not None:
            quiet_ms = round(QUIET_S * 1000)
            trouble = fills_after(self._look(), kill.started_ms, kill.started_ms + quiet_ms)
            kill.was_adopted = trouble is None
            self._note(trouble)
        tell(kill)

    def _leave(self) -> None:
        """Ask it to leave, and hold what it leaves against what its state says."""
        code = self.daemon.stop()
        self._note(f"exit code {code} when asked to leave" if code else None)
        is_held = review_at_ms(self.daemon.state()) is not None
        truth = self._look()
        self._note(disagreement("HOLD" if is_held else "WAIT", truth, now_ms()))
        self._note(self._owners_trouble(truth))

    def _note(self, trouble: str | None) -> None:
        if trouble is not None:
            self._fault(trouble)

    def _fault(self, text: str) -> None:
        phase = f" in {self.kills[-1].phase}" if self.kills else ""
        self.faults.append(f"life {self._number}, after kill {len(self.kills)}{phase}: {text}")
