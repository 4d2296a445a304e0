"""Rules about one file at a time, and the two figures that concern them all."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Callable, Iterator

from test.tidy.imports import import_cycles, import_rules
from test.tidy.source import Finding, Function, Source, dotted, line_count

FUNCTION_LINES_MAX = 70
FUNCTION_LINES_MEDIAN_MAX = 10
TEST_LINES_MAX = 20
POSITIONAL_MAX = 4
FILE_LINES_SOFT_MAX = 400
FILE_LINES_MAX = 600
COLUMNS_MAX = 100
BROAD_EXCEPT_FILE = "desk/engine/run.py"

FROM_EVENT = "take the instant from the event (at_ms)"
DRAWN_OUTSIDE = "let the shell draw it and pass it in an event"
DERIVED = "derive the id (desk.core.ids)"
SEEDED = "draw from a random.Random(seed) that is handed in"
OWN_FAKE = "hand the test its own clock, transport or venue"

# Dotted name as written → what to write instead. A name that ends in a dot bans all below it.
IMPURE = {
    "time.": FROM_EVENT,
    "datetime.now": FROM_EVENT,
    "datetime.utcnow": FROM_EVENT,
    "datetime.today": FROM_EVENT,
    "datetime.datetime.now": FROM_EVENT,
    "datetime.datetime.utcnow": FROM_EVENT,
    "datetime.datetime.today": FROM_EVENT,
    "date.today": FROM_EVENT,
    "datetime.date.today": FROM_EVENT,
    "random.": DRAWN_OUTSIDE,
    "secrets.": DRAWN_OUTSIDE,
    "uuid1": DERIVED,
    "uuid4": DERIVED,
    "uuid.uuid1": DERIVED,
    "uuid.uuid4": DERIVED,
    "logging.": "return a reason; the engine logs it",
}
ANYWHERE = {
    "eval": "parse the value",
    "exec": "write the function",
    "__import__": "write an import statement",
    "importlib.import_module": "write an import statement",
    "load_dotenv": "read one named file with dotenv_values(path)",
    "dotenv.load_dotenv": "read one named file with dotenv_values(path)",
    "time.sleep": "wait for the thing itself: an event, a process, virtual time",
}
IN_PRODUCT = {
    "random.random": SEEDED,
    "random.randint": SEEDED,
    "random.randrange": SEEDED,
    "random.choice": SEEDED,
    "random.choices": SEEDED,
    "random.shuffle": SEEDED,
    "random.sample": SEEDED,
    "random.uniform": SEEDED,
    "random.gauss": SEEDED,
}
IN_TESTS = {
    "monkeypatch": OWN_FAKE,
    "pytest.MonkeyPatch": OWN_FAKE,
    "mock.": OWN_FAKE,
    "unittest.mock": OWN_FAKE,
    "unittest.mock.": OWN_FAKE,
}
NO_WAY_OUT = re.compile(r"withdraw|transfer", re.IGNORECASE)
NO_WAY_OUT_TARGET = re.compile(r"^sign_?(withdraw|transfer)|/\w*(withdraw|transfer)", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:work|root)/")
SHARED_FOLDER = re.compile(r"\.\./shared")


def banned_names(source: Source) -> dict[str, str]:
    """Return the names that may not be used in this file, each with what to use instead."""
    banned = {} if source.path == "scripts/python_problem.py" else dict(ANYWHERE)
    if source.room in ("desk.core", "desk.hedge"):
        banned |= IMPURE
    if source.is_test:
        banned |= IN_TESTS
    elif source.room != "scripts":
        banned |= IN_PRODUCT
    return banned


def names_used(node: ast.AST) -> list[str]:
    """Return the dotted names that a node imports, takes as argument, or refers to."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.arg if isinstance(node, ast.arg) else dotted(node)]


def banned_uses(source: Source) -> Iterator[Finding]:
    """No name is used that hides time, chance, input or output, or patches what it tests."""
    banned = banned_names(source)
    for node in ast.walk(source.tree):
        for used in names_used(node):
            for name, mend in banned.items():
                if used.startswith(name) if name.endswith(".") else used == name:
                    yield source.finding(node, f"{used} is banned here: {mend}")


def function_lines(source: Source) -> Iterator[Finding]:
    """No function is longer than a screen."""
    for function in source.functions:
        count = line_count(function)
        if count > FUNCTION_LINES_MAX:
            yield source.finding(
                function,
                f"{function.name} has {count} lines, {FUNCTION_LINES_MAX} are allowed: "
                "leave the ifs here and move the work into pure functions",
            )


