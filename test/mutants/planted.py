"""The bugs: small edits of the project's own source, each of a class that would cost money.

Data alone. Every text stands in its file exactly once; a test keeps it so.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """`before` (found once in `file`) becomes `after`."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug by name, `why` it costs money, and the edits that plant it."""

    name: str
    why: str
    edits: tuple[Edit, ...]


def _mutant(name: str, why: str, file: str, before: str, after: str) -> Mutant:
    return Mutant(name, why, (Edit(file, before, after),))


MUTANTS: tuple[Mutant, ...] = (
    _mutant(
        "no fence",
        "an order in doubt fills after it was written off: a leg nobody knows of",
        "desk/engine/reads.py",
        "is_fenced = venue.name in action.fence and await venue.fence(past_life=True)",
        "is_fenced = venue.name in action.fence",
    ),
    _mutant(
        "fence forgets the former life",
        "what a dead process had sent fills after its successor has looked",
        "desk/engine/reads.py",
        "await venue.fence(past_life=True)",
        "await venue.fence(past_life=False)",
    ),
    _mutant(
        "fence by nonce alone",
        "the gateway takes a nonce before the engine executes: the look comes too early",
        "desk/sim/sim_venue.py",
        "        await asyncio.sleep(HELD_BACK_MS_MAX / 1000)\n",
        "",
    ),
    _mutant(
        "burn by all-markets cancel",
        "the nonce is burned, and with it the owner's orders and stops",
        "desk/sim/sim_venue.py",
        "            self._world.fences[self._writer] += 1\n",
        "            self._world.fences[self._writer] += 1\n"
        "            self._exchange.cancel_all(self._account_id, symbol=None)\n",
    ),
    _mutant(
        "no fsync",
        "a power cut forgets the intent of an order that is on the wire",
        "desk/engine/store.py",
        "self._disk.rename(self._temporary, self.path)\n"
        "        self._disk.sync_folder(self._folder)\n",
        "self._disk.rename(self._temporary, self.path)\n",
    ),
    _mutant(
        "opened though the save failed",
        "a crash forgets a position",
        "desk/engine/run.py",
        "            and _needs_a_record(action)\n",
        "            and isinstance(action, RestOrders)\n",
    ),
    _mutant(
        "retry with a new id",
        "the first order was not lost: both fill",
        "desk/engine/execution.py",
        "        return await self._venues[order.venue].send(write)\n",
        "        outcome = await self._venues[order.venue].send(write)\n"
        "        if not isinstance(outcome, Unknown):\n"
        "            return outcome\n"
        "        *head, last = order.request.client_id\n"
        '        anew = "".join(head) + str((int(last, 16) + 5) % 10)\n'
        "        from dataclasses import replace\n"
        "        request = replace(order.request, client_id=anew)\n"
        "        venue = self._venues[order.venue]\n"
        "        return await venue.send(await venue.sign(request))\n",
    ),
    _mutant(
        "unknown taken for refused",
        "an order that nobody answered for has filled: its leg stands alone",
        "desk/hedge/steps.py",
        "    if report.verdict is Verdict.REJECTED:\n",
        "    if report.verdict in (Verdict.REJECTED, Verdict.UNKNOWN):\n",
    ),
    _mutant(
        "missing is flat",
        "a venue that does not answer is taken for an empty one, its leg is given up",
        "desk/hedge/closing.py",
        "    if event.failures:\n"
        '        return _linger(state, event, "; ".join(event.failures.values()), *alerts)\n',
        "",
    ),
    _mutant(
        "error is zero",
        "a read that failed is a position of nothing",
        "desk/engine/reads.py",
        "        market, account = await asyncio.gather(\n"
        "            self._market(venue, action), venue.account(urgent=urgent)\n"
        "        )\n",
        "        from desk.core.account import Account\n"
        "        from decimal import Decimal\n"
        "        asked_at_ms, zero = self._clock.now_ms(), Decimal(0)\n"
        "        market = await self._market(venue, action)\n"
        "        try:\n"
        "            account = await venue.account(urgent=urgent)\n"
        "        except VenueError:\n"
        "            account = Account(zero, zero, zero, (), asked_at_ms, asked_at_ms)\n",
    ),
    _mutant(
        "zero is no number",
        "the first attempt counts as none, so the second takes its id",
        "desk/hedge/orders.py",
        "state.key(wanted.role, hedge_of(state).rounds)",
        "state.key(wanted.role, hedge_of(state).rounds or 1)",
    ),
    _mutant(
        "number used twice",
        "the venue refuses the second order, or answers for the first",
        "desk/hedge/orders.py",
        "rounds=hedge.rounds + 1)",
        "rounds=hedge.rounds)",
    ),
    _mutant(
        "swapped sides",
        "the hedge is whole and pays the funding it was to receive",
        "desk/hedge/searching.py",
        "        side = hedge.side_at(venue).entry\n",
        "        side = hedge.side_at(venue.twin).entry\n",
    ),
    _mutant(
        "both legs on one side",
        "twice the exposure where there should be none",
        "desk/hedge/searching.py",
        "        side = hedge.side_at(venue).entry\n",
        "        side = hedge.side_at(hedge.long_venue).entry\n",
    ),
    Mutant(
        "8 h rate taken as hourly",
        "hedges that do not pay for their fees look eight times as good",
        (
            Edit(
                "desk/sim/sim_words.py",
                "        funding_next=stats.funding_next,\n",
                "        funding_next=HourlyRate.from_hourly(stats.funding_next.fraction * 8),\n",
            ),
            Edit(
                "desk/sim/sim_words.py",
                "from desk.core.funding import FundingPayment, FundingPoint\n",
                "from desk.core.funding import FundingPayment, FundingPoint, HourlyRate\n",
            ),
        ),
    ),
    _mutant(
        "fee sign",
        "every cycle looks better than it was, by twice its fees",
        "desk/hedge/state.py",
        "return self.price_usd + self.funding_usd - self.fees_usd",
        "return self.price_usd + self.funding_usd + self.fees_usd",
    ),
    Mutant(
        "ack is fill",
        "an order that the book could not serve counts as a leg",
        (
            Edit(
                "desk/engine/execution.py",
                "        filled=track.filled,\n",
                "        filled=track.size if verdict is Verdict.ACCEPTED else track.filled,\n",
            ),
            Edit(
                "desk/engine/execution.py",
                "is_final=verdict is Verdict.REJECTED or track.has_ended",
                "is_final=verdict is not Verdict.UNKNOWN or track.has_ended",
            ),
        ),
    ),
    _mutant(
        "a fill told twice counts twice",
        "the state holds more than the venue, and the twin is made to match",
        "desk/engine/execution.py",
        "        if fill.fill_id not in self.fills:\n"
        "            before = self.filled\n"
        "            self.fills[fill.fill_id] = fill\n",
        "        if len(self.fills) < 100:\n"
        "            before = self.filled\n"
        '            self.fills[f"{fill.fill_id} {len(self.fills)}"] = fill\n',
    ),
    _mutant(
        "sequential legs",
        "the second leg leaves when the first has been answered: naked meanwhile",
        "desk/engine/execution.py",
        "        return await asyncio.gather(\n"
        "            *(self._send_one(*pair) for pair in zip(orders, signed, strict=True)),\n"
        "            return_exceptions=True,\n"
        "        )\n",
        "        pairs = zip(orders, signed, strict=True)\n"
        "        return [await self._send_one(*pair) for pair in pairs]\n",
    ),
    _mutant(
        "top-up without bound",
        "a leg that finds nobody is tried for ever while its twin stands alone",
        "desk/hedge/opening.py",
        "    return tries <= TOP_UPS_MAX and in_time and fits\n",
        "    return fits\n",
    ),
    _mutant(
        "re-open after halt",
        "what stopped the bot happens again, with nobody looking",
        "desk/hedge/steps.py",
        "    if state.halt_reason is not None:\n"
        "        return halt(state, state.halt_reason, *also)\n",
        "",
    ),
    _mutant(
        "halt forgotten at a restart",
        "a supervisor turns a halt into a pause of seconds",
        "desk/hedge/recovering.py",
        "        leaving=False,\n",
        "        leaving=False,\n        halt_reason=None,\n",
    ),
    _mutant(
        "pause ignored",
        "the owner said no",
        "desk/hedge/searching.py",
        '    return "paused by the owner" if state.paused or state.close_asked else ""\n',
        '    return ""\n',
    ),
    _mutant(
        "owner's position adopted",
        "the owner's own position is closed with ours",
        "desk/hedge/closing.py",
        "        size = min(abs(cuts.surplus(hedge, venue)), abs(there))"
        " if ours * there > 0 else Decimal(0)\n",
        "        size = abs(there) if ours * there > 0 else Decimal(0)\n",
    ),
    _mutant(
        "close not reduce-only",
        "a close that comes twice opens the other way",
        "desk/hedge/orders.py",
        "        reduce_only=intent.role is Role.CLOSE,\n",
        "        reduce_only=False,\n",
    ),
    _mutant(
        "second close beside one in doubt",
        "both fill, and the second takes what is not ours",
        "desk/hedge/closing.py",
        "        if any(_is_obstacle(hedge, row, event.venues[venue])"
        " for row in hedge.in_doubt_at(venue)):\n",
        "        if False:\n",
    ),
    _mutant(
        "close waits for a fresh book",
        "a stop is blocked by a stream that is silent",
        "desk/hedge/closing.py",
        "        if row is not None and row.stats is not None:\n"
        "            return row.stats.mark\n",
        "",
    ),
    _mutant(
        "a cut leg is not noticed",
        "the twin of a leg that was liquidated stands alone",
        "desk/hedge/reducing.py",
        "    short = shortfall(hedge, event)\n",
        "    short = None\n",
    ),
    _mutant(
        "triggers on one leg only",
        "a large move closes one leg, and the other stands alone",
        "desk/hedge/guarding.py",
        "if key not in there]\n",
        "if key not in there and key[0] is BOTH[0]]\n",
    ),
    _mutant(
        "triggers without take-profits",
        "a stop fires on the leg that loses, and the one that wins stays",
        "desk/hedge/guarding.py",
        "if key not in there]\n",
        "if key not in there and key[1] is OrderKind.STOP]\n",
    ),
    Mutant(
        "triggers at each leg's own marks",
        "a move that ends between two marks closes one leg",
        (
            Edit(
                "desk/hedge/triggers.py",
                "        is_long = hedge.side_at(venue) is PositionSide.LONG\n        marks[",
                "        is_long = hedge.side_at(venue) is PositionSide.LONG\n"
                "        tick = hedge.instruments[venue].price_tick\n"
                "        apart = _entry(hedge, venue) - _entry(hedge, hedge.long_venue)\n"
                "        apart = step_down(apart, tick)\n"
                "        low, high = guard.low + apart, guard.high + apart\n"
                "        marks[",
            ),
            Edit(
                "desk/hedge/triggers.py",
                "STOP] = guard.low if is_long else guard.high\n",
                "STOP] = low if is_long else high\n",
            ),
            Edit(
                "desk/hedge/triggers.py",
                "TAKE_PROFIT] = guard.high if is_long else guard.low\n",
                "TAKE_PROFIT] = high if is_long else low\n",
            ),
        ),
    ),
    _mutant(
        "trigger not reduce-only",
        "it fires when the leg is gone, and opens one that nobody watches",
        "desk/hedge/guarding.py",
        "reduce_only=True",
        "reduce_only=False",
    ),
    _mutant(
        "stop sent without reduce-only",
        "the same, and the state says that it could not be",
        "desk/sim/sim_words.py",
        "        type=sim.OrderType.STOP_LIMIT,\n        reduce_only=request.reduce_only,\n",
        "        type=sim.OrderType.STOP_LIMIT,\n",
    ),
    Mutant(
        "triggers left after a close",
        "the owner's next position is closed by a stop he knows nothing of",
        (
            Edit(
                "desk/hedge/guarding.py",
                "unasked = tuple(row for row in hedge_of(state).triggers if _is_unasked(row))",
                "unasked = ()",
            ),
            Edit(
                "desk/hedge/guarding.py",
                "    left = [row for row in hedge.triggers if row.may_act]\n",
                "    left = []\n",
            ),
        ),
    ),
    _mutant(
        "a cancel is taken for its effect",
        "a cancel is lost, and what it was for closes the owner's next position",
        "desk/hedge/guarding.py",
        "    left = [row for row in hedge.triggers if row.may_act]\n",
        "    left = [row for row in hedge.triggers if _is_unasked(row)]\n",
    ),
    _mutant(
        "triggers outsize a leg cut",
        "they close what the owner adds, too",
        "desk/hedge/triggers.py",
        "    is_whole = trigger.size == abs(hedge.held(trigger.venue))\n",
        "    is_whole = True\n",
    ),
    _mutant(
        "twin of a cut leg not reduced",
        "what a venue deleverages on one side stands alone on the other",
        "desk/hedge/reducing.py",
        "    if not any(cuts.surplus(hedge, venue) for venue in BOTH):\n",
        "    if hedge.cuts:\n",
    ),
    _mutant(
        "leaves in the middle",
        "the process ends with one leg filled",
        "desk/hedge/owner.py",
        "    is_half_done = state.phase in (Phase.OPEN, Phase.CLOSE, Phase.RECOVER)\n",
        "    is_half_done = False\n",
    ),
    _mutant(
        "five times leverage",
        "a price move that a hedge at 1x outlives liquidates a leg",
        "desk/hedge/steps.py",
        "LEVERAGE_LOCK = 1\n",
        "LEVERAGE_LOCK = 5\n",
    ),
    _mutant(
        "twice the allocation",
        "more is at risk than the owner allowed",
        "desk/hedge/sizing.py",
        "step_down(notional / price, lot)",
        "step_down(2 * notional / price, lot)",
    ),
    _mutant(
        "no pause between tries",
        "the venues' request limits are used up, and the next close is refused",
        "desk/hedge/steps.py",
        "    pause = min(pause_ms, pause_ms_max)\n",
        "    pause = 50\n",
    ),
)
