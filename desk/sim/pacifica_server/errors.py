"""How Pacifica words a no: HTTP status, text, code and error id of every refusal.

Sources: Pacifica docs (error codes), live texts recorded in public clients. The numbers conflict
between editions of the docs; those that clients rely on come first ("Failed to cancel order" is 5).
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from aiohttp import web

from desk.sim.exchange import Refusal, RefusalReason
from desk.sim.faults import Fault, FaultKind
from desk.sim.pacifica_server.rows import money
from desk.sim.pacifica_server.switches import PacificaSwitches
from desk.sim.web import HTML_PAGE, json_response

BUSINESS = 422
WS_CODES = {400: 400, 403: 403, 422: 420, 429: 429, 500: 500}


class ApiError(Exception):
    """A request is refused: what to answer on REST, and on the WebSocket with another code."""

    def __init__(self, status: int, text: str, code: int, *, error_id: str | None = None) -> None:
        """Keep the parts of the answer."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.code = code
        self.error_id = error_id

    def response(self) -> web.Response:
        """Return the REST answer."""
        body: dict[str, object] = {
            "success": False,
            "data": None,
            "error": self.text,
            "code": self.code,
        }
        if self.error_id is not None:
            body["error_id"] = self.error_id
        return json_response(body, status=self.status)

    @property
    def ws_code(self) -> int:
        """Return the code of a WebSocket reply: 401 bad signature, 402 bad signer, 420 engine."""
        if self.error_id == VERIFICATION_FAILED:
            return 401
        if self.text in (AGENT_UNBOUND, BAD_PUBKEY):
            return 402
        return WS_CODES.get(self.status, 500)


VERIFICATION_FAILED = "signature_verification_failed"
AGENT_UNBOUND = "Agent not authorized for account"
BAD_PUBKEY = "Invalid public key"
RATE_LIMIT_EXCEEDED = "Rate limit exceeded"


def malformed(text: str) -> ApiError:
    """Return the answer to a request that does not deserialise."""
    return ApiError(400, text, 400)


def unsigned() -> ApiError:
    """Return the answer to a signature that does not fit signer and payload."""
    text = "Verification failed: signature does not match signer and canonical payload."
    return ApiError(400, text, 400, error_id=VERIFICATION_FAILED)


def expired() -> ApiError:
    """Return the answer to a header outside its window."""
    return ApiError(400, "Invalid message", 400)


def rate_limited() -> ApiError:
    """Return the answer when the credits are spent."""
    return ApiError(429, RATE_LIMIT_EXCEEDED, 429)


def cancel_failed(switches: PacificaSwitches) -> ApiError:
    """Return the answer to a cancel of an order that is gone or was never there."""
    return ApiError(switches.cancel_failed_status, "Failed to cancel order", 5)


@dataclass(frozen=True, slots=True)
class Wording:
    """A business refusal; `text` may name `{account}`, `{symbol}` and the exchange's own
    `{detail}`."""

    code: int
    text: str
    status: int = BUSINESS
    error_id: str | None = None


