"""The group ECgFp5: y^2 = x (x^2 + 2x + 263z) over GF(p^5), of prime order.

Only group arithmetic lives here: no hashes, no keys, no messages. Source: the ECgFp5 paper
(Pornin 2022), whose addition formula holds for every pair of points, equal, opposite or neutral.

A point is (X, Z, U, T) with x = X/Z and u = U/T = x/y; the neutral is (0, 1, 0, 1). Its encoding
is w = y/x = 1/u, and 0 for the neutral. The time taken depends on the scalar: nothing here is
hardened against an observer who can time it.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from desk.venues.lighter.crypto.field import (
    BIAS,
    ONE,
    ZERO,
    inverse,
    inverses,
    is_square,
    limbs_of,
    multiply,
    pack,
    square_root,
    times_z,
    to_bytes,
)
from desk.venues.lighter.crypto.parameters import FIELD_PRIME

Point = tuple[int, int, int, int]
Affine = tuple[int, int]  # x, u

NEUTRAL: Final[Point] = (ZERO, ONE, ZERO, ONE)

_A: Final = 2
_B_OF_Z: Final = 263  # b = 263 z
_GENERATOR_ENCODING: Final = (4).to_bytes(40, "little")
_HALF: Final = (FIELD_PRIME + 1) // 2

# A scalar is cut into 80 signed digits of 4 bits, each in -7 .. 8.
_WINDOW_BITS: Final = 4
_DIGITS: Final = 80
_DIGIT_MAX: Final = 1 << (_WINDOW_BITS - 1)
_WINDOW_MASK: Final = (1 << _WINDOW_BITS) - 1

SCALAR_LIMIT: Final = 1 << (_DIGITS * _WINDOW_BITS - 1)  # exclusive; every scalar modulo n is below


def _times_b(a: int) -> int:
    """Return a * b; limbs grow by at most ten bits."""
    return _B_OF_Z * times_z(a)


def decode(data: bytes) -> Point | None:
    """Return the point that 40 bytes encode, or None where they encode none."""
    limbs = limbs_of(data)
    if limbs is None:
        return None
    w = pack(limbs)
    if w == ZERO:
        return NEUTRAL
    # x solves x^2 - (w^2 - a) x + b = 0; of its two roots one is a square, the group's is not.
    sum_of_roots = multiply(w, w) + BIAS - _A
    discriminant = multiply(sum_of_roots, sum_of_roots) + BIAS - 4 * _times_b(ONE)
    root = square_root(discriminant)
    if root is None:
        return None
    x = multiply(sum_of_roots + root, _HALF)
    if is_square(x):
        x = multiply(sum_of_roots + BIAS - root, _HALF)
    return (x, ONE, ONE, w)


def encode(point: Point) -> bytes:
    """Return the 40 byte encoding of a point; two points are equal when their encodings are."""
    _, _, u, t = point
    return to_bytes(multiply(t, inverse(u)))


def add(p: Point, q: Point) -> Point:
    """Return p + q (complete: also for p = q)."""
    x1, z1, u1, t1 = p
    x2, z2, u2, t2 = q
    xx = multiply(x1, x2)
    zz = multiply(z1, z2)
    uu = multiply(u1, u2)
    tt = multiply(t1, t2)
    xz = multiply(x1 + z1, x2 + z2) + BIAS - xx - zz
    ut = multiply(u1 + t1, u2 + t2) + BIAS - uu - tt
    return _sum_of((xx, zz, uu, tt), xz, ut)


def _add_affine(p: Point, q: Affine) -> Point:
    """Return p + q for q with Z = T = 1: two multiplications fewer than `add`."""
    x1, z1, u1, t1 = p
    x2, u2 = q
    products = (multiply(x1, x2), z1, multiply(u1, u2), t1)
    return _sum_of(products, x1 + multiply(x2, z1), u1 + multiply(u2, t1))


def _sum_of(products: Point, xz: int, ut: int) -> Point:
    """Return p + q from the products of their like coordinates and their cross sums.

    xz = X1 Z2 + X2 Z1 and ut = U1 T2 + U2 T1. Limbs of X come out below 2^78, the others below
    2^69, so that no product of sums of them comes near the field's limit of 164 bits.
    """
    xx, zz, uu, tt = products
    b_zz = _times_b(zz)
    both = xx + b_zz
    left = multiply(tt, both)
    right = multiply(uu, 2 * (_times_b(xz) + both))
    cross = multiply(tt + 2 * uu, xz + both)
    return (
        _times_b(cross + BIAS - left),
        left + BIAS - right,
        multiply(ut, b_zz + BIAS - xx),
        left + right,
    )


class WindowTable:
    """The multiples d * 16^i * P of one point P, d in 1 .. 8, that make k * P eighty additions.

    Building one costs about seven multiplications by a scalar, so keep it.
    """

    __slots__ = ("_rows",)

    def __init__(self, point: Point) -> None:
        """Tabulate `point`."""
        multiples: list[Point] = []
        for _ in range(_DIGITS):
            multiples.append(point)
            for _ in range(_DIGIT_MAX - 1):
                multiples.append(add(multiples[-1], point))
            point = add(multiples[-1], multiples[-1])
        affine = _to_affine(multiples)
        self._rows = tuple(
            tuple(affine[at : at + _DIGIT_MAX]) for at in range(0, len(affine), _DIGIT_MAX)
        )

    def times(self, scalar: int, plus: Point = NEUTRAL) -> Point:
        """Return scalar * P + plus, for a scalar in 0 .. 2^319 - 1."""
        total = plus
        for row, digit in zip(self._rows, _signed_digits(scalar), strict=True):
            if digit > 0:
                total = _add_affine(total, row[digit - 1])
            elif digit < 0:
                x, u = row[-digit - 1]
                total = _add_affine(total, (x, BIAS - u))
        return total


@cache
def generator_table() -> WindowTable:
    """Return the table of the group's generator, built on first use."""
    generator = decode(_GENERATOR_ENCODING)
    assert generator is not None
    return WindowTable(generator)


def _to_affine(points: Sequence[Point]) -> list[Affine]:
    """Return (x, u) of each point."""
    scales = inverses([multiply(z, t) for _, z, _, t in points])
    return [
        (multiply(multiply(x, t), scale), multiply(multiply(u, z), scale))
        for (x, z, u, t), scale in zip(points, scales, strict=True)
    ]


def _signed_digits(scalar: int) -> Iterator[int]:
    """Yield the base-16 digits of a scalar, lowest first, each moved into -7 .. 8 by a carry."""
    assert 0 <= scalar < SCALAR_LIMIT
    carry = 0
    for _ in range(_DIGITS):
        digit = (scalar & _WINDOW_MASK) + carry
        carry = digit > _DIGIT_MAX
        scalar >>= _WINDOW_BITS
        yield digit - (carry << _WINDOW_BITS)
