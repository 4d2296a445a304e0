"""Checks a signed body: shape, keys, agent, signature, expiry, in the venue's order.

Source of the order: the venue's published smoke tests (deserialise, then signature and expiry, then
steps, then engine).
"""

from dataclasses import dataclass
from typing import Any

from desk.sim.pacifica_server import errors
from desk.sim.pacifica_server.operations import Header, Operation, Payload, read
from desk.sim.pacifica_server.registry import Registry
from desk.sim.pacifica_server.switches import PacificaSwitches
from desk.venues.pacifica.signing import is_address, signing_bytes, verify

API_KEY_OPERATIONS = frozenset({"list_api_keys", "create_api_key", "revoke_api_key"})


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature holds: who asks for what."""

    operation: Operation
    account: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """Reads signed bodies against the registry."""

    registry: Registry
    switches: PacificaSwitches

    def check(self, operation: Operation, body: object, *, now_ms: int) -> Signed:
        """Return the request if its signer may make it now.

        Raises `ApiError` 400: a missing field, a bad key, an unbound agent, a bad signature or an
        expired header, in this order.
        """
        header: Header = read(body, Header)
        payload: Payload = read(body, operation.payload)
        signer = self._signer(operation, header)
        if not isinstance(header.signature, str):
            raise errors.malformed("Unsupported signature type")
        message = signing_bytes(
            operation.name,
            payload.signed(),
            timestamp_ms=header.timestamp,
            expiry_window_ms=header.expiry_window,
        )
        pad = self.switches.pad_signatures
        if not verify(message, signature=header.signature, address=signer, pad_short=pad):
            raise errors.unsigned()
        self._check_time(header, now_ms)
        return Signed(operation, header.account, payload)

    def _signer(self, operation: Operation, header: Header) -> str:
        agent = None if operation.agent_is_payload else header.agent_wallet
        for address in (header.account, agent):
            if address is not None and not is_address(address):
                raise errors.malformed(errors.BAD_PUBKEY)
        if agent is None:
            return header.account
        keys_only = (
            operation.name in API_KEY_OPERATIONS and not self.switches.agents_manage_api_keys
        )
        if operation.main_only or keys_only:
            raise errors.unsigned()
        if not self.registry.is_agent(agent, header.account):
            raise errors.malformed(errors.AGENT_UNBOUND)
        return agent

    def _check_time(self, header: Header, now_ms: int) -> None:
        window_max, future_max = self.switches.expiry_window_ms_max, self.switches.future_ms_max
        if header.timestamp + header.expiry_window < now_ms:
            raise errors.expired()
        if window_max is not None and header.expiry_window > window_max:
            raise errors.expired()
        if future_max is not None and header.timestamp > now_ms + future_max:
            raise errors.expired()
