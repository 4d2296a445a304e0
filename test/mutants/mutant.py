"""What a planted bug is: a name, what it would cost, and the edits that plant it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """`before` (found once in `file`) becomes `after`."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug by name, `why` it costs money, and the edits that plant it."""

    name: str
    why: str
    edits: tuple[Edit, ...]


def mutant(name: str, why: str, file: str, before: str, after: str) -> Mutant:
    """Return a bug that one edit plants."""
    return Mutant(name, why, (Edit(file, before, after),))
