"""What broke on the way to a venue is said without a word of our libraries."""

import asyncio
import errno
import ssl
from asyncio import StreamReader, StreamWriter

import aiohttp
import pytest

from desk.core.errors import DeskError
from desk.core.venue import VenueName
from desk.engine.clock import SystemClock
from desk.venues.http import HttpRequest, HttpTransport
from desk.venues.plainly import TEXT_LENGTH_MAX, describe

FOREIGN: list[tuple[object, str]] = [
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "connection refused"),
    (OSError(errno.ENETUNREACH, "Connect call failed"), "network is unreachable"),
    (TimeoutError(), "no answer in time"),
    (ssl.SSLCertVerificationError(1, "x"), "the host's certificate does not hold"),
    (aiohttp.ServerDisconnectedError(), "the server hung up"),
    (aiohttp.ClientPayloadError("more than 5 bytes"), "the answer broke off"),
    (aiohttp.InvalidURL("x"), "the address cannot be called"),
    (aiohttp.ClientError("two\nlines"), "two lines"),
    (aiohttp.ClientError(), "the connection broke"),
]


@pytest.mark.parametrize(("error", "words"), FOREIGN, ids=[words for _, words in FOREIGN])
def test_a_foreign_error_is_told_in_plain_words(error: object, words: str) -> None:
    """One short line, without the name of a class or a number."""
    assert words == describe(error)


def test_a_name_that_is_not_known_is_said_to_be_so() -> None:
    """No name server's own words reach the owner."""
    error = aiohttp.ClientConnectorDNSError.__new__(aiohttp.ClientConnectorDNSError)

    assert "the host's name is not known" == describe(error)


def test_a_long_text_is_cut() -> None:
    """Whatever a library says, a line stays a line."""
    assert TEXT_LENGTH_MAX == len(describe(aiohttp.ClientError("x" * 1_000)))



async def _speak_ssh(_: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"SSH-2.0-x\r\n")
    writer.close()


async def said(scheme: str, answer: object) -> list[str]:
    """Return what a request and a stream to a strange server fail with."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)  # type: ignore[arg-type]
    at = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = HttpTransport(venue=VenueName.LIGHTER, base_url=at, clock=SystemClock())
    texts = []
    for call in (
        transport.request(HttpRequest("GET", "/x"), deadline_s=5),
        transport.open_socket(at.replace("http", "ws", 1), {}),
    ):
        try:
            await call
        except DeskError as error:
            texts.append(str(error))
    await transport.close()
    server.close()
    return texts


@pytest.mark.parametrize(
    ("scheme", "answer", "words"),
    [
        ("http", _speak_ssh, "the answer is not HTTP"),
        ("https", _speak_ssh, "no secure connection: is it https where http is spoken?"),
    ],
)
def test_a_strange_server_is_told_in_plain_words(scheme: str, answer: object, words: str) -> None:
    """By request and by stream alike."""
    expected = [f"lighter GET /x: {words}", f"cannot connect: {words}"]

    assert expected == asyncio.run(said(scheme, answer))
