"""Lighter batches, keys and strangers, and what faults make of accepted transactions."""

import asyncio
import json
from base64 import b64encode

import pytest

from desk.core.secret import Secret
from desk.sim.accounts import CHAIN_ID, LighterKey
from desk.sim.faults import FaultKind
from desk.venues.lighter.crypto.keys import private_scalar
from desk.venues.lighter.crypto.port import SignedTx
from desk.venues.lighter.crypto.schnorr import sign
from desk.venues.lighter.crypto.transactions import tx_hash
from desk.venues.lighter.signer import PythonSigner, generate_key_pair
from test.sim.lighter_bench import CREDENTIALS, IOC, Bench, Body, on_bench


def test_a_batch_is_taken_whole() -> None:
    """Hashes come back in order; all transactions are executed."""

    async def play(bench: Bench) -> tuple[list[str], Body, int]:
        batch = [bench.order(client_order_index=number) for number in (1, 2, 3)]
        types, infos = [tx.tx_type for tx in batch], [tx.tx_info for tx in batch]
        form = {"tx_types": json.dumps(types), "tx_infos": json.dumps(infos)}
        _, body = await bench.post("sendTxBatch", form)
        await asyncio.sleep(1)
        resting = len((await bench.read("accountActiveOrders"))["orders"])
        return [tx.tx_hash for tx in batch], body, resting

    hashes, body, resting = on_bench(play)

    assert (hashes, 3) == (body["tx_hash"], resting)


BATCHES = [
    ("nonces that stand still", lambda b: [b.order(nonce=0), b.order(nonce=0)], 21105),
    ("more than fifty", lambda b: [b.order(nonce=0)] * 51, 21514),
    (
        "two keys",
        lambda b: [b.order(), b.order(signer=b.signer_of(CREDENTIALS.emergency_key), nonce=0)],
        21121,
    ),
]


@pytest.mark.parametrize(("name", "make", "code"), BATCHES, ids=[row[0] for row in BATCHES])
def test_a_bad_batch_is_refused_whole(name: str, make: object, code: int) -> None:
    """Nothing of a refused batch is queued."""

    async def play(bench: Bench) -> tuple[Body, int]:
        assert callable(make)
        batch: list[SignedTx] = make(bench)
        types, infos = [tx.tx_type for tx in batch], [tx.tx_info for tx in batch]
        form = {"tx_types": json.dumps(types), "tx_infos": json.dumps(infos)}
        _, body = await bench.post("sendTxBatch", form)
        await asyncio.sleep(1)
        return body, len((await bench.read("accountActiveOrders"))["orders"])

    body, resting = on_bench(play)

    assert (code, 0) == (body["code"], resting)


def test_two_keys_count_their_own_nonces() -> None:
    """A second key begins at zero, so a panic close never fights over a nonce."""

    async def play(bench: Bench) -> tuple[int, int]:
        await bench.send(bench.order())
        other = bench.signer_of(CREDENTIALS.emergency_key)
        first, _ = await bench.send(bench.order(signer=other, nonce=0, client_order_index=44))
        second, _ = await bench.send(bench.order(client_order_index=45))
        return first, second

    assert (200, 200) == on_bench(play)


def test_a_planned_reject_has_its_code() -> None:
    """A fault refuses at the door with the code asked for, and keeps the nonce."""

    async def play(bench: Bench) -> tuple[Body, int]:
        bench.fault(FaultKind.REJECT, "sendTx", code="21506")
        tx = bench.order()
        _, refused = await bench.send(tx)
        status, _ = await bench.send(tx)
        return refused, status

    refused, status = on_bench(play)

    assert (21506, 200) == (refused["code"], status)


def test_the_sequencer_can_be_made_to_fail_or_forget_a_transaction() -> None:
    """Both were accepted: the first ends as failed, the second stays pending for ever."""

    async def play(bench: Bench) -> tuple[Body, Body, int]:
        bench.fault(FaultKind.REJECT, "sequencer create_order ETH", code="21739")
        failed = await bench.done(bench.market())
        bench.fault(FaultKind.REQUEST_LOST_BEFORE, "sequencer create_order ETH")
        forgotten = await bench.done(bench.market())
        gone = await bench.read("accountInactiveOrders", limit=9)
        return failed, forgotten, len(gone["orders"])

    failed, forgotten, rows = on_bench(play)

    assert (0, 1, 0) == (failed["status"], forgotten["status"], rows)
    assert 21739 == json.loads(json.loads(failed["event_info"])["ae"])["code"]


