"""What the conformance run consists of: which script, in which environment, at which venues."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS = "test.conformance.clients"
SIGNER = "lighter/signers/lighter-signer-*"
FUNDING_INTERVAL_S = 5

VENUE_OPTIONS = {
    "trading": ("--limits", "off"),
    "funding": ("--limits", "off", "--funding-interval-s", str(FUNDING_INTERVAL_S)),
    "limits": ("--limits", "published"),
}
PART_TITLES = {
    "trading": "",
    "funding": f", funding every {FUNDING_INTERVAL_S} s",
    "limits": ", published limits",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """A foreign environment that `make conformance` makes, and the one package it is made for."""

    folder: str
    package: str

    @property
    def python(self) -> Path:
        """Return its interpreter."""
        return ROOT / self.folder / "bin" / "python"


CCXT = Environment(".venv-ccxt", "ccxt")
SDK = Environment(".venv-lighter", "lighter-sdk")


@dataclass(frozen=True, slots=True)
class Run:
    """One client script at venues of its own. `arguments` may hold `{library}`, the path of
    Lighter's signer; `options` are those of `python -m desk.sim`."""

    title: str
    environment: Environment
    module: str
    arguments: tuple[str, ...]
    options: tuple[str, ...]


def runs() -> list[Run]:
    """Return all of them, in the order of the table."""
    scripts = [
        ("ccxt, Lighter", CCXT, "ccxt_client", ("lighter", "{library}")),
        ("ccxt, Pacifica", CCXT, "ccxt_client", ("pacifica", "{library}")),
        ("lighter-sdk", SDK, "sdk_client", ()),
    ]
    return [
        Run(
            title=title + PART_TITLES[part],
            environment=environment,
            module=f"{CLIENTS}.{module}",
            arguments=(*arguments, part),
            options=VENUE_OPTIONS[part],
        )
        for title, environment, module, arguments in scripts
        for part in VENUE_OPTIONS
    ]
