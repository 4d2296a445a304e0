"""A Lighter client from the owner's variables: what is wrong is named, what is right trades."""

import asyncio

import pytest

from desk.core.errors import ConfigError
from desk.core.order import Accepted, OrderRequest, Side
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock, SystemClock
from desk.sim.serve import start_embedded
from desk.sim.world import World
from desk.venues.lighter.access import CHAIN_IDS, stream_url
from desk.venues.lighter.signer import generate_key_pair
from lighter_client import LighterClient
from test.venues.lighter_fakes import StillClock
from test.virtual import run_virtual

GOOD_KEY = generate_key_pair(b"environment")[0]
ENVIRONMENT = {"API_KEY_PRIVATE_KEY": GOOD_KEY, "ACCOUNT_INDEX": "77", "API_KEY_INDEX": "7"}


def from_environment(**changes: str) -> LighterClient:
    """Return a client for the good environment with changes; an empty text removes."""
    return LighterClient.from_environment({**ENVIRONMENT, **changes}, clock=StillClock())


MISTAKES: list[tuple[dict[str, str], str]] = [
    ({"ACCOUNT_INDEX": ""}, "ACCOUNT_INDEX is missing"),
    ({"ACCOUNT_INDEX": "0x12"}, "ACCOUNT_INDEX is '0x12'"),
    ({"ACCOUNT_INDEX": "0"}, "ACCOUNT_INDEX is 0, out of range"),
    ({"ACCOUNT_INDEX": "-1"}, "ACCOUNT_INDEX is '-1': it must be a whole number"),
    ({"ACCOUNT_INDEX": "hush" * 20}, "ACCOUNT_INDEX is wrong: it must be a whole number"),
    ({"API_KEY_INDEX": " "}, "API_KEY_INDEX is missing"),
    ({"API_KEY_INDEX": "300"}, "API_KEY_INDEX is 300, out of range"),
    ({"API_KEY_PRIVATE_KEY": ""}, "API_KEY_PRIVATE_KEY is missing"),
    ({"API_KEY_PRIVATE_KEY": "hush"}, "80 hex digits"),
    ({"API_KEY_PRIVATE_KEY": GOOD_KEY[:-2]}, "80 hex digits"),
    ({"API_KEY_PRIVATE_KEY": GOOD_KEY[:40] + " " + GOOD_KEY[40:]}, "80 hex digits"),
    ({"API_KEY_PRIVATE_KEY": "0x" + "ab" * 32}, "looks like an Ethereum wallet's private key"),
    ({"API_KEY_PRIVATE_KEY": "3k" * 44}, "looks like a Solana private key"),
    ({"LIGHTER_BASE_URL": "localhost:8801"}, "LIGHTER_BASE_URL is 'localhost:8801': .*http"),
    ({"LIGHTER_BASE_URL": "https://"}, "LIGHTER_BASE_URL is 'https://': .*and a host"),
    ({"LIGHTER_BASE_URL": "http://a b"}, "LIGHTER_BASE_URL is 'http://a b': .*and a host"),
    ({"LIGHTER_BASE_URL": "http://h:0"}, "LIGHTER_BASE_URL is 'http://h:0': its port"),
    ({"LIGHTER_BASE_URL": f"http://{'a' * 64}.b"}, "LIGHTER_BASE_URL is .*and a host"),
    ({"LIGHTER_BASE_URL": "me:hush@host"}, "LIGHTER_BASE_URL is wrong: .*begin with https://"),
    ({"LIGHTER_WS_URL": "http://h/stream"}, "LIGHTER_WS_URL is .*begin with wss://"),
    ({"LIGHTER_WS_URL": "localhost:8801"}, "LIGHTER_WS_URL is .*begin with wss://"),
    ({"LIGHTER_CHAIN_ID": "main"}, "LIGHTER_CHAIN_ID is 'main': it must be a whole number"),
    ({"LIGHTER_CHAIN_ID": "9" * 19}, "LIGHTER_CHAIN_ID .*of at most 18 digits"),
    ({"LIGHTER_CHAIN_ID": "300"}, "LIGHTER_CHAIN_ID is 300, not that of https://mainnet"),
    ({"ACCOUNT_INDEX": "9" * 5_000}, "ACCOUNT_INDEX is wrong: it must be a whole number"),
]


@pytest.mark.parametrize(("changes", "named"), MISTAKES)
def test_a_wrong_variable_is_named_on_one_line(changes: dict[str, str], named: str) -> None:
    """The message has the name and the mend, and never a secret."""
    with pytest.raises(ConfigError, match=named) as error:
        from_environment(**changes)

    said = str(error.value)
    assert (False, False, False) == ("\n" in said, "hush" in said, GOOD_KEY[:30] in said)


def test_the_emergency_key_is_another_pair_of_variables() -> None:
    """Asking for it without setting it names its own variables."""
    with pytest.raises(ConfigError, match="EMERGENCY_API_KEY_INDEX is missing"):
        LighterClient.from_environment(ENVIRONMENT, clock=StillClock(), key="EMERGENCY_API_KEY")


def test_reading_needs_no_variable() -> None:
    """A table of spreads needs no key."""
    client = LighterClient.from_environment({}, clock=StillClock(), read_only=True)

    assert VenueName.LIGHTER is client.name


def test_a_stream_belongs_to_its_rest_address() -> None:
    """A test network's orders are never priced off the main network's books."""
    expected = ["wss://testnet.zklighter.elliot.ai/stream", "ws://127.0.0.1:8801/stream"]
    addresses = ("https://testnet.zklighter.elliot.ai", "http://127.0.0.1:8801/")

    assert expected == [stream_url(address) for address in addresses]
    assert 300 == CHAIN_IDS[addresses[0]]


def test_the_live_wiring_trades() -> None:
    """The library signs in its thread, for the account a simulated venue's variables name."""

    async def main() -> None:
        start_ms = SystemClock().now_ms()  # the library dates by the host's clock, so must we
        clock = LoopClock(asyncio.get_running_loop(), start_ms)
        venue = await start_embedded(World(7, start_ms=start_ms), clock=clock)
        client = LighterClient.from_environment(venue.env(), clock=clock)
        client.watch(["ETH"])
        try:
            await client.open()
            await asyncio.sleep(2)
            quote, eth = client.quote("ETH"), (await client.instruments())["ETH"]
            size = eth.size_floor(quote.bid)
            signed = await client.sign(OrderRequest("ETH", Side.BUY, size, quote.ask, "1"))
            assert isinstance(await client.send(signed), Accepted)
        finally:
            await client.close()
            await venue.close()

    run_virtual(main())
