"""Order ids that can be read back: who sent it, in which life, for which cycle, leg and attempt.

An id is derived, never drawn: the same intent always has the same id, and it is on disk before the
first byte leaves. On Pacifica the fields stand readable in a UUID; on Lighter they are packed into
at most 48 bits, or 31 where a deployment refuses larger client order indexes (it has been seen to
do both).
"""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from desk.core.venue import VenueName

_TAG_48 = 0x9D  # marks our orders among the account's others, top byte of the 48 bits
_TAG_31 = 0x5  # the same in three bits
_DIGITS_MAX = len(str(1 << 48))
_UUID_PREFIX = "68656467"  # "hedg" in ASCII

EPOCH_MAX = (1 << 12) - 1
CYCLE_MAX = (1 << 14) - 1
LEG_MAX = (1 << 4) - 1
ATTEMPT_MAX = (1 << 10) - 1
EPOCH_MAX_31 = (1 << 6) - 1
CYCLE_MAX_31 = (1 << 10) - 1
LEG_MAX_31 = (1 << 4) - 1
ATTEMPT_MAX_31 = (1 << 8) - 1


@dataclass(frozen=True, slots=True, order=True)
class OrderKey:
    """The fields of one of our ids.

    `epoch` is drawn at installation and after state loss, `cycle` counts hedges (modulo its
    range), `leg` says what the order is for (its meaning is the strategy's), `attempt` counts
    orders of that leg in that cycle, from 0.
    """

    epoch: int
    cycle: int
    leg: int
    attempt: int

    def __post_init__(self) -> None:
        """Refuse a field that would spill into its neighbour."""
        for name, limit in (
            ("epoch", EPOCH_MAX),
            ("cycle", CYCLE_MAX),
            ("leg", LEG_MAX),
            ("attempt", ATTEMPT_MAX),
        ):
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} {getattr(self, name)} is outside 0..{limit}")

    def text_for(self, venue: VenueName, *, bits: int = 48) -> str:
        """Return the client id as `venue` spells it: a UUID on Pacifica, a decimal integer on
        Lighter."""
        if venue is VenueName.PACIFICA:
            return self.to_uuid()
        return str(self.to_int48() if bits == 48 else self.to_int31())

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return the fields of an id of ours in any of its three forms, None for anybody
        else's."""
        if text is None:
            return None
        if text.isascii() and text.isdigit():
            if len(text) > _DIGITS_MAX or text[0] == "0":
                return None
            number = int(text)
            return cls._from_int48(number) if number >> 31 else cls._from_int31(number)
        return cls._from_uuid(text)

    def to_int48(self) -> int:
        """Return tag 8 | epoch 12 | cycle 14 | leg 4 | attempt 10 bits."""
        packed = (_TAG_48 << 12 | self.epoch) << 14 | self.cycle
        return (packed << 4 | self.leg) << 10 | self.attempt

    def to_int31(self) -> int:
        """Return tag 3 | epoch 6 | cycle 10 | leg 4 | attempt 8 bits; higher epochs and cycles
        wrap around."""
        if self.attempt > ATTEMPT_MAX_31:
            raise ValueError(f"attempt {self.attempt} is outside 0..{ATTEMPT_MAX_31}")
        packed = (_TAG_31 << 6 | self.epoch & EPOCH_MAX_31) << 10 | self.cycle & CYCLE_MAX_31
        return (packed << 4 | self.leg) << 8 | self.attempt

    def to_uuid(self) -> str:
        """Return a version 8 UUID: prefix, epoch, leg, variant, cycle and attempt in hex."""
        head = f"{_UUID_PREFIX}-{self.epoch:04x}-8{self.leg:03x}-8000"
        return f"{head}-{self.cycle:08x}{self.attempt:04x}"

    @classmethod
    def _from_int48(cls, number: int) -> Self | None:
        if number >> 40 != _TAG_48:
            return None
        return cls(
            epoch=number >> 28 & EPOCH_MAX,
            cycle=number >> 14 & CYCLE_MAX,
            leg=number >> 10 & LEG_MAX,
            attempt=number & ATTEMPT_MAX,
        )

    @classmethod
    def _from_int31(cls, number: int) -> Self | None:
        if number >> 28 != _TAG_31:
            return None
        return cls(
            epoch=number >> 22 & EPOCH_MAX_31,
            cycle=number >> 12 & CYCLE_MAX_31,
            leg=number >> 8 & LEG_MAX_31,
            attempt=number & ATTEMPT_MAX_31,
        )

    @classmethod
    def _from_uuid(cls, text: str) -> Self | None:
        try:
            digits = UUID(text).hex
        except ValueError:
            return None
        fields = [
            int(digits[start:stop], 16) for start, stop in ((8, 12), (13, 16), (20, 28), (28, 32))
        ]
        epoch, leg, cycle, attempt = fields
        try:
            key = cls(epoch=epoch, cycle=cycle, leg=leg, attempt=attempt)
        except ValueError:
            return None
        return key if key.to_uuid() == text.lower() else None
