"""Requests to Lighter: the budget before, the venue's refusals after, tokens in between.

Knows how to ask, not what: answers are read in `lighter.wire` and its neighbours, and nothing is
asked twice here.
"""

from asyncio import get_running_loop
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import TypeVar

from desk.core.errors import ConfigError, RateLimited, VenueRejected
from desk.core.ports import Clock
from desk.core.secret import Secret
from desk.core.venue import VenueName
from desk.venues.http import (
    READ_DEADLINE_S,
    RETRY_AFTER_S_DEFAULT,
    WRITE_DEADLINE_S,
    ClockSkew,
    HttpRequest,
    HttpResponse,
    Transport,
    refuse_unusable,
)
from desk.venues.lighter.crypto.port import Signer
from desk.venues.lighter.tx import CODE_TOO_MANY_REQUESTS, OVERLOAD_STATUSES
from desk.venues.lighter.wire import CODE_OK, Verdict, read_verdict
from desk.venues.limits import Priority, RequestBudget

T = TypeVar("T")

TOKEN_LIFE_S = 3_600  # the venue allows 8 hours
TOKEN_RENEWED_S = 600  # before its end
FIREWALL_PAUSE_S = 60.0


class SigningThread:
    """Where signatures are made: in the executor's thread, or at once when there is none.

    The venue's library is three times faster outside the main thread. Under virtual time the
    Python signer runs inline.
    """

    def __init__(self, executor: Executor | None) -> None:
        """Use `executor`, which should have one thread: signatures are in order anyway."""
        self._executor = executor

    async def run(self, job: Callable[[], T]) -> T:
        """Return what `job` returns."""
        if self._executor is None:
            return job()
        return await get_running_loop().run_in_executor(self._executor, job)

    def close(self) -> None:
        """End the thread."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)


class AuthTokens:
    """The tokens private reads and streams carry, renewed well before they end."""

    def __init__(self, signer: Signer, clock: Clock, thread: SigningThread) -> None:
        """Make no token yet."""
        self._signer = signer
        self._clock = clock
        self._thread = thread
        self._token: Secret | None = None
        self._deadline_s = 0

    async def current(self) -> str:
        """Return a token with some life left, renewed in the signing thread."""
        deadline_s = self._renewal()
        if deadline_s is not None:
            token = await self._thread.run(lambda: self._signer.auth_token(deadline_s=deadline_s))
            self._keep(token, deadline_s)
        return self._reveal()

    def current_now(self) -> str:
        """Return the same without waiting, for a message that is being written right now."""
        deadline_s = self._renewal()
        if deadline_s is not None:
            self._keep(self._signer.auth_token(deadline_s=deadline_s), deadline_s)
        return self._reveal()

    def forget(self) -> None:
        """Make the next one anew: a new connection gets a fresh token."""
        self._token = None

    def _renewal(self) -> int | None:
        now_s = self._clock.now_ms() // 1_000
        if self._token is not None and self._deadline_s - now_s > TOKEN_RENEWED_S:
            return None
        return now_s + TOKEN_LIFE_S

    def _keep(self, token: Secret, deadline_s: int) -> None:
        self._token, self._deadline_s = token, deadline_s

    def _reveal(self) -> str:
        assert self._token is not None
        return self._token.reveal()


class LighterApi:
    """One venue address, its budget, and the clock difference seen in its answers."""

    def __init__(
        self,
        *,
        transport: Transport,
        budget: RequestBudget,
        tokens: AuthTokens | None,
    ) -> None:
        """Open nothing."""
        self._transport = transport
        self._tokens = tokens
        self.budget = budget
        self.skew = ClockSkew()
        self.writes = 0

    async def get(
        self,
        name: str,
        params: Mapping[str, object] | None = None,
        *,
        auth: bool = False,
        priority: Priority = Priority.NORMAL,
    ) -> HttpResponse:
        """Return a good answer of `/api/v1/name`.

        Raises `RateLimited`, `NotSent`, `VenueUnavailable`, `BadMessage`, `VenueRejected`, and
        `ConfigError` for a private read without credentials.
        """
        request = HttpRequest(
            "GET",
            f"/api/v1/{name}",
            params={key: str(value) for key, value in (params or {}).items()},
            headers={"Authorization": await self._token(name)} if auth else {},
        )
        response, verdict = await self._exchange(request, priority, READ_DEADLINE_S)
        if verdict.code == CODE_OK:
            return response
        if auth and self._tokens is not None:
            self._tokens.forget()  # the refusal may be of the token: the next read brings another
        raise VenueRejected(
            verdict.message or "refused without a word",
            venue=VenueName.LIGHTER,
            request=request.name,
            code=str(verdict.code),
        )

    async def post(self, name: str, form: Mapping[str, str], *, priority: Priority) -> HttpResponse:
        """Return the gateway's own answer to a write, refusals included.

        Raises `RateLimited` and `NotSent` (nothing happened), `OutcomeUnknown`, `BadMessage`.
        `writes` counts as it leaves and as it ends, so that who read in between can tell.
        """
        request = HttpRequest("POST", f"/api/v1/{name}", form=form, is_write=True)
        self.writes += 1
        try:
            response, _ = await self._exchange(request, priority, WRITE_DEADLINE_S)
        finally:
            self.writes += 1
        return response

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _exchange(
        self, request: HttpRequest, priority: Priority, deadline_s: float
    ) -> tuple[HttpResponse, Verdict]:
        """Return the answer and its own verdict; pause after an overload, however it is spelled."""
        self.budget.take(request.name, priority=priority)
        response = await self._transport.request(request, deadline_s=deadline_s)
        self.skew.observe(response)
        try:
            refuse_unusable(
                response,
                venue=VenueName.LIGHTER,
                request=request,
                overload_statuses=OVERLOAD_STATUSES,
            )
        except RateLimited as error:
            is_firewall = response.status != OVERLOAD_STATUSES[0]
            self.budget.pause(FIREWALL_PAUSE_S if is_firewall else error.retry_after_s)
            raise
        verdict = read_verdict(response.body, request.name)
        if verdict.code == CODE_TOO_MANY_REQUESTS:
            self.budget.pause(RETRY_AFTER_S_DEFAULT)
            raise RateLimited(
                verdict.message or "too many requests",
                venue=VenueName.LIGHTER,
                request=request.name,
                retry_after_s=RETRY_AFTER_S_DEFAULT,
            )
        return response, verdict

    async def _token(self, name: str) -> str:
        if self._tokens is None:
            raise ConfigError(
                f"lighter {name} is private: set API_KEY_PRIVATE_KEY, ACCOUNT_INDEX and"
                " API_KEY_INDEX"
            )
        return await self._tokens.current()
