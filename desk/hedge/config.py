"""The owner's configuration: every key, its default, its range, and one clear line for each way to
get it wrong.

Reading the file is the caller's; this module turns its text into a `Config` or raises
`ConfigError`. The meaning and the reason of each default stand in `docs/configuration.md`, and a
test keeps the two together.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from desk.core.errors import ConfigError

Raw = object
ALL_SYMBOLS = "all"
SYMBOLS_MAX = 100
MISTAKES_SHOWN_MAX = 3
SHOWN_LENGTH_MAX = 60


class EntryStyle(StrEnum):
    """How a hedge is entered."""

    TAKER = "taker"
    MAKER = "maker"


@dataclass(frozen=True, slots=True)
class Config:
    """Every key of `bot_config.json`.

    An empty `symbols_to_monitor` means every symbol both venues list.
    """

    symbols_to_monitor: tuple[str, ...] = ("BTC", "ETH", "SOL", "BNB", "ASTER", "DOGE")
    base_capital_allocation: Decimal = Decimal(50)
    leverage: int = 1
    equity_use_max: Decimal = Decimal("0.8")
    first_trade_usd: Decimal = Decimal(0)
    min_net_apr_threshold: Decimal = Decimal(5)
    require_expected_profit: bool = True
    hold_duration_hours: Decimal = Decimal(12)
    renew_hold: bool = True
    max_hold_hours: Decimal = Decimal(0)
    wait_between_cycles_minutes: Decimal = Decimal(5)
    min_volume_24h_usd: Decimal = Decimal(1_000_000)
    max_spread_bps: Decimal = Decimal(15)
    entry_style: EntryStyle = EntryStyle.TAKER
    slippage_max_bps: Decimal = Decimal(10)
    close_slippage_max_bps: Decimal = Decimal(50)
    fill_deadline_s: Decimal = Decimal(5)
    unknown_s_max: Decimal = Decimal(60)
    stop_loss_pct: Decimal = Decimal(50)
    min_margin_distance_pct: Decimal = Decimal(15)
    venue_triggers: bool = True
    check_interval_seconds: Decimal = Decimal(60)

    @property
    def hold_ms(self) -> int:
        """Return the time to the first review of a hedge."""
        return int(self.hold_duration_hours * 3_600_000)

    @property
    def max_hold_ms(self) -> int:
        """Return the longest life of a hedge, 0 for no limit."""
        return int(self.max_hold_hours * 3_600_000)

    @property
    def wait_ms(self) -> int:
        """Return the pause between cycles."""
        return int(self.wait_between_cycles_minutes * 60_000)

    @property
    def check_ms(self) -> int:
        """Return the time between full checks of both venues."""
        return int(self.check_interval_seconds * 1000)


def parse_config(text: str, *, source: str) -> Config:
    """Return the configuration in `text` (JSON); `source` is the file's name for the messages.

    Raises `ConfigError`: a line for each of the first three mistakes, naming the key, the value and
    what is allowed.
    """
    try:
        raw = json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=Decimal,  # NaN and Infinity: refused below, where their key is known
            object_pairs_hook=_unique_pairs,
        )
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: not valid JSON: {_fault(error, text)}") from error
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{source}: must hold one JSON object, {{...}}; see docs/configuration.md"
        )
    return _from_mapping(raw, source=source)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:  # an exponent of twenty digits
        raise ConfigError(f"{text[:SHOWN_LENGTH_MAX]} is a number beyond all measure") from error


def _integer(text: str) -> int:
    if len(text) > SHOWN_LENGTH_MAX:
        raise ConfigError(f"{text[:SHOWN_LENGTH_MAX]}... is a number beyond all measure")
    return int(text)


def _fault(error: ValueError | RecursionError, text: str) -> str:
    """Return where the text stops being JSON, and what is the most usual reason for that."""
    if not text.strip():
        return "it is empty; copy the repository's bot_config.json there"
    if not isinstance(error, json.JSONDecodeError):
        return "too many brackets within brackets; mend the file"
    is_a_name = "property name" in error.msg
    usual = " (a comma after the last value, or a name without double quotes?)" if is_a_name else ""
    return f"line {error.lineno}, column {error.colno}: {error.msg.lower()}{usual}; mend the file"


def _from_mapping(raw: Mapping[str, Raw], *, source: str) -> Config:
    values: dict[str, object] = {}
    mistakes: list[str] = []
    for key, value in raw.items():
        if key.startswith("comment"):
            continue
        try:
            values[key] = _read(key, value)
        except ConfigError as error:
            mistakes.append(str(error))
    config = Config(**values)  # type: ignore[arg-type]  # each reader returns its field's type
    if not mistakes:  # else a default would be judged in the place of what is meant
        mistakes = _contradictions(config)
    if mistakes:
        raise ConfigError(_told(mistakes, source))
    return config


def _read(key: str, value: Raw) -> object:
    if key not in _READERS:
        raise ConfigError(f"unknown key {key!r}{_nearest(key)}")
    try:
        return _READERS[key](value)
    except ConfigError as error:
        raise ConfigError(f"{key} = {_shown(value)} is not allowed: {error}") from error


def _told(mistakes: list[str], source: str) -> str:
    """Return the first mistakes, a line each; the last one says how many there are besides."""
    lines = [f"{source}: {mistake}" for mistake in mistakes[:MISTAKES_SHOWN_MAX]]
    more = len(mistakes) - len(lines)
    if more:
        lines[-1] += f" ({more} more mistake{'s' if more > 1 else ''} in the file)"
    return "\n".join(lines)


def _contradictions(config: Config) -> list[str]:
    """Return what is wrong between two keys that are good alone."""
    wrong: list[str] = []
    if config.first_trade_usd > config.base_capital_allocation:
        wrong.append(
            f"first_trade_usd = {config.first_trade_usd} must not exceed "
            f"base_capital_allocation = {config.base_capital_allocation}"
        )
    if config.max_hold_hours and config.max_hold_hours < config.hold_duration_hours:
        wrong.append(
            f"max_hold_hours = {config.max_hold_hours} must be 0 or at least "
            f"hold_duration_hours = {config.hold_duration_hours}"
        )
    if config.close_slippage_max_bps < config.slippage_max_bps:
        wrong.append(
            f"close_slippage_max_bps = {config.close_slippage_max_bps} must be at least "
            f"slippage_max_bps = {config.slippage_max_bps}"
        )
    return wrong


def _unique_pairs(pairs: list[tuple[str, Raw]]) -> dict[str, Raw]:
    seen: dict[str, Raw] = {}
    for key, value in pairs:
        if key in seen:
            raise ConfigError(f"key {key!r} is given twice; keep one")
        seen[key] = value
    return seen


def _nearest(key: str) -> str:
    """Return a hint at the key that was probably meant, or at the page that lists them all."""
    letters = set(key.lower())

    def shared(name: str) -> float:
        return len(letters & set(name)) / len(letters | set(name))

    best = max(sorted(_READERS), key=shared)
    hint = f"; did you mean {best!r}?" if shared(best) > 0.8 else "; see docs/configuration.md"
    return hint + " (keys that start with 'comment' are ignored)"


def _shown(value: Raw) -> str:
    """Return a value as the file spells it, cut to a readable length."""
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, default=str)
    return text if len(text) <= SHOWN_LENGTH_MAX else text[: SHOWN_LENGTH_MAX - 3] + "..."


def _number(
    low: str, high: str, *, above: bool = False, or_zero: bool = False
) -> Callable[[Raw], Decimal]:
    """Return a reader of a number in low..high (`above`: the low end excluded)."""

    def read(value: Raw) -> Decimal:
        allowed = f"a number {'above' if above else 'from'} {low} to {high}"
        allowed = "0, or " + allowed if or_zero else allowed
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise ConfigError(f"write {allowed}, without quotes")
        number = Decimal(value)
        if not number.is_finite():
            raise ConfigError(f"write {allowed}")
        if or_zero and number == 0:
            return number
        low_ok = number > Decimal(low) if above else number >= Decimal(low)
        if not (low_ok and number <= Decimal(high)):
            raise ConfigError(f"write {allowed}")
        return number

    return read


def _boolean(value: Raw) -> bool:
    if not isinstance(value, bool):
        raise ConfigError("write true or false, without quotes")
    return value


def _leverage(value: Raw) -> int:
    if isinstance(value, bool) or value != 1 or not isinstance(value, int):
        raise ConfigError("write 1; leverage above 1x is refused by design")
    return 1


def _entry_style(value: Raw) -> EntryStyle:
    if value not in tuple(EntryStyle):
        raise ConfigError('write "taker" or "maker"')
    return EntryStyle(str(value))


def _symbols(value: Raw) -> tuple[str, ...]:
    allowed = f'write "{ALL_SYMBOLS}" or a list of 1 to {SYMBOLS_MAX} different symbols'
    if value == ALL_SYMBOLS:
        return ()
    if not isinstance(value, list) or not 1 <= len(value) <= SYMBOLS_MAX:
        raise ConfigError(allowed + ', such as ["BTC", "ETH"]')
    for symbol in value:
        if not _is_symbol(symbol):
            raise ConfigError(f"{_shown(symbol)} is not a symbol: write letters and digits")
    if len(set(value)) != len(value):
        raise ConfigError("a symbol is listed twice; keep one")
    return tuple(value)


def _is_symbol(value: Raw) -> bool:
    return isinstance(value, str) and value.isascii() and value.isalnum() and len(value) <= 20


_READERS: Mapping[str, Callable[[Raw], object]] = {
    "symbols_to_monitor": _symbols,
    "base_capital_allocation": _number("10", "10000000"),
    "leverage": _leverage,
    "equity_use_max": _number("0", "1", above=True),
    "first_trade_usd": _number("10", "10000000", or_zero=True),
    "min_net_apr_threshold": _number("0", "10000"),
    "require_expected_profit": _boolean,
    "hold_duration_hours": _number("0", "8760", above=True),
    "renew_hold": _boolean,
    "max_hold_hours": _number("0", "87600"),
    "wait_between_cycles_minutes": _number("0", "10080"),
    "min_volume_24h_usd": _number("0", "1000000000000"),
    "max_spread_bps": _number("0", "1000", above=True),
    "entry_style": _entry_style,
    "slippage_max_bps": _number("0.1", "500"),
    "close_slippage_max_bps": _number("0.1", "1000"),
    "fill_deadline_s": _number("1", "60"),
    "unknown_s_max": _number("5", "600"),
    "stop_loss_pct": _number("0", "80", above=True),
    "min_margin_distance_pct": _number("1", "80"),
    "venue_triggers": _boolean,
    "check_interval_seconds": _number("0.5", "3600"),
}
