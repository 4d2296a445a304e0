"""Why a venue could not be used at the start, for the owner: who, where, set by which variable.

Pure: an error and the environment in, one line out. Only for a start: later the reader knows where
the venues are.
"""

from collections.abc import Mapping
from math import ceil
from urllib.parse import urlsplit

from desk.core.errors import BadMessage, NotSent, RateLimited, VenueError, VenueRejected
from desk.core.venue import VenueName
from desk.venues.lighter.access import read_access as lighter_access
from desk.venues.pacifica.access import read_access as pacifica_access
from desk.venues.variables import optional

EXCERPT_LENGTH_MAX = 60
STREAM = "stream"


def start_trouble(error: VenueError, env: Mapping[str, str]) -> str:
    """Return one line: the venue, its host, the variable that sets it, and what is wrong."""
    host, variable = _whereabouts(error, env)
    return f"{error.venue} at {host} ({variable}) {_complaint(error)}"


def _whereabouts(error: VenueError, env: Mapping[str, str]) -> tuple[str, str]:
    prefix, by_stream = error.venue.upper(), error.request == STREAM
    if error.venue is VenueName.LIGHTER:
        lighter = lighter_access(env, read_only=True)
        url = lighter.ws_url if by_stream else lighter.base_url
    else:
        pacifica = pacifica_access(env, read_only=True).endpoints
        url = pacifica.ws_url if by_stream else pacifica.url
    # Where only the address for requests is set, the stream's follows from it.
    follows = not optional(env, f"{prefix}_WS_URL")
    variable = f"{prefix}_BASE_URL" if follows or not by_stream else f"{prefix}_WS_URL"
    return urlsplit(url).netloc.rpartition("@")[2], variable


def _complaint(error: VenueError) -> str:
    if isinstance(error, NotSent):
        return f"cannot be reached: {error.reason}"
    if isinstance(error, BadMessage):
        excerpt = " ".join(error.excerpt.split())[:EXCERPT_LENGTH_MAX]
        return f"answers, but not as {error.venue} does: {excerpt!r}"
    if isinstance(error, RateLimited):
        left_s = ceil(error.retry_after_s)
        return f"is not asked for {left_s} s: too many requests went there lately ({error.reason})"
    if isinstance(error, VenueRejected):
        return f"refuses {error.request}: {error.reason}"
    return f"did not answer {error.request}: {error.reason}"
