"""The planted bugs can be planted, and the hunt tells a broken rule from a broken program."""

from __future__ import annotations

import pytest

from test.mutants.hunt import ROOT, Stale, check, planted, read
from test.mutants.mutant import Edit, Mutant
from test.mutants.planted import MUTANTS

FOUND = """runs                12
FAILED seed 3: naked leg for too long
  after 20.0 s: 0.1 BTC on lighter for 16.0 s, 15 s allowed
  1 of 4 faults needed
  python -m desk.storm --replay "seed=3 hours=cycle strikes=#34:late:20"
"""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_of_a_bug_stands_in_the_source_once(mutant: Mutant) -> None:
    """A table whose bugs cannot be planted any more would prove nothing."""
    for edit in mutant.edits:
        text = (ROOT / edit.file).read_text("utf-8")

        assert text != planted(edit, text)


def test_every_bug_has_a_name_of_its_own() -> None:
    """Each class of bug is planted once."""
    names = [mutant.name for mutant in MUTANTS]

    assert len(set(names)) == len(names)


def test_a_text_that_is_gone_is_an_error() -> None:
    """Nothing is hunted that was not planted."""
    with pytest.raises(Stale, match="stands there 0 times"):
        check(Mutant("gone", "", (Edit("Makefile", "no such text", ""),)))


def test_a_named_rule_is_a_finding() -> None:
    """The rule and the command that plays it again are read from what the storm prints."""
    found = read("bug", 1, FOUND, seconds=1.0)

    assert "naked leg for too long" == found.rule
    assert found.replay.endswith('strikes=#34:late:20"')


@pytest.mark.parametrize(
    ("code", "said", "note"),
    [
        (0, "runs                342, 5 ended by a fault of our own", "5 ended by"),
        (1, "Traceback\nKeyError: 'x'", "the storm broke: KeyError: 'x'"),
        (None, "", "the storm broke: no end"),
    ],
)
def test_a_program_that_breaks_is_no_finding(code: int | None, said: str, note: str) -> None:
    """What tells a wrong program is a broken rule."""
    missed = read("bug", code, said, seconds=1.0)

    assert not missed.is_found
    assert missed.note.startswith(note)
