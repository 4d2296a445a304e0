"""From a run that breaks a rule to the shortest list of strikes that breaks it too."""

from collections.abc import Iterator
from dataclasses import replace

from desk.storm.rules import Rule
from desk.storm.runs import Outcome, Plan, play

PLAYS_MAX = 200


def shrink(outcome: Outcome) -> Outcome:
    """Return the outcome of the smallest plan found that breaks the same rule first.

    Leaves out strikes one by one, then settings, until nothing more can go.
    """
    rule = outcome.violations[0].rule
    plays = 0
    best, tried = outcome, True
    while tried and plays < PLAYS_MAX:
        tried = False
        for plan in _smaller(best.plan):
            plays += 1
            found = _breaking(plan, rule)
            if found is not None:
                best, tried = found, True
                break
            if plays >= PLAYS_MAX:
                break
    return best


def _breaking(plan: Plan, rule: Rule) -> Outcome | None:
    outcome = play(plan)
    is_same = bool(outcome.violations) and outcome.violations[0].rule is rule
    return outcome if is_same else None


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Yield every plan with one thing less."""
    for skipped in range(len(plan.strikes)):
        left = tuple(row for at, row in enumerate(plan.strikes) if at != skipped)
        yield replace(plan, strikes=left)
    for skipped in range(len(plan.settings)):
        settings = tuple(row for at, row in enumerate(plan.settings) if at != skipped)
        yield replace(plan, settings=settings)
