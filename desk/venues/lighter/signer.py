"""The two signers behind Lighter's signer port: the venue's library, and ours in Python.

What turns checked integers into a signed transaction lives here, and the proof that it does. No
request is sent, no nonce chosen and nothing rounded; what moves money off the exchange is not
offered. The port itself, `Signer`, and `SignedTx` are in `lighter.crypto.port`.
"""

import base64
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from desk.core.errors import InvariantBroken
from desk.core.secret import Secret
from desk.venues.lighter.crypto import schnorr
from desk.venues.lighter.crypto.keys import MalformedKey, generate_key_pair, private_scalar
from desk.venues.lighter.crypto.library import (
    ClientSlot,
    SignerLibrary,
    SignerUnavailable,
    installed_version,
    load_library,
    version_remark,
)
from desk.venues.lighter.crypto.limits import MINUTE_MS, InvalidRequest
from desk.venues.lighter.crypto.port import CheckedSigner, SignedTx, Signer
from desk.venues.lighter.crypto.transactions import (
    NIL_MARKET,
    TxType,
    auth_hash,
    auth_text,
    tx_hash,
    verify_tx,
)

__all__ = [
    "InvalidRequest",
    "LibrarySigner",
    "MalformedKey",
    "PythonSigner",
    "SignedTx",
    "Signer",
    "SignerUnavailable",
    "generate_key_pair",
]

# A signed transaction is good for ten minutes less a second: what the venue's library gives it.
TX_LIFE_MS: Final = 10 * MINUTE_MS - 1_000

# A transaction the library of lighter-sdk 1.1.8 signed for chain 304, with the hash it gave.
_KNOWN_CHAIN_ID: Final = 304
_KNOWN_TX: Final = (
    '{"AccountIndex":4321,"ApiKeyIndex":6,"MarketIndex":1,"ClientOrderIndex":42,'
    '"BaseAmount":10,"Price":20,"IsAsk":0,"Type":0,"TimeInForce":1,"ReduceOnly":0,'
    '"TriggerPrice":0,"OrderExpiry":1795220445700,"ExpiredAt":1795199444717,"Nonce":17,'
    '"Sig":"","L2TxAttributes":{"1":5,"2":6,"3":7,"4":1}}'
)
_KNOWN_HASH: Final = (
    "54ff0bd8949293775f47a53b9f8eb6db4a5dc4739cb7d05a5cd214b799348b3e9cb26ba446eb2fd3"
)

# The proof signs for the highest account there is, with a made-up key no venue knows.
_PROOF_ACCOUNT: Final = 2**48 - 2
_PROOF_KEY_INDEX: Final = 254
_PROOF_SEED: Final = b"self check"


class PythonSigner(CheckedSigner):
    """Sign in Python: the same input at the same `now_ms` gives the same bytes.

    For the embedded venues under virtual time; about 1 ms a signature, 10 ms more the first time.
    Holds no state that changes, so any thread may call it. Not hardened against timing: no key
    with money behind it belongs here.
    """

    def self_check(self) -> tuple[str, ...]:
        """See `Signer`."""
        _prove(type(self), chain_id=self._chain_id, now_ms=self._now_ms)
        return ()

    def _sign(
        self,
        tx_type: TxType,
        body: Mapping[str, int],
        *,
        nonce: int,
        market_attribute: int | None,
        now_ms: int,
    ) -> SignedTx:
        """Fill in expiry and signature."""
        expired_at_ms = now_ms + TX_LIFE_MS
        info = self._unsigned(body, nonce, market_attribute)
        info["ExpiredAt"] = expired_at_ms
        message = tx_hash(tx_type, info, self._chain_id)
        info["Sig"] = base64.b64encode(self._signature(message)).decode("ascii")
        text = json.dumps(info, separators=(",", ":"))
        return SignedTx(tx_type, text, message, nonce=nonce, expired_at_ms=expired_at_ms)

    def _auth_token(self, deadline_s: int) -> str:
        """See `CheckedSigner`."""
        text = auth_text(deadline_s, self._account_index, self._api_key_index)
        return f"{text}:{self._signature(auth_hash(text)).hex()}"

    def _signature(self, message: str) -> bytes:
        """Return the 80 byte signature of a hash given in hex."""
        return schnorr.sign(bytes.fromhex(message), private_scalar(self._key))


