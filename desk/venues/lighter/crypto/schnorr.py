"""Schnorr signatures over ECgFp5 with Poseidon2, as Lighter defines them.

Keys, signing and verification of a 40 byte message hash live here; what the hash is of is said in
`transactions`. Scalars and field elements are written in little endian, 40 bytes each; a signature
is s followed by e, 80 bytes.

Signing here is deterministic and not hardened against timing: it is for the embedded venues and
for checking. Real orders are signed by the venue's own library.
"""

from functools import lru_cache
from hashlib import sha512
from typing import Final

from desk.venues.lighter.crypto.curve import NEUTRAL, WindowTable, decode, encode, generator_table
from desk.venues.lighter.crypto.field import ELEMENT_BYTES, limbs_of
from desk.venues.lighter.crypto.parameters import GROUP_ORDER
from desk.venues.lighter.crypto.poseidon2 import hash_to_quintic

SIGNATURE_BYTES: Final = 2 * ELEMENT_BYTES

_KEYS_REMEMBERED: Final = 64  # about 0.2 MB each
_NONCE_DOMAIN: Final = b"lighter schnorr nonce"
_KEY_DOMAIN: Final = b"lighter private key"


def public_key(private_key: int) -> bytes:
    """Return the 40 byte public key of a private scalar in 1 .. n - 1."""
    return encode(generator_table().times(private_key))


def private_key_from_seed(seed: bytes) -> int:
    """Return a private scalar that depends on nothing but the seed; for simulated accounts."""
    return 1 + _wide_hash(_KEY_DOMAIN, seed) % (GROUP_ORDER - 1)


def sign(message: bytes, private_key: int) -> bytes:
    """Return the signature of a 40 byte message hash; the same input gives the same bytes.

    The nonce is a hash of key and message (the idea of RFC 6979), so it never repeats for two
    messages and needs no source of randomness.
    """
    secret = private_key.to_bytes(ELEMENT_BYTES, "little")
    k = 1 + _wide_hash(_NONCE_DOMAIN, secret + message) % (GROUP_ORDER - 1)
    return sign_with_nonce(message, private_key, k)


def sign_with_nonce(message: bytes, private_key: int, k: int) -> bytes:
    """Return the signature made with nonce k. A k used for two messages gives the key away."""
    e = _challenge(encode(generator_table().times(k)), message)
    s = (k - e * private_key) % GROUP_ORDER
    return s.to_bytes(ELEMENT_BYTES, "little") + e.to_bytes(ELEMENT_BYTES, "little")


def verify(message: bytes, signature: bytes, key: bytes) -> bool:
    """Return whether `signature` is the key's for this 40 byte message hash.

    Malformed signatures and keys are False, never an error. The first call for a key builds a
    table, some eight times the cost of those that follow.
    """
    table = _table_of(key)
    if table is None or len(signature) != SIGNATURE_BYTES or limbs_of(message) is None:
        return False
    s = int.from_bytes(signature[:ELEMENT_BYTES], "little")
    e = int.from_bytes(signature[ELEMENT_BYTES:], "little")
    if max(s, e) >= GROUP_ORDER:
        return False
    commitment = generator_table().times(s, plus=table.times(e))
    return e == _challenge(encode(commitment), message)


def _challenge(commitment: bytes, message: bytes) -> int:
    """Return e = H(commitment, message) as a scalar."""
    limbs = [*_limbs(commitment), *_limbs(message)]
    digest = b"".join(limb.to_bytes(8, "little") for limb in hash_to_quintic(limbs))
    return int.from_bytes(digest, "little") % GROUP_ORDER


def _limbs(data: bytes) -> tuple[int, ...]:
    """Return the limbs of an encoding that is known to be canonical."""
    limbs = limbs_of(data)
    assert limbs is not None, "a hash or a point we encoded ourselves"
    return limbs


@lru_cache(maxsize=_KEYS_REMEMBERED)
def _table_of(key: bytes) -> WindowTable | None:
    """Return the table of a public key; None where the bytes are no key. The neutral point is
    none: anyone could sign for it."""
    point = decode(key)
    return None if point is None or point == NEUTRAL else WindowTable(point)


def _wide_hash(domain: bytes, data: bytes) -> int:
    """Return 1024 hashed bits, so wide that their remainder modulo n shows no bias."""
    halves = (sha512(domain + bytes([half]) + data).digest() for half in (0, 1))
    return int.from_bytes(b"".join(halves), "little")
