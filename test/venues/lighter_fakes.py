"""Stand-ins for Lighter's gateway, written by hand: they do what a test tells them."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from desk.core.errors import NotSent, OutcomeUnknown, VenueError, VenueUnavailable
from desk.core.market import Instrument
from desk.core.order import OrderRequest, Side
from desk.core.secret import Secret
from desk.core.venue import VenueName
from desk.venues.http import HttpRequest, HttpResponse
from desk.venues.lighter.crypto.transactions import tx_hash
from desk.venues.lighter.signer import PythonSigner, generate_key_pair

NOW_MS = 1_700_000_000_000
ACCOUNT, KEY = 77, 7
PRIVATE, PUBLIC = generate_key_pair(b"a test's key")

ETH = Instrument(
    venue=VenueName.LIGHTER,
    symbol="ETH",
    price_tick=Decimal("0.01"),
    size_lot=Decimal("0.0001"),
    size_min=Decimal("0.005"),
    notional_min_usd=Decimal(10),
    leverage_max=50,
    maintenance_margin_fraction=Decimal("0.012"),
    market_id=0,
)
BUY = OrderRequest("ETH", Side.BUY, Decimal("0.1"), Decimal("2000.50"), "42")

Answer = Callable[[HttpRequest], HttpResponse]


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        """Start at `NOW_MS`."""
        self.at_ms = NOW_MS

    def now_ms(self) -> int:
        """Return the time in ms UTC."""
        return self.at_ms

    def monotonic_s(self) -> float:
        """Return the same in seconds."""
        return self.at_ms / 1_000


def python_signer(now_ms: Callable[[], int]) -> PythonSigner:
    """Return a signer of the tests' own key."""
    return PythonSigner(
        Secret(PRIVATE), account_index=ACCOUNT, api_key_index=KEY, chain_id=304, now_ms=now_ms
    )


def reply(status: int, body: object) -> HttpResponse:
    """Return an answer with a JSON body, or with text as it is."""
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return HttpResponse(status, raw, NOW_MS, NOW_MS)


class Gateway:
    """A `Transport` to a gateway that takes each nonce once.

    `script` holds what happens to the next writes: a word of `MISHAPS`, or an HTTP answer; when it
    is empty, writes are taken. Everything sent is kept in `sent`, as (nonce, type) pairs.
    """

    MISHAPS = ("lost before", "lost after", "not sent")

    def __init__(self, nonce: int = 5) -> None:
        """Want `nonce` next."""
        self.nonce = nonce
        self.script: list[str | HttpResponse] = []
        self.answers: dict[str, Answer] = {}
        self.sent: list[tuple[int, int]] = []
        self.fates: dict[str, int] = {}
        self.asked: list[str] = []
        self.is_down = False
        self.on_write: Callable[[], Any] | None = None

    async def request(self, request: HttpRequest, *, deadline_s: float) -> HttpResponse:
        """Answer as scripted."""
        name = request.path.removeprefix("/api/v1/")
        self.asked.append(name)
        if self.is_down:
            raise _failure(VenueUnavailable, name)
        if request.is_write:
            return await self._write(request, name)
        if name in self.answers:
            return self.answers[name](request)
        if name == "nextNonce":
            return reply(200, {"code": 200, "nonce": self.nonce})
        if name == "tx":
            return self._tx(request.params["value"])
        raise AssertionError(f"a request nobody expected: {name}")

    async def close(self) -> None:
        """Have nothing to close."""

    async def _write(self, request: HttpRequest, name: str) -> HttpResponse:
        assert request.form is not None
        form = request.form
        infos = [form["tx_info"]] if name == "sendTx" else list(json.loads(form["tx_infos"]))
        kinds = [int(form["tx_type"])] if name == "sendTx" else json.loads(form["tx_types"])
        if self.on_write is not None:
            await self.on_write()
        step = self.script.pop(0) if self.script else "taken"
        if step == "not sent":
            raise _failure(NotSent, name)
        nonces = [json.loads(info)["Nonce"] for info in infos]
        self.sent += zip(nonces, kinds, strict=True)
        if isinstance(step, HttpResponse):
            return step
        if step == "lost before":
            raise _failure(OutcomeUnknown, name)
        if nonces[0] != self.nonce:
            return reply(400, {"code": 21104, "message": "invalid nonce"})
        self.nonce = nonces[-1] + 1
        if step == "lost after":
            raise _failure(OutcomeUnknown, name)
        return reply(200, {"code": 200, "tx_hash": self._hashes(name, infos, kinds)})

    def _hashes(self, name: str, infos: list[str], kinds: list[int]) -> Any:
        pairs = zip(kinds, infos, strict=True)
        hashes = [tx_hash(kind, json.loads(info), 304) for kind, info in pairs]
        return hashes[0] if name == "sendTx" else hashes

    def _tx(self, tx_hash: str) -> HttpResponse:
        if tx_hash not in self.fates:
            return reply(400, {"code": 21500, "message": "transaction not found"})
        row = {"code": 200, "hash": tx_hash, "type": 14, "status": self.fates[tx_hash]}
        return reply(200, row)


def _failure(kind: type[VenueError], name: str) -> VenueError:
    return kind("as the script says", venue=VenueName.LIGHTER, request=name)
