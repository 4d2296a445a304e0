"""What the gateway takes and refuses, and what becomes of a transaction it took."""

import asyncio
import json
from dataclasses import replace

import pytest
from aiohttp import FormData

from desk.sim.lighter_server import LighterSwitches, SignatureCheck
from desk.venues.lighter.crypto.port import SignedTx
from test.sim.lighter_bench import BTC, CREDENTIALS, ETH, Bench, Body, on_bench


def changed(tx: SignedTx, **fields: object) -> SignedTx:
    """Return a transaction whose text was changed after signing."""
    info = json.dumps({**json.loads(tx.tx_info), **fields}, separators=(",", ":"))
    return replace(tx, tx_info=info)


def refusal_of(make: object, *, switches: LighterSwitches | None = None) -> tuple[int, int, Body]:
    """Return status, next nonce and body after sending what `make(bench)` signs."""

    async def play(bench: Bench) -> tuple[int, int, Body]:
        assert callable(make)
        status, body = await bench.send(make(bench))
        nonce = await bench.get("nextNonce", account_index=bench.account, api_key_index=4)
        return status, nonce[1]["nonce"], body

    return on_bench(play, switches=switches)


def test_an_order_is_taken_under_its_own_hash() -> None:
    """The answer names the hash the signer computed and when the sequencer will run it."""

    async def play(bench: Bench) -> tuple[SignedTx, int, tuple[int, Body]]:
        tx = bench.order()
        return tx, bench.clock.now_ms(), await bench.send(tx)

    tx, now_ms, (status, body) = on_bench(play)

    assert (200, 200, tx.tx_hash) == (status, body["code"], body["tx_hash"])
    assert {"ratelimit": "didn't use volume quota"} == json.loads(body["message"])
    assert now_ms <= body["predicted_execution_time_ms"] <= now_ms + 400


def test_a_multipart_form_is_taken_too() -> None:
    """One widely used client posts multipart/form-data."""

    async def play(bench: Bench) -> tuple[int, Body]:
        tx = bench.order()
        form = FormData(default_to_multipart=True)
        form.add_field("tx_type", str(tx.tx_type))
        form.add_field("tx_info", tx.tx_info)
        return await bench.post("sendTx", form)

    assert 200 == on_bench(play)[0]


REFUSALS = [
    ("signature of another text", lambda b: changed(b.order(), Price=230000), 21120),
    (
        "signature for another chain",
        lambda b: b.order(signer=b.signer_of(CREDENTIALS.key, chain_id=300)),
        21120,
    ),
    ("nonce ahead", lambda b: b.order(nonce=7), 21104),
    ("unknown key", lambda b: changed(b.order(), ApiKeyIndex=9), 21109),
    ("unknown account", lambda b: changed(b.order(), AccountIndex=77), 21100),
    ("expired", lambda b: changed(b.order(), ExpiredAt=b.clock.now_ms()), 21501),
    ("field missing", lambda b: changed(b.order(), Price=None), 21501),
    ("no JSON", lambda b: replace(b.order(), tx_info="{"), 21501),
    ("unknown market", lambda b: b.order(market_index=200), 21602),
    ("below the minimum", lambda b: b.order(base_amount=1), 21706),
    ("too far through mark", lambda b: b.order(price=b.price(40)), 21733),
    ("a transfer", lambda b: replace(b.order(), tx_type=12), 21505),
    ("a withdrawal", lambda b: replace(b.order(), tx_type=13), 21505),
    ("a type that is none", lambda b: replace(b.order(), tx_type=999), 21505),
]


