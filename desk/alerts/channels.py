"""The owner's own channels: where `ALERT_URLS` and `HEARTBEAT_URL` lead.

Addresses hold keys: they are kept as secrets, and no message of the libraries about them is let
through. The library is imported only where an address is given.
"""

import logging
import re
from collections.abc import Mapping
from http.client import HTTPException
from typing import Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from desk.alerts.notes import Note
from desk.core.actions import Level
from desk.core.errors import ConfigError
from desk.core.secret import Secret

ALERTS, HEARTBEAT = "ALERT_URLS", "HEARTBEAT_URL"
DELIVER_S_MAX = 15.0
PING_S_MAX = 10.0
NAME = "lighter-pacifica-hedge"
# An address that no service claims is posted to as JSON.
_PLAIN = {"http": "json", "https": "jsons"}
_BETWEEN = re.compile(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_LEVELS = {Level.INFO: "info", Level.WARNING: "warning", Level.CRITICAL: "failure"}


class Deliver(Protocol):
    """Sends one note to every channel."""

    def __call__(self, note: Note) -> bool:
        """Return whether every channel took it."""
        ...


def channels(env: Mapping[str, str]) -> tuple[Deliver, int] | None:
    """Return what sends to `ALERT_URLS`, and to how many; None where there are none.

    Raises `ConfigError`, naming the address by its number and scheme alone.
    """
    text = env.get(ALERTS, "").strip()
    if not text:
        return None
    import apprise  # costs a quarter of a second, and only this needs it

    # Its log may hold addresses.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    desk = apprise.Apprise(asset=apprise.AppriseAsset(app_id=NAME))
    addresses = _BETWEEN.split(text.strip(", "))
    for number, address in enumerate(addresses, start=1):
        if not any(desk.add(each) for each in _spellings(address)):
            scheme = urlsplit(address).scheme or "no scheme"
            mend = "see https://github.com/caronc/apprise for how each service is spelled"
            raise ConfigError(f"{ALERTS}: address {number} ({scheme}) is not understood; {mend}")

    def deliver(note: Note) -> bool:
        kind = apprise.NotifyType(_LEVELS[note.level])
        return bool(
            desk.notify(note.body, title=note.title, notify_type=kind, timeout=DELIVER_S_MAX)
        )

    return deliver, len(addresses)


def _spellings(address: str) -> list[str]:
    """Return an address as it is and, if it is a bare one of the web, as a place for JSON."""
    scheme, separator, rest = address.partition("://")
    if scheme.lower() not in _PLAIN:
        return [address]
    return [address, f"{_PLAIN[scheme.lower()]}{separator}{rest}"]


def heartbeat(env: Mapping[str, str]) -> Secret | None:
    """Return the address that is called while all is well. Raises `ConfigError`."""
    text = env.get(HEARTBEAT, "").strip()
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"{HEARTBEAT} is no web address: write https://…")
    return Secret(text)


def ping(address: Secret) -> str | None:
    """Call an address. Returns why that failed, without the address; None when it went well."""
    request = Request(address.reveal(), headers={"User-Agent": NAME})
    try:
        with urlopen(request, timeout=PING_S_MAX):
            return None
    except HTTPError as error:
        return f"HTTP {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        return type(error).__name__
