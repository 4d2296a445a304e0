"""Lighter's field, group, hash and signatures, against plain arithmetic and public vectors."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.venues.lighter.crypto import curve, field, parameters, poseidon2, schnorr
from desk.venues.lighter.crypto.curve import generator_table
from desk.venues.lighter.crypto.parameters import FIELD_PRIME as P
from desk.venues.lighter.crypto.parameters import GROUP_ORDER as N
from test.venues.lighter_vectors import scalar, shared

limbs = st.integers(0, P - 1)
elements = st.lists(limbs, min_size=5, max_size=5)
nonzero = elements.filter(any)
scalars = st.integers(1, N - 1)


def words(text: str) -> list[int]:
    """Return the field elements of a hex text, eight bytes each, little endian."""
    data = bytes.fromhex(text)
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]


def point(text: str) -> curve.Point:
    """Return the point of a hex text that is known to encode one."""
    found = curve.decode(bytes.fromhex(text))
    assert found is not None
    return found


def schoolbook(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """Return the product of two elements, coefficient by coefficient, z^5 being 3."""
    product = [0] * 10
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            product[i + j] += x * y
    return tuple((product[i] + 3 * product[i + 5]) % P for i in range(5))


@given(elements, elements)
def test_packed_multiplication_is_schoolbook_multiplication(a: list[int], b: list[int]) -> None:
    """Multiplying packed elements gives what multiplying coefficients gives."""
    assert schoolbook(a, b) == field.unpack(field.multiply(field.pack(a), field.pack(b)))


def test_the_largest_loose_limbs_do_not_run_into_each_other() -> None:
    """Limbs of 82 bits, the most two factors may share, still multiply right."""
    full = [2**82 - 1] * 5
    assert schoolbook(full, full) == field.unpack(
        field.multiply(field.pack(full), field.pack(full))
    )


def test_a_product_has_small_limbs_however_large_its_factors() -> None:
    """What the sums of the addition formula rely on: limbs of a product stay below 2^66."""
    full = field.pack([2**82 - 1] * 5)
    product = field.multiply(full, full)
    assert max(product >> (168 * i) & (2**168 - 1) for i in range(5)) < 2**66


def test_the_bias_is_zero_and_outweighs_two_products() -> None:
    """Adding the bias changes no element, and subtracting from it leaves limbs positive."""
    assert (0, 0, 0, 0, 0) == field.unpack(field.BIAS)
    assert all((field.BIAS >> (168 * i)) & (2**168 - 1) >= 2**67 for i in range(5))


def test_coordinates_of_sums_stay_as_small_as_the_formula_promises() -> None:
    """Limbs of X below 2^78 and of the others below 2^69, sum after sum."""
    total = point((4).to_bytes(40, "little").hex())
    for _ in range(50):
        total = curve.add(total, total)
        sizes = [max(c >> (168 * i) & (2**168 - 1) for i in range(5)).bit_length() for c in total]
        assert [True] * 4 == [
            size <= most for size, most in zip(sizes, (78, 69, 69, 69), strict=True)
        ]


@given(nonzero)
def test_an_element_times_its_inverse_is_one(a: list[int]) -> None:
    """Every element but zero has an inverse."""
    element = field.pack(a)
    assert (1, 0, 0, 0, 0) == field.unpack(field.multiply(element, field.inverse(element)))


def test_the_inverse_of_zero_is_zero() -> None:
    """Point encoding relies on this convention."""
    assert field.ZERO == field.inverse(field.ZERO)


@given(elements)
def test_the_square_root_of_a_square_is_one_of_its_two_roots(a: list[int]) -> None:
    """A square has a root whose square it is."""
    square = field.multiply(field.pack(a), field.pack(a))
    root = field.square_root(square)
    assert root is not None
    assert field.unpack(square) == field.unpack(field.multiply(root, root))


@settings(max_examples=20)
@given(nonzero)
def test_of_a_square_and_seven_squares_only_the_first_has_a_root(a: list[int]) -> None:
    """Seven is no square, so seven times a square is none either."""
    square = field.multiply(field.pack(a), field.pack(a))
    assert field.is_square(square)
    assert not field.is_square(field.multiply(square, 7))
    assert field.square_root(field.multiply(square, 7)) is None


@settings(max_examples=5)
@given(elements)
def test_frobenius_is_the_power_of_p(a: list[int]) -> None:
    """Scaling limbs does what raising to the power p does."""
    element = field.pack(a)
    assert field.unpack(field.power(element, P)) == field.unpack(field.frobenius(element, 1))


@pytest.mark.parametrize("data", [b"", b"\0" * 39, b"\0" * 41, b"\xff" * 40])
def test_what_is_no_element_does_not_decode(data: bytes) -> None:
    """A wrong length or a limb not below p is no element."""
    assert field.limbs_of(data) is None


@settings(max_examples=10)
@given(scalars, scalars)
def test_multiples_add_up(a: int, b: int) -> None:
    """(a + b) G is a G + b G, also where the sum wraps around the order."""
    table = generator_table()
    added = curve.add(table.times(a), table.times(b))
    assert curve.encode(table.times((a + b) % N)) == curve.encode(added)
    assert curve.encode(added) == curve.encode(table.times(a, plus=table.times(b)))


def test_the_order_times_the_generator_is_neutral() -> None:
    """n G is the neutral point, and so is a point less itself."""
    table = generator_table()
    assert bytes(40) == curve.encode(table.times(N))
    assert bytes(40) == curve.encode(curve.add(table.times(N - 5), table.times(5)))


@pytest.mark.parametrize("digits", [0, 1, 7, 8, 9, 15, 16, 2**318, N - 1])
def test_scalars_at_the_edges_of_a_window_multiply_right(digits: int) -> None:
    """A window table agrees with doubling and adding where signed digits carry."""
    doubled, total = generator_table().times(1), curve.NEUTRAL
    for bit in reversed(bin(digits)[2:]):
        total = curve.add(total, doubled) if bit == "1" else total
        doubled = curve.add(doubled, doubled)
    assert curve.encode(total) == curve.encode(generator_table().times(digits))


@settings(max_examples=10)
@given(elements, scalars)
def test_what_we_sign_we_accept(message: list[int], key: int) -> None:
    """A signature verifies under its own key and message only."""
    text = field.to_bytes(field.pack(message))
    other = field.to_bytes(field.pack([(message[0] + 1) % P, *message[1:]]))
    signature = schnorr.sign(text, key)
    assert schnorr.verify(text, signature, schnorr.public_key(key))
    assert not schnorr.verify(other, signature, schnorr.public_key(key))


def test_signing_is_deterministic_and_its_nonce_is_not_reused() -> None:
    """The same message gives the same bytes; another message shares neither half of them."""
    first, again, other = (schnorr.sign(bytes([m]) * 40, 12345) for m in (1, 1, 2))
    assert first == again
    assert first[:40] != other[:40]
    assert first[40:] != other[40:]


def test_seeds_give_distinct_keys_of_their_own() -> None:
    """A private key depends on its seed and lies in 1 .. n - 1."""
    keys = [schnorr.private_key_from_seed(bytes([seed])) for seed in range(20)]
    assert len(keys) == len(set(keys))
    assert all(0 < key < N for key in keys)
    assert keys[3] == schnorr.private_key_from_seed(b"\x03")


def test_a_signature_beyond_the_order_is_refused() -> None:
    """s + n would verify too if scalars were not held below n: one signature, one form."""
    message, key = bytes(40), 777
    signature = schnorr.sign(message, key)
    beyond = (int.from_bytes(signature[:40], "little") + N).to_bytes(40, "little")
    assert schnorr.verify(message, signature, schnorr.public_key(key))
    assert not schnorr.verify(message, beyond + signature[40:], schnorr.public_key(key))


@pytest.mark.parametrize("key", [b"", bytes(40), b"\xff" * 40, (5).to_bytes(39, "little")])
def test_bytes_that_are_no_public_key_verify_nothing(key: bytes) -> None:
    """A wrong length, the neutral point and a non-canonical limb are no keys."""
    assert not schnorr.verify(bytes(40), schnorr.sign(bytes(40), 9), key)


@pytest.mark.parametrize("length", [0, 79, 81])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    """A signature is eighty bytes."""
    assert not schnorr.verify(bytes(40), bytes(length), schnorr.public_key(9))


def test_the_parameters_are_the_venues() -> None:
    """Constants, order and generator are the published ones."""
    given_out = shared("signing_parameters.json")
    rounds = given_out["external_round_constants_8x12"]
    assert [tuple(map(int, row)) for row in rounds] == [*parameters.FULL_ROUND_CONSTANTS]
    assert int(given_out["group_order_n"]) == N
    x = generator_table().times(1)
    assert 4 == scalar(curve.encode(x).hex())
    generator = point((4).to_bytes(40, "little").hex())
    assert tuple(map(int, given_out["generator_x_limbs"])) == field.unpack(generator[0])


def test_poseidon2_vectors_hold() -> None:
    """Permutation, sponge and both digests agree with the public implementation."""
    vectors = shared("signing_poseidon2_vectors.json")["vectors"]
    for case in vectors["permute"]:
        assert words(case["output"]) == poseidon2.permute(words(case["input"]))
    for case in vectors["sponge"]:
        length = case["num_outputs"]
        assert words(case["output"]) == poseidon2.sponge(words(case["input"]), length)
    for case in vectors["hash_to_quintic"]:
        assert words(case["output"]) == poseidon2.hash_to_quintic(words(case["input"]))
    for case in vectors["hash_n_to_one"]:
        digests = [words(digest) for digest in case["inputs"]]
        assert words(case["output"]) == poseidon2.chain_digests(digests)


def test_curve_vectors_hold() -> None:
    """Decoding, addition and multiplication agree with the public implementation."""
    vectors = shared("signing_ecgfp5_vectors.json")["vectors"]
    for case in vectors["decode"]:
        found = curve.decode(bytes.fromhex(case["w"]))
        assert case["decodes"] == (found is not None)
        assert case["encoded_back"] == (curve.encode(found).hex() if found else "")
    for case in vectors["add"]:
        a, b = point(case["a_w"]), point(case["b_w"])
        assert case["sum_w"] == curve.encode(curve.add(a, b)).hex()
        assert case["a_double_w"] == curve.encode(curve.add(a, a)).hex()
    for case in vectors["scalar_mul"]:
        table = curve.WindowTable(point(case["base_w"]))
        assert case["out_w"] == curve.encode(table.times(scalar(case["scalar_le"]))).hex()


def test_schnorr_vectors_hold() -> None:
    """Keys and signatures agree with the public implementation, nonce for nonce."""
    vectors = shared("signing_schnorr_vectors.json")["vectors"]
    for case in vectors["keygen"]:
        assert case["pk"] == schnorr.public_key(scalar(case["sk"])).hex()
    for case in vectors["sign"]:
        key, message = scalar(case["sk"]), bytes.fromhex(case["hashed_msg"])
        signature = schnorr.sign_with_nonce(message, key, scalar(case["k"]))
        assert case["sig"] == signature.hex()
        assert schnorr.verify(message, signature, schnorr.public_key(key))
