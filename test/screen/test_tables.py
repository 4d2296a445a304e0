"""Tables say what was read, what is missing and why, in words and figures."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.text import Text

from desk.core.venue import VenueName
from desk.engine.said import Said
from desk.hedge.config import Config
from desk.hedge.nearest import Change
from desk.hedge.select import Candidate, rank
from desk.hedge.worth import Plan
from desk.screen.tables import (
    cycle_books,
    cycle_notes,
    cycle_title,
    nearest_line,
    obstacles,
    plan_line,
    ranking,
    substance,
)
from test.screen.looks import AT_MS, markets, recorder, result

GOOD = {"BTC": "-200", "DOGE": "10"}
EVEN = {"BTC": "10.95", "DOGE": "10.95"}
TWO = Config(symbols_to_monitor=("BTC", "DOGE"))
ALL = Config(symbols_to_monitor=())
LONG = {"BTC": "-20000", "DOGE": "10", "[red]X": "123456", "FARTCOINFARTCOINFART": "10"}


def ranked(
    lighter: dict[str, str] = GOOD, pacifica: dict[str, str] = EVEN, config: Config = TWO
) -> list[Candidate]:
    """Return the candidates of a look."""
    return rank(config, markets(lighter, pacifica).venues, at_ms=AT_MS, set_aside={})


def text_of(table: Text) -> str:
    """Return a table as plain text."""
    return table.plain


def shown(rows: list[Candidate], width: int = 120, **more: bool) -> str:
    """Return the ranking as plain text."""
    return ranking(rows, width=width, **more).plain


def row_of(text: str, word: str) -> list[str]:
    """Return the cells of the line that begins with `word`: two blanks part them."""
    line = next(line for line in text.splitlines() if line.startswith(word))
    return re.split(r"\s{2,}", line)


def test_a_pair_that_may_be_opened_has_its_figures() -> None:
    """Rates and their spread as yearly percent, both books, funding and cost in basis points."""
    row = row_of(shown(ranked()), "BTC")

    assert ["BTC", "-200.00", "10.95", "210.95", "lighter", "1.00", "1.00"] == row[:7]
    assert ("10.00", "may be opened") == (row[8], row[9])


def test_a_narrow_table_has_what_is_left_after_costs() -> None:
    """At 80 columns funding and cost make one figure, and the books go."""
    assert ["-200.00", "10.95", "210.95", "lighter", "3.15", "may be opened"] == row_of(
        shown(ranked(), width=80), "BTC"
    )[1:]


@pytest.mark.parametrize("width", [80, 100, 120, 139, 200])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    """From 80 columns on, whatever the symbols are called; each begins a line of its own."""
    lines = shown(ranked(LONG, dict.fromkeys(LONG, "10.95"), ALL), width=width).splitlines()

    assert set(LONG) == {line.split()[0] for line in lines[1:] if not line.startswith(" ")}
    assert width >= max(map(len, lines))


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_long_verdict_is_folded_not_cut(width: int) -> None:
    """Every word of it is there, below its beginning, and so are the keys below the table."""
    aside = {"BTC": "not opened 12x in a row, left alone for now, until 01-01 00:00:00 +0000"}
    rows = rank(TWO, markets(GOOD, EVEN).venues, at_ms=AT_MS, set_aside=aside)
    text = shown(rows, width=width)
    head, *lines = text.splitlines()
    column = head.index("verdict")
    begin = next(n for n, line in enumerate(lines) if line.startswith("BTC"))
    folded = [lines[begin], *(line for line in lines[begin + 1 :] if line.startswith(" "))]
    assert aside["BTC"] == " ".join(line[column:].strip() for line in folded)
    assert "…" not in text
    assert "(min_net_apr_threshold)" in " ".join(obstacles(rows))


def test_a_row_has_the_first_obstacle_only() -> None:
    """The other reasons stand below the table, each once."""
    rows = ranked()

    assert "spread below threshold" == row_of(shown(rows), "DOGE")[-1]
    assert [
        "spread below threshold (min_net_apr_threshold): DOGE 0.55 bp short",
        "funding below the costs (require_expected_profit): DOGE 9.94 bp short",
    ] == obstacles(rows)


def test_a_reason_that_many_share_is_listed_once() -> None:
    """It names all whom it concerns."""
    (first, *_) = obstacles(ranked({"BTC": "10", "DOGE": "10"}))

    assert first.endswith(": BTC 0.55 bp short, DOGE 0.55 bp short")


def test_a_symbol_only_one_venue_lists_has_no_figures() -> None:
    """What is not known is a dash, and the reason names the venue."""
    row = row_of(shown(ranked(pacifica={"DOGE": "10"})), "BTC")

    assert ["-200.00", "–", "–", "1.00", "–", "–"] == row[1:7]
    assert row[7].startswith("≥ ")
    assert row[8].startswith("pacifica does not list BTC")


def test_a_record_without_books_says_so() -> None:
    """A recorded look has no books; that is not the same as books that were not fresh."""
    read = markets(GOOD, EVEN)
    for row in read.venues.values():
        row.quotes.clear()
    rows = rank(TWO, read.venues, at_ms=AT_MS, set_aside={}, needs_quotes=False)

    text = shown(rows, quotes_recorded=False)

    assert 4 == text.count("not recorded")
    assert row_of(text, "BTC")[8].startswith("≥ 8.00")
    assert row_of(shown(rows, width=80), "BTC")[5].startswith("≤ ")


def test_names_from_a_venue_are_not_markup() -> None:
    """A symbol with brackets in its name is shown as it is."""
    rows = ranked({"[red]X": "-100"}, {"[red]X": "10"}, ALL)
    console = recorder()
    console.print(ranking(rows, width=80))

    assert "[red]X" in console.export_text()


def test_a_look_is_new_when_a_verdict_changes() -> None:
    """Figures alone change nothing in substance; another candidate or another reason does."""
    rows = [ranked(), ranked(GOOD | {"BTC": "-190"}), ranked({"BTC": "10", "DOGE": "-200"})]
    said = Said()

    assert [True, False, True] == [said.is_news(substance(each), AT_MS) for each in rows]


def test_the_nearest_line_names_what_may_be_opened() -> None:
    """When something may be opened, one line says what and which way."""
    assert "BTC may be opened: long lighter, 210.95 % APR." == nearest_line(ranked())


def test_the_nearest_line_says_what_is_missing() -> None:
    """When nothing may be opened, one line has reason, missing basis points and key."""
    line = nearest_line(ranked({"BTC": "9", "DOGE": "10"}))

    assert line.startswith("Nothing to open. Nearest is BTC: spread below threshold, 0.42 bp short")
    assert "the key is min_net_apr_threshold" in line


def test_the_plan_line_tells_dollars_and_the_return_on_both_margins() -> None:
    """Net on the notional of one leg; a year's return on the margins of two."""
    row = ranked()[0]
    plan = Plan(settlements=24, funding_bps=Decimal(30), doubt_bps=Decimal(2), cost_bps=Decimal(10))
    line = plan_line(replace(row, plan=plan, is_prior=False, break_even=9), Config())
    assert "28.92 bp expected in 24 h, 2.00 of doubt, 10.00 of costs" in line
    assert "+0.0946 USD net on two legs of 50 USD, 34.53 % a year on both margins" in line
    assert line.endswith("costs back after 9 h.")


