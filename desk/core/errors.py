"""Everything that can go wrong, by phase and by blame.

    DeskError
    ├── ConfigError            the owner's file or environment; names the key and the mend
    ├── StateError             the state file is damaged, or newer than this program
    ├── StartFailed            a venue could not be used, and nothing waits for it; one line
    ├── InvariantBroken        our own bug: stop rather than trade on
    └── VenueError             a venue, or the way to it; carries `venue` and `request`
        ├── NotSent            no byte left: safe to repeat
        ├── VenueUnavailable   a READ got no answer: nothing is known, nothing was changed
        ├── VenueRejected      the venue answered no: nothing happened; carries its `code`
        ├── OutcomeUnknown     a WRITE left and no answer came: ask before acting
        ├── RateLimited        the venue asks for patience; carries `retry_after_s`
        ├── BadMessage         an answer we cannot read; carries a short `excerpt`
        └── StaleData          a stream is silent, gapped or closed: it gates nothing

Writes seldom raise: a client turns these into `Accepted`, `Rejected` or `Unknown` (see
`desk.core.order`). Reads raise.
"""

from desk.core.venue import VenueName

EXCERPT_LENGTH_MAX = 200


class DeskError(Exception):
    """Root of our errors."""


class ConfigError(DeskError):
    """A key, file, flag or variable of the owner's is missing or wrong; the text names it and the
    mend: one line, or up to three where several mistakes stand in one file."""


class StateError(DeskError):
    """The durable state cannot be used as it is; never a reason to start afresh."""


class StartFailed(DeskError):
    """A venue could not be used at the start and nothing is held that waits for it; the text is
    one line for the owner."""


class InvariantBroken(DeskError):
    """Something that cannot happen did."""


class VenueError(DeskError):
    """A venue or the way to it failed.

    `request` names what we asked for, without secrets; `reason` is the text without either.
    """

    def __init__(self, message: str, *, venue: VenueName, request: str) -> None:
        """Keep who and what beside the message."""
        super().__init__(f"{venue} {request}: {message}")
        self.venue = venue
        self.request = request
        self.reason = message


class NotSent(VenueError):
    """The connection failed before a byte left."""


class VenueUnavailable(VenueError):
    """A read got no usable answer in time."""


class VenueRejected(VenueError):
    """The venue refused.

    `code` is the venue's own, as text.
    """

    def __init__(self, message: str, *, venue: VenueName, request: str, code: str) -> None:
        """Keep the venue's code."""
        super().__init__(f"{message} (code {code})", venue=venue, request=request)
        self.code = code


class OutcomeUnknown(VenueError):
    """A write left and its answer did not come back."""


class RateLimited(VenueError):
    """Too many requests, by the venue's count or by our own budget."""

    def __init__(
        self, message: str, *, venue: VenueName, request: str, retry_after_s: float
    ) -> None:
        """Keep how long to stay away, in seconds."""
        super().__init__(message, venue=venue, request=request)
        self.retry_after_s = retry_after_s


class BadMessage(VenueError):
    """An answer that does not decode into what the venue documents."""

    def __init__(self, message: str, *, venue: VenueName, request: str, raw: bytes | str) -> None:
        """Keep a short excerpt of what came."""
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        self.excerpt = text[:EXCERPT_LENGTH_MAX]
        super().__init__(f"{message}: {self.excerpt!r}", venue=venue, request=request)


class StaleData(VenueError):
    """The live feed does not carry what was asked for."""
