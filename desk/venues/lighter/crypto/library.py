"""The signer library inside the `lighter-sdk` wheel, reached by ctypes.

Only the foreign interface lives here: finding and loading the file, declaring its functions,
turning its answers into Python and its refusals into errors. What is worth signing is decided
elsewhere. The `lighter` package itself is never imported (that costs 0.8 s and 20 MB).

Source: `lighter/signer_client.py` and the C header in the wheel of `lighter-sdk` 1.1.8. The library
offers more than is declared here; what moves money off the exchange is left out on purpose.
"""

import ctypes
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Final

from desk.core.errors import ConfigError
from desk.venues.lighter.crypto.limits import InvalidRequest
from desk.venues.lighter.crypto.transactions import TxType

PACKAGE: Final = "lighter"
DISTRIBUTION: Final = "lighter-sdk"
TESTED_VERSION: Final = "1.1.8"

_SUFFIXES: Final = {"linux": "so", "darwin": "dylib", "windows": "dll"}
_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}

_INT: Final = ctypes.c_int
_LONG: Final = ctypes.c_longlong
_BYTE: Final = ctypes.c_uint8
_TEXT: Final = ctypes.c_char_p
_POINTER: Final = ctypes.c_void_p

# Never called: every transaction we sign has its nonce, and keys are checked by our own request.
_NO_URL: Final = b"http://127.0.0.1:9"


class SignerUnavailable(ConfigError):
    """The library cannot sign: not installed, not for this platform, or its answers do not hold."""


class _TextOrError(ctypes.Structure):
    _fields_ = (("text", _POINTER), ("error", _POINTER))


class _SignedTx(ctypes.Structure):
    _fields_ = (
        ("tx_type", _BYTE),
        ("tx_info", _POINTER),
        ("tx_hash", _POINTER),
        ("message_to_sign", _POINTER),
        ("error", _POINTER),
    )


@dataclass(frozen=True, slots=True)
class _Call:
    """One signing function: its name and arguments between the body and the account.

    `unused` are integrator and self-trade settings, always 0 here; a `versioned` call takes an
    order version, 0 here, after the nonce.
    """

    name: str
    body: tuple[Any, ...]
    unused: tuple[Any, ...] = ()
    versioned: bool = False

    @property
    def argument_types(self) -> tuple[Any, ...]:
        """Return the C types: body, unused, skip-nonce, nonce, [version], key index, account."""
        version = (_LONG,) if self.versioned else ()
        return (*self.body, *self.unused, _BYTE, _LONG, *version, _INT, _LONG)

    def arguments(self, body: Sequence[int], nonce: int, slot: tuple[int, int]) -> tuple[int, ...]:
        """Return the call's arguments in order."""
        version = (0,) if self.versioned else ()
        return (*body, *(0 for _ in self.unused), 0, nonce, *version, *slot)


_INTEGRATOR_AND_SELF_TRADE: Final = (_LONG, _INT, _INT, _BYTE, _BYTE)
_CALLS: Final[Mapping[TxType, _Call]] = {
    TxType.CREATE_ORDER: _Call(
        "SignCreateOrder",
        (_LONG, _LONG, _LONG, _INT, _INT, _INT, _INT, _INT, _INT, _LONG),
        _INTEGRATOR_AND_SELF_TRADE,
    ),
    TxType.CANCEL_ORDER: _Call("SignCancelOrder", (_LONG, _LONG)),
    # The third is the market, 255 for all of them.
    TxType.CANCEL_ALL_ORDERS: _Call("SignCancelAllOrders", (_INT, _LONG, _LONG)),
    TxType.MODIFY_ORDER: _Call(
        "SignModifyOrder",
        (_LONG, _LONG, _LONG, _LONG, _LONG),
        _INTEGRATOR_AND_SELF_TRADE,
        versioned=True,
    ),
    TxType.UPDATE_LEVERAGE: _Call("SignUpdateLeverage", (_LONG, _INT, _INT)),
    TxType.UPDATE_MARGIN: _Call("SignUpdateMargin", (_LONG, _LONG, _INT)),
}


