"""Pacifica by request: budget, signature, one call, and what the answer means.

Reads raise `VenueError`; writes end in an outcome and are sent once. What to ask and what rows
mean is elsewhere. Source: docs.pacifica.fi, "REST API", "Rate Limits", recorded answers.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from desk.core.errors import (
    BadMessage,
    InvariantBroken,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    VenueRejected,
    VenueUnavailable,
)
from desk.core.order import NOT_SENT, Accepted, Outcome, Rejected, Unknown
from desk.core.ports import Clock
from desk.core.secret import Secret
from desk.core.venue import Health, VenueName
from desk.venues.http import (
    READ_DEADLINE_S,
    WRITE_DEADLINE_S,
    ClockSkew,
    HttpRequest,
    HttpResponse,
    Transport,
    retry_after_s,
)
from desk.venues.limits import Priority, RequestBudget
from desk.venues.pacifica.errors import Refusal, is_unsure, refusal_code, refusal_of_text
from desk.venues.pacifica.operations import (
    BATCH_MAX,
    Operation,
    batch_outcomes,
    reference_of,
)
from desk.venues.pacifica.signing import Signer
from desk.venues.pacifica.wire import Envelope, decode, encode

EXPIRY_WINDOW_MS = 5_000
SPEED_BUMP_MS_MAX = 1_000  # documented 50-100, later about 200; others measured up to 300
SKEW_MS_UNMEASURED = 2_000
SKEW_MS_CORRECTED = 1_000  # below it the `Date` header's whole seconds are the larger error
SKEW_MS_BELIEVED_MAX = 86_400_000  # beyond it one of the clocks is not a clock
SKEW_MS_WAITED_MAX = 300_000  # a doubt does not outlast it, whatever the clocks say
HALF_CREDITS_LIGHT = 2
HALF_CREDITS_HEAVY = 24
HALF_CREDITS_HEAVY_WITH_KEY = 6
HALF_CREDITS_PER_MINUTE = 200  # 100 credits a minute for an unknown address
HALF_CREDITS_PER_MINUTE_WITH_KEY = 600
PAGE_ROWS = 1_000
REFUSING_STATUSES = frozenset({400, 401, 403, 404, 405, 409, 413, 415, 422})
_CREDITS = re.compile(r"r=(\d+)(?:;t=(\d+))?")


@dataclass(frozen=True, slots=True)
class Answer:
    """A read's envelope and when it was asked and answered, by our wall clock."""

    envelope: Envelope
    sent_at_ms: int
    received_at_ms: int

    @property
    def data(self) -> msgspec.Raw:
        """Return the payload, still undecoded."""
        return self.envelope.data


@dataclass(slots=True)
class PacificaWrite:
    """A signed request; `expires_at_ms` is our clock's reading after which it can no longer take
    effect, however far apart the clocks are, `expires_at_s` the monotonic clock's. Kept in memory
    only."""

    operation: Operation
    body: bytes = field(repr=False)
    expires_at_ms: int
    expires_at_s: float
    is_spent: bool = False

    def spend(self) -> None:
        """Note that it is being sent; raises `InvariantBroken` the second time: the venue knows no
        nonce, and a client id is its own only while the order lives."""
        if self.is_spent:
            raise InvariantBroken(f"write {self.client_id} was sent before: sign it anew")
        self.is_spent = True

    @property
    def client_id(self) -> str:
        """Return the id of the order it carries."""
        return self.operation.client_id


