"""Lighter's REST and WebSocket over an embedded exchange, for clients nobody here wrote.

Here live Lighter's wire formats as its server prints them: transactions in, rows and frames out.
What an order does lives in `desk.sim.exchange`; what goes wrong on purpose in `desk.sim.faults`.
"""

from desk.sim.lighter_server.server import LighterServer
from desk.sim.lighter_server.switches import (
    LighterSwitches,
    OrderTimes,
    SignatureCheck,
    SocketLimits,
    TokenNeed,
)

__all__ = [
    "LighterServer",
    "LighterSwitches",
    "OrderTimes",
    "SignatureCheck",
    "SocketLimits",
    "TokenNeed",
]
