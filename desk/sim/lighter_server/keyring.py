"""The accounts' API keys: public keys, nonces, and the checks of signatures and auth tokens.

A key's nonce is taken when the gateway accepts a transaction, whatever the sequencer makes of it.
Token format and lifetime are those of the venue's authentication page.
"""

from collections import OrderedDict
from dataclasses import dataclass

from desk.sim.lighter_server import codes
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.switches import SignatureCheck
from desk.sim.lighter_server.transactions import Transaction
from desk.venues.lighter.crypto.limits import AUTH_TOKEN_LIFE_S_MAX
from desk.venues.lighter.crypto.transactions import TxType, verify_auth_token, verify_tx_hash

SAMPLE_EVERY = 50
TOKENS_REMEMBERED_MAX = 1024
TOKEN_PARTS = 4


@dataclass(slots=True)
class ApiKey:
    """One registered key; `public_key` is 80 hex digits without 0x, `next_nonce` the next one
    the gateway takes."""

    account_index: int
    index: int
    public_key: str
    next_nonce: int = 0
    transaction_time_us: int = 0
    checked: int = 0


class Keyring:
    """Every account the venue knows, with its L1 address and its keys."""

    def __init__(self, check: SignatureCheck) -> None:
        """Start without accounts; `check` says how often signatures are verified."""
        self._check = check
        self._addresses: dict[int, str] = {}
        self._keys: dict[tuple[int, int], ApiKey] = {}
        self._tokens: OrderedDict[tuple[str, str], bool] = OrderedDict()

    def add_account(self, account_index: int, l1_address: str) -> None:
        """Make an account known."""
        self._addresses[account_index] = l1_address

    def add_key(self, account_index: int, index: int, public_key: str) -> ApiKey:
        """Register a key, or put a new public key in its place: the nonce goes on."""
        public_hex = public_key.removeprefix("0x").lower()
        known = self._keys.get((account_index, index))
        if known is not None:
            known.public_key = public_hex
            return known
        key = ApiKey(account_index, index, public_hex)
        self._keys[account_index, index] = key
        return key

    def l1_address(self, account_index: int) -> str:
        """Return the account's Ethereum address; 21100 for an account nobody knows."""
        if account_index not in self._addresses:
            raise LighterRefusal(codes.ACCOUNT_NOT_FOUND)
        return self._addresses[account_index]

    def account_indices(self) -> list[int]:
        """Return every account, ascending."""
        return sorted(self._addresses)

    def accounts_of(self, l1_address: str) -> list[int]:
        """Return the accounts of an address, ascending."""
        wanted = l1_address.lower()
        rows = self._addresses.items()
        return sorted(index for index, address in rows if address.lower() == wanted)

    def keys_of(self, account_index: int) -> list[ApiKey]:
        """Return an account's keys by ascending index."""
        rows = sorted(self._keys.items())
        return [key for (account, _), key in rows if account == account_index]

    def key(self, account_index: int, index: int) -> ApiKey:
        """Return a key; 21100 or 21109 where there is none."""
        self.l1_address(account_index)
        key = self._keys.get((account_index, index))
        if key is None:
            raise LighterRefusal(codes.API_KEY_NOT_FOUND)
        return key

    def next_nonce(self, account_index: int, index: int) -> int:
        """Return the nonce the gateway takes next; zero for a key not registered yet, which a
        change of key needs to know."""
        self.l1_address(account_index)
        key = self._keys.get((account_index, index))
        return 0 if key is None else key.next_nonce

    def check_signature(self, key: ApiKey, transaction: Transaction, message: str) -> None:
        """Raise 21120 unless the key signed the hash `message`; a change of key is signed by the
        new one."""
        key.checked += 1
        if self._check is SignatureCheck.OFF:
            return
        if self._check is SignatureCheck.SAMPLED and key.checked % SAMPLE_EVERY != 1:
            return
        changes = transaction.kind is TxType.CHANGE_PUB_KEY
        public_key = transaction.public_key.hex() if changes else key.public_key
        if not verify_tx_hash(message, transaction.fields.get("Sig"), public_key):
            raise LighterRefusal(codes.INVALID_SIGNATURE)

    def check_token(self, token: str, account_index: int, now_ms: int) -> None:
        """Raise 20013 unless `deadline:account:key:signature` lets its bearer read the account."""
        parts = token.split(":")
        if len(parts) != TOKEN_PARTS or not all(part.isdecimal() for part in parts[:3]):
            raise LighterRefusal(codes.INVALID_AUTH, "malformed token")
        deadline_s, account, index = (int(part) for part in parts[:3])
        if not 0 <= deadline_s - now_ms // 1000 <= AUTH_TOKEN_LIFE_S_MAX:
            raise LighterRefusal(codes.INVALID_AUTH, "invalid deadline")
        if account != account_index:
            raise LighterRefusal(codes.INVALID_AUTH, "account mismatch")
        key = self._keys.get((account, index))
        if key is None or not self._is_signed(token, key.public_key):
            raise LighterRefusal(codes.INVALID_AUTH, "invalid signature")

    def _is_signed(self, token: str, public_key: str) -> bool:
        """Return whether a token is the key's, verified once for each pair of them."""
        if self._check is SignatureCheck.OFF:
            return True
        seen = self._tokens.get((token, public_key))
        if seen is None:
            seen = verify_auth_token(token, public_key)
            self._tokens[token, public_key] = seen
            if len(self._tokens) > TOKENS_REMEMBERED_MAX:
                self._tokens.popitem(last=False)
        return seen
