"""The owner's file: every key, every way to get it wrong, one clear line for each."""

import json
import re
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from desk.core.errors import ConfigError
from desk.hedge.config import Config, EntryStyle, parse_config

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "bot_config.json"

GOOD: dict[str, list[tuple[str, object]]] = {
    "symbols_to_monitor": [('"all"', ()), ('["BTC"]', ("BTC",)), ('["kBONK"]', ("kBONK",))],
    "base_capital_allocation": [("10", 10), ("50.5", "50.5"), ("1e7", 10**7)],
    "leverage": [("1", 1)],
    "equity_use_max": [("0.000001", "0.000001"), ("1", 1)],
    "first_trade_usd": [("0", 0), ("10", 10), ("50", 50)],
    "min_net_apr_threshold": [("0", 0), ("10000", 10000), ("-0", 0)],
    "require_expected_profit": [("true", True), ("false", False)],
    "hold_duration_hours": [("0.25", "0.25"), ("8760", 8760)],
    "renew_hold": [("true", True), ("false", False)],
    "max_hold_hours": [("0", 0), ("12", 12), ("87600", 87600)],
    "wait_between_cycles_minutes": [("0", 0), ("10080", 10080)],
    "min_volume_24h_usd": [("0", 0), ("1000000000000", 10**12)],
    "max_spread_bps": [("0.1", "0.1"), ("1000", 1000)],
    "entry_style": [('"taker"', EntryStyle.TAKER), ('"maker"', EntryStyle.MAKER)],
    "slippage_max_bps": [("0.1", "0.1"), ("50", 50)],
    "close_slippage_max_bps": [("10", 10), ("1000", 1000)],
    "fill_deadline_s": [("1", 1), ("60", 60)],
    "unknown_s_max": [("5", 5), ("600", 600)],
    "stop_loss_pct": [("0.1", "0.1"), ("80", 80)],
    "min_margin_distance_pct": [("1", 1), ("80", 80)],
    "venue_triggers": [("true", True), ("false", False)],
    "check_interval_seconds": [("0.5", "0.5"), ("3600", 3600)],
}
NOT_NUMBERS = ['"5"', "true", "null", "[5]", "NaN", "Infinity", "-Infinity"]
OUT_OF_RANGE: dict[str, list[str]] = {
    "symbols_to_monitor": [
        *("[]", '"BTC"', "[1]", '["B-C"]', '["BTC", "BTC"]', '["Ä"]', "null"),
        json.dumps([f"S{number}" for number in range(101)]),
        json.dumps(["X" * 21]),
    ],
    "base_capital_allocation": ["9.99", "10000000.01", "-50", "1e999999"],
    "leverage": ["0", "2", "1.5", "1.0", "true", '"1"'],
    "equity_use_max": ["0", "1.01"],
    "first_trade_usd": ["9.99", "-1", "51"],
    "min_net_apr_threshold": ["-0.01", "10001"],
    "require_expected_profit": ["1", '"true"', "null"],
    "hold_duration_hours": ["0", "8761"],
    "renew_hold": ["0", '"no"'],
    "max_hold_hours": ["-1", "11.9", "87601"],
    "wait_between_cycles_minutes": ["-1", "10081"],
    "min_volume_24h_usd": ["-1", "1000000000001"],
    "max_spread_bps": ["0", "1001"],
    "entry_style": ['"limit"', "1", '["taker"]'],
    "slippage_max_bps": ["0.09", "501", "51"],
    "close_slippage_max_bps": ["9.9", "1001"],
    "fill_deadline_s": ["0.9", "61"],
    "unknown_s_max": ["4", "601"],
    "stop_loss_pct": ["0", "81"],
    "min_margin_distance_pct": ["0.5", "81"],
    "venue_triggers": ["1", "null"],
    "check_interval_seconds": ["0.49", "3601"],
}
NUMBER_KEYS = [entry.name for entry in fields(Config) if isinstance(entry.default, Decimal)]


def refusal(text: str) -> str:
    """Return the message with which a text is refused."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source=SOURCE)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(SOURCE)
    return message


def pairs(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Return key and value of every case."""
    return [(key, value) for key, values in table.items() for value in values]


