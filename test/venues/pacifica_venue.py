"""A hand-written Pacifica for client tests: it answers by path and keeps what was asked."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import formatdate
from typing import Any

from desk.core.errors import VenueError
from desk.core.order import OrderRequest, Side
from desk.core.secret import Secret
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.venues.http import HttpRequest, HttpResponse
from desk.venues.pacifica.access import Credentials, Endpoints
from desk.venues.pacifica.signing import Signer
from pacifica_client import PacificaClient
from test.venues.sockets import FakeServer
from test.virtual import run_virtual

START_MS = 1_767_700_860_000
ACCOUNT = "9C6hybhQ6Aycep9jaUnP6uL9ZYvDjUp1aSkFWPUFJtpj"
AGENT_SECRET = (
    "fRTLbAQ2w1bisJQNUfEavKowvnYSoFxUawyXbBtw7cUQyoA6ghMhDVotf49MuGeWLgHYtMdxSVRpY6vAGfdEMNP"
)
ENDPOINTS = Endpoints("http://venue/api/v1", "ws://venue/ws")
MARKETS = [
    {
        "symbol": symbol,
        "tick_size": "1",
        "lot_size": "0.001",
        "max_leverage": 50,
        "isolated_only": symbol == "ISO",
        "min_order_size": "10",
        "max_order_size": "5000000",
        "instrument_type": "perpetual",
    }
    for symbol in ("BTC", "ETH", "ISO")
]
MONEY = {
    "balance": "1000",
    "account_equity": "1010",
    "available_to_spend": "900",
    "fee_level": 1,
    "maker_fee": "0.00015",
    "taker_fee": "0.0004",
}
OUR_ID = "68656467-0001-8000-8000-000000010000"
REQUEST = OrderRequest("BTC", Side.BUY, Decimal("0.005"), Decimal(100_000), OUR_ID)
GONE = (422, {"success": False, "data": None, "error": "Failed to cancel order", "code": 5})


def ok(data: Any, **beside: Any) -> tuple[int, dict[str, Any]]:
    """Return a success as the venue wraps it."""
    return 200, {"success": True, "data": data, "error": None, "code": None, **beside}


def refused(status: int, text: str, code: int) -> tuple[int, dict[str, Any]]:
    """Return a refusal as the venue wraps it."""
    return status, {"success": False, "data": None, "error": text, "code": code}


Answerer = Callable[[HttpRequest], Any]


def _defaults() -> dict[str, Any]:
    return {
        "/info": ok(MARKETS),
        "/account": ok(MONEY),
        "/positions": ok([], last_order_id=1),
        "/account/settings": ok({"margin_settings": []}),
        "/orders": ok([]),
        "/orders/cancel": GONE,
        "/orders/stop/cancel": GONE,
        "/orders/create": ok({"order_id": 77}),
    }


@dataclass
class FakeVenue:
    """A `Transport` whose answers are set by path.

    An answer is (status, body), an exception to raise, a list of those to be used in turn, or a
    function of the request. A body that is text goes out as it is.
    """

    answers: dict[str, Any] = field(default_factory=_defaults)
    asked: list[HttpRequest] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    skew_ms: int = 0

    async def request(self, request: HttpRequest, *, deadline_s: float) -> HttpResponse:
        """Answer as set."""
        self.asked.append(request)
        answer = self.answers[request.path]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, VenueError):
            raise answer
        status, body = answer
        text = body if isinstance(body, str) else json.dumps(body)
        now_ms = START_MS + round(asyncio.get_running_loop().time() * 1_000)
        date = formatdate((now_ms + self.skew_ms) / 1_000, usegmt=True)
        return HttpResponse(status, text.encode(), now_ms, now_ms, {"date": date, **self.headers})

    async def close(self) -> None:
        """Close nothing."""

    @property
    def paths(self) -> list[str]:
        """Return what was asked for, in order."""
        return [request.path for request in self.asked]

    @property
    def last_body(self) -> dict[str, Any]:
        """Return the body of the last request."""
        body = self.asked[-1].json_body
        assert body is not None
        found: dict[str, Any] = json.loads(body)
        return found


def credentials() -> Credentials:
    """Return an account and its agent's key."""
    return Credentials(ACCOUNT, Signer(Secret(AGENT_SECRET)))


def client(venue: FakeVenue, server: FakeServer | None = None, **changes: Any) -> PacificaClient:
    """Return a client on the running loop's time; without limits, unless told otherwise."""
    settings: dict[str, Any] = {
        "credentials": credentials(),
        "limits": "off",
        "clock": LoopClock(asyncio.get_running_loop(), START_MS),
    }
    return PacificaClient(
        jitter=lambda: 0.0,
        endpoints=ENDPOINTS,
        transport=venue,
        opener=server or FakeServer(),
        **(settings | changes),
    )


Story = Callable[[PacificaClient], Awaitable[Any]]


def ask(venue: FakeVenue, story: Story, **changes: Any) -> Any:
    """Return what a story got from a client that has loaded its markets, on virtual time."""

    async def main() -> Any:
        made = client(venue, **changes)
        await made.instruments()
        venue.asked.clear()
        try:
            return await story(made)
        finally:
            await made.close()

    return run_virtual(main())


def send(venue: FakeVenue, request: OrderRequest = REQUEST, **changes: Any) -> Any:
    """Return the outcome of one order."""

    async def story(made: PacificaClient) -> Any:
        return await made.send(await made.sign(request))

    return ask(venue, story, **changes)


def lost(kind: type[VenueError], text: str = "connection lost") -> VenueError:
    """Return a transport's error."""
    return kind(text, venue=VenueName.PACIFICA, request="test")
