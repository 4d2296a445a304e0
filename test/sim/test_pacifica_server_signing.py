"""Who may do what on the embedded Pacifica, and in which order a request is checked."""

import asyncio
from typing import Any

import pytest
from solders.keypair import Keypair

from desk.core.secret import Secret
from desk.sim.pacifica_server import PacificaSwitches
from desk.venues.pacifica.signing import Signer
from test.sim.pacifica_bench import Bench, Body, on_bench

LEVERAGE = {"symbol": "BTC", "leverage": 3}
STRANGER = Signer(Secret(str(Keypair.from_seed(bytes(range(1, 33))))))
BAD_SIGNATURE = "Verification failed: signature does not match signer and canonical payload."


def refusal(play_change: Body) -> tuple[int, str | None]:
    """Return how a leverage change is answered when its body is changed after signing."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await bench.post("update_leverage", LEVERAGE, **play_change)

    status, body = on_bench(play)
    return status, body["error"]


def test_a_signed_operation_is_carried_out() -> None:
    """A body signed by the bound agent changes the leverage."""
    assert (200, None) == refusal({})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"leverage": 5}, BAD_SIGNATURE),
        ({"signature": "1" * 64}, BAD_SIGNATURE),
        ({"signature": {"type": "hardware", "value": "x"}}, "Unsupported signature type"),
        ({"account": "abc"}, "Invalid public key"),
        ({"agent_wallet": STRANGER.address}, "Agent not authorized for account"),
        ({"agent_wallet": None}, BAD_SIGNATURE),
        ({"expiry_window": 6_000}, BAD_SIGNATURE),
    ],
)
def test_a_changed_body_is_refused(change: Body, error: str) -> None:
    """What is signed cannot be changed, and the signer must be the account or its agent."""
    assert (400, error) == refusal(change)


def test_unsigned_extra_keys_are_ignored() -> None:
    """Keys that the operation does not know are not part of the signed message."""
    assert (200, None) == refusal({"slippage": "0.5", "postOnly": True})


def test_a_null_field_counts_as_absent() -> None:
    """A null client order id, sent beside a signature without it, changes nothing."""

    async def play(bench: Bench) -> int:
        body = bench.signed("create_order", bench.limit())
        return (await bench.send("/orders/create", {**body, "client_order_id": None}))[0]

    assert 200 == on_bench(play)


def test_the_account_may_sign_for_itself() -> None:
    """Without an agent the main key signs, as the official examples do."""

    async def play(bench: Bench) -> tuple[int, Body]:
        bench.signer = bench.main
        return await bench.post("update_leverage", LEVERAGE, agent_wallet=None)

    assert 200 == on_bench(play)[0]


@pytest.mark.parametrize(("age_s", "status"), [(4, 200), (6, 400)])
def test_a_request_outlives_its_window_by_nothing(age_s: int, status: int) -> None:
    """Five seconds after its timestamp a request with that window is an invalid message."""

    async def play(bench: Bench) -> tuple[int, Body]:
        body = bench.signed("update_leverage", LEVERAGE)
        await asyncio.sleep(age_s)
        return await bench.send("/account/leverage", body)

    assert status == on_bench(play)[0]


def test_the_same_bytes_work_twice_inside_their_window() -> None:
    """There is no nonce: only a client order id makes a repetition harmless."""

    async def play(bench: Bench) -> list[int]:
        body = bench.signed("create_order", bench.limit())
        return [(await bench.send("/orders/create", body))[0] for _ in range(2)]

    assert [200, 200] == on_bench(play)


def test_shape_is_checked_before_the_signature() -> None:
    """A missing field is named even when the signature is rubbish as well."""

    async def play(bench: Bench) -> str:
        body = bench.signed("update_leverage", LEVERAGE, signature="1")
        del body["leverage"]
        text: str = (await bench.send("/account/leverage", body))[1]["error"]
        return text

    assert "missing field `leverage`" == on_bench(play)


def test_the_signature_is_checked_before_the_steps() -> None:
    """An off-tick price with a bad signature is a bad signature."""

    async def play(bench: Bench) -> str:
        reply = await bench.post("create_order", bench.limit(), price="90000.5")
        text: str = reply[1]["error"]
        return text

    assert BAD_SIGNATURE == on_bench(play)


def test_a_signature_that_lost_its_leading_zero_is_padded() -> None:
    """Some base58 encoders drop leading zero bytes; the server can put them back or refuse."""

    async def play(bench: Bench) -> int:
        return (await bench.send("/account/leverage", await _with_short_signature(bench)))[0]

    padding, strict = PacificaSwitches(), PacificaSwitches(pad_signatures=False)

    assert [200, 400] == [on_bench(play, switches=switches) for switches in (padding, strict)]


async def _with_short_signature(bench: Bench) -> Body:
    """Return a signed body whose signature begins with a zero byte, that byte cut off."""
    for leverage in range(1, 51):
        for window in range(5_000, 5_060):
            body = _signed_with_window(bench, leverage, window)
            if body["signature"].startswith("1"):
                return {**body, "signature": body["signature"].lstrip("1")}
    raise AssertionError("no such signature found")


def _signed_with_window(bench: Bench, leverage: int, window: int) -> dict[str, Any]:
    payload = {"symbol": "BTC", "leverage": leverage}
    now_ms = bench.clock.now_ms()
    signature = bench.signer.sign(
        "update_leverage", payload, timestamp_ms=now_ms, expiry_window_ms=window
    )
    stamp = {"signature": signature, "timestamp": now_ms, "expiry_window": window}
    return bench.signed("update_leverage", payload, **stamp)


def test_only_the_account_itself_binds_an_agent() -> None:
    """The agent may not bind another; the account may, and then that agent may trade."""

    async def play(bench: Bench) -> list[int]:
        wish = {"agent_wallet": STRANGER.address}
        by_agent = (await bench.post("bind_agent_wallet", wish))[0]
        bench.signer = bench.main
        by_main = (await bench.post("bind_agent_wallet", wish))[0]
        bench.signer, bench.agent = STRANGER, STRANGER.address
        return [by_agent, by_main, (await bench.post("update_leverage", LEVERAGE))[0]]

    assert [400, 200, 200] == on_bench(play)


def test_agents_are_listed() -> None:
    """The list holds the bound agent's address."""

    async def play(bench: Bench) -> tuple[str, object]:
        return bench.agent, (await bench.post("list_agent_wallets", {}))[1]["data"]

    agent, listed = on_bench(play)

    assert [agent] == listed


@pytest.mark.parametrize(
    ("name", "payload", "code"),
    [
        ("withdraw", {"amount": "5"}, 32),
        ("transfer_funds", {"to_account": STRANGER.address, "amount": "5"}, 33),
    ],
)
def test_money_has_no_way_out(name: str, payload: Body, code: int) -> None:
    """Withdrawals and transfers verify and are refused all the same."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await bench.post(name, payload)

    status, body = on_bench(play)

    assert (422, code) == (status, body["code"])


def test_an_agent_may_be_kept_from_api_keys() -> None:
    """Whether agents manage API keys is disputed, so it is a switch."""

    async def play(bench: Bench) -> int:
        return (await bench.post("list_api_keys", {}))[0]

    allowed, kept = PacificaSwitches(), PacificaSwitches(agents_manage_api_keys=False)

    assert [200, 400] == [on_bench(play, switches=switches) for switches in (allowed, kept)]
