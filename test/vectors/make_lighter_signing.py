"""Write `lighter_signing.json`: what the official client signs with throw-away keys.

Run by hand where `lighter-sdk` is installed: `python -m test.vectors.make_lighter_signing`. It goes
through the official `SignerClient`, so the vectors know nothing of our own code. Every run makes
new keys and new signatures.
"""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from lighter.signer_client import CreateOrderTxReq, SignerClient, create_api_key

FILE = Path(__file__).with_name("lighter_signing.json")
CHAINS = (304, 300)
ACCOUNT_INDEX = 4321
SLOT = {"nonce": 17, "api_key_index": 6}
HOUR_MS = 3_600_000
ALL_MARKETS = 255


def order(client: Any, *terms: int, **options: int) -> Any:
    """Return a signed order: market, client id, size, price, ask, type, tif, reduce, trigger."""
    market, own, size, price, ask, kind, tif, reduce_only, trigger, *expiry = terms
    head = (market, own, size, price, ask, kind, tif, bool(reduce_only), trigger, *expiry)
    return client.sign_create_order(*head, **options, **SLOT)


def leg(expiry_ms: int, **fields: int) -> Any:
    """Return one order of a group: a resting buy unless told otherwise."""
    plain = {"MarketIndex": 0, "BaseAmount": 10, "Price": 5, "TimeInForce": 1}
    return CreateOrderTxReq(**{**plain, "OrderExpiry": expiry_ms, **fields})


def signed(client: Any, now_ms: int) -> dict[str, Any]:
    """Return each kind of transaction by name, as the client's (type, info, hash, error)."""
    later = now_ms + 6 * HOUR_MS
    stop = {"TimeInForce": 0, "IsAsk": 1, "ReduceOnly": 1}
    oco = [
        leg(later, Type=2, TriggerPrice=3, **stop),
        leg(later, Type=4, TriggerPrice=9, **stop),
    ]
    oto = [leg(later), leg(later, Type=2, TriggerPrice=3, **{**stop, "BaseAmount": 0})]
    return {
        "limit": order(client, 1, 42, 1000, 654321, 0, 0, 1, 0, 0, later),
        "limit of market 0, largest numbers": order(
            client, 0, 2**48 - 1, 2**48 - 1, 2**32 - 1, 1, 0, 2, 0, 0, later
        ),
        "market": order(client, 2, 0, 7, 100, 1, 1, 0, 1, 0, 0),
        "stop-loss of the whole position": order(client, 2, 9, 0, 90, 1, 2, 0, 1, 95, later),
        "take-profit limit": order(client, 2, 9, 5, 120, 1, 5, 1, 1, 119, later),
        "limit, skip nonce": order(client, 1, 42, 10, 20, 0, 0, 1, 0, 0, later, skip_nonce=1),
        "limit, four attributes": order(
            *(client, 1, 42, 10, 20, 0, 0, 1, 0, 0, later),
            integrator_account_index=5,
            integrator_taker_fee=6,
            integrator_maker_fee=7,
            skip_nonce=1,
        ),
        "limit, self-trade": order(
            *(client, 1, 42, 10, 20, 0, 0, 1, 0, 0, later),
            self_trade_behavior_mode=2,
            self_trade_equality_mode=1,
        ),
        "cancel": client.sign_cancel_order(1, 2**48 + 1, **SLOT),
        "cancel all": client.sign_cancel_all_orders(0, 0, ALL_MARKETS, **SLOT),
        "cancel all of market 0": client.sign_cancel_all_orders(0, 0, 0, **SLOT),
        "cancel all, scheduled": client.sign_cancel_all_orders(1, later, ALL_MARKETS, **SLOT),
        "cancel all, abort": client.sign_cancel_all_orders(2, 0, ALL_MARKETS, **SLOT),
        "modify": client.sign_modify_order(1, 42, 2000, 654322, 5, **SLOT),
        "modify, versioned": client.sign_modify_order(1, 42, 20, 30, order_version=3, **SLOT),
        "leverage": client.sign_update_leverage(0, 3333, 1, **SLOT),
        "margin": client.sign_update_margin(0, 2**40 + 5, 1, **SLOT),
        "group: one cancels the other": client.sign_create_grouped_orders(2, oco, **SLOT),
        "group: one triggers the other": client.sign_create_grouped_orders(1, oto, **SLOT),
    }


def change_of_key(client: Any) -> Any:
    """Return a signed change of key; its Ethereum signature is no part of the hash."""
    _, new_public_key, _ = create_api_key()
    return client.sign_change_api_key("0x" + "11" * 32, new_public_key, **SLOT)


async def vectors_of(chain_id: int) -> dict[str, Any]:
    """Return a fresh key pair and all it signed for one chain."""
    private_key, public_key, _ = create_api_key()
    client = SignerClient(
        "http://127.0.0.1:9", ACCOUNT_INDEX, {SLOT["api_key_index"]: private_key}, chain_id=chain_id
    )
    now_ms = int(time.time() * 1000)
    results = {**signed(client, now_ms), "change of key": change_of_key(client)}
    assert not [error for *_, error in results.values() if error is not None]
    token, _ = client.create_auth_token_with_expiry(
        600, timestamp=now_ms // 1000, api_key_index=SLOT["api_key_index"]
    )
    await client.api_client.close()
    return {
        "chain_id": chain_id,
        "private_key": private_key,
        "public_key": public_key,
        "auth_token": token,
        "transactions": [
            {"name": name, "tx_type": kind, "tx_info": info, "tx_hash": message}
            for name, (kind, info, message, _) in results.items()
        ],
    }


async def main() -> None:
    """Write the file."""
    vectors = [await vectors_of(chain_id) for chain_id in CHAINS]
    FILE.write_text(json.dumps(vectors, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
