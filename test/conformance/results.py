"""What became of the checks: read from a script's lines, judged, and shown. Pure."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rich.table import Table
from rich.text import Text

LOG_TAIL_LINES = 15
STYLES = {"passed": "green", "client's limit": "yellow", "failed": "bold red"}


class Outcome(StrEnum):
    """A limit is what the client itself cannot do, proved to be so: it does not fail the run."""

    PASSED = "passed"
    LIMIT = "client's limit"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. `text` is what was seen, the reason of a limit, or the error."""

    run: str
    check: str
    outcome: Outcome
    text: str
    seconds: float = 0.0


@dataclass(slots=True)
class Transcript:
    """The lines of one script, as they come. `now` is the check that is under way."""

    run: str
    now: str = ""
    log: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    _planned: list[str] = field(default_factory=list)

    def feed(self, line: str) -> None:
        """Take one line of standard output; what is not ours goes to the log."""
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            self.log.append(line.rstrip())
        elif "plan" in row:
            self._planned = list(row["plan"])
        elif "begin" in row:
            self.now = row["begin"]
        else:
            self.results.append(self._result(row))

    def end(self, why: str) -> list[Result]:
        """Return all results. What was planned and did not come has failed, and so has a script
        that did not end well: `why` says how it ended, and is empty when it ended as it should."""
        known = {result.check for result in self.results}
        missing = [check for check in self._planned if check not in known]
        if not self._planned:
            missing = ["the script starts"]
        elif why and not missing:
            missing = ["the script ends"]
        reason = why or "the script ended without it"
        return self.results + [Result(self.run, check, Outcome.FAILED, reason) for check in missing]

    def _result(self, row: dict[str, str]) -> Result:
        if row["error"]:
            outcome, text = Outcome.FAILED, row["error"]
        elif row["limit"]:
            outcome, text = Outcome.LIMIT, row["limit"]
        else:
            outcome, text = Outcome.PASSED, row["seen"]
        return Result(self.run, row["check"], outcome, text, float(row["seconds"]))


def failed(results: Sequence[Result]) -> list[Result]:
    """Return those that fail the run."""
    return [result for result in results if result.outcome is Outcome.FAILED]


def summary(results: Sequence[Result]) -> str:
    """Return the figures in a few words."""
    count = Counter(result.outcome for result in results)
    limits = f", {count[Outcome.LIMIT]} client's limits" if count[Outcome.LIMIT] else ""
    return f"{count[Outcome.PASSED]} passed{limits}, {count[Outcome.FAILED]} failed"


def table(results: Sequence[Result]) -> Table:
    """Return the table for the screen."""
    shown = Table("check", "outcome", "seen, or why", "s", title="Conformance", expand=False)
    shown.columns[3].justify = "right"
    for run in dict.fromkeys(result.run for result in results):
        shown.add_section()
        shown.add_row(Text(run, style="bold"), "", "", "")
        for result in results:
            if result.run == run:
                outcome = Text(result.outcome.value, style=STYLES[result.outcome])
                seconds = f"{result.seconds:.1f}"
                shown.add_row(Text(f"  {result.check}"), outcome, Text(result.text), seconds)
    return shown


def markdown(results: Sequence[Result]) -> str:
    """Return the table for the document: without what differs from run to run."""
    lines = ["| client | check | outcome |", "|---|---|---|"]
    for result in results:
        limit = f": {result.text}" if result.outcome is Outcome.LIMIT else ""
        cells = (result.run, result.check, result.outcome.value + limit)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, "", f"{len(results)} checks: {summary(results)}."])


def with_table(document: str, new: str) -> str:
    """Return the document with the part between its two markers replaced.

    Raises `ValueError` without exactly one pair of markers.
    """
    begin, end = "<!-- results: begin -->\n", "<!-- results: end -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the document lacks {begin.strip()} … {end}")
    return f"{before}{begin}\n{new}\n\n{end}{after}"
