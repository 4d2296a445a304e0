"""Everything that changes something at Lighter leaves through here, one at a time, in nonce order.

A write ends as an `Outcome`. Nothing is retried. The rule for nonces: two different transactions
never leave under one nonce unless the first was refused, or unless the venue has just said that
the first has not arrived and the second can only reduce: then the venue's own rule, one
transaction a nonce, makes them exclude each other, and the second is what voids the first.
"""

from asyncio import Lock, sleep
from collections.abc import Sequence
from contextlib import suppress

from desk.core.errors import (
    BadMessage,
    InvariantBroken,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    VenueError,
    VenueRejected,
)
from desk.core.order import NOT_SENT, Accepted, Outcome, Rejected, Unknown
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.venues.lighter.api import LighterApi, SigningThread
from desk.venues.lighter.crypto.limits import InvalidRequest
from desk.venues.lighter.crypto.port import SignedTx
from desk.venues.lighter.nonce import NonceLedger
from desk.venues.lighter.orders import TxFate, fate, read_tx
from desk.venues.lighter.tx import (
    BATCH_MAX,
    CODE_INVALID_NONCE,
    CODE_INVALID_SIGNATURE,
    CODE_TX_NOT_FOUND,
    CODES_UNSURE,
    LighterWrite,
    SendReply,
    batch_form,
    read_next_nonce,
    read_send_reply,
    send_form,
)
from desk.venues.lighter.wire import CODE_OK
from desk.venues.limits import Priority

# A clock further off than this is no skew but a wrong clock: for the owner to set, not to wait out.
SKEW_MS_MAX = 600_000
VALIDITY_LEFT_MS = 60_000  # what a transaction signed earlier must have left when it leaves
# Orders of standard accounts are held back for some 300 ms, cancels are not, so a later nonce may
# be final first: this long after the gateway took the last, none before it is on its way.
HELD_BACK_S_MAX = 1.0
NONCE_AGE_S_MAX = 30.0
SETTLE_PAUSES_S = (0.0, 0.2, 0.3, 0.5, 1.0, 1.0)  # between the questions whether it is final


