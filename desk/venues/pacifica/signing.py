"""Pacifica's signatures: canonical JSON under Ed25519, made and checked.

Pure but for the key it holds. What may be signed is decided in `pacifica.operations`; who may sign
for whom is decided by the venue. Scheme: docs.pacifica.fi, "Signing", and the venue's own Python
examples; fixed vectors in the tests.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

from desk.core.secret import Secret

Payload = Mapping[str, Any]

SIGNATURE_BYTES = 64
SECRET_BYTES = 64
ADDRESS_BYTES = 32
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: value for value, character in enumerate(_ALPHABET)}
_TEXT_LENGTH_MAX = 128


def signing_bytes(
    operation: str, payload: Payload, *, timestamp_ms: int, expiry_window_ms: int
) -> bytes:
    """Return the exact bytes that are signed: header and payload, keys sorted at every depth,
    no blanks, UTF-8.

    `timestamp_ms` is the signer's wall clock, `expiry_window_ms` how long after it the venue may
    still take the request. Unset optional fields must be absent, not null.
    """
    message = {
        "type": operation,
        "timestamp": timestamp_ms,
        "expiry_window": expiry_window_ms,
        "data": payload,
    }
    return msgspec.json.encode(message, order="sorted")


class Signer:
    """An Ed25519 key pair that signs Pacifica's operations; prints as its public address."""

    __slots__ = ("_pair", "address")

    def __init__(self, secret: Secret) -> None:
        """Read a base58 key of 64 bytes (seed, then public key).

        Raises `ValueError` whose text never contains any part of the key.
        """
        try:
            self._pair = Keypair.from_base58_string(secret.reveal())
        except ValueError:
            # `from None`: the library's text may quote the character it stumbled over.
            raise ValueError(_key_problem(secret.reveal())) from None
        self.address = str(self._pair.pubkey())

    def __repr__(self) -> str:
        """Return the public half."""
        return f"Signer({self.address})"

    def sign(
        self, operation: str, payload: Payload, *, timestamp_ms: int, expiry_window_ms: int
    ) -> str:
        """Return the base58 signature of an operation (see `signing_bytes`)."""
        message = signing_bytes(
            operation, payload, timestamp_ms=timestamp_ms, expiry_window_ms=expiry_window_ms
        )
        return str(self._pair.sign_message(message))


def verify(message: bytes, *, signature: str, address: str, pad_short: bool = False) -> bool:
    """Return whether `signature` is `address`'s over `message`; False for anything malformed.

    `pad_short` restores leading zero bytes that some base58 encoders drop (seen in ccxt 4.5.90:
    about one signature in 256), as a lenient venue would.
    """
    try:
        raw = decode_base58(signature)
        if pad_short:
            raw = raw.rjust(SIGNATURE_BYTES, b"\0")
        return Signature.from_bytes(raw).verify(Pubkey.from_string(address), message)
    except ValueError:
        return False


def is_address(text: str) -> bool:
    """Return whether `text` is a public key: base58 of 32 bytes."""
    try:
        return len(decode_base58(text)) == ADDRESS_BYTES
    except ValueError:
        return False


def decode_base58(text: str) -> bytes:
    """Return the bytes of a base58 text (Bitcoin's alphabet, leading ones are zero bytes).

    Raises `ValueError`, which does not quote the text: it may be a secret.
    """
    if len(text) > _TEXT_LENGTH_MAX:
        raise ValueError(f"longer than {_TEXT_LENGTH_MAX} characters")
    number = 0
    for position, character in enumerate(text):
        digit = _DIGITS.get(character)
        if digit is None:
            raise ValueError(f"character {position + 1} is not base58")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def _key_problem(text: str) -> str:
    try:
        length = len(decode_base58(text))
    except ValueError as error:
        return f"it is not base58: {error}"
    if length == ADDRESS_BYTES:
        return f"it holds {length} bytes: an address or a bare seed, not a secret key of 64"
    if length != SECRET_BYTES:
        return f"it holds {length} bytes, a secret key has {SECRET_BYTES}: was it cut?"
    return "its two halves do not belong together: was a character changed?"
