"""API keys as people hold them: `0x` and 80 hex digits, 40 bytes in little endian.

Only their text form and the making of simulated pairs live here; no key is read from anywhere.
"""

from typing import Final

from desk.core.errors import ConfigError
from desk.core.secret import Secret
from desk.venues.lighter.crypto import schnorr
from desk.venues.lighter.crypto.field import ELEMENT_BYTES
from desk.venues.lighter.crypto.parameters import GROUP_ORDER

_HEX_DIGITS: Final = 2 * ELEMENT_BYTES


class MalformedKey(ConfigError):
    """The private key is no Lighter API key; the text does not repeat it."""


def private_scalar(key: Secret) -> int:
    """Return the scalar of a private key. Raises `MalformedKey`.

    Stricter than the venue's library, which also takes 0 and scalars beyond the group order.
    """
    text = key.reveal().removeprefix("0x")
    try:
        data = bytes.fromhex(text) if len(text) == _HEX_DIGITS else b""
    except ValueError:
        data = b""
    scalar = int.from_bytes(data, "little")
    if len(data) != ELEMENT_BYTES or not 0 < scalar < GROUP_ORDER:
        raise MalformedKey(
            f"the Lighter private key must be 0x and {_HEX_DIGITS} hex digits, as the venue issued"
        )
    return scalar


def public_hex(scalar: int) -> str:
    """Return the public key of a private scalar, 0x and 80 hex digits."""
    return "0x" + schnorr.public_key(scalar).hex()


def generate_key_pair(seed: bytes) -> tuple[str, str]:
    """Return (private, public) key, each 0x and 80 hex digits, for a simulated account.

    The pair depends on nothing but the seed: never for money.
    """
    scalar = schnorr.private_key_from_seed(seed)
    return "0x" + scalar.to_bytes(ELEMENT_BYTES, "little").hex(), public_hex(scalar)
