"""The API gateway: what a transaction must pass before the sequencer sees it.

A refusal here queues nothing and leaves the nonce as it was; a transaction that passes has its
nonce taken, whatever the sequencer makes of it. Order of the checks: structure, account and key,
expiry, nonce, signature, contents, and at last the exchange's own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desk.core.venue import VenueName
from desk.sim.exchange import RefusalReason, TxDone
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.lighter_server import codes
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.executor import Executor
from desk.sim.lighter_server.keyring import ApiKey, Keyring
from desk.sim.lighter_server.ledger import Ledger
from desk.sim.lighter_server.refusals import reason_of
from desk.sim.lighter_server.switches import LighterSwitches
from desk.sim.lighter_server.transactions import (
    Transaction,
    check_body,
    check_order,
    parse_transaction,
)
from desk.venues.lighter.crypto.transactions import TxType

SEQUENCER = "sequencer"
"""Operations of faults that strike after the gateway took a transaction begin with this word:
`reject` fails it with `code`, `request_lost_before` lets it vanish without an outcome."""

_SEQUENCER_KINDS = frozenset({FaultKind.REJECT, FaultKind.REQUEST_LOST_BEFORE})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gateway answers: the hashes it took, and when the sequencer will run them."""

    hashes: tuple[str, ...]
    predicted_ms: int


