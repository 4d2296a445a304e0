"""The signer port of Lighter, and what every signer shares: the checks and the order of fields.

No cryptography and no library here. Integers everywhere, in the venue's scale
(elliottech/lighter-go, `lighter-sdk` 1.1.8): sizes times 10^size_decimals, prices times
10^price_decimals, instants in unix milliseconds; flags are 0 or 1.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from desk.core.secret import Secret
from desk.venues.lighter.crypto.keys import private_scalar, public_hex
from desk.venues.lighter.crypto.limits import (
    AUTH_TOKEN_LIFE_S_MAX,
    check_body,
    check_fields,
    check_range,
)
from desk.venues.lighter.crypto.transactions import BODY_FIELDS, MARKET_ATTRIBUTE, TxType


@dataclass(frozen=True, slots=True)
class SignedTx:
    """A transaction ready to send; the venue will know it by `tx_hash`.

    `tx_info` is the JSON text exactly as signed, kept out of `repr` because it carries the
    signature. `tx_hash` is 80 hex digits. After `expired_at_ms` the venue no longer takes it.
    """

    tx_type: int
    tx_info: str = field(repr=False)
    tx_hash: str
    nonce: int
    expired_at_ms: int


class Signer(Protocol):
    """Sign for one API key of one account. Every implementation is safe to call from any thread.

    All signing methods raise `InvalidRequest` for a value the venue would refuse.
    """

    def create_order(
        self,
        *,
        market_index: int,
        client_order_index: int,
        base_amount: int,
        price: int,
        is_ask: int,
        order_type: int,
        time_in_force: int,
        reduce_only: int,
        trigger_price: int,
        order_expiry_ms: int,
        nonce: int,
    ) -> SignedTx:
        """Return a signed order.

        `order_type`: 0 limit, 1 market, 2 stop-loss, 3 stop-loss limit, 4 take-profit, 5
        take-profit limit. `time_in_force`: 0 immediate or cancel, 1 good till time, 2 post only.
        `price` of a market order is the worst acceptable. `base_amount` 0 with `reduce_only` 1
        means the whole position. `order_expiry_ms` is 0 for what never rests, else an instant
        5 minutes to 30 days ahead; `trigger_price` is 0 where the type has no trigger.
        """

    def cancel_order(self, *, market_index: int, order_index: int, nonce: int) -> SignedTx:
        """Return a signed cancel; `order_index` is the venue's id or our client order index."""

    def cancel_all(
        self, *, time_in_force: int, time_ms: int, market_index: int | None, nonce: int
    ) -> SignedTx:
        """Return a signed cancel of all orders, or of one market's.

        `time_in_force`: 0 now, 1 scheduled for `time_ms` (5 minutes to 15 days ahead, all markets
        only), 2 abort the scheduled one; `time_ms` is 0 but for 1.
        """

    def modify_order(
        self,
        *,
        market_index: int,
        order_index: int,
        base_amount: int,
        price: int,
        trigger_price: int,
        nonce: int,
    ) -> SignedTx:
        """Return a signed change of a resting order's size, price and trigger (0: none)."""

    def update_leverage(
        self, *, market_index: int, initial_margin_fraction: int, margin_mode: int, nonce: int
    ) -> SignedTx:
        """Return a signed leverage: fraction in 1e-4 (10000 is 1x); mode 0 cross, 1 isolated."""

    def update_margin(
        self, *, market_index: int, usdc_e6: int, direction: int, nonce: int
    ) -> SignedTx:
        """Return a signed change of an isolated position's margin; direction 0 remove, 1 add."""

    def auth_token(self, *, deadline_s: int) -> Secret:
        """Return a token good until unix second `deadline_s`, at most 8 hours ahead."""

    def public_key(self) -> str:
        """Return the public key, 0x and 80 hex digits."""

    def self_check(self) -> tuple[str, ...]:
        """Return remarks for the owner, after proving on a known transaction that signing works.

        Raises `SignerUnavailable` where it does not.
        """