def test_an_order_may_fill_half() -> None:
    """The row shows the size asked for and half of it filled, the rest cancelled."""

    async def play(bench: Bench) -> Body:
        bench.fault(FaultKind.PARTIAL_FILL, "create_order")
        await bench.done(bench.market())
        [row] = (await bench.read("accountInactiveOrders", limit=1))["orders"]
        assert isinstance(row, dict)
        return row

    row = on_bench(play)

    assert ("0.0500", "0.0250") == (row["initial_base_amount"], row["filled_base_amount"])
    assert "canceled" == row["status"]


def test_a_stranger_takes_our_nonce() -> None:
    """The next transaction of ours is refused, and the account's list shows a hash not ours."""

    async def play(bench: Bench) -> tuple[Body, Body]:
        bench.fault(FaultKind.NONCE_STRANGER)
        _, refused = await bench.send(bench.order())
        txs = await bench.get(
            "accountTxs", token=bench.token(), by="account_index", value=bench.account, limit=5
        )
        return refused, txs[1]["txs"][0]

    refused, tx = on_bench(play)

    assert (21104, 0, 2) == (refused["code"], tx["nonce"], tx["status"])


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two runs of one story answer alike to the last digit."""

    async def play(bench: Bench) -> tuple[Body, Body]:
        await bench.done(bench.market())
        await bench.done(bench.order(client_order_index=43, time_in_force=IOC, order_expiry_ms=0))
        return await bench.own(), await bench.read("trades", sort_by="timestamp", limit=50)

    assert on_bench(play) == on_bench(play)


async def bought(bench: Bench) -> tuple[Body, Body]:
    """Return our account and its newest trade after a market buy."""
    await bench.done(bench.market())
    trades = await bench.read("trades", sort_by="timestamp", limit=50)
    return await bench.own(), trades["trades"][0]


def test_a_market_buy_opens_a_long() -> None:
    """Position and cash agree: no fee on a standard account, 20x unless set."""
    account, trade = on_bench(bought)

    [row] = account["positions"]
    assert ("0.0500", 1, "5.00") == (
        row["position"],
        row["sign"],
        row["initial_margin_fraction"],
    )
    assert ("10000.000000", trade["price"]) == (account["collateral"], row["avg_entry_price"])


def test_a_taker_s_trade_names_the_resting_side() -> None:
    """`is_maker_ask` is true when the taker bought; our id stands on the bid."""
    _, trade = on_bench(bought)

    assert (True, CREDENTIALS.account_index, "42") == (
        trade["is_maker_ask"],
        trade["bid_account_id"],
        trade["bid_client_id_str"],
    )


def signed_change(bench: Bench, index: int) -> tuple[SignedTx, PythonSigner]:
    """Return a change of key `index` to a new one, signed by it, and the new key's signer."""
    private_text, public_key = generate_key_pair(b"another key")
    private_key = Secret(private_text)
    info: Body = {
        "AccountIndex": bench.account,
        "ApiKeyIndex": index,
        "PubKey": b64encode(bytes.fromhex(public_key.removeprefix("0x"))).decode(),
        "ExpiredAt": bench.clock.now_ms() + 60_000,
        "Nonce": 0,
        "L2TxAttributes": None,
    }
    message = tx_hash(8, info, CHAIN_ID)
    signature = sign(bytes.fromhex(message), private_scalar(private_key))
    info["Sig"] = b64encode(signature).decode()
    tx = SignedTx(8, json.dumps(info), message, nonce=0, expired_at_ms=info["ExpiredAt"])
    return tx, bench.signer_of(LighterKey(index, public_key, private_key))


def test_a_new_key_can_be_registered() -> None:
    """A change of key is signed by the new key; from then on it may trade, from nonce 1 on."""

    async def play(bench: Bench) -> tuple[int, list[int], int]:
        change, signer = signed_change(bench, 10)
        assert 21109 == (await bench.send(bench.order(signer=signer, nonce=0)))[1]["code"]
        status = (await bench.done(change))["status"]
        keys = (await bench.get("apikeys", account_index=bench.account))[1]["api_keys"]
        order, _ = await bench.send(bench.order(signer=signer, nonce=1))
        return status, [key["api_key_index"] for key in keys], order

    assert (2, [4, 5, 10], 200) == on_bench(play)
