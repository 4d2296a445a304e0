"""Order ids can be read back, in all three forms, and nobody else's are taken for ours."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.core.ids import (
    ATTEMPT_MAX,
    ATTEMPT_MAX_31,
    CYCLE_MAX,
    CYCLE_MAX_31,
    EPOCH_MAX,
    EPOCH_MAX_31,
    LEG_MAX,
    OrderKey,
)
from desk.core.venue import VenueName

keys = st.builds(
    OrderKey,
    epoch=st.integers(0, EPOCH_MAX),
    cycle=st.integers(0, CYCLE_MAX),
    leg=st.integers(0, LEG_MAX),
    attempt=st.integers(0, ATTEMPT_MAX),
)
small_keys = st.builds(
    OrderKey,
    epoch=st.integers(0, EPOCH_MAX_31),
    cycle=st.integers(0, CYCLE_MAX_31),
    leg=st.integers(0, LEG_MAX),
    attempt=st.integers(0, ATTEMPT_MAX_31),
)

FOREIGN = [
    None,
    "",
    "0",
    "1789200000",
    "281474976710655",
    "0172625204626432",
    "9" * 5000,
    "²",
    "-5",
    "not an id",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "68656467-0007-8001-8000-00000001ffff",
    "68656467-0007-4001-8000-000000010000",
    "68656467-0007-8001-9000-000000010000",
]


@given(keys)
def test_an_id_comes_back_from_both_venues(key: OrderKey) -> None:
    """The text a venue is given parses to the fields it was made of."""
    assert key == OrderKey.parse(key.text_for(VenueName.LIGHTER))
    assert key == OrderKey.parse(key.text_for(VenueName.PACIFICA))
    assert key == OrderKey.parse(key.text_for(VenueName.PACIFICA).upper())


@given(small_keys)
def test_the_short_form_comes_back_too(key: OrderKey) -> None:
    """Within its ranges the 31-bit form loses nothing."""
    text = key.text_for(VenueName.LIGHTER, bits=31)
    assert int(text) < 1 << 31
    assert key == OrderKey.parse(text)


@given(keys)
def test_a_lighter_id_fits_into_48_bits(key: OrderKey) -> None:
    """Larger client order indexes are refused by the venue."""
    assert key.to_int48() < 1 << 48


@given(keys, keys)
def test_different_keys_have_different_ids(first: OrderKey, second: OrderKey) -> None:
    """Two orders share an id only if they share every field."""
    for venue in VenueName:
        assert (first == second) == (first.text_for(venue) == second.text_for(venue))


def test_the_uuid_can_be_read_by_eye() -> None:
    """Prefix, epoch, leg, cycle and attempt stand in their own places of a version 8 UUID."""
    text = OrderKey(epoch=0xABC, cycle=0x123, leg=2, attempt=0x45).to_uuid()
    assert "68656467-0abc-8002-8000-000001230045" == text
    assert 8 == UUID(text).version


@pytest.mark.parametrize("field", ["epoch", "cycle", "leg", "attempt"])
@pytest.mark.parametrize("value", [-1, 1 << 14])
def test_a_field_never_spills_into_its_neighbour(field: str, value: int) -> None:
    """A value out of range is refused, not cut."""
    fields = {"epoch": 0, "cycle": 0, "leg": 0, "attempt": 0} | {field: value}
    with pytest.raises(ValueError, match=field):
        OrderKey(**fields)


def test_the_short_form_wraps_epochs_and_refuses_attempts() -> None:
    """Epoch and cycle may repeat after a while; an attempt that does would be the same order."""
    key = OrderKey(epoch=EPOCH_MAX_31 + 2, cycle=CYCLE_MAX_31 + 3, leg=1, attempt=0)
    assert OrderKey(1, 2, 1, 0) == OrderKey.parse(str(key.to_int31()))
    with pytest.raises(ValueError, match="attempt"):
        OrderKey(0, 0, 1, ATTEMPT_MAX_31 + 1).to_int31()


@pytest.mark.parametrize("text", FOREIGN)
def test_a_foreign_id_is_nobody_of_ours(text: str | None) -> None:
    """Ids of others, damaged ones and absent ones have no fields."""
    assert OrderKey.parse(text) is None


@given(st.integers(0, (1 << 48) - 1))
def test_an_integer_is_ours_only_in_its_own_spelling(number: int) -> None:
    """What parses spells itself the same way again."""
    key = OrderKey.parse(str(number))
    if key is not None:
        assert number in (key.to_int48(), key.to_int31() if number < 1 << 31 else None)
