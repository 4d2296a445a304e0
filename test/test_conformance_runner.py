"""The conformance runner's own logic: it misses nothing, believes nothing, and can fail."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable

import pytest

from test.conformance.clients.suite import Check, Mismatch, Suite, refused, run_all, until
from test.conformance.plan import ROOT, runs
from test.conformance.results import Outcome, Result, Transcript, failed, markdown, with_table

SUBJECT = "a client"


async def works(subject: str) -> str:
    """Answer what was seen."""
    return f"saw {subject}"


async def breaks(subject: str) -> str:
    """Fail."""
    raise Mismatch("position: expected 1, the client saw 0")


async def hangs(subject: str) -> str:
    """Never answer."""
    never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    return await never


def lines_of(*checks: Check[str]) -> list[str]:
    """Return what a script with these checks writes."""
    out = io.StringIO()
    asyncio.run(run_all(checks, SUBJECT, out))
    return out.getvalue().splitlines()


def results_of(*lines: str, why: str = "") -> list[Result]:
    """Return what the runner makes of a script's lines."""
    transcript = Transcript("a run")
    for line in lines:
        transcript.feed(line)
    return transcript.end(why)


def outcome_of(run: Callable[[str], Awaitable[str]], **options: object) -> Result:
    """Return the result of one check, from the script to the runner."""
    suite: Suite[str] = Suite()
    suite.check("a check", **options)(run)  # type: ignore[arg-type]
    [result] = results_of(*lines_of(*suite.checks))
    return result


def test_a_check_that_answers_has_passed() -> None:
    """What was seen is shown."""
    result = outcome_of(works)

    assert (Outcome.PASSED, "saw a client") == (result.outcome, result.text)


def test_a_check_that_raises_has_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """The error's text is in the result, its traceback on standard error."""
    result = outcome_of(breaks)

    assert Outcome.FAILED is result.outcome
    assert "Mismatch: position: expected 1, the client saw 0" == result.text
    assert "Traceback" in capsys.readouterr().err


def test_a_check_that_hangs_has_failed() -> None:
    """At its deadline it is given up, and says so."""
    result = outcome_of(hangs, deadline_s=0.0)

    assert (Outcome.FAILED, "no answer within 0 s") == (result.outcome, result.text)


def test_a_known_limit_that_holds_is_told_with_its_reason() -> None:
    """It is neither passed nor failed."""
    result = outcome_of(works, limit="it cannot count")

    assert (Outcome.LIMIT, "it cannot count") == (result.outcome, result.text)
    assert [] == failed([result])


def test_a_known_limit_excuses_no_other_failure() -> None:
    """A check with a limit fails like any other."""
    result = outcome_of(breaks, limit="it cannot count")

    assert Outcome.FAILED is result.outcome
    assert [result] == failed([result])


def test_a_failed_check_does_not_end_the_script() -> None:
    """Those after it run."""
    checks = [Check("first", breaks), Check("second", works)]

    results = results_of(*lines_of(*checks))

    assert [Outcome.FAILED, Outcome.PASSED] == [result.outcome for result in results]


def test_a_script_that_dies_half_way_has_failed() -> None:
    """Checks that were planned and did not come are failures, with how the script ended."""
    plan, *rest = lines_of(Check("first", works), Check("second", works))

    results = results_of(plan, *rest[:2], why="exit code -9")

    assert [("first", "saw a client"), ("second", "exit code -9")] == [
        (result.check, result.text) for result in results
    ]
    assert ["second"] == [result.check for result in failed(results)]


def test_a_script_that_says_nothing_has_failed() -> None:
    """No plan, no success, even with exit code 0."""
    assert ["the script starts"] == [result.check for result in failed(results_of())]


def test_a_script_that_ends_badly_after_its_last_check_has_failed() -> None:
    """Its exit code counts, too."""
    results = results_of(*lines_of(Check("first", works)), why="exit code 1")

    assert ["the script ends"] == [result.check for result in failed(results)]


def test_what_a_client_prints_is_log() -> None:
    """Lines that are not ours disturb nothing and are kept."""
    transcript = Transcript("a run")
    lines = lines_of(Check("first", works))

    for line in [lines[0], "Server shutting down", "17", *lines[1:]]:
        transcript.feed(line)

    assert [] == failed(transcript.end(""))
    assert ["Server shutting down", "17"] == transcript.log


def test_the_check_under_way_is_known() -> None:
    """The screen can name it before it has ended."""
    transcript = Transcript("a run")

    transcript.feed(json.dumps({"begin": "order book"}))

    assert "order book" == transcript.now


def test_refused_wants_the_very_refusal() -> None:
    """Going through is a mismatch, another text is one, another error stays what it is."""

    async def play(request: Awaitable[object]) -> str:
        return await refused(request, KeyError, "21120")

    async def meets(error: Exception) -> None:
        raise error

    assert "KeyError: 21120" == asyncio.run(play(meets(KeyError("code 21120"))))
    with pytest.raises(Mismatch, match="not refused"):
        asyncio.run(play(works("")))
    with pytest.raises(Mismatch, match="but not with"):
        asyncio.run(play(meets(KeyError("code 400"))))
    with pytest.raises(OSError, match="refused"):
        asyncio.run(play(meets(OSError("connection refused"))))


def test_until_returns_the_wanted_value() -> None:
    """A value that is right at once needs no wait."""

    async def read() -> int:
        return 5

    assert 5 == asyncio.run(until(read, lambda value: value == 5, "five"))


def test_the_document_gets_the_new_table() -> None:
    """What stands between the markers is replaced, all else stays."""
    results = [Result("ccxt", "a | b", Outcome.LIMIT, "cannot")]
    document = "before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter"

    new = with_table(document, markdown(results))

    assert "| ccxt | a \\| b | client's limit: cannot |" in new
    assert ("before\n", "\nafter") == (new[:7], new[-6:])
    assert "old" not in new
    assert new == with_table(new, markdown(results))


def test_a_document_without_markers_is_refused() -> None:
    """Nothing is written where the table's place is unknown."""
    with pytest.raises(ValueError, match="lacks"):
        with_table("no place", "table")


def test_the_shipped_document_has_a_place_for_the_table() -> None:
    """The last table can be renewed."""
    document = (ROOT / "docs" / "conformance.md").read_text("utf-8")

    assert "a new table" in with_table(document, "a new table")


def test_every_run_has_a_title_of_its_own() -> None:
    """Results are grouped by it."""
    titles = [run.title for run in runs()]

    assert sorted(set(titles)) == sorted(titles)


def test_scripts_import_nothing_of_the_product() -> None:
    """They run where the product is not installed."""
    scripts = (ROOT / "test" / "conformance" / "clients").glob("*.py")

    assert [] == [path.name for path in scripts if "desk" in imported(path.read_text("utf-8"))]


def imported(source: str) -> set[str]:
    """Return the top packages that a module imports."""
    words = [line.split() for line in source.splitlines()]
    return {line[1].partition(".")[0] for line in words if line and line[0] in ("import", "from")}
