"""What has been said lately, so that a log and a screen do not repeat themselves for weeks."""

import re
from collections import OrderedDict

HOUR_MS = 3_600_000
KEPT_MAX = 256
_FIGURES = re.compile(r"[-+]?\d[\d.,:]*")


def without_figures(text: str) -> str:
    """Return what a text says apart from its figures."""
    return _FIGURES.sub("#", text)


class Said:
    """Remembers texts for a while. Two that differ in their figures alone are the same news."""

    def __init__(self, *, memory_ms: int = HOUR_MS) -> None:
        """Forget a text `memory_ms` after it was said."""
        self._memory_ms = memory_ms
        self._at_ms: OrderedDict[str, int] = OrderedDict()

    def is_news(self, text: str, at_ms: int) -> bool:
        """Return whether this was not said within the memory; if so it counts as said now."""
        words = without_figures(text)
        said_at_ms = self._at_ms.get(words)
        if said_at_ms is not None and 0 <= at_ms - said_at_ms < self._memory_ms:
            return False
        self._at_ms[words] = at_ms
        self._at_ms.move_to_end(words)
        while len(self._at_ms) > KEPT_MAX:
            self._at_ms.popitem(last=False)
        return True