@pytest.mark.parametrize(("name", "make", "code"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_refusal_has_its_code_and_keeps_the_nonce(name: str, make: object, code: int) -> None:
    """The gateway answers 400 with the venue's code, and nothing is queued."""
    status, nonce, body = refusal_of(make)

    assert (400, code, 0) == (status, body["code"], nonce), body


def test_without_verification_a_wrong_signature_passes() -> None:
    """The check of signatures can be switched off."""
    off = LighterSwitches(signatures=SignatureCheck.OFF)

    status, nonce, _ = refusal_of(lambda b: changed(b.order(), Price=b.price(-3)), switches=off)

    assert (200, 1) == (status, nonce)


def test_large_client_ids_may_be_refused() -> None:
    """With the 31 bit reading an id above it is 21727."""
    narrow = LighterSwitches(client_order_index_bits=31)

    _, _, body = refusal_of(lambda b: b.order(client_order_index=1 << 31), switches=narrow)

    assert 21727 == body["code"]


def test_the_same_bytes_are_taken_once() -> None:
    """Sending a transaction again is an invalid nonce, not a second order."""

    async def play(bench: Bench) -> tuple[int, Body, Body]:
        tx = bench.order()
        await bench.send(tx)
        _, body = await bench.send(tx)
        await asyncio.sleep(1)
        return 0, body, await bench.read("accountActiveOrders")

    _, body, orders = on_bench(play)

    assert (21104, 1) == (body["code"], len(orders["orders"]))


def test_skipping_nonces_is_allowed_by_attribute_only() -> None:
    """A larger nonce passes with attribute 4, and the next one counts on from it."""

    async def play(bench: Bench) -> tuple[int, int]:
        tx = changed(bench.order(nonce=5_000), L2TxAttributes={"4": 1})
        status, _ = await bench.send(tx)
        _, body = await bench.get("nextNonce", account_index=bench.account, api_key_index=4)
        return status, body["nonce"]

    unsigned = LighterSwitches(signatures=SignatureCheck.OFF)

    assert (200, 5_001) == on_bench(play, switches=unsigned)


def test_an_order_is_pending_until_the_sequencer_ran_it() -> None:
    """A transaction is found by hash with status 1, then 2 with what it did."""

    async def play(bench: Bench) -> tuple[Body, Body]:
        tx = bench.market()
        await bench.send(tx)
        _, pending = await bench.get("tx", by="hash", value=tx.tx_hash)
        await asyncio.sleep(1)
        return pending, (await bench.get("tx", by="hash", value=tx.tx_hash))[1]

    pending, executed = on_bench(play)

    assert (1, "") == (pending["status"], pending["event_info"])
    event = json.loads(executed["event_info"])
    assert (2, 42, "", 0) == (executed["status"], event["u"], event["ae"], event["m"])
    assert 250 <= executed["executed_at"] - executed["queued_at"] <= 350


def test_an_unknown_hash_is_21500() -> None:
    """A transaction nobody took is not found."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await bench.get("tx", by="hash", value="ab" * 40)

    status, body = on_bench(play)

    assert (400, 21500) == (status, body["code"])


def test_a_sequencer_reject_spends_the_nonce() -> None:
    """A reduce-only order without a position is taken, then fails and says why."""

    async def play(bench: Bench) -> tuple[Body, int]:
        tx = await bench.done(bench.market(reduce_only=1))
        _, body = await bench.get("nextNonce", account_index=bench.account, api_key_index=4)
        return tx, body["nonce"]

    tx, nonce = on_bench(play)

    assert (0, 1) == (tx["status"], nonce)
    assert json.loads(json.loads(tx["event_info"])["ae"])["code"] in (21732, 21738)


def test_an_order_is_cancelled_by_client_or_exchange_id() -> None:
    """Both ids go into the same field."""

    async def play(bench: Bench) -> list[str]:
        await bench.done(bench.order())
        await bench.done(bench.order(client_order_index=43))
        rows = (await bench.read("accountActiveOrders"))["orders"]
        for index in (42, rows[1]["order_index"]):
            nonce = bench.next_nonce()
            cancel = bench.signer.cancel_order(market_index=ETH, order_index=index, nonce=nonce)
            await bench.done(cancel)
        gone = (await bench.read("accountInactiveOrders", limit=10))["orders"]
        return [row["status"] for row in gone]

    assert ["canceled", "canceled"] == on_bench(play)


def test_cancel_all_can_be_limited_to_one_market() -> None:
    """Attribute 5 names the market; orders elsewhere stay."""

    async def play(bench: Bench) -> tuple[int, int]:
        await bench.done(bench.order())
        for market in (BTC, ETH):
            tx = bench.signer.cancel_all(
                time_in_force=0, time_ms=0, market_index=market, nonce=bench.next_nonce()
            )
            await bench.done(tx)
            if market == BTC:
                kept = len((await bench.read("accountActiveOrders"))["orders"])
        return kept, len((await bench.read("accountActiveOrders"))["orders"])

    assert (1, 0) == on_bench(play)


def test_a_scheduled_cancel_all_fires_at_its_time() -> None:
    """The dead man's switch cancels everything when it is due, and shows until then."""

    async def play(bench: Bench) -> tuple[int, int]:
        await bench.done(bench.order())
        at_ms = bench.clock.now_ms() + 600_000
        tx = bench.signer.cancel_all(
            time_in_force=1, time_ms=at_ms, market_index=None, nonce=bench.next_nonce()
        )
        await bench.done(tx)
        shown = await bench.own()
        await asyncio.sleep(601)
        return shown["cancel_all_time"] - at_ms, len(
            (await bench.read("accountActiveOrders"))["orders"]
        )

    assert (0, 0) == on_bench(play)


def test_modify_keeps_the_order() -> None:
    """Size and price change, both ids stay."""

    async def play(bench: Bench) -> tuple[Body, Body]:
        await bench.done(bench.order())
        [before] = (await bench.read("accountActiveOrders"))["orders"]
        fields = {"base_amount": 120, "price": bench.price(-3), "trigger_price": 0}
        tx = bench.signer.modify_order(
            market_index=ETH, order_index=42, **fields, nonce=bench.next_nonce()
        )
        await bench.done(tx)
        return before, (await bench.read("accountActiveOrders"))["orders"][0]

    before, after = on_bench(play)

    assert before["order_index"] == after["order_index"]
    assert ("0.0100", "0.0120") == (before["initial_base_amount"], after["initial_base_amount"])


def test_leverage_is_read_back_as_percent() -> None:
    """InitialMarginFraction 10000 is 1x and shows as "100.00" on the flat market's row."""

    async def play(bench: Bench) -> Body:
        tx = bench.signer.update_leverage(
            market_index=ETH, initial_margin_fraction=10_000, margin_mode=0, nonce=0
        )
        assert 2 == (await bench.done(tx))["status"]
        [row] = (await bench.own())["positions"]
        assert isinstance(row, dict)
        return row

    row = on_bench(play)

    assert (ETH, "100.00", "0.0000", 1) == (
        row["market_id"],
        row["initial_margin_fraction"],
        row["position"],
        row["sign"],
    )
