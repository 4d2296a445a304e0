"""Addresses and keys from the environment, and the one line that says what is wrong with them."""

from typing import Any

import pytest

from desk.core.errors import ConfigError
from desk.core.secret import Secret
from desk.venues.pacifica.access import MAINNET, TESTNET_URL, TESTNET_WS_URL, read_access
from desk.venues.pacifica.signing import Signer
from test.venues.pacifica_venue import ACCOUNT, AGENT_SECRET

AGENT = Signer(Secret(AGENT_SECRET)).address
ENV = {"SOL_WALLET": ACCOUNT, "API_PUBLIC": AGENT, "API_PRIVATE": AGENT_SECRET}


def test_three_variables_are_enough() -> None:
    """Account, agent and its key: the hosts are then the mainnet's."""
    access = read_access(ENV)

    assert MAINNET == access.endpoints
    assert access.credentials is not None
    assert (ACCOUNT, AGENT) == (access.credentials.account, access.credentials.signer.address)
    assert access.api_key is None


def test_reading_needs_no_variable() -> None:
    """Without credentials everything public can be read."""
    assert read_access({}, read_only=True).credentials is None


def test_testnet_brings_its_stream() -> None:
    """A known host has a known stream, so that prices and orders are of one network."""
    access = read_access(ENV | {"PACIFICA_BASE_URL": TESTNET_URL + "/"})

    assert (TESTNET_URL, TESTNET_WS_URL) == (access.endpoints.url, access.endpoints.ws_url)


def test_blanks_around_values_do_not_matter() -> None:
    """A pasted value may bring a blank."""
    access = read_access({name: f" {value} " for name, value in ENV.items()})

    assert access.credentials is not None
    assert ACCOUNT == access.credentials.account


def test_keys_do_not_show() -> None:
    """Nothing that is printed of the access holds a private key."""
    access = read_access(ENV | {"PACIFICA_API_KEY": "AbCdEfGh_2mT8x"})

    assert AGENT_SECRET not in repr(access)
    assert "AbCdEfGh" not in repr(access)


MISTAKES: list[tuple[dict[str, str], str]] = [
    ({"SOL_WALLET": ""}, "SOL_WALLET is missing"),
    ({"API_PUBLIC": " "}, "API_PUBLIC is missing"),
    ({"API_PRIVATE": ""}, "API_PRIVATE is missing"),
    ({"SOL_WALLET": "0x1234"}, "SOL_WALLET is not a public key"),
    ({"API_PUBLIC": AGENT[:-3]}, "API_PUBLIC is not a public key"),
    ({"API_PRIVATE": AGENT_SECRET[:-2]}, "API_PRIVATE is not a private key .*was it cut"),
    ({"API_PRIVATE": AGENT}, "API_PRIVATE is not a private key .*an address or a bare seed"),
    ({"API_PRIVATE": "[1,2,3]"}, "API_PRIVATE is not a private key .*not base58"),
    ({"API_PUBLIC": ACCOUNT}, "API_PRIVATE does not belong to API_PUBLIC"),
    ({"PACIFICA_BASE_URL": "https://api.pacifica.fi"}, "PACIFICA_BASE_URL must end in /api/v1"),
    (
        {"PACIFICA_BASE_URL": "api.pacifica.fi/api/v1"},
        "PACIFICA_BASE_URL is 'api.pacifica.fi/api/v1': it must begin with https://",
    ),
    ({"PACIFICA_BASE_URL": "http://[::1/api/v1"}, "PACIFICA_BASE_URL is .*and a host"),
    ({"PACIFICA_BASE_URL": "http://h:99999/api/v1"}, "PACIFICA_BASE_URL is .*its port is not one"),
    ({"PACIFICA_BASE_URL": "http://127.0.0.1:1/api/v1"}, "PACIFICA_WS_URL is missing"),
    ({"PACIFICA_API_KEY": "a\nb"}, "PACIFICA_API_KEY is no key"),
    ({"PACIFICA_API_KEY": "a b"}, "PACIFICA_API_KEY is no key"),
    ({"PACIFICA_API_KEY": "ключ"}, "PACIFICA_API_KEY is no key"),
    ({"PACIFICA_WS_URL": "https://ws.pacifica.fi/ws"}, "PACIFICA_WS_URL is .*begin with wss://"),
    ({"SOL_WALLET": AGENT_SECRET}, "SOL_WALLET is not .*looks like a Solana private key"),
    ({"SOL_WALLET": "0x" + "ab" * 20}, "SOL_WALLET is not .*looks like an Ethereum address"),
    ({"API_PUBLIC": AGENT_SECRET}, "API_PUBLIC is not .*looks like a Solana private key"),
    ({"API_PRIVATE": "0x" + "ab" * 40}, "API_PRIVATE is not .*looks like a key of Lighter's"),
    ({"API_PRIVATE": AGENT_SECRET.replace("a", "a ")}, "API_PRIVATE is not .*not base58"),
]


@pytest.mark.parametrize(
    ("change", "text"),
    MISTAKES,
)
def test_mistake_is_named_with_its_mend(change: dict[str, Any], text: str) -> None:
    """One line names the variable and what to do, and never quotes a private key."""
    with pytest.raises(ConfigError, match=text) as caught:
        read_access(ENV | change)

    assert "\n" not in str(caught.value)
    assert AGENT_SECRET[:-2] not in str(caught.value)
