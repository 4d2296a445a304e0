"""What all who judge a run by a rule of their own have in hand."""

from collections.abc import Callable
from typing import NamedTuple

from desk.hedge.config import Config
from desk.storm.rules import Rule
from desk.storm.stage import Stage
from desk.storm.truth import Truth
from desk.storm.witness import Witness


class Case(NamedTuple):
    """One run to be judged: where it plays, by which settings, what is true, whom to tell of a
    breach."""

    stage: Stage
    config: Config
    truth: Truth
    breach: Callable[[Rule, str], None]


class Examiner(Witness):
    """A witness that tells of what must not be."""

    def __init__(self, case: Case) -> None:
        """Take the case; a subclass begins to listen."""
        self._stage, self._config, self._truth, self._breach = case
