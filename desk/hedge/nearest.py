"""Which settings would change the verdict on a symbol that may not be opened now.

Pure: the same look is judged again under other settings, by the same rules. Guards are no settings
to turn for an opening, so none is tried.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from itertools import combinations
from typing import Any, NamedTuple

from desk.core.events import VenueMarkets
from desk.core.venue import VenueName
from desk.hedge.config import Config, EntryStyle
from desk.hedge.history import Histories
from desk.hedge.select import Candidate, rank

_PLACE = Decimal("0.01")


class Change(NamedTuple):
    """One key with another value."""

    key: str
    value: Any

    def __str__(self) -> str:
        """Return it as the file spells it."""
        value = self.value
        if isinstance(value, bool):
            return f"{self.key} = {str(value).lower()}"
        return f"{self.key} = {value:f}" if isinstance(value, Decimal) else f"{self.key} = {value}"


def changes_that_open(
    config: Config,
    markets: Mapping[VenueName, VenueMarkets],
    candidate: Candidate,
    *,
    at_ms: int,
    set_aside: Mapping[str, str],
    histories: Histories,
) -> list[tuple[Change, ...]]:
    """Return the changes that would have `candidate` opened: each that does alone, else the pairs
    that do together. Nothing where it may be opened already, or no setting is in the way."""
    if candidate.is_eligible:
        return []

    def opens(changes: tuple[Change, ...]) -> bool:
        keys = {row.key: row.value for row in changes}
        other = replace(config, symbols_to_monitor=(candidate.symbol,), **keys)
        (judged,) = rank(other, markets, at_ms=at_ms, set_aside=set_aside, histories=histories)
        return judged.is_eligible

    singles = list(_singles(config, candidate))
    for count in (1, 2):
        found = [way for way in combinations(singles, count) if opens(way)]
        if found:
            return found
    return []


def _singles(config: Config, candidate: Candidate) -> Iterator[Change]:
    """Yield what may be tried, the most harmless first."""
    if config.entry_style is not EntryStyle.MAKER:
        yield Change("entry_style", EntryStyle.MAKER)
    if not config.renew_hold:
        yield Change("renew_hold", True)
    spread = candidate.spread
    if spread is not None and spread.apr_pct < config.min_net_apr_threshold:
        least = spread.apr_pct.quantize(_PLACE, ROUND_DOWN)
        yield Change("min_net_apr_threshold", least)
    if config.require_expected_profit:
        yield Change("require_expected_profit", False)