class LibrarySigner(CheckedSigner):
    """Sign with the library of the installed `lighter-sdk` wheel; its signatures are random.

    The library takes the expiry from the host's clock, and no argument of it sets another: what a
    machine signs that is ten minutes slow, a close too, has expired before it leaves. `now_ms`
    serves the checks only. Calls are serialised by a lock, so any thread may sign. Call it from a
    thread of its own: a signature costs 0.3 ms there and 1 to 2 ms on the main thread (measured).
    """

    def __init__(
        self,
        key: Secret,
        *,
        account_index: int,
        api_key_index: int,
        chain_id: int,
        now_ms: Callable[[], int],
        library: SignerLibrary | None = None,
    ) -> None:
        """Load the library and register the key; no network. Raises `SignerUnavailable`."""
        super().__init__(
            key,
            account_index=account_index,
            api_key_index=api_key_index,
            chain_id=chain_id,
            now_ms=now_ms,
        )
        self._library = library or load_library()
        self._client = ClientSlot(
            self._library,
            lambda: key.reveal().removeprefix("0x"),
            account_index=account_index,
            api_key_index=api_key_index,
            chain_id=chain_id,
        )

    def self_check(self) -> tuple[str, ...]:
        """See `Signer`; remarks on an untested version of the wheel."""
        make_signer = partial(type(self), library=self._library)
        _prove(make_signer, chain_id=self._chain_id, now_ms=self._now_ms)
        remark = version_remark(installed_version())
        return () if remark is None else (remark,)

    def _sign(
        self,
        tx_type: TxType,
        body: Mapping[str, int],
        *,
        nonce: int,
        market_attribute: int | None,
        now_ms: int,
    ) -> SignedTx:
        """Have it signed, and see that what was signed is what was asked for."""
        values = [*body.values()]
        if tx_type is TxType.CANCEL_ALL_ORDERS:
            values.append(NIL_MARKET if market_attribute is None else market_attribute)
        text, message = self._client.sign(tx_type, values, nonce)
        info = json.loads(text)
        asked = self._unsigned(body, nonce, market_attribute)
        if info != {**asked, "ExpiredAt": info.get("ExpiredAt"), "Sig": info.get("Sig")}:
            raise InvariantBroken(f"the signer library changed a {tx_type.name}: not sent")
        return SignedTx(tx_type, text, message, nonce=nonce, expired_at_ms=info["ExpiredAt"])

    def _auth_token(self, deadline_s: int) -> str:
        """See `CheckedSigner`."""
        return self._client.auth_token(deadline_s)


def _prove(make_signer: Callable[..., Signer], *, chain_id: int, now_ms: Callable[[], int]) -> None:
    """Raise `SignerUnavailable` unless hash and signature hold for every kind we sign."""
    if tx_hash(TxType.CREATE_ORDER, json.loads(_KNOWN_TX), _KNOWN_CHAIN_ID) != _KNOWN_HASH:
        raise SignerUnavailable("our own hash of a known Lighter transaction is wrong")
    private_key, public_key = generate_key_pair(_PROOF_SEED)
    signer = make_signer(
        Secret(private_key),
        account_index=_PROOF_ACCOUNT,
        api_key_index=_PROOF_KEY_INDEX,
        chain_id=chain_id,
        now_ms=now_ms,
    )
    for signed in _one_of_each(signer, now_ms()):
        info = json.loads(signed.tx_info)
        if not (
            tx_hash(signed.tx_type, info, chain_id) == signed.tx_hash
            and verify_tx(signed.tx_type, info, chain_id, public_key)
        ):
            kind = TxType(signed.tx_type).name
            raise SignerUnavailable(f"the Lighter signer's {kind} does not verify")


def _one_of_each(signer: Signer, now_ms: int) -> list[SignedTx]:
    """Return one signed transaction of every kind; numbers all differ, so a swap would show."""
    order = signer.create_order(
        market_index=3,
        client_order_index=11,
        base_amount=5,
        price=7,
        is_ask=1,
        order_type=0,
        time_in_force=2,
        reduce_only=0,
        trigger_price=0,
        order_expiry_ms=now_ms + 60 * MINUTE_MS,
        nonce=13,
    )
    return [
        order,
        signer.cancel_order(market_index=3, order_index=11, nonce=13),
        signer.cancel_all(time_in_force=0, time_ms=0, market_index=0, nonce=13),
        signer.modify_order(
            market_index=3, order_index=11, base_amount=5, price=7, trigger_price=0, nonce=13
        ),
        signer.update_leverage(market_index=3, initial_margin_fraction=17, margin_mode=1, nonce=13),
        signer.update_margin(market_index=3, usdc_e6=2**40 + 19, direction=1, nonce=13),
    ]
