"""Random plans: a configuration and a handful of strikes, all drawn from one seed."""

import random
from collections.abc import Iterator
from dataclasses import replace

from desk.core.venue import VenueName
from desk.storm.runs import Plan
from desk.storm.strikes import CRASHES, DOWN_S, HANDS, TO_REQUESTS, Kind, Strike

SCENES_MAX = 3
STRIKES_MAX = 4
# Where a scene begins: a phase or an operation, how often, and how deep into it (effects of its
# kind, all cycles together).
PLACES = (
    ("send", 30, 9),
    ("OPEN", 17, 18),
    ("CLOSE", 20, 25),
    ("HOLD", 12, 50),
    ("RECOVER", 8, 12),
    ("SELECT", 6, 20),
    ("save", 4, 40),
    ("ANALYZE", 3, 10),
    ("WAIT", 1, 4),
    ("START", 1, 8),
)
# The next strike of a scene falls a few effects on, or in the start that follows a crash.
NEXT_MAX = 6
BRISK_HOURS = 0.3  # some five cycles
FIRST_START = 5  # effects of the run's first RECOVER
SAYINGS = (
    Kind.SAY_PAUSE,
    Kind.SAY_RESUME,
    Kind.SAY_CLOSE,
    Kind.SAY_STOP,
    Kind.SAY_LEAVE,
    Kind.SAY_HALT,
)
LASTING = (
    Kind.OUTAGE,
    Kind.OUTAGE,
    Kind.OUTAGE,
    Kind.SILENT,
    Kind.CUT,
    Kind.DOUBLED,
    Kind.REVERSED,
    Kind.GAPPED,
    Kind.DISK_FULL,
    Kind.SKEW,
    Kind.SHOCK,
)
HANDS_SHARE = 0.25  # of the runs: they leave less to be judged
ISOLATED_SHARE = 0.05  # of the runs: an account is set to isolated margin before they start
RENEWING_SHARE = 0.25  # of the runs: one hold follows on the other, and nothing is waited for
# Length of the hold in hours, and the check intervals (s) that go with it: a long hold with short
# checks is the same minute over and over.
HOLDS = (
    (0.05, (30, 60, 60, 60, 60)),
    (0.2, (60,)),
    (1.0, (120, 300, 900, 900)),
    (2.0, (300, 900, 900)),
    (4.0, (900, 1_800)),
    (8.0, (900, 1_800)),
)
WAITS_MINUTES = (0.1, 5.0, 30.0)
ALLOCATIONS_USD = (22, 50, 500, 4_000)
CYCLES = (1.0, 1.4)
DOWN_TIMES_S = (DOWN_S, DOWN_S, DOWN_S, 0.5, 15.0, 70.0, 600.0, 3_600.0)

_AMOUNTS: dict[Kind, tuple[float, ...]] = {
    Kind.CRASH_LATE: (2.0, 4.5, 20.0, 90.0, 300.0, 590.0),
    Kind.LATE: (2.0, 4.5, 20.0, 90.0, 300.0, 590.0),
    Kind.REPLY_LATE: (1.0, 4.0, 8.0),
    Kind.CRASH_UNSYNCED: (0.0, 1.0, 2.0, 3.0),
    # The longest outlasts whatever the bot or a venue waits for by far.
    Kind.OUTAGE: (5.0, 30.0, 120.0, 600.0, 700.0, 1_200.0, 2_400.0),
    Kind.SILENT: (10.0, 60.0, 600.0),
    Kind.CUT: (1.0, 30.0, 600.0),
    Kind.DOUBLED: (600.0, 7_200.0),
    Kind.REVERSED: (600.0, 7_200.0),
    Kind.GAPPED: (60.0, 7_200.0),
    Kind.DISK_FULL: (1.0, 30.0, 600.0),
    # Further behind nothing that the library dates is taken by Lighter, whatever the bot does.
    Kind.SKEW: (-500.0, -90.0, -60.0, -20.0, -3.0, -1.0, 1.0, 3.0, 20.0, 60.0, 90.0, 600.0),
    Kind.PARTIAL: (0.1, 0.5, 0.9),
    Kind.SHOCK: (-60.0, -20.0, -2.0, 2.0, 20.0, 60.0),
    Kind.LIQUIDATED: (0.3, 1.0),
    Kind.OWNER_ADDS: (0.3, 1.0, 2.0),
    Kind.OWNER_REDUCES: (0.3, 1.0),
}


def draw(seed: int) -> Plan:
    """Return the plan of a seed."""
    chance = random.Random(f"storm:{seed}")
    hold_hours, checks_s = chance.choice(HOLDS)
    wait_minutes = chance.choice(WAITS_MINUTES)
    with_hands = chance.random() < HANDS_SHARE
    scenes = [_scene(chance, with_hands) for _ in range(chance.randint(1, SCENES_MAX))]
    renews = chance.random() < RENEWING_SHARE
    cycle_hours = hold_hours + (0 if renews else wait_minutes / 60)
    settings = {
        "hold_duration_hours": hold_hours,
        "check_interval_seconds": chance.choice(checks_s),
        "wait_between_cycles_minutes": wait_minutes,
        "base_capital_allocation": chance.choice(ALLOCATIONS_USD),
        "renew_hold": "true" if renews else "false",
    }
    return Plan(
        seed=seed,
        hours=round(0.1 + chance.uniform(*CYCLES) * cycle_hours, 2),
        strikes=(*_setting(seed), *(strike for scene in scenes for strike in scene)),
        settings=tuple((name, str(value)) for name, value in settings.items()),
    )


def draw_brisk(seed: int) -> Plan:
    """Return the strikes of a seed on short cycles: ten times as many runs in the same time."""
    drawn = draw(seed)
    settings = tuple(row for row in drawn.settings if row[0] == "base_capital_allocation")
    return replace(drawn, hours=BRISK_HOURS if seed % 2 else None, settings=settings)


def _setting(seed: int) -> Iterator[Strike]:
    """Yield what a venue's account is set to before the start, mostly nothing; by a chance of its
    own, so that a seed's other draws are what they would be without it."""
    chance = random.Random(f"storm:{seed}:setting")
    if chance.random() < ISOLATED_SHARE:
        yield Strike("", 1, Kind.ISOLATED, venue=chance.choice((*VenueName, None)))


def _scene(chance: random.Random, with_hands: bool) -> list[Strike]:
    """Return strikes that fall close together."""
    [(place, _, depth)] = chance.choices(PLACES, weights=[weight for _, weight, _ in PLACES])
    number = chance.randint(1, depth)
    scene = []
    for _ in range(chance.randint(1, STRIKES_MAX)):
        strike = _strike(chance, place, number, with_hands)
        scene.append(strike)
        if strike.kind in CRASHES:
            place, number = "RECOVER", FIRST_START + chance.randint(1, NEXT_MAX)
        else:
            number += chance.randint(0, NEXT_MAX if place.isupper() else 1)
    return scene


def _strike(chance: random.Random, place: str, number: int, with_hands: bool) -> Strike:
    kinds = chance.choices(
        (sorted(CRASHES), sorted(TO_REQUESTS), LASTING, SAYINGS, sorted(HANDS)),
        weights=(30, 35, 25, 4, 15 if with_hands else 0),
    )[0]
    kind = chance.choice(kinds)
    return Strike(
        place,
        number,
        kind,
        chance.choice(_AMOUNTS.get(kind, (0.0,))),
        venue=chance.choice((*VenueName, None)),
        down_s=chance.choice(DOWN_TIMES_S) if kind in CRASHES else DOWN_S,
    )
