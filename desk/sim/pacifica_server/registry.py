"""Who may act for whom: accounts, their agents, API keys and builder approvals.

State only; signatures are checked in `auth`.
"""

import hashlib
from dataclasses import dataclass, field

from desk.sim.pacifica_server.errors import ApiError, malformed

AGENTS_MAX = 20
API_KEYS_MAX = 5


@dataclass(slots=True)
class Member:
    """One account: its number on the exchange and what its owner has set up."""

    account_id: int
    agents: list[str] = field(default_factory=list)
    api_keys: list[str] = field(default_factory=list)
    builder_codes: dict[str, str] = field(default_factory=dict)
    keys_made: int = 0


class Registry:
    """Every account of the venue by address."""

    def __init__(self) -> None:
        """Start without accounts."""
        self._members: dict[str, Member] = {}
        self._addresses: dict[int, str] = {}

    def add(self, address: str, account_id: int) -> None:
        """Let `address` own the exchange's account `account_id`."""
        self._members[address] = Member(account_id)
        self._addresses[account_id] = address

    def address(self, account_id: int) -> str:
        """Return who owns an account of the exchange, "" when nobody does."""
        return self._addresses.get(account_id, "")

    def find(self, address: str) -> Member | None:
        """Return an account, None when it never deposited."""
        return self._members.get(address)

    def require(self, address: str) -> Member:
        """Return an account.

        Raises `ApiError` 422 code 1, as an order for an unknown account is answered.
        """
        member = self.find(address)
        if member is None:
            raise ApiError(422, f"Account not found: {address}", 1)
        return member

    def is_agent(self, agent: str, address: str) -> bool:
        """Return whether `agent` may sign for the account."""
        member = self.find(address)
        return member is not None and agent in member.agents

    def bind(self, agent: str, address: str) -> None:
        """Let `agent` sign for the account; an agent serves exactly one account.

        Raises `ApiError` 400 when it serves another, or the account has its 20 agents.
        """
        member = self.require(address)
        if agent in member.agents:
            return
        if any(agent in other.agents for other in self._members.values()):
            raise malformed("Agent wallet already bound")
        if len(member.agents) >= AGENTS_MAX:
            raise malformed(f"Agent wallet limit reached: {AGENTS_MAX}")
        member.agents.append(agent)

    def revoke(self, agent: str | None, address: str) -> None:
        """Take the right to sign from one agent, or from all of the account's."""
        member = self.require(address)
        member.agents = [kept for kept in member.agents if agent is not None and kept != agent]

    def create_api_key(self, address: str) -> str:
        """Return a new PF-API-KEY of the account; the n-th is always the same text.

        Raises `ApiError` 400 when it has its five.
        """
        member = self.require(address)
        if len(member.api_keys) >= API_KEYS_MAX:
            raise malformed(f"API key limit reached: {API_KEYS_MAX}")
        member.keys_made += 1
        digest = hashlib.sha256(f"{address} {member.keys_made}".encode()).hexdigest()
        key = f"{digest[:8]}_{digest[8:30]}"
        member.api_keys.append(key)
        return key

    def owner_of_api_key(self, key: str | None) -> str | None:
        """Return the address behind a PF-API-KEY, None for an unknown one."""
        if key is None:
            return None
        for address, member in self._members.items():
            if key in member.api_keys:
                return address
        return None
