"""Which nonce comes next for one API key, and which transactions stand in doubt about theirs.

Pure. The venue wants nonces without gaps, and takes at most one transaction for each. A refusal
at the gateway leaves the nonce free; silence leaves it in doubt until the venue says which comes
next (apidocs.lighter.xyz, nonces).
"""

from collections import OrderedDict
from collections.abc import Sequence

from desk.core.errors import InvariantBroken
from desk.venues.lighter.crypto.port import SignedTx

REMEMBERED_MAX = 64


class NonceLedger:
    """One API key's counter.

    `next_nonce` is None while only the venue knows it, `last_taken` the hash of the latest
    transaction of ours that the gateway took, None before the first. What was sent without an
    answer is in doubt until `learn` shows its nonce gone, another transaction takes that nonce, or
    its validity ends.
    """

    def __init__(self) -> None:
        """Start not knowing the nonce."""
        self.next_nonce: int | None = None
        self.last_taken: str | None = None
        self.is_unsettled = False
        self._doubts: dict[str, SignedTx] = {}
        self._replaced: OrderedDict[str, str] = OrderedDict()

    @property
    def is_in_doubt(self) -> bool:
        """Return whether something was sent that may still arrive under the next nonce."""
        return bool(self._doubts)

    def begin(self, batch: Sequence[SignedTx]) -> None:
        """Note that `batch` is leaving: from here on it is in doubt, whatever happens to us."""
        for ahead, signed in enumerate(batch):
            if self.next_nonce is None or signed.nonce != self.next_nonce + ahead:
                raise InvariantBroken(f"nonce {signed.nonce} leaves, {self.next_nonce} is next")
            self._doubts[signed.tx_hash] = signed

    def taken(self, signed: SignedTx) -> None:
        """Note that the gateway took `signed`: what else was sent under its nonce is void."""
        for tx_hash, other in list(self._doubts.items()):
            if other.nonce > signed.nonce:
                continue
            del self._doubts[tx_hash]
            if tx_hash != signed.tx_hash and other.nonce == signed.nonce:
                self._remember(tx_hash, signed.tx_hash)
        self.next_nonce = max(self.next_nonce or 0, signed.nonce + 1)
        self.is_unsettled = False
        self.last_taken = signed.tx_hash

    def refused(self, signed: SignedTx) -> None:
        """Note that `signed` did not leave or was refused: its nonce is as free as before."""
        self._doubts.pop(signed.tx_hash, None)

    def forget(self) -> None:
        """Note that our count is wrong, or that we cannot know it: ask before the next use."""
        self.next_nonce = None

    def learn(self, next_nonce: int, *, now_ms: int) -> None:
        """Take the venue's count in: what was in doubt below it was taken, what is no longer
        valid never will be."""
        self.next_nonce = next_nonce
        if any(signed.nonce < next_nonce for signed in self._doubts.values()):
            self.is_unsettled = True
        self._doubts = {
            tx_hash: signed
            for tx_hash, signed in self._doubts.items()
            if signed.nonce >= next_nonce and signed.expired_at_ms >= now_ms
        }

    def replaced_by(self, tx_hash: str) -> str | None:
        """Return the transaction that took the nonce of `tx_hash`, if we saw one do it."""
        return self._replaced.get(tx_hash)

    def _remember(self, tx_hash: str, by_hash: str) -> None:
        self._replaced[tx_hash] = by_hash
        while len(self._replaced) > REMEMBERED_MAX:
            self._replaced.popitem(last=False)
