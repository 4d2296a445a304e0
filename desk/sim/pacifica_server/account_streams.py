"""The account channels: order updates, fills, positions, orders, money, settings.

Order of frames after a fill: order update, fill, positions, account (as the venue sends them).
"""

import asyncio

from desk.sim.exchange import (
    AccountChanged,
    ExchangeEvent,
    FillBooked,
    OrderChanged,
    PositionChanged,
    SettingChanged,
)
from desk.sim.pacifica_server import account_rows
from desk.sim.pacifica_server.connection import Connection
from desk.sim.pacifica_server.context import Context
from desk.sim.pacifica_server.subscriptions import Subscriptions, Topic, frame_of

SNAPSHOT_SOURCES = frozenset({"account_positions", "account_orders"})


class AccountStreams:
    """Tells subscribers what happened to accounts."""

    def __init__(self, context: Context, subscriptions: Subscriptions[Connection]) -> None:
        """Read from one context."""
        self._context = context
        self._exchange = context.exchange
        self._seen = context.mishaps.seen
        self._subscriptions = subscriptions
        self._settings: dict[tuple[int, str], tuple[str, bool]] = {}

    def snapshot(self, topic: Topic) -> bytes | None:
        """Return the frame after a subscription: the present list of positions or of orders,
        empty for an account that never deposited."""
        return self._frame(topic) if topic.source in SNAPSHOT_SOURCES else None

    def publish(self, events: list[ExchangeEvent]) -> None:
        """Send what a batch of events means: each order update and fill in turn, then the lists
        that changed."""
        changed: dict[str, dict[int, None]] = {
            "account_orders": {},
            "account_positions": {},
            "account_info": {},
        }
        for event in events:
            if isinstance(event, OrderChanged):
                self._on_order(event)
                changed["account_orders"][event.order.account_id] = None
            elif isinstance(event, FillBooked):
                self._on_fill(event)
            elif isinstance(event, PositionChanged):
                changed["account_positions"][event.account_id] = None
            elif isinstance(event, AccountChanged):
                changed["account_info"][event.account_id] = None
            elif isinstance(event, SettingChanged):
                self._on_setting(event)
        for source, account_ids in changed.items():
            for account_id in account_ids:
                topic = self._topic(source, account_id)
                if self._subscriptions.has(topic):
                    self._subscriptions.push(topic, self._frame(topic))

    def _topic(self, source: str, account_id: int) -> Topic:
        return Topic(source, self._context.registry.address(account_id))

    def _frame(self, topic: Topic) -> bytes:
        member = self._context.registry.find(topic.subject)
        if member is None:
            return frame_of(topic, [])
        if topic.source == "account_orders":
            open_orders = self._exchange.orders(member.account_id)
            return frame_of(
                topic, [account_rows.stream_open_order(self._seen(row)) for row in open_orders]
            )
        view = self._exchange.account(member.account_id)
        if topic.source == "account_info":
            return frame_of(topic, account_rows.stream_account(view))
        positions = [account_rows.stream_position(row) for row in view.positions.values()]
        return frame_of(topic, positions, li=self._exchange.sequence())

    def _on_order(self, event: OrderChanged) -> None:
        topic = self._topic("account_order_updates", event.order.account_id)
        if self._subscriptions.has(topic):
            row = account_rows.order_update(
                self._seen(event.order), account=topic.subject, sequence=self._exchange.sequence()
            )
            self._subscriptions.push(topic, frame_of(topic, [row]))

    def _on_fill(self, event: FillBooked) -> None:
        topic = self._topic("account_trades", event.fill.account_id)
        if not self._subscriptions.has(topic):
            return
        row = account_rows.stream_fill(
            event.fill, account=topic.subject, sequence=self._exchange.sequence()
        )
        frame = frame_of(topic, [row])
        delay_s = self._context.switches.sockets.account_trades_delay_s
        if delay_s > 0:
            loop = asyncio.get_running_loop()
            loop.call_later(delay_s, self._subscriptions.push, topic, frame)
        else:
            self._subscriptions.push(topic, frame)

    def _on_setting(self, event: SettingChanged) -> None:
        """Tell what changed of leverage and margin mode, which are two channels."""
        setting = next(
            row for row in self._exchange.settings(event.account_id) if row.symbol == event.symbol
        )
        row = account_rows.setting(setting)
        key, current = (event.account_id, event.symbol), (str(row["leverage"]), row["isolated"])
        before = self._settings.get(key, ("", False))
        self._settings[key] = (current[0], bool(current[1]))
        owner = self._context.registry.address(event.account_id)
        common = {"u": owner, "s": event.symbol, "t": self._context.door.now_ms()}
        if before[0] != current[0]:
            leverage = Topic("account_leverage", owner)
            self._subscriptions.push(leverage, frame_of(leverage, {**common, "l": current[0]}))
        if before[1] != current[1]:
            margin = Topic("account_margin", owner)
            self._subscriptions.push(margin, frame_of(margin, {**common, "i": current[1]}))