class PacificaRest:
    """One account's way to the REST interface; without a signer it only reads."""

    def __init__(
        self,
        *,
        transport: Transport,
        clock: Clock,
        budget: RequestBudget,
        account: str | None = None,
        signer: Signer | None = None,
        api_key: Secret | None = None,
        expiry_window_ms: int = EXPIRY_WINDOW_MS,
    ) -> None:
        """Keep the parts; nothing is sent.

        `budget` counts half credits, since a cancel costs half a one.
        """
        self._transport = transport
        self._clock = clock
        self.budget = budget
        self._account = account
        self._signer = signer
        self._expiry_window_ms = expiry_window_ms
        self.headers = {} if api_key is None else {"PF-API-KEY": api_key.reveal()}
        self._skew = ClockSkew()
        self._began_at_s = clock.monotonic_s()
        self._may_act_until_s: dict[str, float] = {}
        self.half_credits_heavy = HALF_CREDITS_HEAVY_WITH_KEY if api_key else HALF_CREDITS_HEAVY

    @property
    def skew_ms(self) -> int | None:
        """Return the venue's clock minus ours in ms; None before the first answer, and for a
        difference no pair of clocks has."""
        skew_ms = self._skew.estimate_ms
        return None if skew_ms is None or abs(skew_ms) > SKEW_MS_BELIEVED_MAX else skew_ms

    @property
    def health(self) -> Health:
        """Return how requests have been answered lately; the budget is in half credits."""
        return self._skew.health(self.budget)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    # Reads

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        heavy: bool = False,
        priority: Priority = Priority.NORMAL,
    ) -> Answer:
        """Return a read's answer.

        Raises `RateLimited`, `NotSent`, `VenueUnavailable`, `VenueRejected`, `BadMessage`.
        """
        request = HttpRequest("GET", path, params=params or {}, headers=self.headers)
        cost = self.half_credits_heavy if heavy else HALF_CREDITS_LIGHT
        self.budget.take(request.name, cost=cost, priority=priority)
        return self._read(request, await self._call(request, deadline_s=READ_DEADLINE_S))

    async def pages(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        pages_max: int,
        heavy: bool = True,
        priority: Priority = Priority.NORMAL,
    ) -> AsyncIterator[msgspec.Raw]:
        """Yield the pages of a list, newest rows first, until the last.

        Raises `VenueUnavailable` when there are more than `pages_max`: part of a list is no list.
        Stop iterating to end earlier.
        """
        cursor: str | None = None
        for _ in range(pages_max):
            query = {"limit": str(PAGE_ROWS), **params}
            if cursor is not None:
                query["cursor"] = cursor
            answer = await self.get(path, query, heavy=heavy, priority=priority)
            yield answer.data
            cursor = answer.envelope.next_cursor
            if not answer.envelope.has_more or cursor is None:
                return
        raise VenueUnavailable(
            f"more than {pages_max} pages", venue=VenueName.PACIFICA, request=f"GET {path}"
        )

    def _read(self, request: HttpRequest, response: HttpResponse) -> Answer:
        if response.status >= 500:
            raise VenueUnavailable(
                f"HTTP {response.status}", venue=VenueName.PACIFICA, request=request.name
            )
        try:
            envelope = decode(response.body, Envelope, request=request.name)
        except BadMessage:
            text = plain_refusal(response)
            if text is None:
                raise
            raise self._refused(request, text, text) from None
        if response.status >= 400 or not envelope.success:
            text = envelope.error or f"HTTP {response.status}"
            code = envelope.code if envelope.code is not None else response.status
            raise self._refused(
                request, text, refusal_code(text, code=code, error_id=envelope.error_id)
            )
        return Answer(envelope, response.sent_at_ms, response.received_at_ms)

    @staticmethod
    def _refused(request: HttpRequest, text: str, code: str) -> VenueRejected:
        return VenueRejected(text, venue=VenueName.PACIFICA, request=request.name, code=code)

    # Writes

    def check_budget(self, operation: Operation) -> None:
        """Raise `RateLimited` while our own budget has no room for an ordinary write."""
        self.budget.check(operation.type, cost=operation.half_credits)

    def sign(self, operation: Operation) -> PacificaWrite:
        """Return an operation signed now; nothing is sent.

        The venue refuses it once its own clock passes timestamp + window. Raises
        `InvariantBroken` without a signer.
        """
        if self._signer is None or self._account is None:
            raise InvariantBroken("a client without credentials cannot sign")
        now_ms = self._clock.now_ms()
        timestamp_ms = now_ms + self._correction_ms()
        signature = self._signer.sign(
            operation.type,
            operation.payload,
            timestamp_ms=timestamp_ms,
            expiry_window_ms=self._expiry_window_ms,
        )
        body: dict[str, Any] = {"account": self._account}
        if self._signer.address != self._account:
            body["agent_wallet"] = self._signer.address
        body |= {
            "signature": signature,
            "timestamp": timestamp_ms,
            "expiry_window": self._expiry_window_ms,
            **operation.payload,
        }
        life_ms = self._life_ms()
        expires_at_s = self._clock.monotonic_s() + life_ms / 1000
        return PacificaWrite(operation, encode(body), now_ms + life_ms, expires_at_s)

    def _correction_ms(self) -> int:
        """Return what to add to our clock for a timestamp the venue agrees with: nothing unless
        our clock is plainly off, for a timestamp from the future may be refused."""
        skew_ms = self.skew_ms or 0
        return skew_ms if abs(skew_ms) > SKEW_MS_CORRECTED else 0

    def _life_ms(self) -> int:
        """Return how long after its signing a request may take effect: the venue's window, its
        speed bump, and what its clock may be behind the timestamp. A difference we do not believe
        may yet be true."""
        behind_ms = self._skew.doubt_ms if self._correction_ms() else self._skew.bound_ms
        if behind_ms is None:
            behind_ms = SKEW_MS_UNMEASURED
        return self._expiry_window_ms + SPEED_BUMP_MS_MAX + min(behind_ms, SKEW_MS_WAITED_MAX)

    def is_fenced(self, *, past_life: bool) -> bool:
        """Return whether nothing sent before can take effect any more.

        Until a request's expiry where nobody answered it, until the speed bump is over where it
        was accepted. A former process (`past_life`) sent its last before this one began, and may
        not have known how the clocks differ. Time is the monotonic clock's: the other may be set.
        """
        unmeasured_ms = self._expiry_window_ms + SPEED_BUMP_MS_MAX + SKEW_MS_UNMEASURED
        past_s = self._began_at_s + max(self._life_ms(), unmeasured_ms) / 1000 if past_life else 0.0
        return self._clock.monotonic_s() > max(past_s, *self._may_act_until_s.values(), 0.0)

    def _note_outcome(self, outcome: Outcome) -> None:
        """Keep until when a request may still act; forget what can no longer."""
        now_s = self._clock.monotonic_s()
        if isinstance(outcome, Rejected):
            self._may_act_until_s.pop(outcome.client_id, None)
        elif isinstance(outcome, Accepted):
            self._may_act_until_s[outcome.client_id] = now_s + SPEED_BUMP_MS_MAX / 1000
        self._may_act_until_s = {
            ident: until_s for ident, until_s in self._may_act_until_s.items() if until_s >= now_s
        }

    async def send(self, write: PacificaWrite) -> Outcome:
        """Send a signed request once and return how it ended; never raises a `VenueError`."""
        operation = write.operation
        request = self._post(operation.path, write.body)
        cost = operation.half_credits
        ended = await self._write(request, (write,), cost=cost)
        if isinstance(ended, Envelope):
            reference = reference_of(ended.data, client_id=write.client_id)
            outcome: Outcome = Accepted(write.client_id, reference, self._clock.now_ms())
        else:
            outcome = ended[0]
        self._note_outcome(outcome)
        return outcome

    async def send_batch(self, writes: Sequence[PacificaWrite]) -> Sequence[Outcome]:
        """Send up to ten signed requests as one, executed in order; one outcome each.

        A leg that fails does not stop the next. Raises `InvariantBroken` on what cannot be in a
        batch.
        """
        if not 1 <= len(writes) <= BATCH_MAX:
            raise InvariantBroken(f"a batch holds 1 to {BATCH_MAX} requests, not {len(writes)}")
        if not all(write.operation.batch_type for write in writes):
            raise InvariantBroken("an operation that cannot be in a batch")
        actions = [
            {"type": write.operation.batch_type, "data": msgspec.Raw(write.body)}
            for write in writes
        ]
        request = self._post("/orders/batch", encode({"actions": actions}))
        cost = sum(write.operation.half_credits for write in writes)
        ended = await self._write(request, writes, cost=cost)
        if isinstance(ended, Envelope):
            doubts = _all_unknown(writes, "the batch's answer cannot be read")
            outcomes = batch_outcomes(ended.data, doubts, at_ms=self._clock.now_ms())
        else:
            outcomes = ended
        for outcome in outcomes:
            self._note_outcome(outcome)
        return outcomes

    def _post(self, path: str, body: bytes) -> HttpRequest:
        return HttpRequest("POST", path, json_body=body, headers=self.headers, is_write=True)

    async def _write(
        self, request: HttpRequest, writes: Sequence[PacificaWrite], *, cost: int
    ) -> Envelope | Sequence[Outcome]:
        """Return the envelope of an acceptance, or the outcomes of everything else."""
        for write in writes:
            write.spend()
            self._may_act_until_s[write.client_id] = write.expires_at_s
        guards = all(write.operation.is_guard for write in writes)
        priority = Priority.GUARD if guards else Priority.NORMAL
        try:
            self.budget.take(request.name, cost=cost, priority=priority)
        except RateLimited as error:
            return _all_rejected(writes, NOT_SENT, str(error))
        try:
            response = await self._call(request, deadline_s=WRITE_DEADLINE_S)
        except NotSent as error:
            return _all_rejected(writes, NOT_SENT, str(error))
        except RateLimited as error:
            return _all_rejected(writes, Refusal.RATE_LIMITED.value, str(error))
        except OutcomeUnknown as error:
            return _all_unknown(writes, str(error))
        return judge(response, writes)

    # Both

    async def _call(self, request: HttpRequest, *, deadline_s: float) -> HttpResponse:
        response = await self._transport.request(request, deadline_s=deadline_s)
        self._skew.observe(response)
        if response.status == 429:
            wait_s = max(retry_after_s(response), credits_reset_s(response) or 0)
            self.budget.pause(wait_s)
            raise RateLimited(
                "HTTP 429", venue=VenueName.PACIFICA, request=request.name, retry_after_s=wait_s
            )
        self._heed_the_venue_s_count(response)
        return response

    def _heed_the_venue_s_count(self, response: HttpResponse) -> None:
        """Spend what others on this address have spent: the venue's remainder outweighs our
        count when it is lower."""
        remaining = half_credits_left(response)
        ours = self.budget.left(priority=Priority.GUARD)
        if remaining is None or ours is None or remaining >= ours:
            return
        excess = ours - remaining
        if self.budget.wait_s(cost=excess, priority=Priority.GUARD) == 0:
            self.budget.take("the venue's count", cost=excess, priority=Priority.GUARD)