def positional_arguments(source: Source) -> Iterator[Finding]:
    """No call has to be read by counting commas. Tests take what pytest hands them."""
    if source.is_test:
        return
    for function in source.functions:
        arguments = [*function.args.posonlyargs, *function.args.args]
        count = len([each for each in arguments if each.arg not in ("self", "cls")])
        if count > POSITIONAL_MAX:
            yield source.finding(
                function,
                f"{function.name} has {count} positional arguments, {POSITIONAL_MAX} are allowed: "
                "put a * before the rest",
            )


def file_lines(source: Source) -> Iterator[Finding]:
    """No file is too long to be read in one go."""
    count = len(source.lines)
    if count > FILE_LINES_MAX:
        yield source.finding(
            count, f"{count} lines, {FILE_LINES_MAX} are allowed: split it by what it knows"
        )


def line_lengths(source: Source) -> Iterator[Finding]:
    """No line of code is wider than the page. Prose and tables may be."""
    if source.path.endswith((".md", ".json")):
        return
    for number, line in enumerate(source.lines, start=1):
        if len(line) > COLUMNS_MAX:
            yield source.finding(
                number, f"{len(line)} columns, {COLUMNS_MAX} are allowed: break the line"
            )


def broad_handlers(source: Source) -> Iterator[Finding]:
    """Only the task boundary catches what it does not know."""
    broad = {"Exception", "BaseException"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            is_broad = any(each is None or dotted(each) in broad for each in caught)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("suppress"):
            is_broad = any(dotted(each) in broad for each in node.args)
        else:
            continue
        if is_broad and source.path != BROAD_EXCEPT_FILE:
            yield source.finding(
                node, f"a broad except belongs only in {BROAD_EXCEPT_FILE}: name the error"
            )


def module_docstrings(source: Source) -> Iterator[Finding]:
    """Every module says what may live in it."""
    if source.is_python and not ast.get_docstring(source.tree):
        yield source.finding(1, "no module docstring: say what may live here and what may not")


def shape_of_tests(source: Source) -> Iterator[Finding]:
    """Every test states one fact in one sentence and fits on a card."""
    if not source.is_test:
        return
    for function in source.functions:
        if not function.name.startswith("test_"):
            continue
        sentence = ast.get_docstring(function) or ""
        if not sentence.endswith(".") or "\n\n" in sentence:
            yield source.finding(
                function, f"{function.name} lacks a docstring of one sentence: state the fact"
            )
        count = line_count(function, with_docstring=False)
        if count > TEST_LINES_MAX:
            yield source.finding(
                function,
                f"{function.name} has {count} lines, {TEST_LINES_MAX} are allowed: "
                "move the setting into a helper, or test two facts in two tests",
            )


def no_way_out(source: Source) -> Iterator[Finding]:
    """Our code has no call that moves money off a venue. Texts and error tables may say so.

    The embedded venues answer such requests, as the real ones do: they send none.
    """
    if source.is_test or source.room == "desk.sim":
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
        elif isinstance(node, Function):
            name = node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value if NO_WAY_OUT_TARGET.search(node.value) else ""
            name = "" if " " in name else name
        else:
            continue
        if NO_WAY_OUT.search(name):
            yield source.finding(node, f"{name} could move money off a venue: remove it")


def machine_paths(source: Source) -> Iterator[Finding]:
    """Nothing in the tree knows the machine it was written on."""
    for number, line in enumerate(source.lines, start=1):
        if MACHINE_PATH.search(line):
            yield source.finding(number, "a path of one machine: name the source, not the place")
        if SHARED_FOLDER.search(line) and not source.is_test:
            yield source.finding(
                number, "only a test may look at the optional data folder: name the source"
            )


def function_median(sources: list[Source]) -> float:
    """Return the median length of the product's functions, without their docstrings."""
    counts = [
        line_count(function, with_docstring=False)
        for source in sources
        if source.room not in (None, "scripts")
        for function in source.functions
    ]
    return statistics.median(counts) if counts else 0


def median_function(sources: list[Source]) -> Iterator[Finding]:
    """Most functions are short enough to need no scrolling eye."""
    median = function_median(sources)
    if median > FUNCTION_LINES_MEDIAN_MAX:
        limit = f"{FUNCTION_LINES_MEDIAN_MAX} are allowed: split the long ones"
        yield Finding("desk", 1, f"the median function has {median:g} lines, {limit}")


FILE_RULES: tuple[Callable[[Source], Iterator[Finding]], ...] = (
    banned_uses,
    function_lines,
    positional_arguments,
    file_lines,
    line_lengths,
    broad_handlers,
    module_docstrings,
    shape_of_tests,
    no_way_out,
    machine_paths,
)
TREE_RULES: tuple[Callable[[list[Source]], Iterator[Finding]], ...] = (
    import_rules,
    import_cycles,
    median_function,
)
TEXT_RULES = (line_lengths, machine_paths)