class LighterSender:
    """The one sender of one API key."""

    def __init__(
        self,
        *,
        api: LighterApi,
        clock: Clock,
        thread: SigningThread,
        account_index: int,
        api_key_index: int,
    ) -> None:
        """Know no nonce yet."""
        self._api = api
        self._clock = clock
        self._thread = thread
        self._key = {"account_index": account_index, "api_key_index": api_key_index}
        self._nonces = NonceLedger()
        self._settled: str | None = None
        self._taken_at_s = self._known_at_s = 0.0
        self._lock = Lock()

    @property
    def is_in_doubt(self) -> bool:
        """Return whether something was sent that may still arrive under the next nonce."""
        return self._nonces.is_in_doubt

    @property
    def is_unsettled(self) -> bool:
        """Return whether the gateway took something that nobody answered for, and nothing since:
        whether it has been executed the latest known transaction does not tell."""
        return self._nonces.is_unsettled

    @property
    def has_sent(self) -> bool:
        """Return whether the gateway has taken anything from this process."""
        return self._nonces.last_taken is not None

    async def refresh(self) -> None:
        """Ask for the next nonce where what we know of it is old: the emergency close, or another
        program with this key, may have used it since. Raises `VenueError`."""
        is_old = self._clock.monotonic_s() - self._known_at_s > NONCE_AGE_S_MAX
        if self._nonces.next_nonce is not None and is_old:
            await self.synchronise()

    async def synchronise(self) -> None:
        """Ask the venue for the next nonce; raises `VenueError`."""
        async with self._lock:
            await self._learn()

    async def sign(self, write: LighterWrite) -> LighterWrite:
        """Sign for the nonce that seems next; `send` signs anew should another have gone first.

        The first asks the venue for it, so that `send` finds it known. Raises `InvariantBroken`
        for what the venue would refuse, and `NotSent` for what may increase while the nonce is in
        doubt: known now, so that the other half of a pair stays at home, too.
        """
        if self._nonces.is_in_doubt and not write.is_guard:
            await self.synchronise()
            self._refuse_doubt()
        if self._nonces.next_nonce is None:
            with suppress(VenueError):  # `send` asks again, and says what became of it
                await self.synchronise()
        nonce = self._nonces.next_nonce
        # A nonce only the venue knows is no reason to skip the signer's checks.
        signed = await self._build(write, nonce or 0)
        write.signed = signed if nonce is not None else None
        return write

    async def send(self, write: LighterWrite) -> Outcome:
        """Send one write once; a second time is our own bug."""
        write.spend()
        async with self._lock:
            try:
                nonce = await self._usable_nonce(write)
            except VenueError as error:
                return _not_sent(write, error)
            signed = await self._signed(write, nonce)
            self._nonces.begin([signed])
            return await self._post(write, signed)

    async def send_batch(self, writes: Sequence[LighterWrite]) -> list[Outcome]:
        """Send up to 50 writes in one request, with consecutive nonces.

        A batch is not atomic. Where it is refused, the venue's next nonce says what was not taken.
        """
        if not 1 <= len(writes) <= BATCH_MAX:
            raise InvariantBroken(f"a batch of {len(writes)}")
        for write in writes:
            write.spend()
        async with self._lock:
            first = LighterWrite("", writes[0].build, all(write.is_guard for write in writes))
            try:
                nonce = await self._usable_nonce(first)
            except VenueError as error:
                return [_not_sent(write, error) for write in writes]
            batch = [await self._signed(write, nonce + i) for i, write in enumerate(writes)]
            self._nonces.begin(batch)
            return await self._post_batch(writes, batch)

    async def settle(self) -> bool:
        """Return whether the latest transaction the gateway took, and so all before it, is final.

        Raises `VenueError`.
        """
        latest = self._nonces.last_taken
        if latest is None or latest == self._settled:
            return True
        await sleep(max(self._taken_at_s + HELD_BACK_S_MAX - self._clock.monotonic_s(), 0))
        for pause_s in SETTLE_PAUSES_S:
            await sleep(pause_s)
            if (await self._ask_fate(latest)).is_final:
                self._settled = latest
                return True
        return False

    async def fate(self, tx_hash: str) -> TxFate:
        """Return what became of a transaction; raises `VenueError`.

        One whose nonce another of ours took has failed as soon as that other is final.
        """
        found = await self._ask_fate(tx_hash)
        if found is TxFate.NOT_FOUND:
            other = self._nonces.replaced_by(tx_hash)
            if other is not None and (await self._ask_fate(other)).is_final:
                return TxFate.FAILED
        return found

    async def _ask_fate(self, tx_hash: str) -> TxFate:
        try:
            params = {"by": "hash", "value": tx_hash}
            response = await self._api.get("tx", params, priority=Priority.GUARD)
        except VenueRejected as error:
            if error.code == str(CODE_TX_NOT_FOUND):
                return TxFate.NOT_FOUND
            raise
        return fate(read_tx(response.body))

    # Nonces

    async def _usable_nonce(self, write: LighterWrite) -> int:
        """Return the nonce to use; raises `VenueError` when there is none to use safely."""
        nonce = self._nonces.next_nonce
        if nonce is None or self._nonces.is_in_doubt:
            nonce = await self._learn()
        if not write.is_guard:
            self._refuse_doubt()
        return nonce

    def _refuse_doubt(self) -> None:
        if self._nonces.is_in_doubt:
            raise NotSent(
                f"nonce {self._nonces.next_nonce} is in doubt: a write without an answer may still"
                " take it",
                venue=VenueName.LIGHTER,
                request="sendTx",
            )

    async def _learn(self) -> int:
        response = await self._api.get("nextNonce", self._key, priority=Priority.GUARD)
        nonce = read_next_nonce(response.body)
        self._known_at_s = self._clock.monotonic_s()
        self._nonces.learn(nonce, now_ms=self._clock.now_ms() - self._skew_ms())
        return nonce

    def _skew_ms(self) -> int:
        """Return how much longer than by our clock something may stay valid at the venue."""
        return min(self._api.skew.bound_ms or 0, SKEW_MS_MAX)

    async def _signed(self, write: LighterWrite, nonce: int) -> SignedTx:
        signed = write.signed
        latest_ms = self._clock.now_ms() + VALIDITY_LEFT_MS
        if signed is None or signed.nonce != nonce or signed.expired_at_ms < latest_ms:
            signed = write.signed = await self._build(write, nonce)
        return signed

    async def _build(self, write: LighterWrite, nonce: int) -> SignedTx:
        try:
            return await self._thread.run(lambda: write.build(nonce))
        except InvalidRequest as error:
            raise InvariantBroken(f"lighter will not sign: {error}") from error

    # The wire

    async def _post(self, write: LighterWrite, signed: SignedTx) -> Outcome:
        try:
            reply, at_ms = await self._ask("sendTx", send_form(signed), is_urgent=_is_urgent(write))
        except (NotSent, RateLimited) as error:
            self._nonces.refused(signed)
            return _not_sent(write, error)
        except (OutcomeUnknown, BadMessage) as error:
            return self._unknown(write, signed, str(error))
        if reply.code in CODES_UNSURE:
            return self._unknown(write, signed, f"gateway error {reply.code}: {reply.message}")
        if reply.code != CODE_OK:
            self._nonces.refused(signed)
            if reply.code == CODE_INVALID_NONCE:
                self._nonces.forget()
            return self._refused(write, reply)
        if reply.hashes != [signed.tx_hash]:
            return self._unknown(write, signed, f"the gateway answered for {reply.hashes}")
        self._note_taken(signed)
        return Accepted(write.client_id, signed.tx_hash, at_ms)

    async def _post_batch(
        self, writes: Sequence[LighterWrite], batch: Sequence[SignedTx]
    ) -> list[Outcome]:
        pairs = list(zip(writes, batch, strict=True))
        is_urgent = all(_is_urgent(write) for write in writes)
        try:
            reply, at_ms = await self._ask("sendTxBatch", batch_form(batch), is_urgent=is_urgent)
        except (NotSent, RateLimited) as error:
            for signed in batch:
                self._nonces.refused(signed)
            return [_not_sent(write, error) for write in writes]
        except (OutcomeUnknown, BadMessage) as error:
            return [self._unknown(write, signed, str(error)) for write, signed in pairs]
        if reply.code == CODE_OK and reply.hashes == [signed.tx_hash for signed in batch]:
            for signed in batch:
                self._note_taken(signed)
            return [Accepted(write.client_id, signed.tx_hash, at_ms) for write, signed in pairs]
        return await self._sort_out(pairs, reply)

    def _note_taken(self, signed: SignedTx) -> None:
        self._nonces.taken(signed)
        self._taken_at_s = self._known_at_s = self._clock.monotonic_s()

    async def _sort_out(
        self, pairs: Sequence[tuple[LighterWrite, SignedTx]], reply: SendReply
    ) -> list[Outcome]:
        """Return how each write of a refused batch ended: whose nonce is still free was refused.

        A nonce that is gone says that somebody took it, not who: an older write of ours that came
        late, or a stranger. While nobody knows the next nonce, all are unknown.
        """
        reason = f"batch answered {reply.code}: {reply.message}"
        try:
            nonce = await self._learn()
        except VenueError:
            return [self._unknown(write, signed, reason) for write, signed in pairs]
        if reply.code in (CODE_OK, *CODES_UNSURE):
            return [self._unknown(write, signed, reason) for write, signed in pairs]
        outcomes: list[Outcome] = []
        for write, signed in pairs:
            if signed.nonce < nonce:
                outcomes.append(self._unknown(write, signed, reason))
            else:
                self._nonces.refused(signed)
                outcomes.append(self._refused(write, reply))
        return outcomes

    async def _ask(
        self, name: str, form: dict[str, str], *, is_urgent: bool
    ) -> tuple[SendReply, int]:
        priority = Priority.GUARD if is_urgent else Priority.NORMAL
        response = await self._api.post(name, form, priority=priority)
        return read_send_reply(response.body), response.received_at_ms

    def _unknown(self, write: LighterWrite, signed: SignedTx, reason: str) -> Unknown:
        """Return the outcome nobody knows; on a venue clock behind ours it lives longer."""
        expires_at_ms = signed.expired_at_ms + self._skew_ms()
        return Unknown(write.client_id, signed.tx_hash, reason, expires_at_ms)

    def _refused(self, write: LighterWrite, reply: SendReply) -> Rejected:
        message = reply.message or "refused without a word"
        if reply.code == CODE_INVALID_SIGNATURE:
            # The key is compared with the registered one at each start, so it is not the key's
            # fault; on known hosts the chain is checked, too.
            message += ": LIGHTER_CHAIN_ID is probably not the one of LIGHTER_BASE_URL"
        return Rejected(write.client_id, str(reply.code), message + self._api.skew.remark)


def _is_urgent(write: LighterWrite) -> bool:
    return write.is_guard or write.is_urgent


def _not_sent(write: LighterWrite, error: VenueError) -> Rejected:
    return Rejected(write.client_id, NOT_SENT, str(error))
