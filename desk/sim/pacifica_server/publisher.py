"""Queues what happens on the exchange and has it told on the event loop's next turn.

So a client gets the answer to its operation before what follows from it, and the exchange is never
called back while it tells.
"""

import asyncio

from desk.sim.exchange import ExchangeEvent
from desk.sim.pacifica_server.account_streams import AccountStreams
from desk.sim.pacifica_server.connection import Connection
from desk.sim.pacifica_server.context import Context
from desk.sim.pacifica_server.market_streams import MarketStreams
from desk.sim.pacifica_server.subscriptions import ACCOUNT_SOURCES, Subscriptions, Topic

EVENTS_WAITING_MAX = 100_000


class Publisher:
    """Tells subscribers what happened."""

    def __init__(self, context: Context, subscriptions: Subscriptions[Connection]) -> None:
        """Listen to the exchange from now on."""
        self._exchange = context.exchange
        self._subscriptions = subscriptions
        self._accounts = AccountStreams(context, subscriptions)
        self._markets = MarketStreams(context, subscriptions)
        self._events: list[ExchangeEvent] = []
        self._exchange.listen(self._on_event)

    def close(self) -> None:
        """Stop listening and stop the timers."""
        self._exchange.unlisten(self._on_event)
        self._markets.close()

    def snapshot(self, topic: Topic) -> bytes | None:
        """Return the frame that follows a subscription's acknowledgement, None where the venue
        sends none."""
        streams = self._accounts if topic.source in ACCOUNT_SOURCES else self._markets
        return streams.snapshot(topic)

    def _on_event(self, event: ExchangeEvent) -> None:
        if self._subscriptions.is_empty or len(self._events) >= EVENTS_WAITING_MAX:
            return
        if not self._events:
            asyncio.get_running_loop().call_soon(self._publish)
        self._events.append(event)

    def _publish(self) -> None:
        events, self._events = self._events, []
        self._accounts.publish(events)
        self._markets.publish(events)
