"""Seeded markets: the same each time, as long as they say, and honest about what lasts."""

from itertools import pairwise
from statistics import mean

import pytest

from desk.proof.markets import HOURS, SYMBOLS, Family, families, market
from desk.proof.records import RECORDS, Records, load

MODELS = families(None)


def correlation(spreads: list[float], lag: int) -> float:
    """Return how much of a deviation is left after `lag` hours."""
    middle = mean(spreads)
    rest = [value - middle for value in spreads]
    pairs = zip(rest, rest[lag:], strict=False)
    return sum(a * b for a, b in pairs) / sum(value * value for value in rest)


@pytest.mark.parametrize("family", MODELS, ids=lambda family: family.name)
def test_a_seed_is_a_market(family: Family) -> None:
    """The same seed gives the same hours, another one others; six symbols of equal length."""
    made = market(family, 1)
    assert made == market(family, 1)
    assert made != market(family, 2)
    assert [HOURS] * SYMBOLS == [len(series.spreads) for series in made]


def test_without_an_edge_nothing_is_remembered_for_a_day() -> None:
    """That is what makes those families what they are said to be."""
    for family in MODELS:
        if not family.has_edge:
            left = [correlation(series.spreads, 24) for series in market(family, 5)]
            assert abs(mean(left)) < 0.1


@pytest.fixture(scope="module")
def records() -> Records:
    """Return the recorded hours."""
    found = load()
    if found is None:
        pytest.skip(f"no recorded funding in {RECORDS.name}")
    return found


def test_the_record_is_read_whole(records: Records) -> None:
    """85 symbols of a fortnight, 43 of seventeen hours: two more are spelt differently."""
    assert 85 == len(records.dated)
    assert 43 == len(records.joint)
    assert 21_993 == sum(len(rows) for rows in records.dated.values())


def test_blocks_are_recorded_hours_in_their_sequence(records: Records) -> None:
    """Within a block hour follows hour as it did."""
    (family,) = [each for each in families(records) if each.name == "joint"]
    pairs = {
        (a[0] - a[1], b[0] - b[1])
        for stretches in records.joint.values()
        for stretch in stretches
        for a, b in pairwise(stretch)
    }
    made = market(family, 1)[0].spreads
    follow = [pair in pairs for pair in pairwise(made)]
    assert sum(follow) / len(follow) > 0.75


def test_without_a_record_models_of_it_stand_in() -> None:
    """The proof can be run anywhere, and says which material it had."""
    assert "likeness" in {family.name for family in MODELS}
    assert not any(family.is_recorded for family in MODELS)