class ClientSlot:
    """One key's place in the library, which keeps a single key per (key index, account).

    Two signers of one place and different keys take turns: whoever signs registers its key again
    if the other was there. So signers stay independent of each other. Thread-safe.
    """

    def __init__(
        self,
        library: "SignerLibrary",
        reveal_key: Callable[[], str],
        *,
        account_index: int,
        api_key_index: int,
        chain_id: int,
    ) -> None:
        """Register the key. `reveal_key` returns its 80 hex digits; it is not kept as text."""
        self._library = library
        self._reveal_key = reveal_key
        self._slot = (api_key_index, account_index)
        self._chain_id = chain_id
        with library.lock:
            self._register()

    def sign(self, tx_type: TxType, body: Sequence[int], nonce: int) -> tuple[str, str]:
        """Return (tx_info JSON text, tx hash). Raises `InvalidRequest` where it refuses."""
        call = _CALLS[tx_type]
        function = getattr(self._library.functions, call.name)
        with self._library.lock:
            self._register()
            answer = function(*call.arguments(body, nonce, self._slot))
            error = self._library.take(answer.error)
            tx_info = self._library.take(answer.tx_info)
            tx_hash = self._library.take(answer.tx_hash)
            self._library.take(answer.message_to_sign)
        return _text_of(tx_info, error), _text_of(tx_hash, error)

    def auth_token(self, deadline_s: int) -> str:
        """Return the auth token valid until unix second `deadline_s`."""
        with self._library.lock:
            self._register()
            answer = self._library.functions.CreateAuthToken(deadline_s, *self._slot)
            error = self._library.take(answer.error)
            text = self._library.take(answer.text)
        return _text_of(text, error)

    def _register(self) -> None:
        """Put our key into the library unless it is there; the caller holds the lock."""
        if self._library.holders.get(self._slot) is self:
            return
        key_index, account_index = self._slot
        error = self._library.take(
            self._library.functions.CreateClient(
                _NO_URL, self._reveal_key().encode(), self._chain_id, key_index, account_index
            )
        )
        if error is not None:
            raise SignerUnavailable(f"the signer library refused the Lighter key: {error}")
        self._library.holders[self._slot] = self


class SignerLibrary:
    """The loaded library. One per process: its state is global."""

    def __init__(self, file: Path) -> None:
        """Load `file` and declare what we call. Raises `SignerUnavailable`."""
        try:
            self.functions = ctypes.CDLL(str(file))
            _declare(self.functions)
        except (OSError, AttributeError) as error:
            raise SignerUnavailable(f"the signer library does not load: {error}") from error
        self.lock = Lock()
        self.holders: dict[tuple[int, int], ClientSlot] = {}

    def take(self, pointer: int | None) -> str | None:
        """Return the text at a pointer the library gave us, and free it there."""
        if not pointer:
            return None
        try:
            return ctypes.string_at(pointer).decode("utf-8")
        finally:
            self.functions.Free(pointer)


@cache
def load_library() -> SignerLibrary:
    """Return the installed wheel's library, loaded on first use. Raises `SignerUnavailable`."""
    file = find_package(PACKAGE) / "signers" / library_name(platform.system(), platform.machine())
    if not file.is_file():
        raise SignerUnavailable(f"{DISTRIBUTION} brings no {file.name} for this platform")
    return SignerLibrary(file)


def find_package(name: str) -> Path:
    """Return a package's folder without importing it. Raises `SignerUnavailable`."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SignerUnavailable(
            f"package {name} is not installed; run: pip install {DISTRIBUTION}=={TESTED_VERSION}"
        )
    return Path(spec.submodule_search_locations[0])


def library_name(system: str, machine: str) -> str:
    """Return the library's file name, from `platform.system()` and `platform.machine()`."""
    suffix = _SUFFIXES.get(system.lower())
    architecture = _MACHINES.get(machine.lower())
    if suffix is None or architecture is None:
        raise SignerUnavailable(f"{DISTRIBUTION} has no signer for {system} {machine}")
    return f"lighter-signer-{system.lower()}-{architecture}.{suffix}"


def version_remark(version: str) -> str | None:
    """Return what to tell the owner of this wheel version, None where it is the tested one."""
    if version == TESTED_VERSION:
        return None
    return f"{DISTRIBUTION} {version} is installed; tested with {TESTED_VERSION}"


def installed_version() -> str:
    """Return the version of the installed wheel, or "of unknown version"."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "of unknown version"


def _declare(functions: ctypes.CDLL) -> None:
    """Declare the C types of every function we call."""
    functions.Free.argtypes = (_POINTER,)
    functions.Free.restype = None
    functions.CreateClient.argtypes = (_TEXT, _TEXT, _INT, _INT, _LONG)
    functions.CreateClient.restype = _POINTER
    functions.CreateAuthToken.argtypes = (_LONG, _INT, _LONG)
    functions.CreateAuthToken.restype = _TextOrError
    for call in _CALLS.values():
        function = getattr(functions, call.name)
        function.argtypes = call.argument_types
        function.restype = _SignedTx


def _text_of(text: str | None, error: str | None) -> str:
    """Return the library's answer, or raise what it refused."""
    if error is not None:
        raise InvalidRequest(f"the signer library refused: {error}")
    if text is None:
        raise SignerUnavailable("the signer library answered nothing")
    return text
