"""Words for people: quantities that are written out the same way in reasons and on screen.

Pure text; nothing here is ever read back.
"""

from math import ceil

_MINUTE_MS = 60_000
_HOUR_MINUTES = 60
_DAY_HOURS = 24
_DAYS_FROM_HOURS = 48
_SHOWN_ENDS = 4


def span(span_ms: int) -> str:
    """Return a duration in the units a person would use: "36 s", "45 min", "1 h 12 min", "2 d 1 h".

    Rounded to the nearest of the smaller unit; what is negative counts as nothing.
    """
    seconds = round(max(span_ms, 0) / 1000)
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(span_ms / _MINUTE_MS)
    if minutes < _HOUR_MINUTES:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, _HOUR_MINUTES)
    if hours < _DAYS_FROM_HOURS:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(hours + minutes / _HOUR_MINUTES), _DAY_HOURS)
    return f"{days} d {hours} h" if hours else f"{days} d"


def budget_wait(venue: str, wait_s: float) -> str:
    """Return the line about a wait that our own request budget imposes at a venue."""
    return f"waiting {span(ceil(wait_s) * 1000)} for our own request budget at {venue}"


def shortened(name: str) -> str:
    """Return an address with its middle left out; what is short already stays whole."""
    if len(name) <= 3 * _SHOWN_ENDS:
        return name
    return f"{name[:_SHOWN_ENDS]}…{name[-_SHOWN_ENDS:]}"
