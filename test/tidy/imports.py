"""Which folder may import which, and that nothing imports itself by way of others."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from test.tidy.source import CLIENTS, Finding, Source

# Data and arithmetic. Nothing here can tell the time, draw a number, wait, or touch the machine.
PURE_STDLIB = frozenset({
    "__future__", "abc", "base64", "binascii", "bisect", "collections", "copy", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "itertools",
    "json", "math", "numbers", "operator", "re", "string", "struct", "textwrap", "types", "typing",
    "uuid", "zlib",
})
WIRE_LIBRARIES = frozenset({"aiohttp", "msgspec", "multidict", "solders", "yarl"})


@dataclass(frozen=True, slots=True)
class Room:
    """What the modules of one folder may import. `stdlib` or `foreign` None means: anything."""

    project: frozenset[str]
    stdlib: frozenset[str] | None = None
    foreign: frozenset[str] | None = frozenset()


ROOMS = {
    "desk": Room(frozenset(), PURE_STDLIB | {"sys"}),
    "desk.core": Room(frozenset({"desk.core"}), PURE_STDLIB),
    "desk.hedge": Room(frozenset({"desk.core", "desk.hedge"}), PURE_STDLIB),
    "desk.venues": Room(frozenset({"desk.core", "desk.venues"}), foreign=WIRE_LIBRARIES),
    "desk.engine": Room(
        frozenset({"desk.core", "desk.engine"}),
        foreign=frozenset({"dotenv", "msgspec", "structlog"}),
    ),
    "desk.sim": Room(
        frozenset({"desk.core", "desk.engine", "desk.venues", "desk.sim"}), foreign=WIRE_LIBRARIES
    ),
    "desk.ledger": Room(
        frozenset({"desk.core", "desk.hedge", "desk.engine", "desk.ledger"}),
        foreign=frozenset({"pygal", "structlog"}),
    ),
    "desk.alerts": Room(
        frozenset({"desk.core", "desk.hedge", "desk.engine", "desk.alerts"}),
        foreign=frozenset({"apprise"}),
    ),
    "desk.screen": Room(
        frozenset(
            f"desk.{name}" for name in ("core", "hedge", "engine", "ledger", "proof", "screen")
        ),
        foreign=frozenset({"rich"}),
    ),
    "desk.storm": Room(
        frozenset(f"desk.{name}" for name in ("core", "hedge", "engine", "sim", "storm")),
        foreign=frozenset({"msgspec", "structlog"}),
    ),
    "desk.proof": Room(frozenset({"desk.core", "desk.hedge", "desk.proof"})),
    "desk.commands": Room(
        frozenset(
            f"desk.{name}"
            for name in (
                *("core", "hedge", "engine", "venues"),
                *("ledger", "proof", "alerts", "screen", "commands"),
            )
        ),
        foreign=frozenset({"rich", "structlog"}),
    ),
    "client": Room(frozenset({"desk.core", "desk.venues"}), foreign=WIRE_LIBRARIES),
    "command": Room(
        frozenset(
            f"desk.{name}"
            for name in ("core", "hedge", "engine", "venues", "sim", "screen", "commands")
        )
        | CLIENTS,
        foreign=None,
    ),
    "scripts": Room(frozenset()),
}


def imports(source: Source, modules: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Yield line and dotted module of every import, also inside functions.

    `modules` are the project's own, so that `from desk.core import market` names the module.
    """
    package = source.module.split(".")
    if not source.path.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield node.lineno, full if full in modules else base


def within(module: str, allowed: Iterable[str]) -> bool:
    """Return whether the module is one of the allowed packages or lies in one."""
    return any(module == name or module.startswith(name + ".") for name in allowed)


def may_import(name: str, room: Room, project: frozenset[str]) -> bool:
    """Return whether a module of this room may import that name."""
    top = name.partition(".")[0]
    if top in project:
        return within(name, room.project)
    if top in sys.stdlib_module_names:
        return room.stdlib is None or top in room.stdlib
    return room.foreign is None or top in room.foreign


def import_rules(sources: list[Source]) -> Iterator[Finding]:
    """Each folder imports only what its row of ROOMS allows."""
    modules = frozenset(source.module for source in sources)
    project = frozenset(name.partition(".")[0] for name in modules) | {"desk"}
    for source in sources:
        if source.room is None:
            continue
        room = ROOMS.get(source.room)
        if room is None:
            yield source.finding(1, f"{source.room} has no row in ROOMS: add one")
            continue
        for line, name in imports(source, modules):
            if not may_import(name, room, project):
                yield source.finding(
                    line, f"{source.room} must not import {name}: pass it in, or move this code"
                )


def import_cycles(sources: list[Source]) -> Iterator[Finding]:
    """No module imports itself by way of others."""
    by_module = {source.module: source for source in sources}
    graph = {
        source.module: sorted({name for _, name in imports(source, frozenset(by_module))})
        for source in sources
    }
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> Iterator[Finding]:
        if module in trail:
            circle = " → ".join((*trail[trail.index(module) :], module))
            yield by_module[module].finding(1, f"import cycle {circle}: move what they share down")
        elif module in graph and module not in finished:
            for name in graph[module]:
                if name != module:
                    yield from visit(name, (*trail, module))
            finished.add(module)

    for module in sorted(graph):
        yield from visit(module, ())


