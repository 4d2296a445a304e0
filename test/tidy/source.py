"""The tree as the house rules see it: files with their text, their syntax and their room.

No rule lives here, only what several rules need to ask of a file.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON_FOLDERS = ("desk", "scripts", "test", "bench")
CLIENTS = frozenset({"lighter_client", "pacifica_client"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of a rule. Printed as `file:line: what is wrong: what to do`."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Source:
    """One file of the tree: its path from the root, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; empty for a file that is not Python."""
        return ast.parse(self.text, self.path) if self.is_python else ast.parse("")

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def is_test(self) -> bool:
        return self.path.startswith("test/")

    @property
    def module(self) -> str:
        """The dotted name under which this file is imported."""
        return self.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    @property
    def room(self) -> str | None:
        """The row of ROOMS that holds for this file; None for test and bench, which may all."""
        folders = PurePosixPath(self.path).parent.parts
        if not folders:
            return "client" if self.module in CLIENTS else "command"
        if folders[0] == "desk":
            return ".".join(folders[:2])
        return "scripts" if folders[0] == "scripts" else None

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method, nested ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    def finding(self, where: ast.AST | int, message: str) -> Finding:
        """Return a finding at a node or a line number of this file."""
        line = where if isinstance(where, int) else getattr(where, "lineno", 1)
        return Finding(self.path, line, message)


def python_sources(root: Path = ROOT) -> list[Source]:
    """Return every Python file of the tree, sorted by path."""
    paths = list(root.glob("*.py"))
    for folder in PYTHON_FOLDERS:
        paths += (root / folder).rglob("*.py")
    return [
        Source(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in sorted(paths)
    ]


def text_sources(root: Path = ROOT) -> list[Source]:
    """Return the files that are not Python but speak: docs, Makefile, configuration."""
    names = ("*.md", "*.toml", "*.txt", "*.json", "*.yml", "Makefile", "Dockerfile", ".ci/run")
    paths = [path for name in (*names, "docs/**/*.md", ".env.example") for path in root.glob(name)]
    return [
        Source(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in sorted(paths)
    ]


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for attributes of a name, `.c` for those of anything else, else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def line_count(function: Function, with_docstring: bool = True) -> int:
    """Return the lines a function takes, decorators included, its docstring if asked for."""
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    count = (function.end_lineno or first) - first + 1
    if with_docstring or ast.get_docstring(function, clean=False) is None:
        return count
    docstring = function.body[0]
    return count - ((docstring.end_lineno or 0) - docstring.lineno + 1)