@pytest.mark.parametrize(
    ("key", "text", "value"), [(key, *case) for key, cases in GOOD.items() for case in cases]
)
def test_a_good_value_is_read_exactly(key: str, text: str, value: object) -> None:
    """Numbers are read as decimals, to the last digit; every other key keeps its default."""
    config = parse_config(f'{{"{key}": {text}}}', source=SOURCE)
    wanted = Decimal(value) if key in NUMBER_KEYS else value  # type: ignore[arg-type]
    assert wanted == getattr(config, key)
    others = {entry.name for entry in fields(Config)} - {key}
    assert {getattr(config, name) == getattr(Config(), name) for name in others} == {True}


@pytest.mark.parametrize(("key", "text"), pairs(OUT_OF_RANGE))
def test_a_bad_value_is_refused_by_name(key: str, text: str) -> None:
    """The one line names the key, shows the value, and says what is allowed."""
    message = refusal(f'{{"{key}": {text}}}')
    assert key in message
    assert any(word in message for word in ("write", "must", "keep one"))


@pytest.mark.parametrize("key", NUMBER_KEYS)
@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_a_number_is_a_finite_number_and_nothing_else(key: str, text: str) -> None:
    """Texts, truth values, nothing, lists, NaN and infinities are no numbers, whatever the key."""
    assert f"{key} = {text} is not allowed: write " in refusal(f'{{"{key}": {text}}}')


def test_the_tables_of_this_test_name_every_key() -> None:
    """No key of the configuration is left untested."""
    keys = [entry.name for entry in fields(Config)]
    assert keys == list(GOOD)
    assert keys == list(OUT_OF_RANGE)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("base_capital_alocation", "did you mean 'base_capital_allocation'?"),
        ("Leverage", "did you mean 'leverage'?"),
        ("zzz", "see docs/configuration.md"),
        ("", "see docs/configuration.md"),
        ("config\n", "see docs/configuration.md"),
    ],
)
def test_an_unknown_key_stops_the_start(key: str, hint: str) -> None:
    """The message names the key and, where one is near, the key that was probably meant."""
    message = refusal(json.dumps({key: 1}))
    assert f"unknown key {key!r}" in message
    assert hint in message


def test_a_key_given_twice_is_refused() -> None:
    """Which of the two was meant, nobody can say."""
    assert "'leverage' is given twice" in refusal('{"leverage": 1, "leverage": 1}')


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"leverage": 1,}', "[" * 10**5, "\ufeff{}"])
def test_a_file_that_is_not_json_is_refused(text: str) -> None:
    """Also an empty one: there is no silent default for an unreadable file."""
    assert "not valid JSON" in refusal(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is empty; copy the repository's bot_config.json there"),
        ('{\n"leverage": 1,\n}', "line 3, column 1: .*a comma after the last value"),
        ("{'leverage': 1}", "line 1, column 2: .*without double quotes"),
        ('{"leverage": 1 "x": 2}', "line 1, column 16: expecting ',' delimiter; mend the file"),
        ("[" * 10**5, "too many brackets within brackets"),
    ],
)
def test_the_place_where_json_ends_is_told(text: str, fault: str) -> None:
    """Line, column and the usual slip, for somebody who never reads JSON."""
    assert re.search(fault, refusal(text))


@pytest.mark.parametrize("text", ["1e99999999999999999999", "-1e-99999999999999999999", "9" * 5000])
def test_a_number_beyond_all_measure_is_refused(text: str) -> None:
    """Whatever the decimal arithmetic or the interpreter would say to it."""
    assert f"{text[:60]}" in refusal(f'{{"stop_loss_pct": {text}}}')


def refusals(text: str) -> list[str]:
    """Return the lines with which a text with several mistakes is refused."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source=SOURCE)
    return str(caught.value).split("\n")


def test_several_mistakes_are_told_in_one_go() -> None:
    """A line each, in the order of the file, each with the file's name."""
    lines = refusals('{"leverage": 3, "levrage": 1, "renew_hold": 1}')

    assert [f"{SOURCE}: {word}" for word in ("leverage = 3", "unknown key", "renew_hold = 1")] == [
        " ".join(line.split()[: 4 if "=" in line else 3]) for line in lines
    ]