WORDINGS: dict[RefusalReason, Wording] = {
    RefusalReason.ACCOUNT_NOT_FOUND: Wording(1, "Account not found: {account}"),
    RefusalReason.MARKET_NOT_FOUND: Wording(3, "Book not found: {symbol}"),
    RefusalReason.MARKET_INACTIVE: Wording(38, "Trading disabled: {symbol}"),
    RefusalReason.MARK_MISSING: Wording(63, "Missing mark price: {symbol}"),
    RefusalReason.INVALID_PRICE: Wording(400, "{detail}", status=400),
    RefusalReason.INVALID_SIZE: Wording(400, "{detail}", status=400),
    RefusalReason.BELOW_MIN_BASE: Wording(7, "Order amount too low for {account}: {detail}"),
    RefusalReason.BELOW_MIN_QUOTE: Wording(
        0, "Order amount too low for {account}: {detail}", error_id="invalid_amount"
    ),
    RefusalReason.ABOVE_MAX_QUOTE: Wording(8, "Order amount too high for {account}: {detail}"),
    RefusalReason.INVALID_TYPE: Wording(20, "Invalid order type: {detail}"),
    RefusalReason.INVALID_TIME_IN_FORCE: Wording(20, "Invalid order type: {detail}"),
    RefusalReason.INVALID_TRIGGER_PRICE: Wording(16, "Invalid stop tick: {detail}"),
    RefusalReason.INVALID_STOP_SIDE: Wording(17, "Invalid stop order side"),
    RefusalReason.PRICE_TOO_FAR: Wording(30, "Price too far from mark: {detail}"),
    RefusalReason.FAT_FINGER: Wording(30, "Price too far from mark: {detail}"),
    RefusalReason.NO_REASONABLE_PRICE: Wording(25, "No reasonable price found"),
    RefusalReason.POST_ONLY_WOULD_CROSS: Wording(25, "Post only order would cross"),
    RefusalReason.NOT_ENOUGH_MARGIN: Wording(5, "Insufficient balance for {account}: {detail}"),
    RefusalReason.IMMEDIATE_LIQUIDATION: Wording(
        28, "Immediate liquidation for {symbol}: {detail}"
    ),
    RefusalReason.REDUCE_ONLY_INCREASES: Wording(
        21, "Invalid reduce-only order side: must be opposite to position side"
    ),
    RefusalReason.REDUCE_ONLY_WRONG_SIDE: Wording(
        21, "Invalid reduce-only order side: must be opposite to position side"
    ),
    RefusalReason.REDUCE_ONLY_TOO_BIG: Wording(22, "Invalid reduce-only order amount: {detail}"),
    RefusalReason.REDUCE_ONLY_NO_POSITION: Wording(
        23, "No position found for reduce-only order: {account} {symbol}"
    ),
    RefusalReason.POSITION_NOT_FOUND: Wording(13, "Position not found"),
    RefusalReason.DUPLICATE_CLIENT_ID: Wording(36, "Duplicate client order id: {detail}"),
    RefusalReason.UNKNOWN_CLIENT_ID: Wording(37, "Unused client order id: {detail}"),
    RefusalReason.ORDER_NOT_FOUND: Wording(6, "Order not found"),
    RefusalReason.TOO_MANY_ORDERS: Wording(10, "Open order limit reached for {account}: {detail}"),
    RefusalReason.TOO_MANY_TRIGGERS: Wording(
        49, "Position TPSL limit exceeded for {account}: {detail}"
    ),
    RefusalReason.INVALID_LEVERAGE: Wording(11, "Invalid leverage: {detail}"),
    RefusalReason.LEVERAGE_LOWERED_WITH_POSITION: Wording(
        11, "Cannot decrease leverage with open position.: {detail}"
    ),
    RefusalReason.MARGIN_MODE_LOCKED: Wording(
        12, "Cannot update margin with open position for {account}: isolated {detail}"
    ),
    RefusalReason.INVALID_MARGIN_MODE: Wording(12, "Cannot update margin: {detail}"),
    RefusalReason.INVALID_MARGIN_AMOUNT: Wording(59, "Invalid amount: {detail}"),
    RefusalReason.UNSUPPORTED: Wording(51, "Unsupported operation"),
}
UNWORDED = Wording(0, "{detail}", error_id="unspecified")


def from_refusal(
    refusal: Refusal, *, account: str, symbol: str, switches: PacificaSwitches
) -> ApiError:
    """Return the exchange's refusal in the venue's words."""
    wording = WORDINGS.get(refusal.reason, UNWORDED)
    text = wording.text.format(account=account, symbol=symbol, detail=_detail(refusal, symbol))
    status, code = wording.status, wording.code
    if refusal.reason in (RefusalReason.INVALID_PRICE, RefusalReason.INVALID_SIZE):
        status = code = switches.step_status
    if refusal.reason is RefusalReason.BELOW_MIN_QUOTE:
        code = switches.min_size_code
    return ApiError(status, text, code, error_id=wording.error_id)


_JOINERS = {
    RefusalReason.BELOW_MIN_QUOTE: "{0} < {1}",
    RefusalReason.BELOW_MIN_BASE: "{0} < {1}",
    RefusalReason.ABOVE_MAX_QUOTE: "{0} > {1}",
    RefusalReason.NOT_ENOUGH_MARGIN: "{0} (account value: {1})",
    RefusalReason.REDUCE_ONLY_TOO_BIG: "{0} exceeds position amount {1}",
}


def _detail(refusal: Refusal, symbol: str) -> str:
    values = [_neat(value) for value in refusal.values]
    joiner = _JOINERS.get(refusal.reason)
    if joiner is not None and len(values) >= 2:
        return joiner.format(*values)
    return " ".join(values) or refusal.message or symbol


def _neat(text: str) -> str:
    """Return a number at most six decimals long, any other text as it is."""
    try:
        return money(Decimal(text))
    except InvalidOperation:
        return text


def refuse_by_fault(fault: Fault) -> web.StreamResponse:
    """Return the answer for a fault that refuses, in this venue's words."""
    if fault.kind is FaultKind.HTML_BODY:
        return web.Response(body=HTML_PAGE, status=200, content_type="text/html")
    return error_of_fault(fault).response()


def error_of_fault(fault: Fault) -> ApiError:
    """Return the refusal a fault stands for; `reject` takes its business code from the fault
    (default 0, internal)."""
    if fault.kind is FaultKind.HTTP_429:
        return rate_limited()
    if fault.kind is FaultKind.HTTP_405:
        return ApiError(405, "Method Not Allowed", 405)
    if fault.kind is FaultKind.REJECT:
        code = int(fault.code) if fault.code.isdigit() else 0
        wording = next((row for row in WORDINGS.values() if row.code == code), UNWORDED)
        text = wording.text.format(account="account", symbol="symbol", detail="injected")
        return ApiError(BUSINESS, text, code, error_id=wording.error_id)
    return ApiError(500, "Internal server error", 500)
