"""What was traded in 24 hours on both venues, judged by the bot's own filter.

Needs no credentials and changes nothing. What it does is in `desk.commands.market_check`.
"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from desk.engine.signals import end_on_signals_while_starting

if TYPE_CHECKING:
    from desk.core.ports import Clock, Venue
    from desk.core.venue import VenueName


def main(argv: list[str] | None = None) -> int:
    """Run as the command line says. Returns the exit code of the contract."""
    from desk.commands.market_check import VOLUME, run

    end_on_signals_while_starting()
    return run(VOLUME, open_venues, argv)


def open_venues(env: Mapping[str, str], clock: "Clock") -> "dict[VenueName, Venue]":
    """Return both clients, without keys, for the addresses in `env`. Raises `ConfigError`."""
    from desk.core.venue import VenueName
    from lighter_client import LighterClient
    from pacifica_client import PacificaClient

    return {
        VenueName.LIGHTER: LighterClient.from_environment(env, clock=clock, read_only=True),
        VenueName.PACIFICA: PacificaClient.from_environment(env, clock=clock, read_only=True),
    }


if __name__ == "__main__":
    sys.exit(main())
