"""Pacifica's REST and WebSocket, spoken by an embedded exchange.

Faithful enough that clients written by others run against it with only the base URL changed. Facts
about the venue stand beside the code that uses them; readings that are uncertain are in `switches`.
"""

from desk.sim.pacifica_server.server import PacificaServer
from desk.sim.pacifica_server.switches import (
    CreditLimits,
    OpenInterestUnit,
    PacificaSwitches,
    SettingsShape,
    SocketRules,
)

__all__ = [
    "CreditLimits",
    "OpenInterestUnit",
    "PacificaServer",
    "PacificaSwitches",
    "SettingsShape",
    "SocketRules",
]
