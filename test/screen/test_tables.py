"""Tables say what was read, what is missing and why, in words and figures."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.select import Candidate, rank
from desk.screen.tables import cycle_books, nearest_line, ranking
from test.screen.looks import AT_MS, markets, recorder, result

GOOD = {"BTC": "-200", "DOGE": "10"}
EVEN = {"BTC": "10.95", "DOGE": "10.95"}
TWO = Config(symbols_to_monitor=("BTC", "DOGE"))


def ranked(
    lighter: dict[str, str] = GOOD, pacifica: dict[str, str] = EVEN, config: Config = TWO
) -> list[Candidate]:
    """Return the candidates of a look."""
    return rank(config, markets(lighter, pacifica).venues, at_ms=AT_MS, set_aside={})


def text_of(table: object) -> str:
    """Return a table as plain text."""
    console = recorder()
    console.print(table)
    return console.export_text()


def row_of(text: str, word: str) -> list[str]:
    """Return the cells of the first line that has `word` in its first cell."""
    lines = [[cell.strip() for cell in line.split("│")] for line in text.splitlines()]
    return next(cells[1:-1] for cells in lines if len(cells) > 1 and cells[1] == word)


def test_a_pair_that_may_be_opened_has_its_figures() -> None:
    """Rates and their spread as yearly percent, both books, funding and cost in basis points."""
    text = text_of(ranking(ranked(), title="Funding"))

    cells = ["BTC", "-200.00 %", "10.95 %", "210.95 %", "lighter", "1.00 bp", "1.00 bp"]
    row = row_of(text, "BTC")
    assert text.startswith("Funding")
    assert cells == row[:7]
    assert ("10.00 bp", "may be opened") == (row[8], row[9])


def test_a_pair_that_may_not_be_opened_says_why() -> None:
    """Each refusal has what is missing in basis points, and the key that would change it."""
    verdict = " ".join(text_of(ranking(ranked(), title="Funding")).split())

    assert "spread below threshold" in verdict
    assert "(min_net_apr_threshold)" in verdict
    assert "bp short" in verdict
    assert "(require_expected_profit)" in verdict


def test_a_symbol_only_one_venue_lists_has_no_figures() -> None:
    """What is not known is a dash, and the reason names the venue."""
    row = row_of(text_of(ranking(ranked(pacifica={"DOGE": "10"}), title="")), "BTC")

    assert ["-200.00 %", "–", "–", "", "1.00 bp", "–", "–"] == row[1:8]
    assert row[8].startswith("≥ ")
    assert row[9].startswith("pacifica does not list BTC")


def test_a_record_without_books_says_so() -> None:
    """A recorded look has no books; that is not the same as books that were not fresh."""
    read = markets(GOOD, EVEN)
    for row in read.venues.values():
        row.quotes.clear()
    rows = rank(TWO, read.venues, at_ms=AT_MS, set_aside={}, needs_quotes=False)

    text = text_of(ranking(rows, title="", quotes_recorded=False))

    assert 4 == text.count("not recorded")
    assert row_of(text, "BTC")[8].startswith("≥ 8.00 bp")


def test_names_from_a_venue_are_not_markup() -> None:
    """A symbol with brackets in its name is shown as it is."""
    rows = ranked({"[red]X": "-100"}, {"[red]X": "10"}, Config(symbols_to_monitor=()))

    assert "[red]X" in text_of(ranking(rows, title=""))


def test_the_nearest_line_names_what_may_be_opened() -> None:
    """When something may be opened, one line says what and which way."""
    assert "BTC may be opened: long lighter, 210.95 % APR." == nearest_line(ranked())


def test_the_nearest_line_says_what_is_missing() -> None:
    """When nothing may be opened, one line has reason, missing basis points and key."""
    line = nearest_line(ranked({"BTC": "9", "DOGE": "10"}))

    assert line.startswith("Nothing to open. Nearest is BTC: spread below threshold, 0.42 bp short")
    assert "the key is min_net_apr_threshold" in line


def test_the_nearest_line_of_nothing() -> None:
    """Without a common symbol there is no nearest."""
    assert "No symbol is listed on both venues." == nearest_line([])


def test_the_books_split_each_leg() -> None:
    """Price, funding and fees of each leg and of both, fees as what they cost."""
    text = text_of(cycle_books(result()))

    assert "Cycle 3: BTC, 0.0005 each leg, closed because hold ended" in text
    assert ["long lighter", "+1.5000", "+0.0300", "+0.0000", "+1.5300"] == row_of(
        text, "long lighter"
    )
    assert ["short pacifica", "-1.4900", "+0.0100", "-0.0400", "-1.5200"] == row_of(
        text, "short pacifica"
    )
    assert ["both legs", "+0.0100", "+0.0400", "-0.0400", "+0.0100"] == row_of(text, "both legs")


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
    text = text_of(cycle_books(result(equity_change_usd=change, is_complete=is_complete)))

    assert words in " ".join(text.split())


def test_a_leg_that_is_missing_is_not_a_zero() -> None:
    """The books of a cycle show the venues that answered and no other."""
    whole = result(is_complete=False)
    whole.legs.pop(VenueName.PACIFICA)

    assert "pacifica" not in text_of(cycle_books(whole))
    assert Decimal("1.53") == whole.net_usd
