"""Where Pacifica is and who we are there, read from the owner's environment.

Pure: a mapping in, values or one-line `ConfigError`s out. Hosts: docs.pacifica.fi, "API".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from desk.core.errors import ConfigError
from desk.core.order import Outcome, Rejected
from desk.core.secret import Secret
from desk.venues.pacifica.errors import Refusal
from desk.venues.pacifica.signing import Signer, is_address
from desk.venues.variables import (
    HTTP,
    WEB_SOCKET,
    address,
    looks_like,
    optional,
    required,
)

MAINNET_URL = "https://api.pacifica.fi/api/v1"
MAINNET_WS_URL = "wss://ws.pacifica.fi/ws"
TESTNET_URL = "https://test-api.pacifica.fi/api/v1"
TESTNET_WS_URL = "wss://test-ws.pacifica.fi/ws"
API_PATH = "/api/v1"
_WS_OF = {MAINNET_URL: MAINNET_WS_URL, TESTNET_URL: TESTNET_WS_URL}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The two addresses of one deployment; `url` ends in /api/v1."""

    url: str
    ws_url: str


MAINNET = Endpoints(MAINNET_URL, MAINNET_WS_URL)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account traded on and the key that signs for it (its own, or an agent's)."""

    account: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class Access:
    """All that the environment says about Pacifica; `credentials` None only reads."""

    endpoints: Endpoints
    credentials: Credentials | None
    api_key: Secret | None


def read_access(env: Mapping[str, str], *, read_only: bool = False) -> Access:
    """Return the access `env` describes.

    `SOL_WALLET`, `API_PUBLIC`, `API_PRIVATE` are required unless `read_only`, which ignores
    them; `PACIFICA_BASE_URL`, `PACIFICA_WS_URL`, `PACIFICA_API_KEY` are optional. Raises
    `ConfigError` naming the variable and the mend.
    """
    key = optional(env, "PACIFICA_API_KEY")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError("PACIFICA_API_KEY is no key: copy it again, letters and digits alone")
    return Access(
        endpoints=_endpoints(env),
        credentials=None if read_only else _credentials(env),
        api_key=Secret(key) if key else None,
    )


def _endpoints(env: Mapping[str, str]) -> Endpoints:
    url = address(env, "PACIFICA_BASE_URL", HTTP).rstrip("/") or MAINNET_URL
    if not urlsplit(url).path.endswith(API_PATH):
        raise ConfigError(f"PACIFICA_BASE_URL must end in {API_PATH}, as in {MAINNET_URL}")
    ws_url = address(env, "PACIFICA_WS_URL", WEB_SOCKET) or _WS_OF.get(url, "")
    if not ws_url:
        raise ConfigError(
            "PACIFICA_WS_URL is missing: set it too, for PACIFICA_BASE_URL is neither Pacifica's "
            "mainnet nor its testnet"
        )
    return Endpoints(url, ws_url)


def _credentials(env: Mapping[str, str]) -> Credentials:
    account = required(env, "SOL_WALLET", "the address of your Pacifica account")
    public = required(env, "API_PUBLIC", "the public key of your agent (app.pacifica.fi/apikey)")
    private = required(env, "API_PRIVATE", "the private key shown when the agent was made")
    for name, value in (("SOL_WALLET", account), ("API_PUBLIC", public)):
        if not is_address(value):
            text = f"{name} is not a public key: copy the whole address, 32-44 letters"
            raise ConfigError(text + looks_like(value))
    try:
        signer = Signer(Secret(private))
    except ValueError as error:
        text = f"API_PRIVATE is not a private key ({error}): copy all 87-88 letters of it again"
        raise ConfigError(text + looks_like(private)) from error
    if signer.address != public:
        raise ConfigError(
            f"API_PRIVATE does not belong to API_PUBLIC: it is the key of {signer.address}"
        )
    return Credentials(account, signer)


# What the venue itself finds wrong

_ACCESS_PROBLEMS = {
    Refusal.BAD_SIGNATURE: "check that API_PRIVATE and SOL_WALLET are of this network",
    Refusal.NOT_AUTHORIZED: "bind the agent API_PUBLIC to SOL_WALLET at app.pacifica.fi/apikey",
    Refusal.BETA_ACCESS: "redeem a beta code for SOL_WALLET in the venue's app",
    Refusal.EXPIRED: "set this machine's clock",
    "401": "check SOL_WALLET, API_PUBLIC and API_PRIVATE",
    "403": "this address may not trade here: region, or the agent's list of allowed addresses",
}


def access_problem(outcome: Outcome) -> ConfigError | None:
    """Return what to tell the owner where a write was refused because of who signed it."""
    if not isinstance(outcome, Rejected) or outcome.code not in _ACCESS_PROBLEMS:
        return None
    mend = _ACCESS_PROBLEMS[outcome.code]
    return ConfigError(f"Pacifica refuses the key ({outcome.message}): {mend}")
