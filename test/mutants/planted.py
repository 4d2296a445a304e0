"""The bugs: small edits of the project's own source, each of a class that would cost money.

Data alone. Every text stands in its file exactly once; a test keeps it so.
"""

from test.mutants.guards import GUARDS
from test.mutants.mutant import Edit, Mutant, mutant

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "no fence",
        "an order in doubt fills after it was written off: a leg nobody knows of",
        "desk/engine/reads.py",
        "is_fenced = venue.name in action.fence and await venue.fence(past_life=True)",
        "is_fenced = venue.name in action.fence",
    ),
    mutant(
        "fence forgets the former life",
        "what a dead process had sent fills after its successor has looked",
        "desk/engine/reads.py",
        "await venue.fence(past_life=True)",
        "await venue.fence(past_life=False)",
    ),
    mutant(
        "fence by nonce alone",
        "the gateway takes a nonce before the engine executes: the look comes too early",
        "desk/sim/sim_venue.py",
        "        await asyncio.sleep(HELD_BACK_MS_MAX / 1000)\n",
        "",
    ),
    mutant(
        "burn by all-markets cancel",
        "the nonce is burned, and with it the owner's orders and stops",
        "desk/sim/sim_venue.py",
        "            self._world.fences[self._writer] += 1\n",
        "            self._world.fences[self._writer] += 1\n"
        "            self._exchange.cancel_all(self._account_id, symbol=None)\n",
    ),
    mutant(
        "no fsync",
        "a power cut forgets the intent of an order that is on the wire",
        "desk/engine/store.py",
        "self._disk.rename(self._temporary, self.path)\n"
        "        self._disk.sync_folder(self._folder)\n",
        "self._disk.rename(self._temporary, self.path)\n",
    ),
    mutant(
        "opened though the save failed",
        "a crash forgets a position",
        "desk/engine/run.py",
        "            and _needs_a_record(action)\n",
        "            and isinstance(action, RestOrders)\n",
    ),
    mutant(
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
    mutant(
        "unknown taken for refused",
        "an order that nobody answered for has filled: its leg stands alone",
        "desk/hedge/steps.py",
        "    if report.verdict is Verdict.REJECTED:\n",
        "    if report.verdict in (Verdict.REJECTED, Verdict.UNKNOWN):\n",
    ),
    mutant(
        "missing is flat",
        "a venue that does not answer is taken for an empty one, its leg is given up",
        "desk/hedge/closing.py",
        "    if event.failures:\n"
        '        return _linger(state, event, "; ".join(event.failures.values()), *alerts)\n',
        "",
    ),
    mutant(
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
    mutant(
        "zero is no number",
        "the first attempt counts as none, so the second takes its id",
        "desk/hedge/orders.py",
        "state.key(wanted.role, hedge_of(state).rounds)",
        "state.key(wanted.role, hedge_of(state).rounds or 1)",
    ),
    mutant(
        "number used twice",
        "the venue refuses the second order, or answers for the first",
        "desk/hedge/orders.py",
        "rounds=hedge.rounds + 1)",
        "rounds=hedge.rounds)",
    ),
    mutant(
        "swapped sides",
        "the hedge is whole and pays the funding it was to receive",
        "desk/hedge/searching.py",
        "        side = hedge.side_at(venue).entry\n",
        "        side = hedge.side_at(venue.twin).entry\n",
    ),
    mutant(
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
    mutant(
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
    mutant(
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
    mutant(
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
    mutant(
        "top-up without bound",
        "a leg that finds nobody is tried for ever while its twin stands alone",
        "desk/hedge/opening.py",
        "    return tries <= TOP_UPS_MAX and in_time and fits\n",
        "    return fits\n",
    ),
    mutant(
        "re-open after halt",
        "what stopped the bot happens again, with nobody looking",
        "desk/hedge/steps.py",
        "    if state.halt_reason is not None:\n"
        "        return halt(state, state.halt_reason, *also)\n",
        "",
    ),
    mutant(
        "halt forgotten at a restart",
        "a supervisor turns a halt into a pause of seconds",
        "desk/hedge/recovering.py",
        "        leaving=False,\n",
        "        leaving=False,\n        halt_reason=None,\n",
    ),
    mutant(
        "pause ignored",
        "the owner said no",
        "desk/hedge/searching.py",
        '    return "paused by the owner" if state.paused or state.close_asked else ""\n',
        '    return ""\n',
    ),
    mutant(
        "owner's position adopted",
        "the owner's own position is closed with ours",
        "desk/hedge/closing.py",
        "        size = min(abs(cuts.surplus(hedge, venue)), stands)\n",
        "        size = abs(there) if ours * there > 0 else Decimal(0)\n",
    ),
    mutant(
        "close not reduce-only",
        "a close that comes twice opens the other way",
        "desk/hedge/orders.py",
        "        reduce_only=intent.role is Role.CLOSE,\n",
        "        reduce_only=False,\n",
    ),
    mutant(
        "second close beside one in doubt",
        "both fill, and the second takes what is not ours",
        "desk/hedge/closing.py",
        "        if any(_is_obstacle(hedge, row, event.venues[venue])"
        " for row in hedge.in_doubt_at(venue)):\n",
        "        if False:\n",
    ),
    mutant(
        "close waits for a fresh book",
        "a stop is blocked by a stream that is silent",
        "desk/hedge/closing.py",
        "        if row is not None and row.stats is not None:\n"
        "            return row.stats.mark\n",
        "",
    ),
    mutant(
        "a cut leg is not noticed",
        "the twin of a leg that was liquidated stands alone",
        "desk/hedge/reducing.py",
        "    short = shortfall(hedge, event)\n",
        "    short = None\n",
    ),
    *GUARDS,
    mutant(
        "twin of a cut leg not reduced",
        "what a venue deleverages on one side stands alone on the other",
        "desk/hedge/reducing.py",
        "    if not any(cuts.surplus(hedge, venue) for venue in BOTH):\n",
        "    if hedge.cuts:\n",
    ),
    mutant(
        "leaves in the middle",
        "the process ends with one leg filled",
        "desk/hedge/owner.py",
        "    is_half_done = state.phase in (Phase.OPEN, Phase.CLOSE, Phase.RECOVER)\n",
        "    is_half_done = False\n",
    ),
    mutant(
        "five times leverage",
        "a price move that a hedge at 1x outlives liquidates a leg",
        "desk/hedge/steps.py",
        "LEVERAGE_LOCK = 1\n",
        "LEVERAGE_LOCK = 5\n",
    ),
    mutant(
        "twice the allocation",
        "more is at risk than the owner allowed",
        "desk/hedge/sizing.py",
        "step_down(notional / price, lot)",
        "step_down(2 * notional / price, lot)",
    ),
    mutant(
        "no pause between tries",
        "the venues' request limits are used up, and the next close is refused",
        "desk/hedge/steps.py",
        "    pause = min(pause_ms, pause_ms_max)\n",
        "    pause = 50\n",
    ),
)
