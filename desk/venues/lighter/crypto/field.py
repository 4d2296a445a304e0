"""Arithmetic in GF(p^5) = GF(p)[z]/(z^5 - 3), p = 2^64 - 2^32 + 1 (Goldilocks).

Only field arithmetic lives here: no points, no hashes, no keys.

An element is ONE Python integer: five limbs side by side, limb i (the coefficient of z^i) starting
at bit 168 i. A product of two elements is then a single big multiplication, and the reduction
works on all limbs at once; that is twice as fast as arithmetic on five separate integers.

Limbs are *loose*: any non-negative representative modulo p. `multiply` returns limbs below 2^66.
Sums need no reduction, and a difference is `a + BIAS - b`: BIAS is zero modulo p, and keeps every
limb positive while b's limbs stay below 2^67 (a product, or the sum of two). The one rule: in a
product, the limb bits of the two factors together stay within 164, because 13 * 2^164 < 2^168.
`unpack` gives canonical limbs.
"""

from collections.abc import Sequence
from typing import Final

from desk.venues.lighter.crypto.parameters import FIELD_PRIME as P

DEGREE: Final = 5
NON_RESIDUE: Final = 3
ELEMENT_BYTES: Final = 40

_LIMB_BITS: Final = 168
_ALL_BITS: Final = DEGREE * _LIMB_BITS
_EVERY_LIMB: Final = sum(1 << (_LIMB_BITS * i) for i in range(DEGREE))
_LIMB_MASK: Final = (1 << _LIMB_BITS) - 1
_ALL_MASK: Final = (1 << _ALL_BITS) - 1
_LOW_96: Final = _EVERY_LIMB * ((1 << 96) - 1)
_ABOVE_96: Final = _EVERY_LIMB * ((1 << (_LIMB_BITS - 96)) - 1)
_LOW_64: Final = _EVERY_LIMB * ((1 << 64) - 1)
_ABOVE_64: Final = _EVERY_LIMB * ((1 << (_LIMB_BITS - 64)) - 1)
_TWO_64: Final = 2**32 - 1  # 2^64 modulo p

_ABOVE_96_BIAS: Final = _EVERY_LIMB * (P << 9)  # above what is subtracted in `multiply`: 2^72

BIAS: Final = _EVERY_LIMB * (P << 4)
ZERO: Final = 0
ONE: Final = 1


def pack(limbs: Sequence[int]) -> int:
    """Return the element with these five coefficients, lowest power of z first."""
    c0, c1, c2, c3, c4 = limbs
    high = (c4 << _LIMB_BITS | c3) << _LIMB_BITS | c2
    return (high << _LIMB_BITS | c1) << _LIMB_BITS | c0


def unpack(a: int) -> tuple[int, ...]:
    """Return the five canonical coefficients (each below p), lowest power of z first."""
    return tuple((a >> shift & _LIMB_MASK) % P for shift in range(0, _ALL_BITS, _LIMB_BITS))


def to_bytes(a: int) -> bytes:
    """Return the 40 byte encoding: each canonical limb in 8 bytes, little endian."""
    return b"".join(limb.to_bytes(8, "little") for limb in unpack(a))


def limbs_of(data: bytes) -> tuple[int, ...] | None:
    """Return the limbs that 40 bytes encode, or None for a wrong length or a limb not below p."""
    if len(data) != ELEMENT_BYTES:
        return None
    limbs = tuple(int.from_bytes(data[at : at + 8], "little") for at in range(0, ELEMENT_BYTES, 8))
    return limbs if max(limbs) < P else None


def multiply(a: int, b: int) -> int:
    """Return a * b with limbs below 2^66. `multiply(a, a)` takes CPython's faster squaring."""
    c = a * b
    c = (c & _ALL_MASK) + NON_RESIDUE * (c >> _ALL_BITS)  # z^5 = 3
    c = (c & _LOW_96) + _ABOVE_96_BIAS - (c >> 96 & _ABOVE_96)  # 2^96 = -1
    return (c & _LOW_64) + (c >> 64 & _ABOVE_64) * _TWO_64