class Gateway:
    """Check transactions and pass them on to the exchange behind it."""

    def __init__(
        self,
        executor: Executor,
        *,
        keyring: Keyring,
        ledger: Ledger,
        switches: LighterSwitches,
        plan: FaultPlan,
        bump_ms: Callable[[Transaction], int],
        on_done: Callable[[TxDone], None],
    ) -> None:
        """`bump_ms` predicts the sequencer's delay, `on_done` hears of outcomes made up here."""
        self._executor = executor
        self._keyring = keyring
        self._ledger = ledger
        self._switches = switches
        self._plan = plan
        self._bump_ms = bump_ms
        self._on_done = on_done

    def send(self, tx_type: object, tx_info: object, now_ms: int) -> Receipt:
        """Take one transaction; raises `LighterRefusal`."""
        transaction = parse_transaction(tx_type, tx_info)
        key = self._key(transaction)
        message = self._checked(transaction, key, key.next_nonce, now_ms)
        self._take(transaction, key, message, now_ms)
        return Receipt((message,), now_ms + self._bump_ms(transaction))

    def send_batch(
        self, tx_types: Sequence[object], tx_infos: Sequence[object], now_ms: int, *, most: int
    ) -> Receipt:
        """Take up to `most` transactions of one key with rising nonces; raises `LighterRefusal`.

        All must pass the gateway's own checks. What the exchange then refuses fails alone: a
        batch is not atomic, and the venue does not say what else it would do.
        """
        if len(tx_types) != len(tx_infos):
            raise LighterRefusal(codes.BATCH_LENGTH_MISMATCH)
        if not tx_types:
            raise LighterRefusal(codes.INVALID_TX_INFO)
        if len(tx_types) > most:
            raise LighterRefusal(codes.BATCH_TOO_LONG)
        pairs = zip(tx_types, tx_infos, strict=True)
        batch = [parse_transaction(tx_type, info) for tx_type, info in pairs]
        if len({(tx.account_index, tx.api_key_index) for tx in batch}) > 1:
            raise LighterRefusal(codes.BATCH_MULTIPLE_OWNERS)
        return self._take_batch(batch, now_ms)

    def _take_batch(self, batch: list[Transaction], now_ms: int) -> Receipt:
        key = self._key(batch[0])
        expected, messages = key.next_nonce, []
        for number, transaction in enumerate(batch):
            if number and not _fits(transaction, expected):
                raise LighterRefusal(codes.NON_INCREASING_NONCE)
            messages.append(self._checked(transaction, key, expected, now_ms))
            expected = transaction.nonce + 1
        for transaction, message in zip(batch, messages, strict=True):
            try:
                self._take(transaction, key, message, now_ms)
            except LighterRefusal as refusal:
                self._note(transaction, key, message, now_ms)
                reason = reason_of(str(refusal.code))
                self._on_done(_done(transaction, message, now_ms, reason=reason))
        return Receipt(tuple(messages), now_ms + max(map(self._bump_ms, batch)))

    def _key(self, transaction: Transaction) -> ApiKey:
        """Return the key a transaction names; a change of key may name one not registered yet."""
        account, index = transaction.account_index, transaction.api_key_index
        if transaction.kind is TxType.CHANGE_PUB_KEY:
            self._keyring.l1_address(account)
            if not any(key.index == index for key in self._keyring.keys_of(account)):
                return ApiKey(account, index, transaction.public_key.hex())
        return self._keyring.key(account, index)

    def _checked(
        self, transaction: Transaction, key: ApiKey, expected_nonce: int, now_ms: int
    ) -> str:
        """Return the transaction's hash if the gateway has nothing against it."""
        if transaction.expired_at_ms <= now_ms:
            raise LighterRefusal(codes.INVALID_TX_INFO, "ExpiredAt has passed")
        if not _fits(transaction, expected_nonce):
            raise LighterRefusal(codes.INVALID_NONCE)
        message = transaction.hash(self._switches.chain_id)
        self._keyring.check_signature(key, transaction, message)
        largest = (1 << self._switches.client_order_index_bits) - 1
        check_body(transaction, client_order_index_max=largest)
        for number, order in enumerate(transaction.orders):
            check_order(order, client_order_index_max=largest, is_child=number > 0)
        return message

    def _take(self, transaction: Transaction, key: ApiKey, message: str, now_ms: int) -> None:
        """Pass a transaction on and take its nonce."""
        fault = self._sequencer_fault(transaction)
        if fault is None:
            self._executor.run(transaction, message)
        self._note(transaction, key, message, now_ms)
        if fault is not None and fault.kind is FaultKind.REJECT:
            reason = reason_of(fault.code)
            self._on_done(_done(transaction, message, now_ms, reason=reason))
        elif transaction.kind is TxType.CHANGE_PUB_KEY:
            self._on_done(_done(transaction, message, now_ms, ok=True))

    def _note(self, transaction: Transaction, key: ApiKey, message: str, now_ms: int) -> None:
        # A change of key has registered it by now: what is in the ring is what counts.
        known = self._keyring.key(key.account_index, key.index)
        known.next_nonce = transaction.nonce + 1
        known.transaction_time_us = now_ms * 1000
        self._ledger.add(message, transaction, now_ms)

    def _sequencer_fault(self, transaction: Transaction) -> Fault | None:
        market_id = transaction.body.get("MarketIndex")
        symbol = "" if market_id is None else self._executor.market(market_id).symbol
        # Faults of the request itself have struck at the door: unless one is planned for the
        # sequencer, none of them is to be used up a second time here.
        if not any(fault.match.startswith(SEQUENCER) for fault in self._plan.faults):
            return None
        operation = f"{SEQUENCER} {transaction.kind.name.lower()} {symbol}".rstrip()
        taken = self._plan.take(VenueName.LIGHTER, operation, _SEQUENCER_KINDS)
        return taken[0] if taken else None


def _fits(transaction: Transaction, expected_nonce: int) -> bool:
    """Return whether a nonce is the next one, or merely larger where the sender skips."""
    if transaction.skips_nonces:
        return transaction.nonce >= expected_nonce
    return transaction.nonce == expected_nonce


def _done(
    transaction: Transaction,
    message: str,
    now_ms: int,
    *,
    ok: bool = False,
    reason: RefusalReason | None = None,
) -> TxDone:
    return TxDone(
        account_id=transaction.account_index,
        tag=message,
        ok=ok,
        reason=reason,
        message="",
        order_id=None,
        at_ms=now_ms,
    )
