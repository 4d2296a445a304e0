"""What a WebSocket client may subscribe to, and who has subscribed to what.

Source: Pacifica docs (WebSocket subscriptions). An unknown symbol or account is met with silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from desk.sim.pacifica_server.context import AGG_LEVELS
from desk.sim.pacifica_server.rows import INTERVALS_MS
from desk.sim.web import encode

MARKET_SOURCES = frozenset({"book", "bbo", "trades", "candle", "mark_price_candle"})
CANDLE_SOURCES = frozenset({"candle", "mark_price_candle"})
ACCOUNT_SOURCES = frozenset(
    {
        "account_info",
        "account_margin",
        "account_leverage",
        "account_positions",
        "account_orders",
        "account_order_updates",
        "account_trades",
        "account_transfers",
        "account_twap_orders",
        "account_twap_order_updates",
        "account_liquidations",
    }
)
SOURCES = MARKET_SOURCES | ACCOUNT_SOURCES | {"prices"}


@dataclass(frozen=True, slots=True, order=True)
class Topic:
    """One thing to be told about: a source with its symbol or account, and for books the
    aggregation, for candles the interval."""

    source: str
    subject: str = ""
    detail: str = ""

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> "Topic | None":
        """Return what `params` ask for, None when a needed parameter is missing or wrong."""
        source = params.get("source")
        if source == "prices":
            return cls("prices")
        if source in ACCOUNT_SOURCES:
            account = params.get("account")
            return cls(source, account) if isinstance(account, str) else None
        symbol = params.get("symbol")
        if source not in MARKET_SOURCES or not isinstance(symbol, str):
            return None
        detail = _detail(source, params)
        return None if detail is None else cls(source, symbol, detail)

    @property
    def operation(self) -> str:
        """Return the name faults are matched against."""
        return f"stream {self.source} {self.subject}".rstrip()


def _detail(source: str, params: Mapping[str, Any]) -> str | None:
    if source in CANDLE_SOURCES:
        interval = params.get("interval")
        return interval if interval in INTERVALS_MS else None
    if source != "book":
        return ""
    agg_level = params.get("agg_level", 1)
    return str(agg_level) if agg_level in AGG_LEVELS else None


def frame_of(topic: Topic, data: object, **beside: object) -> bytes:
    """Return a stream frame; `beside` stands next to `data`."""
    return encode({"channel": topic.source, "data": data, **beside})


class Listener(Protocol):
    """One connection that frames are pushed to."""

    @property
    def number(self) -> int:
        """Return the connection's number, unique and rising."""
        ...

    @property
    def pushed_at_ms(self) -> int:
        """Return when a frame was last pushed."""
        ...

    def push(self, operation: str, frame: bytes) -> None:
        """Queue a frame."""
        ...


L = TypeVar("L", bound=Listener)


class Subscriptions(Generic[L]):
    """Who listens to what, in the order they came."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._listeners: dict[Topic, dict[int, L]] = {}
        self._topics: dict[tuple[str, str], dict[Topic, None]] = {}

    def add(self, topic: Topic, listener: L) -> None:
        """Let `listener` hear of `topic`; twice is once."""
        self._listeners.setdefault(topic, {})[listener.number] = listener
        self._topics.setdefault((topic.source, topic.subject), {})[topic] = None

    def remove(self, topic: Topic, listener: L) -> None:
        """Stop one subscription, if it exists."""
        listeners = self._listeners.get(topic, {})
        listeners.pop(listener.number, None)
        if not listeners:
            self._listeners.pop(topic, None)
            self._topics.get((topic.source, topic.subject), {}).pop(topic, None)

    def drop(self, listener: L) -> None:
        """Forget a connection."""
        for topic in list(self._listeners):
            self.remove(topic, listener)

    def count(self, listener: L, source: str) -> int:
        """Return how many subscriptions of one source a connection has."""
        return sum(
            topic.source == source and listener.number in listeners
            for topic, listeners in self._listeners.items()
        )

    def topics(self, source: str, subject: str) -> tuple[Topic, ...]:
        """Return the subscribed topics of a source about one subject."""
        return tuple(self._topics.get((source, subject), ()))

    def push(self, topic: Topic, frame: bytes) -> None:
        """Send a frame to everybody who listens to `topic`."""
        for listener in list(self._listeners.get(topic, {}).values()):
            listener.push(topic.operation, frame)

    def pushed_at_ms(self, topic: Topic) -> int:
        """Return when the one who has waited longest among those who listen to `topic` was last
        pushed any frame."""
        return min((row.pushed_at_ms for row in self._listeners.get(topic, {}).values()), default=0)

    @property
    def is_empty(self) -> bool:
        """Return whether nobody listens to anything."""
        return not self._listeners

    def has(self, topic: Topic) -> bool:
        """Return whether anybody listens to `topic`."""
        return topic in self._listeners
