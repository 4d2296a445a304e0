"""The house rules hold in the tree, and each of them fires on a snippet that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from test.tidy import rules
from test.tidy.imports import import_cycles, import_rules
from test.tidy.source import Finding, Source, python_sources, text_sources

LONG = "def work():\n" + "    step()\n" * 70
LONG_TEST = 'def test_it():\n    """It works."""\n' + "    step()\n" * 20

# Rule, path of the file, what is wrong with it, and a word of the finding that names the mend.
BREACHES = [
    (rules.banned_uses, "desk/core/a.py", "import time\nnow = time.time()", "at_ms"),
    (rules.banned_uses, "desk/hedge/a.py", "def f():\n    return datetime.now()", "at_ms"),
    (rules.banned_uses, "desk/hedge/a.py", "x = random.Random(1)", "event"),
    (rules.banned_uses, "desk/core/a.py", "from uuid import uuid4", "desk.core.ids"),
    (rules.banned_uses, "desk/hedge/a.py", "logging.info('x')", "reason"),
    (rules.banned_uses, "desk/sim/a.py", "x = random.random()", "random.Random(seed)"),
    (rules.banned_uses, "desk/engine/a.py", "x = eval('1')", "parse"),
    (rules.banned_uses, "lighter_pacifica_hedge.py", "load_dotenv()", "dotenv_values"),
    (rules.banned_uses, "test/test_a.py", "def test_a(monkeypatch): ...", "its own"),
    (rules.banned_uses, "test/test_a.py", "from unittest.mock import patch", "its own"),
    (rules.banned_uses, "test/test_a.py", "mock.patch('desk')", "its own"),
    (rules.banned_uses, "test/test_a.py", "time.sleep(1)", "virtual time"),
    (rules.function_lines, "desk/core/a.py", LONG, "pure functions"),
    (rules.positional_arguments, "a.py", "def f(self, a, b, c, d, e): ...", "put a *"),
    (rules.file_lines, "desk/core/a.py", "x = 1\n" * 601, "split"),
    (rules.line_lengths, "Makefile", "x" * 101, "break"),
    (rules.broad_handlers, "desk/sim/a.py", "try: f()\nexcept Exception: pass", "name the error"),
    (rules.broad_handlers, "test/a.py", "try: f()\nexcept: pass", "name the error"),
    (rules.broad_handlers, "a.py", "try: f()\nexcept (OSError, BaseException): pass", "name"),
    (rules.broad_handlers, "a.py", "with contextlib.suppress(Exception): f()", "name"),
    (rules.module_docstrings, "desk/core/a.py", "x = 1", "what may live here"),
    (rules.shape_of_tests, "test/test_a.py", "def test_a(): ...", "one sentence"),
    (rules.shape_of_tests, "test/test_a.py", 'def test_a():\n    """Two.\n\n    Parts."""', "one"),
    (rules.shape_of_tests, "test/test_a.py", LONG_TEST, "helper"),
    (rules.no_way_out, "lighter_client.py", "signer.SignWithdraw(1)", "remove"),
    (rules.no_way_out, "pacifica_client.py", "def transfer_funds(): ...", "remove"),
    (rules.no_way_out, "pacifica_client.py", "post('/account/withdraw')", "remove"),
    (rules.no_way_out, "lighter_client.py", "library['SignTransfer']", "remove"),
    (rules.machine_paths, "docs/a.md", "see /" + "work/notes", "name the source"),
    (rules.machine_paths, "desk/core/a.py", "# see ../" + "shared/data", "name the source"),
]

# What looks like a breach and is none.
INNOCENT = [
    (rules.banned_uses, "desk/engine/clock.py", "import time\nnow = time.time()"),
    (rules.banned_uses, "desk/sim/a.py", "x = random.Random(7).random() + self.random.random()"),
    (rules.banned_uses, "desk/core/a.py", "x = model.eval()"),
    (rules.positional_arguments, "a.py", "def f(self, a, b, c, d, *, e): ..."),
    (rules.broad_handlers, "desk/engine/run.py", "try: f()\nexcept Exception: halt()"),
    (rules.broad_handlers, "desk/core/a.py", "try: f()\nexcept OSError: pass"),
    (rules.no_way_out, "desk/venues/a.py", "ERRORS = {23004: 'too many withdraw requests'}"),
    (rules.no_way_out, "desk/venues/a.py", "class Account:\n    available_to_withdraw: str"),
    (rules.no_way_out, "desk/sim/a.py", "ROUTES = {'/account/withdraw': answer}"),
    (rules.machine_paths, "test/test_a.py", "DATA = ROOT / '../" + "shared/data'"),
    (rules.line_lengths, "README.md", "x" * 200),
]

# A module, its text, and the word of the finding; an empty word means: allowed.
IMPORTS = [
    ("desk/core/a.py", "import asyncio", "asyncio"),
    ("desk/core/a.py", "def f():\n    import os", "os"),
    ("desk/core/a.py", "from desk.hedge import machine", "desk.hedge"),
    ("desk/core/a.py", "from ..hedge import machine", "desk.hedge"),
    ("desk/core/a.py", "import msgspec", "msgspec"),
    ("desk/hedge/a.py", "import random", "random"),
    ("desk/hedge/a.py", "from desk.engine.run import run", "desk.engine"),
    ("desk/venues/a.py", "import desk.sim", "desk.sim"),
    ("desk/engine/a.py", "from desk.venues import http", "desk.venues"),
    ("desk/sim/a.py", "import lighter_client", "lighter_client"),
    ("desk/sim/a.py", "from desk.hedge import machine", "desk.hedge"),
    ("lighter_client.py", "from desk.engine import run", "desk.engine"),
    ("emergency_close.py", "import lighter_pacifica_hedge", "lighter_pacifica_hedge"),
    ("desk/maker/a.py", "x = 1", "has no row"),
    ("scripts/a.py", "import rich", "rich"),
    ("desk/core/a.py", "from decimal import Decimal\nfrom desk.core.b import B", ""),
    ("desk/hedge/a.py", "from desk.core.order import Order", ""),
    ("desk/venues/a.py", "import asyncio\nimport aiohttp\nfrom desk.core import order", ""),
    ("desk/engine/a.py", "import asyncio\nimport structlog", ""),
    ("emergency_close.py", "import lighter_client\nimport rich\nfrom desk.hedge import x", ""),
    ("test/test_a.py", "import lighter_pacifica_hedge\nimport desk.sim", ""),
]

ROOT_FILES = ("lighter_client.py", "lighter_pacifica_hedge.py", "emergency_close.py")



@pytest.mark.parametrize("rule", rules.FILE_RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Callable[[Source], Iterator[Finding]]) -> None:
    """No Python file of the tree breaks a rule about single files."""
    findings = [str(finding) for source in python_sources() for finding in rule(source)]

    assert [] == findings, "\n" + "\n".join(findings)


@pytest.mark.parametrize("rule", rules.TEXT_RULES, ids=lambda rule: rule.__name__)
def test_every_text_keeps_the_rule(rule: Callable[[Source], Iterator[Finding]]) -> None:
    """No document or configuration file breaks a rule about texts."""
    findings = [str(finding) for source in text_sources() for finding in rule(source)]

    assert [] == findings, "\n" + "\n".join(findings)


@pytest.mark.parametrize("rule", rules.TREE_RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Callable[[list[Source]], Iterator[Finding]]) -> None:
    """The tree as a whole keeps its imports, has no cycle and short functions."""
    findings = [str(finding) for finding in rule(python_sources())]

    assert [] == findings, "\n" + "\n".join(findings)


@pytest.mark.parametrize(("rule", "path", "text", "mend"), BREACHES, ids=str)
def test_a_breach_is_found_and_the_mend_named(
    rule: Callable[[Source], Iterator[Finding]], path: str, text: str, mend: str
) -> None:
    """Each rule fires on a bad snippet, at its file and line, and says what to do."""
    findings = [str(finding) for finding in rule(Source(path, text))]

    assert findings
    assert findings[0].startswith(f"{path}:")
    assert mend in findings[0]


@pytest.mark.parametrize(("rule", "path", "text"), INNOCENT, ids=str)
def test_an_innocent_snippet_passes(
    rule: Callable[[Source], Iterator[Finding]], path: str, text: str
) -> None:
    """No rule fires on code that only looks like a breach."""
    assert [] == list(rule(Source(path, text)))


@pytest.mark.parametrize(("path", "text", "word"), IMPORTS, ids=str)
def test_imports_follow_the_table(path: str, text: str, word: str) -> None:
    """An import across a wall is found wherever it stands, an allowed one is not."""
    others = [Source(name, "") for name in ROOT_FILES if name != path]

    findings = [finding.message for finding in import_rules([Source(path, text), *others])]

    assert bool(word) == bool(findings)
    assert all(word in message for message in findings)


def test_an_import_cycle_is_found() -> None:
    """Two modules that import each other are named as a circle."""
    a = Source("desk/core/a.py", "from desk.core import b")
    b = Source("desk/core/b.py", "def f():\n    import desk.core.a")

    [finding] = import_cycles([a, b])

    assert "desk.core.a → desk.core.b → desk.core.a" in finding.message


def test_a_long_median_is_found() -> None:
    """A tree of eleven-line functions is too long, docstrings not counted."""
    lines = "\n".join("    step()" for _ in range(10))
    long = Source("desk/core/a.py", f"def f():\n{lines}")
    documented = Source("desk/core/b.py", 'def f():\n    """One.\n' + "\n" * 9 + '    """')

    assert 1 == len(list(rules.median_function([long])))
    assert [] == list(rules.median_function([documented]))