class CheckedSigner(ABC):
    """What both signers share: the checks, and the order of fields."""

    def __init__(
        self,
        key: Secret,
        *,
        account_index: int,
        api_key_index: int,
        chain_id: int,
        now_ms: Callable[[], int],
    ) -> None:
        """Keep the key. Raises `ConfigError` for a malformed one, `InvalidRequest` for indices."""
        check_fields({"AccountIndex": account_index, "ApiKeyIndex": api_key_index})
        private_scalar(key)
        self._key = key
        self._account_index = account_index
        self._api_key_index = api_key_index
        self._chain_id = chain_id
        self._now_ms = now_ms

    def create_order(
        self,
        *,
        market_index: int,
        client_order_index: int,
        base_amount: int,
        price: int,
        is_ask: int,
        order_type: int,
        time_in_force: int,
        reduce_only: int,
        trigger_price: int,
        order_expiry_ms: int,
        nonce: int,
    ) -> SignedTx:
        """See `Signer`."""
        values = (
            market_index,
            client_order_index,
            base_amount,
            price,
            is_ask,
            order_type,
            time_in_force,
            reduce_only,
            trigger_price,
            order_expiry_ms,
        )
        return self._signed(TxType.CREATE_ORDER, values, nonce)

    def cancel_order(self, *, market_index: int, order_index: int, nonce: int) -> SignedTx:
        """See `Signer`."""
        return self._signed(TxType.CANCEL_ORDER, (market_index, order_index), nonce)

    def cancel_all(
        self, *, time_in_force: int, time_ms: int, market_index: int | None, nonce: int
    ) -> SignedTx:
        """See `Signer`."""
        values = (time_in_force, time_ms)
        return self._signed(TxType.CANCEL_ALL_ORDERS, values, nonce, market_attribute=market_index)

    def modify_order(
        self,
        *,
        market_index: int,
        order_index: int,
        base_amount: int,
        price: int,
        trigger_price: int,
        nonce: int,
    ) -> SignedTx:
        """See `Signer`."""
        values = (market_index, order_index, base_amount, price, trigger_price)
        return self._signed(TxType.MODIFY_ORDER, values, nonce)

    def update_leverage(
        self, *, market_index: int, initial_margin_fraction: int, margin_mode: int, nonce: int
    ) -> SignedTx:
        """See `Signer`."""
        values = (market_index, initial_margin_fraction, margin_mode)
        return self._signed(TxType.UPDATE_LEVERAGE, values, nonce)

    def update_margin(
        self, *, market_index: int, usdc_e6: int, direction: int, nonce: int
    ) -> SignedTx:
        """See `Signer`."""
        return self._signed(TxType.UPDATE_MARGIN, (market_index, usdc_e6, direction), nonce)

    def auth_token(self, *, deadline_s: int) -> Secret:
        """See `Signer`."""
        now_s = self._now_ms() // 1000
        check_range("deadline_s", deadline_s, now_s + 1, now_s + AUTH_TOKEN_LIFE_S_MAX)
        return Secret(self._auth_token(deadline_s))

    def public_key(self) -> str:
        """See `Signer`."""
        return public_hex(private_scalar(self._key))

    def _signed(
        self,
        tx_type: TxType,
        values: tuple[int, ...],
        nonce: int,
        *,
        market_attribute: int | None = None,
    ) -> SignedTx:
        """Return the checked and signed transaction; `values` in the order of `BODY_FIELDS`."""
        body = dict(zip(BODY_FIELDS[tx_type], values, strict=True))
        now_ms = self._now_ms()
        check_fields({"Nonce": nonce})
        check_body(tx_type, body, market_attribute, now_ms)
        return self._sign(
            tx_type, body, nonce=nonce, market_attribute=market_attribute, now_ms=now_ms
        )

    def _unsigned(
        self, body: Mapping[str, int], nonce: int, market_attribute: int | None
    ) -> dict[str, object]:
        """Return tx_info in the venue's key order, expiry and signature still to be filled in."""
        market = None if market_attribute is None else {str(MARKET_ATTRIBUTE): market_attribute}
        return {
            "AccountIndex": self._account_index,
            "ApiKeyIndex": self._api_key_index,
            **body,
            "ExpiredAt": 0,
            "Nonce": nonce,
            "Sig": "",
            "L2TxAttributes": market,
        }

    @abstractmethod
    def _sign(
        self,
        tx_type: TxType,
        body: Mapping[str, int],
        *,
        nonce: int,
        market_attribute: int | None,
        now_ms: int,
    ) -> SignedTx:
        """Return the signed transaction of a body that passed the checks."""

    @abstractmethod
    def _auth_token(self, deadline_s: int) -> str:
        """Return `deadline:account:key:signature`."""
