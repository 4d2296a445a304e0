"""Lighter as a panic close needs it: closes in batches, and every key's nonces used up."""

from asyncio import gather
from collections.abc import Mapping, Sequence
from typing import Protocol

from desk.core.errors import ConfigError, InvariantBroken, VenueError, VenueRejected
from desk.core.flatten import Close, Heard, Market, Sight
from desk.core.market import NotAligned
from desk.core.order import NOT_SENT, Accepted, OrderRequest, Outcome, Rejected
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.venues.emergency import Ids, attempt, in_batches, markets_of, sight_of
from desk.venues.lighter.tx import BATCH_MAX, BATCH_MAX_SURE, CODE_BATCH_TOO_LONG

CODE_CLIENT_INDEX = 21727  # a deployment that takes only 31 bits of a client order index


class LighterKey(Venue, Protocol):
    """A client of one key, with what it has beyond the port."""

    async def learn_nonce(self) -> None:
        """Ask for the next nonce ahead of a write."""
        ...

    async def place_batch(self, requests: Sequence[OrderRequest]) -> list[Outcome]:
        """Sign and send up to `BATCH_MAX` orders in one request."""
        ...

    async def check_key(self) -> None:
        """Raise `ConfigError` where the account's key is not ours."""
        ...


class LighterDesk:
    """Lighter by every key that is configured; the last one reads and closes.

    Each of them cancels, so that each nonce that somebody else has signed for is used up: by the
    closes, or by the cancel itself. `symbol` None: all. `refused` is why the venue takes no key of
    ours, once it has said so.
    """

    name = VenueName.LIGHTER
    settle_ms = 300  # standard accounts (apidocs.lighter.xyz, account types)

    def __init__(self, keys: Sequence[LighterKey], clock: Clock) -> None:
        """Open nothing."""
        self._opened = tuple(keys)
        self._keys = list(keys)
        self._clock = clock
        self._ids = Ids(self.name, clock)
        self._batch_max = BATCH_MAX
        self.symbol: str | None = None
        self.refused: str | None = None

    @property
    def _client(self) -> LighterKey:
        return self._keys[-1]

    async def prepare(self) -> None:
        """Learn every key's nonce, and for one symbol the markets."""
        nonces = [attempt(key.learn_nonce()) for key in self._keys]
        keys = self._keys if self.symbol is not None else ()
        await gather(*nonces, *(attempt(key.instruments()) for key in keys))

    async def look(self) -> Sight:
        """Return every position and every order; raises `VenueError`."""
        try:
            return await sight_of(self._client, self._clock)
        except VenueRejected:
            await self._explain(self._client)
            raise

    async def markets(self) -> Mapping[str, Market]:
        """Return every market with its mark; raises `VenueError`."""
        return await markets_of(self._client)

    async def act(
        self, closes: Sequence[Close], *, cancel: bool, void: bool, heard: Heard
    ) -> int:
        """Close by the last key, then cancel by it; cancel by the others meanwhile.

        A cancel uses up a nonce as well as anything.
        """
        cancel = cancel or void
        others = self._keys[:-1] if cancel else ()
        left_at_ms, *_ = await gather(
            self._close(closes, cancel=cancel, heard=heard),
            *(self._cancel(key, heard) for key in others),
        )
        return left_at_ms

    async def _close(self, closes: Sequence[Close], *, cancel: bool, heard: Heard) -> int:
        left_at_ms = self._clock.now_ms()
        for batch in in_batches(closes, self._batch_max):
            left_at_ms = self._clock.now_ms()
            await self._place(batch, heard)
        if cancel:
            await self._cancel(self._client, heard)
        return left_at_ms

    async def _place(self, batch: Sequence[Close], heard: Heard) -> None:
        """Send a batch; in smaller ones where it is too long, or one of it cannot be signed."""
        requests = [close.request(self._ids.next()) for close in batch]
        try:
            outcomes: Sequence[Outcome] = await self._client.place_batch(requests)
        except (InvariantBroken, NotAligned) as error:
            if len(batch) > 1:
                await self._place_by(batch, 1, heard)
                return
            outcomes = [Rejected(requests[0].client_id, NOT_SENT, str(error))]
        if len(batch) > BATCH_MAX_SURE and _code_of(outcomes[-1]) == CODE_BATCH_TOO_LONG:
            self._batch_max = BATCH_MAX_SURE
            await self._place_by(batch, BATCH_MAX_SURE, heard)
            return
        for close, outcome in zip(batch, outcomes, strict=True):
            if _code_of(outcome) == CODE_CLIENT_INDEX:
                self._ids.bits = 31
            heard(close, outcome)

    async def _place_by(self, closes: Sequence[Close], size: int, heard: Heard) -> None:
        for batch in in_batches(closes, size):
            await self._place(batch, heard)

    async def _cancel(self, key: LighterKey, heard: Heard | None = None) -> bool:
        """Return whether the gateway took a cancel by one key; none is sent for a symbol that is
        not known to be listed."""
        if self.symbol is not None and self.symbol not in (await attempt(key.instruments()) or ()):
            return False
        outcome = await key.cancel_all(self.symbol)
        if isinstance(outcome, Rejected) and outcome.code != NOT_SENT:
            await self._explain(key)
        if heard is not None:
            heard(None, outcome)
        return isinstance(outcome, Accepted)

    async def _explain(self, key: LighterKey) -> None:
        """Find out whether it is the key that is refused, and go on with the other one."""
        try:
            await key.check_key()
        except ConfigError as error:
            if len(self._keys) == 1:
                self.refused = str(error)
            elif key in self._keys:
                self._keys.remove(key)
        except VenueError:
            return

    async def fence(self, stopped_at_ms: int) -> bool:
        """Use up the next nonce of every key once more, and wait until that is final."""
        return all(await gather(*(self._fence(key) for key in self._keys)))

    async def _fence(self, key: LighterKey) -> bool:
        return await self._cancel(key) and await key.fence(past_life=True)

    async def close(self) -> None:
        """Close every client."""
        await gather(*(key.close() for key in self._opened))


def _code_of(outcome: Outcome) -> int | None:
    """Return the venue's number for a refusal, None for anything else."""
    if isinstance(outcome, Rejected) and outcome.code.isdigit():
        return int(outcome.code)
    return None
