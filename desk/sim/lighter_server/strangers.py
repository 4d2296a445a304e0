"""Things done to our API keys behind our back: a nonce that jumps, a stranger who uses one.

Only what a fault asks for. The stranger's transaction has a hash of its own, is final at once and
changes nothing else, as a cancel of nothing would.
"""

from collections.abc import Callable
from hashlib import sha256

from desk.sim.exchange import TxDone
from desk.sim.faults import Fault, FaultKind
from desk.sim.lighter_server.keyring import ApiKey, Keyring
from desk.sim.lighter_server.ledger import Ledger
from desk.sim.lighter_server.transactions import Transaction
from desk.venues.lighter.crypto.transactions import TxType

NONCE_JUMP = 10
TX_LIFE_MS = 599_000


def on_account_fault(
    fault: Fault,
    *,
    keyring: Keyring,
    ledger: Ledger,
    now_ms: int,
    on_done: Callable[[TxDone], None],
) -> None:
    """Carry out `nonce_gap` or `nonce_stranger` on the key whose index is `match`.

    Without one, on the first key of every account. Other faults are not ours.
    """
    if fault.kind not in (FaultKind.NONCE_GAP, FaultKind.NONCE_STRANGER):
        return
    for account in keyring.account_indices():
        keys = keyring.keys_of(account)
        chosen = [key for key in keys if str(key.index) == fault.match] if fault.match else keys[:1]
        for key in chosen:
            if fault.kind is FaultKind.NONCE_GAP:
                key.next_nonce += NONCE_JUMP
            else:
                on_done(_use_nonce(key, ledger, now_ms))


def _use_nonce(key: ApiKey, ledger: Ledger, now_ms: int) -> TxDone:
    """Take the key's next nonce for a transaction that nobody here signed."""
    nonce = key.next_nonce
    key.next_nonce += 1
    name = f"stranger {key.account_index} {key.index} {nonce}"
    digest = sha256(name.encode()).hexdigest() + sha256(name[::-1].encode()).hexdigest()
    transaction = Transaction(
        kind=TxType.CANCEL_ALL_ORDERS,
        account_index=key.account_index,
        api_key_index=key.index,
        nonce=nonce,
        expired_at_ms=now_ms + TX_LIFE_MS,
        body={"TimeInForce": 0, "Time": 0},
        orders=(),
        attributes={},
        signature=b"",
        public_key=b"",
        fields={},
        info="{}",
    )
    ledger.add(digest[:80], transaction, now_ms)
    return TxDone(key.account_index, digest[:80], True, None, "", None, now_ms)
