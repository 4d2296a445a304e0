"""The accounts of the embedded venues: keys derived from the seed, and their `.env` text.

Play money only. The same seed always gives the same accounts, so a daemon configured once can be
run against any later start of the same world.
"""

import hashlib
from dataclasses import dataclass
from decimal import Decimal

from solders.keypair import Keypair

from desk.core.secret import Secret
from desk.venues.lighter.signer import generate_key_pair

COLLATERAL_USD = Decimal(10_000)
CHAIN_ID = 304
"""What transactions are signed for: Lighter's mainnet number, which clients use by default."""
API_KEY_INDEX = 4
"""The first index Lighter leaves to its users (0-3 belong to its own apps)."""
EMERGENCY_API_KEY_INDEX = 5
PACIFICA_ACCOUNT_ID = 1


@dataclass(frozen=True, slots=True)
class LighterKey:
    """One registered API key: `public_key` and the private one are `0x` + 80 hex."""

    index: int
    public_key: str
    private_key: Secret


@dataclass(frozen=True, slots=True)
class LighterAccount:
    """The account on Lighter with the daemon's key and a second one for the emergency."""

    account_index: int
    l1_address: str
    key: LighterKey
    emergency_key: LighterKey


@dataclass(frozen=True, slots=True)
class PacificaAccount:
    """The account on Pacifica: base58 addresses and secrets of main wallet and bound agent."""

    account: str
    main_private_key: Secret
    agent: str
    agent_private_key: Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are on both venues."""

    lighter: LighterAccount
    pacifica: PacificaAccount


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where both venues listen; `pacifica_url` ends in /api/v1."""

    lighter_url: str
    lighter_ws_url: str
    pacifica_url: str
    pacifica_ws_url: str


def credentials_from_seed(seed: int) -> Credentials:
    """Return the accounts of the world with this seed."""
    return Credentials(lighter=_lighter_account(seed), pacifica=_pacifica_account(seed))


def _lighter_account(seed: int) -> LighterAccount:
    number = int.from_bytes(_digest(seed, "lighter account")[:4], "big")
    return LighterAccount(
        account_index=1_000 + number % 900_000,
        l1_address="0x" + _digest(seed, "lighter l1")[:20].hex(),
        key=_lighter_key(seed, API_KEY_INDEX),
        emergency_key=_lighter_key(seed, EMERGENCY_API_KEY_INDEX),
    )


def _lighter_key(seed: int, index: int) -> LighterKey:
    private_key, public_key = generate_key_pair(_digest(seed, f"lighter key {index}"))
    return LighterKey(index, public_key, Secret(private_key))


def _pacifica_account(seed: int) -> PacificaAccount:
    main, agent = _keypair(seed, "pacifica main"), _keypair(seed, "pacifica agent")
    return PacificaAccount(
        account=str(main.pubkey()),
        main_private_key=Secret(str(main)),
        agent=str(agent.pubkey()),
        agent_private_key=Secret(str(agent)),
    )


def _keypair(seed: int, name: str) -> Keypair:
    """Return an Ed25519 pair whose first byte is not zero: ccxt's base58 drops leading zeros
    (measured on 4.5.90)."""
    digest = _digest(seed, name)
    return Keypair.from_seed(bytes([digest[0] or 1]) + digest[1:])


def _digest(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"desk.sim {seed} {name}".encode()).digest()


def as_env(credentials: Credentials, endpoints: Endpoints) -> str:
    """Return the text of a `.env` that points the daemon at these venues; it holds private
    keys."""
    lighter, pacifica = credentials.lighter, credentials.pacifica
    rows = {
        "API_KEY_PRIVATE_KEY": lighter.key.private_key.reveal(),
        "ACCOUNT_INDEX": lighter.account_index,
        "API_KEY_INDEX": lighter.key.index,
        "EMERGENCY_API_KEY_PRIVATE_KEY": lighter.emergency_key.private_key.reveal(),
        "EMERGENCY_API_KEY_INDEX": lighter.emergency_key.index,
        "LIGHTER_BASE_URL": endpoints.lighter_url,
        "LIGHTER_WS_URL": endpoints.lighter_ws_url,
        "LIGHTER_CHAIN_ID": CHAIN_ID,
        "SOL_WALLET": pacifica.account,
        "API_PUBLIC": pacifica.agent,
        "API_PRIVATE": pacifica.agent_private_key.reveal(),
        "PACIFICA_BASE_URL": endpoints.pacifica_url,
        "PACIFICA_WS_URL": endpoints.pacifica_ws_url,
    }
    return "".join(f"{name}={value}\n" for name, value in rows.items())
