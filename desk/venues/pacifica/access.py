"""Where Pacifica is and who we are there, read from the owner's environment.

Pure: a mapping in, values or one-line `ConfigError`s out. Hosts: docs.pacifica.fi, "API".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from desk.core.errors import ConfigError
from desk.core.secret import Secret
from desk.venues.pacifica.signing import Signer, is_address

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
    key = _value(env, "PACIFICA_API_KEY")
    return Access(
        endpoints=_endpoints(env),
        credentials=None if read_only else _credentials(env),
        api_key=Secret(key) if key else None,
    )


def _value(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "").strip()


def _required(env: Mapping[str, str], name: str, what: str) -> str:
    value = _value(env, name)
    if not value:
        raise ConfigError(f"{name} is missing: set it in .env to {what}")
    return value


def _endpoints(env: Mapping[str, str]) -> Endpoints:
    url = _value(env, "PACIFICA_BASE_URL").rstrip("/") or MAINNET_URL
    _check_url("PACIFICA_BASE_URL", url, ("http", "https"))
    if not urlsplit(url).path.endswith(API_PATH):
        raise ConfigError(f"PACIFICA_BASE_URL must end in {API_PATH}, as in {MAINNET_URL}")
    ws_url = _value(env, "PACIFICA_WS_URL") or _WS_OF.get(url, "")
    if not ws_url:
        raise ConfigError(
            "PACIFICA_WS_URL is missing: set it too, for PACIFICA_BASE_URL is neither Pacifica's "
            "mainnet nor its testnet"
        )
    _check_url("PACIFICA_WS_URL", ws_url, ("ws", "wss"))
    return Endpoints(url, ws_url)


def _check_url(name: str, url: str, schemes: tuple[str, str]) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"{name} is not a URL: it must begin with {schemes[1]}:// and a host")


def _credentials(env: Mapping[str, str]) -> Credentials:
    account = _required(env, "SOL_WALLET", "the address of your Pacifica account")
    public = _required(env, "API_PUBLIC", "the public key of your agent (app.pacifica.fi/apikey)")
    private = _required(env, "API_PRIVATE", "the private key shown when the agent was made")
    for name, value in (("SOL_WALLET", account), ("API_PUBLIC", public)):
        if not is_address(value):
            raise ConfigError(f"{name} is not a public key: copy the whole address, 32-44 letters")
    try:
        signer = Signer(Secret(private))
    except ValueError as error:
        raise ConfigError(
            f"API_PRIVATE is not a private key ({error}): copy all 87-88 letters of it again"
        ) from error
    if signer.address != public:
        raise ConfigError(
            f"API_PRIVATE does not belong to API_PUBLIC: it is the key of {signer.address}"
        )
    return Credentials(account, signer)
