"""Lighter's error codes and their texts, and the exception that carries one to the wire.

Codes and texts are those of the venue's page "Data structures, constants and errors"; 20001 is not
on that page but is what a malformed query is answered with in practice; 20013 is the answer to a
bad token, with status 401 (both seen in recorded answers).
"""

from http import HTTPStatus

OK = 200

INVALID_PARAM = 20001
INVALID_AUTH = 20013
ACCOUNT_NOT_FOUND = 21100
INVALID_ACCOUNT_INDEX = 21102
INVALID_NONCE = 21104
NON_INCREASING_NONCE = 21105
INVALID_PUBLIC_KEY = 21108
API_KEY_NOT_FOUND = 21109
INVALID_API_KEY_INDEX = 21110
PRE_LIQUIDATION = 21111
IN_LIQUIDATION = 21112
INVALID_INITIAL_MARGIN_FRACTION = 21113
INVALID_SIGNATURE = 21120
BATCH_MULTIPLE_OWNERS = 21121
MARGIN_MODE_CHANGE = 21132
NOT_ENOUGH_COLLATERAL = 21301
TX_NOT_FOUND = 21500
INVALID_TX_INFO = 21501
UNSUPPORTED_TX_TYPE = 21505
TOO_MANY_TXS = 21506
BATCH_LENGTH_MISMATCH = 21513
BATCH_TOO_LONG = 21514
INACTIVE_CANCEL = 21600
ORDER_BOOK_FULL = 21601
INVALID_MARKET_INDEX = 21602
INVALID_MARKET_STATUS = 21605
INVALID_MARGIN_MODE = 21613
NO_POSITION_FOUND = 21614
INVALID_MARGIN_DIRECTION = 21615
INVALID_ORDER_INDEX = 21700
INVALID_BASE_AMOUNT = 21701
INVALID_PRICE = 21702
INVALID_IS_ASK = 21703
INVALID_ORDER_TYPE = 21704
INVALID_TIME_IN_FORCE = 21705
INVALID_ORDER_AMOUNT = 21706
INVALID_ORDER_OWNER = 21707
UNSUPPORTED_ORDER_TYPE = 21710
INVALID_EXPIRY = 21711
CANCEL_ALL_QUEUED = 21712
INVALID_CANCEL_ALL_TIME_IN_FORCE = 21713
INVALID_CANCEL_ALL_TIME = 21714
ORDER_NOT_ACTIVE = 21715
MAX_ORDERS_PER_ACCOUNT = 21717
MAX_ORDERS_PER_MARKET = 21718
MAX_PENDING_ORDERS_PER_ACCOUNT = 21719
MAX_PENDING_ORDERS_PER_MARKET = 21720
INVALID_CLIENT_ORDER_INDEX = 21727
CLIENT_ORDER_INDEX_EXISTS = 21728
INVALID_TRIGGER_PRICE = 21729
REDUCE_ONLY_INCREASES = 21732
FAT_FINGER_PRICE = 21733
PRICE_TOO_FAR_FROM_MARK = 21734
PRICE_TOO_FAR_FROM_TRIGGER = 21735
INVALID_REDUCE_ONLY_DIRECTION = 21738
NOT_ENOUGH_ORDER_MARGIN = 21739
INVALID_REDUCE_ONLY_MODE = 21740
INVALID_GROUPING_TYPE = 21741
INVALID_GROUP_SIZE = 21742
INVALID_ORDER_INFO = 21743
INVALID_TIMESTAMPS = 22400
INVALID_RESOLUTION = 22402
TOO_MANY_REQUESTS = 23000
TOO_MANY_SUBSCRIPTIONS = 23001
TOO_MANY_ACCOUNTS = 23002
TOO_MANY_CONNECTIONS = 23003
NOT_FOUND = 29404
INTERNAL = 29500
WS_INVALID_JSON = 30000
WS_INVALID_TYPE = 30001
WS_NOT_SUBSCRIBED = 30002
WS_ALREADY_SUBSCRIBED = 30003
WS_INVALID_CHANNEL = 30005
WS_INVALID_DATA = 30007
WS_TOO_MANY_MESSAGES = 30009
WS_TOO_MANY_INFLIGHT = 30010
WS_FAILED_TO_SUBSCRIBE = 30012

_HEALTH = "account is in pre-liquidation and the transaction doesn't increase the account health"
_MARGIN_MODE = "margin mode change on a market with position or open order is not allowed"
_BATCH_OWNER = "all transactions in the batch must have use same account and apikey"
_TIMESTAMPS = "invalid timestamps: end_timestamp must be greater than start_timestamp"

