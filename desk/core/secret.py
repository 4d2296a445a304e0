"""A private key or token that cannot slip out.

Only the wrapper lives here: reading `.env` and using keys belong elsewhere. Redaction is by type,
so a secret that reaches a log line, an f-string, a traceback or a journal prints as stars.
"""

from typing import NoReturn, final

REDACTED = "Secret(****)"


@final
class Secret:
    """Hold one secret text; `reveal()` is the only way to it.

    Not a `str`, so no encoder takes it by accident; not picklable; compared by identity, so that
    no comparison leaks its length in time. Raises `ValueError` for an empty text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap `value`."""
        if not value:
            raise ValueError("a secret may not be empty")
        self._value = value

    def reveal(self) -> str:
        """Return the text. Call it where the text is used, and keep no copy."""
        return self._value

    def __repr__(self) -> str:
        """Return the redacted form; `str()` and `format()` follow it."""
        return REDACTED

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse `pickle` and `copy`: a serialised secret is a leaked one."""
        raise TypeError("a Secret is not serialised")