def test_at_most_three_mistakes_are_shown_and_the_others_counted() -> None:
    """The last line says how many there are besides."""
    lines = refusals('{"leverage": 3, "levrage": 1, "renew_hold": 1, "x": 1, "y": 2}')

    assert 3 == len(lines)
    assert lines[2].endswith("without quotes (2 more mistakes in the file)")


def test_contradictions_are_told_together() -> None:
    """Rules that join keys are judged once each key is good alone."""
    text = '"first_trade_usd": 60, "max_hold_hours": 6'

    assert 2 == len(refusals(f"{{{text}}}"))
    assert 1 == len(refusals(f'{{{text}, "leverage": 2}}'))


@pytest.mark.parametrize("text", ["[]", "null", "1", '"all"'])
def test_a_file_without_an_object_is_refused(text: str) -> None:
    """JSON alone is not enough: the keys need an object to stand in."""
    assert "must hold one JSON object" in refusal(text)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('{"first_trade_usd": 60}', ("first_trade_usd", "base_capital_allocation")),
        ('{"max_hold_hours": 6}', ("max_hold_hours", "hold_duration_hours")),
        ('{"slippage_max_bps": 60}', ("close_slippage_max_bps", "slippage_max_bps")),
    ],
)
def test_a_joint_rule_names_both_keys(text: str, keys: tuple[str, str]) -> None:
    """Where two values contradict each other the message shows both."""
    message = refusal(text)
    assert all(f"{key} = " in message for key in keys)


def test_comments_are_ignored() -> None:
    """Whatever they hold, even what would be refused elsewhere."""
    text = '{"comment": NaN, "comment_why": ["x"], "comments": {"leverage": 5}}'
    assert Config() == parse_config(text, source=SOURCE)


def test_the_shipped_file_is_the_default() -> None:
    """It spells every key out, with the value that leaving it out would give."""
    text = (ROOT / SOURCE).read_text("utf-8")
    assert Config() == parse_config(text, source=SOURCE)
    keys = [key for key in json.loads(text) if not key.startswith("comment")]
    assert sorted(entry.name for entry in fields(Config)) == sorted(keys)


def page_rows() -> list[tuple[str, str, str]]:
    """Return key, default and allowed values of each row of the page's table of keys."""
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    table = page.partition("## Keys")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| `([^`]*)` \| ([^|]*) \|", table, re.MULTILINE)


def test_the_page_lists_every_key_with_its_default() -> None:
    """docs/configuration.md and the parser say the same."""
    text = ", ".join(f'"{key}": {default}' for key, default, _ in page_rows())
    assert Config() == parse_config(f"{{{text}}}", source="docs")
    assert [entry.name for entry in fields(Config)] == sorted(
        (key for key, _, _ in page_rows()), key=list(GOOD).index
    )


@pytest.mark.parametrize("key", NUMBER_KEYS)
def test_the_page_gives_the_parsers_limits(key: str) -> None:
    """The largest value the page allows is read and a larger one refused; the same for the
    least.
    """
    allowed = {row[0]: row[2].replace(",", "") for row in page_rows()}[key]
    for number in re.findall(r"(?:up to|to) ([\d.]+)", allowed):
        values = {"close_slippage_max_bps": "1000", key: number}
        text = ", ".join(f'"{name}": {value}' for name, value in values.items())
        parse_config(f"{{{text}}}", source=SOURCE)
        refusal(f'{{"{key}": {Decimal(number) + 1}}}')
    for above, number in re.findall(r"(above |number |from )([\d.]+) ", allowed):
        if above == "above ":
            refusal(f'{{"{key}": {number}}}')
        else:
            parse_config(f'{{"{key}": {number}}}', source=SOURCE)
            refusal(f'{{"{key}": {Decimal(number) - 1}}}')


def test_a_long_value_is_shown_in_short() -> None:
    """A message stays readable whatever was pasted into the file."""
    assert len(refusal(json.dumps({"entry_style": "x" * 10_000}))) < 200
