"""Pacifica as a panic close needs it: no nonce, but what is signed lives for some seconds."""

from asyncio import gather
from collections.abc import Mapping, Sequence
from typing import Protocol

from desk.core.flatten import Close, Heard, Market, Sight
from desk.core.order import Outcome
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.venues.emergency import Ids, in_batches, markets_of, sight_of
from desk.venues.pacifica import operations
from desk.venues.pacifica.access import access_problem
from desk.venues.pacifica.operations import BATCH_MAX, Operation
from desk.venues.pacifica.rest import EXPIRY_WINDOW_MS, SKEW_MS_UNMEASURED, SPEED_BUMP_MS_MAX

# When what another process has signed can no longer act, by our clock.
LIFE_MS_MAX = EXPIRY_WINDOW_MS + SKEW_MS_UNMEASURED + SPEED_BUMP_MS_MAX


class PacificaAccount(Venue, Protocol):
    """A client with what it has beyond the port."""

    async def perform_batch(self, batch: Sequence[Operation]) -> Sequence[Outcome]:
        """Sign and send up to `BATCH_MAX` operations in one request."""
        ...


class PacificaDesk:
    """Pacifica by its one key. `symbol` and `refused` as in Lighter's desk."""

    name = VenueName.PACIFICA
    settle_ms = 200  # docs.pacifica.fi, order types

    def __init__(self, client: PacificaAccount, clock: Clock) -> None:
        """Open nothing."""
        self._client = client
        self._clock = clock
        self._ids = Ids(self.name, clock)
        self.symbol: str | None = None
        self.refused: str | None = None

    async def prepare(self) -> None:
        """Do nothing: a write needs nothing that has to be asked for."""

    async def look(self) -> Sight:
        """Return every position and every order; raises `VenueError`."""
        return await sight_of(self._client, self._clock)

    async def markets(self) -> Mapping[str, Market]:
        """Return every market with its mark; raises `VenueError`."""
        return await markets_of(self._client)

    async def act(
        self, closes: Sequence[Close], *, cancel: bool, void: bool, heard: Heard
    ) -> int:
        """Cancel where asked, then send every close at once.

        Not together: a cancel overtakes what takes, and would cancel our closes (docs.pacifica.fi,
        order types). There is no nonce to `void`.
        """
        left_at_ms = self._clock.now_ms()
        if cancel:
            await self._cancel(heard)
            left_at_ms = self._clock.now_ms() if closes else left_at_ms
        await gather(*(self._place(batch, heard) for batch in in_batches(closes, BATCH_MAX)))
        return left_at_ms

    async def _place(self, batch: Sequence[Close], heard: Heard) -> None:
        requests = [close.request(self._ids.next()) for close in batch]
        outcomes = await self._client.perform_batch([operations.place(row) for row in requests])
        for close, outcome in zip(batch, outcomes, strict=True):
            self._heed(outcome)
            heard(close, outcome)

    async def _cancel(self, heard: Heard) -> None:
        outcome = await self._client.cancel_all(self.symbol)
        self._heed(outcome)
        heard(None, outcome)

    def _heed(self, outcome: Outcome) -> None:
        problem = access_problem(outcome)
        self.refused = str(problem) if problem is not None else self.refused

    async def fence(self, stopped_at_ms: int) -> bool:
        """Return whether everything that was signed before has expired."""
        is_past = self._clock.now_ms() > stopped_at_ms + LIFE_MS_MAX
        return is_past and await self._client.fence(past_life=True)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()
