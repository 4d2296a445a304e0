"""Where Lighter is and who we are there, read from the owner's environment.

Pure: a mapping in, values or one-line `ConfigError`s out. What the venue itself finds wrong with
them is put into the same words here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from desk.core.errors import ConfigError, VenueRejected
from desk.core.secret import Secret
from desk.venues.lighter.crypto.keys import MalformedKey, private_scalar
from desk.venues.lighter.crypto.limits import InvalidRequest, check_fields
from desk.venues.variables import (
    HTTP,
    WEB_SOCKET,
    address,
    looks_like,
    number,
    optional,
    required,
)

MAINNET_URL = "https://mainnet.zklighter.elliot.ai"
# Chain ids are part of every signature; the venue's SDK lists them per host, 304 for the rest.
CHAIN_IDS = {
    MAINNET_URL: 304,
    "https://testnet.zklighter.elliot.ai": 300,
    "https://api.rh.lighter.xyz": 466324,
    "https://api.rh-testnet.lighter.xyz": 300,
}
CHAIN_ID_DEFAULT = 304
ACCOUNT_MEND = "the number of your (sub-)account as Lighter's app shows it, not a wallet's address"
INDEX_MEND = "the index that was chosen when the key was made (4 to 254)"
KEY_MEND = "the private key shown when the key was made"

KeyName = Literal["API_KEY", "EMERGENCY_API_KEY"]
"""Which pair of variables, `…_PRIVATE_KEY` and `…_INDEX`, names the key."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a key is registered, and the pair of variables that says so."""

    account_index: int
    key_index: int
    key_name: KeyName = "API_KEY"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A private key and where it should be registered."""

    slot: Slot
    private_key: Secret


@dataclass(frozen=True, slots=True)
class Access:
    """All that the environment says about Lighter; `credentials` None only reads."""

    base_url: str
    ws_url: str
    chain_id: int
    account_index: int | None
    credentials: Credentials | None


def read_access(
    env: Mapping[str, str], *, key: KeyName = "API_KEY", read_only: bool = False
) -> Access:
    """Return the access `env` describes.

    `ACCOUNT_INDEX`, the key and its index are required unless `read_only`, which needs none;
    `LIGHTER_BASE_URL`, `LIGHTER_WS_URL`, `LIGHTER_CHAIN_ID` are optional. Raises `ConfigError`
    naming the variable and the mend.
    """
    base_url = address(env, "LIGHTER_BASE_URL", HTTP).rstrip("/") or MAINNET_URL
    ws_url = address(env, "LIGHTER_WS_URL", WEB_SOCKET) or stream_url(base_url)
    chain_id = _chain_id(env, base_url)
    wants_account = not read_only or bool(optional(env, "ACCOUNT_INDEX"))
    account_index = _index(env, "ACCOUNT_INDEX", ACCOUNT_MEND) if wants_account else None
    credentials = None
    if not read_only and account_index is not None:
        key_index = _index(env, f"{key}_INDEX", INDEX_MEND)
        credentials = Credentials(Slot(account_index, key_index, key), _private_key(env, key))
    return Access(base_url, ws_url, chain_id, account_index, credentials)


def stream_url(base_url: str) -> str:
    """Return the stream address that belongs to a REST address: never another deployment's."""
    return f"{base_url.rstrip('/').replace('http', 'ws', 1)}/stream"


def _chain_id(env: Mapping[str, str], base_url: str) -> int:
    """Return what orders are signed for; another number than a known host's own means that it
    would refuse them all, the other leg's order being filled meanwhile."""
    known = CHAIN_IDS.get(base_url)
    mend = f"{known or CHAIN_ID_DEFAULT}, or leave it out"
    chain_id = number(env, "LIGHTER_CHAIN_ID", mend, default=known or CHAIN_ID_DEFAULT)
    if known is not None and chain_id != known:
        raise ConfigError(f"LIGHTER_CHAIN_ID is {chain_id}, not that of {base_url}: set {mend}")
    return chain_id


def _index(env: Mapping[str, str], name: str, mend: str) -> int:
    value = number(env, name, mend)
    field = "AccountIndex" if name == "ACCOUNT_INDEX" else "ApiKeyIndex"
    try:
        check_fields({field: value})
    except InvalidRequest as error:
        raise ConfigError(f"{name} is {value}, out of range: set {mend}") from error
    return value


def _private_key(env: Mapping[str, str], key: KeyName) -> Secret:
    name = f"{key}_PRIVATE_KEY"
    secret = Secret(required(env, name, KEY_MEND))
    try:
        private_scalar(secret)
    except MalformedKey as error:
        look = looks_like(secret.reveal())
        raise ConfigError(f"{name} is not a key: {error}{look}") from error
    return secret


# What the venue finds wrong

CODE_ACCOUNT_UNKNOWN = "21100"
CODES_KEY_UNKNOWN = ("21109", "21110")


def explained(error: VenueRejected, slot: Slot) -> ConfigError | VenueRejected:
    """Return a refusal of `apikeys` as the owner's mistake, or as it is where it is none."""
    if error.code == CODE_ACCOUNT_UNKNOWN:
        account = f"ACCOUNT_INDEX {slot.account_index}"
        return ConfigError(f"{account} is unknown to Lighter: set {ACCOUNT_MEND}")
    return no_such_key(slot) if error.code in CODES_KEY_UNKNOWN else error


def no_such_key(slot: Slot) -> ConfigError:
    """Return what to tell an owner whose account has no key at that index."""
    return ConfigError(
        f"{slot.key_name}_INDEX {slot.key_index} is no key of Lighter account "
        f"{slot.account_index} (ACCOUNT_INDEX): set {INDEX_MEND}, or make a key there"
    )


def not_this_key(slot: Slot) -> ConfigError:
    """Return what to tell an owner whose private key is another one than the registered."""
    return ConfigError(
        f"{slot.key_name}_PRIVATE_KEY is not the key registered as {slot.key_name}_INDEX "
        f"{slot.key_index} of Lighter account {slot.account_index} (ACCOUNT_INDEX): set all three "
        "as Lighter issued them together"
    )
