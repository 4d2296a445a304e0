"""Events that carry the strategy's own types; all others are `desk.core.events`."""

from dataclasses import dataclass

from desk.hedge.config import Config


@dataclass(frozen=True, slots=True)
class Started:
    """The process begins: the configuration it was started with, and how many cycles it may do.

    `cycles` None: no limit.
    """

    at_ms: int
    config: Config
    cycles: int | None = None


@dataclass(frozen=True, slots=True)
class ConfigChanged:
    """The owner edited the file and it is valid."""

    at_ms: int
    config: Config