def times_z(a: int) -> int:
    """Return a * z; limbs grow by at most two bits."""
    c = a << _LIMB_BITS
    return (c & _ALL_MASK) + NON_RESIDUE * (c >> _ALL_BITS)


def power(a: int, exponent: int) -> int:
    """Return a ** exponent for a positive exponent."""
    result = a
    for bit in bin(exponent)[3:]:
        result = multiply(result, result)
        if bit == "1":
            result = multiply(result, a)
    return result


# z^(p^k) = z * _FROBENIUS_ROOT^k, so raising to p^k only scales limb i by _FROBENIUS_ROOT^(k i).
_FROBENIUS_ROOT: Final = pow(NON_RESIDUE, (P - 1) // DEGREE, P)


def frobenius(a: int, times: int) -> int:
    """Return a ** (p ** times)."""
    root = pow(_FROBENIUS_ROOT, times, P)
    return pack([limb * pow(root, i, P) % P for i, limb in enumerate(unpack(a))])


def _norm_cofactor(a: int) -> int:
    """Return a ** (p + p^2 + p^3 + p^4), whose product with a is the norm of a."""
    half = multiply(frobenius(a, 1), frobenius(a, 2))
    return multiply(half, frobenius(half, 2))


def inverse(a: int) -> int:
    """Return 1 / a, and 0 for 0 (the convention point encoding relies on)."""
    cofactor = _norm_cofactor(a)
    norm = unpack(multiply(a, cofactor))[0]
    if norm == 0:
        return ZERO
    return multiply(cofactor, pow(norm, -1, P))


def inverses(elements: Sequence[int]) -> list[int]:
    """Return the inverse of each non-zero element, with one inversion for all (Montgomery)."""
    products = [ONE]
    for element in elements:
        products.append(multiply(products[-1], element))
    running = inverse(products[-1])
    found = [ZERO] * len(elements)
    for i in range(len(elements) - 1, -1, -1):
        found[i] = multiply(running, products[i])
        running = multiply(running, elements[i])
    return found


def is_square(a: int) -> bool:
    """Return whether a is a square (0 is): its norm then is a square modulo p."""
    norm = unpack(multiply(a, _norm_cofactor(a)))[0]
    return norm == 0 or pow(norm, (P - 1) // 2, P) == 1


def square_root(a: int) -> int | None:
    """Return one square root of a, or None where there is none.

    With r = 1 + p + ... + p^4, a^r is in GF(p), and a^((r+1)/2) is a root of a * a^r.
    """
    base = power(a, (P + 1) // 2)
    root_times_scale = multiply(a, multiply(frobenius(base, 1), frobenius(base, 3)))
    scale = _square_root_mod_p(unpack(multiply(a, _norm_cofactor(a)))[0])
    if scale is None:
        return None
    return ZERO if scale == 0 else multiply(root_times_scale, pow(scale, -1, P))


_TWO_ADICITY: Final = 32  # p - 1 = 2^32 * odd
_ODD_PART: Final = (P - 1) >> _TWO_ADICITY
_ROOT_OF_UNITY: Final = pow(7, _ODD_PART, P)  # 7 generates GF(p)*, so this has order 2^32


def _square_root_mod_p(a: int) -> int | None:
    """Return a square root of a modulo p, or None (Tonelli-Shanks)."""
    if a == 0:
        return 0
    if pow(a, (P - 1) // 2, P) != 1:
        return None
    root, error = pow(a, (_ODD_PART + 1) // 2, P), pow(a, _ODD_PART, P)
    # Invariant: root^2 = a * error. Each step clears the highest bit of the error's order.
    for level in range(_TWO_ADICITY - 1, 0, -1):
        if pow(error, 1 << (level - 1), P) != 1:
            root = root * pow(_ROOT_OF_UNITY, 1 << (_TWO_ADICITY - level - 1), P) % P
            error = error * pow(_ROOT_OF_UNITY, 1 << (_TWO_ADICITY - level), P) % P
    return root