def test_the_nearest_line_of_nothing() -> None:
    """Without a common symbol there is no nearest."""
    assert "No symbol is listed on both venues." == nearest_line([])


def test_the_nearest_names_what_would_have_it_opened() -> None:
    """Each way, and what belongs together in one."""
    maker, renew = Change("entry_style", "maker"), Change("renew_hold", True)
    low = Change("min_net_apr_threshold", Decimal("3.10"))
    line = nearest_line(ranked({"BTC": "9"}), [(maker,), (renew, low)])
    assert line.endswith(
        "It would be opened with entry_style = maker or with renew_hold = true and "
        "min_net_apr_threshold = 3.10."
    )


def test_the_books_split_each_leg() -> None:
    """Price, funding and fees of each leg and of both, fees as what they cost."""
    text = text_of(cycle_books(result()))

    assert [
        ["long lighter", "+1.5000", "+0.0300", "+0.0000", "+1.5300"],
        ["short pacifica", "-1.4900", "+0.0100", "-0.0400", "-1.5200"],
        ["both legs", "+0.0100", "+0.0400", "-0.0400", "+0.0100"],
    ] == [row_of(text, word) for word in ("long lighter", "short pacifica", "both legs")]


def test_the_title_says_what_it_was_and_how_long() -> None:
    """Size, time held, renewals and the reason of its end."""
    once = replace(result(), renewals=1)

    assert "cycle 3: 0.0005 BTC each leg, held 1 h, closed because: hold ended" == cycle_title(
        result()
    )
    assert "held 1 h, renewed once, closed" in cycle_title(once)
    assert "each leg, closed" in cycle_title(replace(once, opened_at_ms=None, renewals=0))


@pytest.mark.parametrize(
    ("change", "is_complete", "words"),
    [
        ("0.0100", True, "+0.0100 USD, agrees with the legs"),
        ("0.0149", True, "agrees with the legs"),
        ("0.0200", True, "differs by +0.0100"),
        (None, True, "not known"),
        (None, False, "incomplete: a venue has not handed out all rows; equity change: not known"),
        ("-0.5000", False, "equity change read from the venues: -0.5000 USD, differs by -0.5100"),
    ],
)
def test_the_books_are_held_against_the_equity(
    change: str | None, is_complete: bool, words: str
) -> None:
    """The change of equity read from the venues stands beside the sum of the legs."""
    (note,) = cycle_notes(result(equity_change_usd=change, is_complete=is_complete))

    assert words in note


def test_the_books_are_held_against_the_forecast() -> None:
    """What was hoped for at the opening stands beside what was paid."""
    hoped = replace(result(), forecast_usd=Decimal("0.05"))
    first, _ = cycle_notes(hoped)

    assert "funding: +0.0400 USD, the forecast at the opening was +0.0500" == first
    assert cycle_notes(replace(hoped, renewals=2))[0].endswith("the time before the renewal")


def test_the_opening_is_held_against_its_decision() -> None:
    """How long one leg could stand alone, and what that cost."""
    told = replace(result(), legging_ms=412, slippage_bps=Decimal("1.28"))
    expected = "opening: both legs within 412 ms, +1.3 bp against the mids it was decided on"
    assert expected == cycle_notes(told)[0]


def test_a_leg_that_is_missing_is_not_a_zero() -> None:
    """The books of a cycle show the venues that answered and no other."""
    whole = result(is_complete=False)
    whole.legs.pop(VenueName.PACIFICA)

    assert "pacifica" not in text_of(cycle_books(whole))
    assert Decimal("1.53") == whole.net_usd
    whole.legs.clear()
    assert "both legs" in text_of(cycle_books(whole))
