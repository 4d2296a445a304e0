"""What broke between us and a venue, said to an owner who never saw our libraries.

Words for foreign errors only: no class name, no code, one short line. What a failure means for a
request is decided where it was caught.
"""

import os
import ssl

import aiohttp

TEXT_LENGTH_MAX = 160
# The first that fits: the more special ones stand before what they are a kind of.
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the host's name is not known"),
    (aiohttp.ClientConnectorCertificateError, "the host's certificate does not hold"),
    (ssl.SSLCertVerificationError, "the host's certificate does not hold"),
    (aiohttp.ClientSSLError, "no secure connection: is it https where http is spoken?"),
    (aiohttp.InvalidURL, "the address cannot be called"),
    (aiohttp.NonHttpUrlClientError, "the address cannot be called"),
    (aiohttp.ServerDisconnectedError, "the server hung up"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
    (TimeoutError, "no answer in time"),
)


def describe(error: object) -> str:
    """Return what went wrong in one short line of plain words."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    number = error.errno if isinstance(error, OSError) else None
    if number:
        return os.strerror(number).lower()
    return " ".join(str(error).split())[:TEXT_LENGTH_MAX] or "the connection broke"