TEXTS: dict[int, str] = {
    INVALID_PARAM: "invalid param ",
    INVALID_AUTH: "invalid auth",
    ACCOUNT_NOT_FOUND: "account not found",
    INVALID_ACCOUNT_INDEX: "invalid account index",
    INVALID_NONCE: "invalid nonce",
    NON_INCREASING_NONCE: "batch transaction nonce is not increasing",
    INVALID_PUBLIC_KEY: "invalid PublicKey,please run changePubKey",
    API_KEY_NOT_FOUND: "api key not found",
    INVALID_API_KEY_INDEX: "invalid api key index",
    PRE_LIQUIDATION: _HEALTH,
    IN_LIQUIDATION: "account is in liquidation",
    INVALID_INITIAL_MARGIN_FRACTION: "invalid initial margin fraction",
    INVALID_SIGNATURE: "invalid signature",
    BATCH_MULTIPLE_OWNERS: _BATCH_OWNER,
    MARGIN_MODE_CHANGE: _MARGIN_MODE,
    NOT_ENOUGH_COLLATERAL: "not enough collateral",
    TX_NOT_FOUND: "transaction not found",
    INVALID_TX_INFO: "invalid tx info",
    UNSUPPORTED_TX_TYPE: "unsupported tx type",
    TOO_MANY_TXS: "too many pending txs. Please try again later",
    BATCH_LENGTH_MISMATCH: "TxInfos and TxTypes should have the same length",
    BATCH_TOO_LONG: "maximum 50 transactions allowed per batch",
    INACTIVE_CANCEL: "given order is not an active limit order",
    ORDER_BOOK_FULL: "order book is full",
    INVALID_MARKET_INDEX: "invalid market index",
    INVALID_MARKET_STATUS: "invalid market status",
    INVALID_MARGIN_MODE: "invalid margin mode",
    NO_POSITION_FOUND: "no position found",
    INVALID_MARGIN_DIRECTION: "invalid update margin direction",
    INVALID_ORDER_INDEX: "invalid order index",
    INVALID_BASE_AMOUNT: "invalid base amount",
    INVALID_PRICE: "invalid price",
    INVALID_IS_ASK: "invalid isAsk",
    INVALID_ORDER_TYPE: "invalid OrderType",
    INVALID_TIME_IN_FORCE: "invalid OrderTimeInForce",
    INVALID_ORDER_AMOUNT: "invalid order base or quote amount",
    INVALID_ORDER_OWNER: "account is not owner of the order",
    UNSUPPORTED_ORDER_TYPE: "unsupported order type",
    INVALID_EXPIRY: "invalid expiry",
    CANCEL_ALL_QUEUED: "account has a queued cancel all orders request",
    INVALID_CANCEL_ALL_TIME_IN_FORCE: "invalid cancel all time in force",
    INVALID_CANCEL_ALL_TIME: "invalid cancel all time",
    ORDER_NOT_ACTIVE: "given order is not an active order",
    MAX_ORDERS_PER_ACCOUNT: "maximum active limit order count reached",
    MAX_ORDERS_PER_MARKET: "maximum active limit order count per market reached",
    MAX_PENDING_ORDERS_PER_ACCOUNT: "maximum pending order count reached",
    MAX_PENDING_ORDERS_PER_MARKET: "maximum pending order count per market reached",
    INVALID_CLIENT_ORDER_INDEX: "invalid client order index",
    CLIENT_ORDER_INDEX_EXISTS: "client order index already exists",
    INVALID_TRIGGER_PRICE: "invalid order trigger price",
    REDUCE_ONLY_INCREASES: "reduce only increases position",
    FAT_FINGER_PRICE: "order price flagged as an accidental price",
    PRICE_TOO_FAR_FROM_MARK: "limit order price is too far from the mark price",
    PRICE_TOO_FAR_FROM_TRIGGER: "SL/TP order price is too far from the trigger price",
    INVALID_REDUCE_ONLY_DIRECTION: "invalid reduce only direction",
    NOT_ENOUGH_ORDER_MARGIN: "not enough margin to create the order",
    INVALID_REDUCE_ONLY_MODE: "invalid reduce only mode",
    INVALID_GROUPING_TYPE: "invalid grouping type",
    INVALID_GROUP_SIZE: "invalid order group size",
    INVALID_ORDER_INFO: "invalid order info",
    INVALID_TIMESTAMPS: _TIMESTAMPS,
    INVALID_RESOLUTION: "invalid resolution: resolution unsupported",
    TOO_MANY_REQUESTS: "Too Many Requests!",
    TOO_MANY_SUBSCRIPTIONS: "Too Many Subscriptions!",
    TOO_MANY_ACCOUNTS: "Too Many Different Accounts!",
    TOO_MANY_CONNECTIONS: "Too Many Connections!",
    NOT_FOUND: "not found",
    INTERNAL: "internal server error",
    WS_INVALID_JSON: "Invalid Json",
    WS_INVALID_TYPE: "Invalid Type",
    WS_NOT_SUBSCRIBED: "Not Subscribed to ",
    WS_ALREADY_SUBSCRIBED: "Already Subscribed to ",
    WS_INVALID_CHANNEL: "Invalid Channel",
    WS_INVALID_DATA: "Invalid Data",
    WS_TOO_MANY_MESSAGES: "Too Many Websocket Messages!",
    WS_TOO_MANY_INFLIGHT: "Too Many Inflight Messages!",
    WS_FAILED_TO_SUBSCRIBE: "Failed to subscribe",
}


_STATUS = {
    TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    INVALID_AUTH: HTTPStatus.UNAUTHORIZED,
    NOT_FOUND: HTTPStatus.NOT_FOUND,
    INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class LighterRefusal(Exception):
    """The venue says no: `code` and `message` as they go on the wire."""

    def __init__(self, code: int, detail: str = "") -> None:
        """Take the code's own text and append `detail`, as the venue does: "text: detail"."""
        self.code = code
        self.message = f"{TEXTS[code]}: {detail}" if detail else TEXTS[code].strip()
        super().__init__(f"{code} {self.message}")

    @property
    def http_status(self) -> int:
        """Return 429 for the rate limit, 401 for a bad token, 400 for every other refusal."""
        return _STATUS.get(self.code, HTTPStatus.BAD_REQUEST)

    def body(self) -> dict[str, object]:
        """Return the JSON body of the refusal (`ResultCode`)."""
        return result(self.code, self.message)


def result(code: int, message: str) -> dict[str, object]:
    """Return a `ResultCode` body."""
    return {"code": code, "message": message}
