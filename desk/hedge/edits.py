"""An edited configuration: what is different, when it acts, and what it may do to a hedge at once.

Pure; how a state adopts it stands in `desk.hedge.steps`. `docs/configuration.md` has the same table
for people, and a test keeps the two together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from desk.hedge.config import Config
from desk.hedge.state import BotState, Hedge

# All other keys concern an open hedge, too, from the moment they are read.
FROM_NEXT_OPENING = frozenset({
    "symbols_to_monitor",
    "base_capital_allocation",
    "leverage",
    "equity_use_max",
    "first_trade_usd",
    "min_net_apr_threshold",
    "require_expected_profit",
    "min_volume_24h_usd",
    "max_spread_bps",
    "entry_style",
})


@dataclass(frozen=True, slots=True)
class Edit:
    """One key with another value."""

    key: str
    old: object
    new: object

    def __str__(self) -> str:
        when = "the next opening" if self.key in FROM_NEXT_OPENING else "now"
        return f"{self.key}: {_shown(self.old)} -> {_shown(self.new)}, acts from {when} on"


def edits(old: Config, new: Config) -> list[Edit]:
    """Return every key whose value differs."""
    keys = (row.name for row in fields(Config))
    pairs = (Edit(key, getattr(old, key), getattr(new, key)) for key in keys)
    return [row for row in pairs if row.old != row.new]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value) or "all"
    return str(value)


def may_close(state: BotState, new: Config, at_ms: int) -> list[str]:
    """Return the keys by which an edit may close the hedge in hand at once: guards that become
    tighter, and ends that have passed already."""
    hedge = state.hedge
    if hedge is None or not hedge.is_standing:
        return []
    return list(_closing(state.config, new, hedge, at_ms))


def _closing(old: Config, new: Config, hedge: Hedge, at_ms: int) -> Iterator[str]:
    if new.stop_loss_pct < old.stop_loss_pct:
        yield "stop_loss_pct"
    if new.min_margin_distance_pct > old.min_margin_distance_pct:
        yield "min_margin_distance_pct"
    review_ms = (hedge.review_at_ms or at_ms) - old.hold_ms + new.hold_ms
    if new.hold_ms < old.hold_ms and review_ms <= at_ms:
        yield "hold_duration_hours"
    opened_ms = hedge.opened_at_ms or at_ms
    is_shorter = new.max_hold_ms != old.max_hold_ms and bool(new.max_hold_ms)
    if is_shorter and opened_ms + new.max_hold_ms <= at_ms:
        yield "max_hold_hours"
