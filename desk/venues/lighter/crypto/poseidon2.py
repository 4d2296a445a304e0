"""The Poseidon2 hash over Goldilocks: width 12, rate 8, x^7, 4 + 22 + 4 rounds.

Only hashing of field elements lives here; what is hashed, and in which order, is said in
`transactions` and `schnorr`. The sponge overwrites (it does not add) and pads nothing, as the
venue's public implementation does (elliottech/poseidon_crypto).
"""

from collections.abc import Sequence
from typing import Final

from desk.venues.lighter.crypto.parameters import (
    FIELD_PRIME,
    FULL_ROUND_CONSTANTS,
    FULL_ROUNDS,
    MATRIX_DIAGONAL,
    PARTIAL_ROUND_CONSTANTS,
    STATE_WIDTH,
)

P: Final = FIELD_PRIME
RATE: Final = 8
DIGEST_LENGTH: Final = 4
QUINTIC_LENGTH: Final = 5

_HALF_ROUNDS: Final = FULL_ROUNDS // 2
_BLOCK: Final = 4


def permute(state: list[int]) -> list[int]:
    """Return the permutation of twelve field elements."""
    state = _mix(state)
    for constants in FULL_ROUND_CONSTANTS[:_HALF_ROUNDS]:
        state = _full_round(state, constants)
    for constant in PARTIAL_ROUND_CONSTANTS:
        state[0] = pow(state[0] + constant, 7, P)
        total = sum(state)
        state = [(x * d + total) % P for x, d in zip(state, MATRIX_DIAGONAL, strict=True)]
    for constants in FULL_ROUND_CONSTANTS[_HALF_ROUNDS:]:
        state = _full_round(state, constants)
    return state


def _full_round(state: list[int], constants: Sequence[int]) -> list[int]:
    """Return the state after one full round: constants, seventh powers, matrix."""
    return _mix([pow(x + c, 7, P) for x, c in zip(state, constants, strict=True)])


def _mix(state: list[int]) -> list[int]:
    """Return the state times the external matrix circ(2 M, M, M), M being 4 by 4.

    M = circ(2, 3, 1, 1), so M x = 2 x_i + 3 x_(i+1) + x_(i+2) + x_(i+3).
    """
    mixed: list[int] = []
    for at in range(0, STATE_WIDTH, _BLOCK):
        a, b, c, d = state[at : at + _BLOCK]
        total = a + b + c + d
        mixed += (total + a + 2 * b, total + b + 2 * c, total + c + 2 * d, total + d + 2 * a)
    columns = [sum(mixed[i::_BLOCK]) for i in range(_BLOCK)]
    return [(x + columns[i % _BLOCK]) % P for i, x in enumerate(mixed)]


def sponge(elements: Sequence[int], length: int) -> list[int]:
    """Return `length` elements squeezed after absorbing `elements`, each below p."""
    state = [0] * STATE_WIDTH
    for at in range(0, len(elements), RATE):
        block = elements[at : at + RATE]
        state[: len(block)] = block
        state = permute(state)
    squeezed = state[:RATE]
    while len(squeezed) < length:
        state = permute(state)
        squeezed += state[:RATE]
    return squeezed[:length]


def hash_to_quintic(elements: Sequence[int]) -> list[int]:
    """Return the five-element hash that is signed."""
    return sponge(elements, QUINTIC_LENGTH)


def hash_to_digest(elements: Sequence[int]) -> list[int]:
    """Return the four-element hash that is chained."""
    return sponge(elements, DIGEST_LENGTH)


def chain_digests(digests: Sequence[Sequence[int]]) -> list[int]:
    """Return one digest for several: each next one is hashed onto the result so far."""
    first, *rest = digests
    chained = list(first)
    for digest in rest:
        chained = hash_to_digest([*chained, *digest])
    return chained