def judge(response: HttpResponse, writes: Sequence[PacificaWrite]) -> Envelope | Sequence[Outcome]:
    """Return the envelope of an accepted write, or what became of each.

    Only the venue's own words, with a status that means refusal, prove that nothing happened.
    Anything else after the bytes left (5xx, 408, a gateway's page, a body that contradicts its
    status, an engine that lost sight of the request) leaves the matter open.
    """
    try:
        envelope = decode(response.body, Envelope, request="POST")
    except BadMessage:
        text = plain_refusal(response)
        if text is None:
            return _all_unknown(writes, f"HTTP {response.status} without an answer of the venue")
        return _all_rejected(writes, refusal_code(text, code=None, error_id=None), text)
    if response.status < 300 and envelope.success:
        return envelope
    text = envelope.error or f"HTTP {response.status}"
    refuses = response.status < 300 or response.status in REFUSING_STATUSES
    unsure = is_unsure(text, code=envelope.code, error_id=envelope.error_id)
    if not envelope.success and refuses and not unsure:
        code = refusal_code(text, code=envelope.code, error_id=envelope.error_id)
        return _all_rejected(writes, code, text)
    return _all_unknown(writes, f"HTTP {response.status}: {text}")


def plain_refusal(response: HttpResponse) -> str | None:
    """Return the text of a refusal that came without its JSON envelope (some signature failures
    do), None for a body that is not the venue's."""
    if response.status not in REFUSING_STATUSES:
        return None
    text = response.body[:200].decode("utf-8", "replace").strip().strip('"')
    return text if refusal_of_text(text) is not None and "<" not in text else None


def half_credits_left(response: HttpResponse) -> int | None:
    """Return what the venue says is left of our minute, in half credits; it counts in tenths."""
    found = _CREDITS.search(response.headers.get("ratelimit", ""))
    return None if found is None else int(found.group(1)) // 5


def credits_reset_s(response: HttpResponse) -> int | None:
    """Return the seconds until the venue's count starts anew."""
    found = _CREDITS.search(response.headers.get("ratelimit", ""))
    return None if found is None or found.group(2) is None else int(found.group(2))


def _all_rejected(writes: Sequence[PacificaWrite], code: str, text: str) -> list[Outcome]:
    return [Rejected(write.client_id, code, text) for write in writes]


def _all_unknown(writes: Sequence[PacificaWrite], reason: str) -> list[Unknown]:
    return [
        Unknown(write.client_id, write.client_id, reason, write.expires_at_ms) for write in writes
    ]
