"""The owner's variables as both venues' `access` modules read them: there, well-formed, an address.

Pure: a mapping in, values or one-line `ConfigError`s out, each naming the variable, its fault and
the mend. A value is shown only where it cannot be a key.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from desk.core.errors import ConfigError

HTTP, WEB_SOCKET = ("http", "https"), ("ws", "wss")
SHOWN_LENGTH_MAX = 60
DIGITS_MAX = 18
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
_LOOKS = (
    (r"(0x)?[0-9a-fA-F]{80}", "a key of Lighter's"),
    (r"(0x)?[0-9a-fA-F]{64}", "an Ethereum wallet's private key, which belongs nowhere in here"),
    (r"0x[0-9a-fA-F]{40}", "an Ethereum address"),
    (_BASE58 + "{86,88}", "a Solana private key, such as API_PRIVATE"),
    (_BASE58 + "{32,44}", "a Solana address, such as SOL_WALLET or API_PUBLIC"),
)


def optional(env: Mapping[str, str], name: str) -> str:
    """Return a variable without the blanks around it, "" where it is not set."""
    return env.get(name, "").strip()


def required(env: Mapping[str, str], name: str, mend: str) -> str:
    """Return a variable that must be set; `mend` is what to set it to."""
    value = optional(env, name)
    if not value:
        raise ConfigError(f"{name} is missing: set it in .env to {mend} (see .env.example)")
    return value


def number(env: Mapping[str, str], name: str, mend: str, *, default: int | None = None) -> int:
    """Return a whole number, 0 or above, that fits into the eight bytes every signer has for it;
    `default` where the variable may be left out."""
    if default is not None and not optional(env, name):
        return default
    text = required(env, name, mend)
    if not (text.isascii() and text.isdigit()) or len(text) > DIGITS_MAX:
        must = f"a whole number, 0 or above, of at most {DIGITS_MAX} digits"
        raise ConfigError(f"{name} is {_shown(text)}: it must be {must}")
    return int(text)


def address(env: Mapping[str, str], name: str, schemes: tuple[str, str]) -> str:
    """Return the URL in a variable, "" where it is not set."""
    text = optional(env, name)
    if text:
        fault = _fault(text, schemes)
        if fault is not None:
            raise ConfigError(f"{name} is {_shown(text)}: {fault}")
    return text


def looks_like(text: str) -> str:
    """Return what a misplaced value probably is, as the end of a message; "" for a guess too far.
    It shows nothing of the value."""
    for form, words in _LOOKS:
        if re.fullmatch(form, text):
            return f"; it looks like {words}"
    return ""


def _fault(text: str, schemes: tuple[str, str]) -> str | None:
    must = f"it must begin with {schemes[1]}:// (or {schemes[0]}://) and a host"
    if text.partition("://")[0] not in schemes or "://" not in text:
        return must
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
        if not host or any(letter.isspace() for letter in text):
            return must
        host.encode("idna")  # what the resolver will do: an empty or a too long label fails
    except ValueError as error:
        return "its port is not one" if "port" in str(error).lower() else must
    return "its port is not one" if port == 0 else None


def _shown(text: str) -> str:
    """Return a value as the file has it, unless it may be a secret pasted into the wrong line:
    neither kind of key has a dot or a colon in it, and only a password stands before an @."""
    is_harmless = len(text) < 20 or "." in text or ":" in text
    if not is_harmless or "@" in text:
        return "wrong"
    return repr(text if len(text) <= SHOWN_LENGTH_MAX else text[: SHOWN_LENGTH_MAX - 3] + "...")
