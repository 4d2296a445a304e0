"""Everything about the Lighter server that a test may want otherwise: limits, timings, readings.

Where the venue's public evidence conflicts there is a switch with both readings; the default is
the reading that the most clients agree on.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class SignatureCheck(StrEnum):
    """How often the Schnorr signature of a transaction is verified (about 10 ms each).

    SAMPLED verifies the first transaction of every key and then each `SAMPLE_EVERY`-th.
    """

    ALWAYS = "always"
    SAMPLED = "sampled"
    OFF = "off"


class OrderTimes(StrEnum):
    """The unit of an order row's timestamp, created_at and updated_at.

    Both have been recorded; the published schema and ccxt take them for seconds.
    """

    SECONDS = "s"
    MILLISECONDS = "ms"


class TokenNeed(StrEnum):
    """Which streams refuse a subscription without a token, where the sources disagree.

    LENIENT asks none for account_all, account_all_trades and user_stats (SDK, ccxt); STRICT does.
    """

    LENIENT = "lenient"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one WebSocket connection may do (the venue's rate limit page), and what it costs.

    `outbound_frames_max` bounds the frames waiting for a slow reader; the venue does not document
    its own bound. Durations are seconds. Books and statistics that changed are sent together each
    `flush_interval_ms`, statistics no more often than each `stats_interval_ms` unless a reader of
    all of them has heard nothing for `quiet_ms_max`.
    """

    connections_max: int = 255
    subscriptions_max: int = 500
    accounts_max: int = 500
    messages_per_minute_max: int = 200
    inflight_max: int = 50
    outbound_frames_max: int = 4096
    ping_interval_s: float = 60.0
    idle_s_max: float = 120.0
    flush_interval_ms: int = 50
    stats_interval_ms: int = 0
    quiet_ms_max: int = 0


@dataclass(frozen=True, slots=True)
class LighterSwitches:
    """How this server reads what the venue leaves open.

    `client_order_index_bits` is 48, or 31 (seen refused above at some time). `batch_max` is 50,
    or 15 on WebSocket in newer notes. `account_orders_names_account` says whether that stream's
    frames are called `account_orders:{market}:{account}` or `account_orders:{market}`.
    `positions_in_full` says whether account_all_positions updates hold every position or those
    that changed. `empty_as_null` prints empty lists as null where the venue has been seen to.
    `touched_positions` adds zero-size rows for every market ever touched. `compress` negotiates
    permessage-deflate. `side_text` fills an order's `side`, which recorded frames leave empty.
    `chain_id` is part of every signed hash.
    """

    chain_id: int = 304
    signatures: SignatureCheck = SignatureCheck.ALWAYS
    order_times: OrderTimes = OrderTimes.SECONDS
    token_need: TokenNeed = TokenNeed.LENIENT
    client_order_index_bits: int = 48
    batch_max: int = 50
    batch_max_ws: int = 50
    account_orders_names_account: bool = True
    positions_in_full: bool = True
    empty_as_null: bool = True
    touched_positions: bool = True
    side_text: bool = False
    compress: bool = False
    sockets: SocketLimits = field(default_factory=SocketLimits)
