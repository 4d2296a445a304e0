"""What a newcomer meets first is true: set-up, requirements, shipped files and documents."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from test.conftest import product_variables

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {
    "help",
    "demo",
    "test",
    "check",
    "diagram",
    "picture",
    "economics",
    "conformance",
    "sim",
    "storm",
    "storm-kills",
    "mutants",
}
VARIABLES = {
    "API_KEY_PRIVATE_KEY",
    "ACCOUNT_INDEX",
    "API_KEY_INDEX",
    "SOL_WALLET",
    "API_PUBLIC",
    "API_PRIVATE",
    "LIGHTER_BASE_URL",
    "LIGHTER_WS_URL",
    "LIGHTER_CHAIN_ID",
    "PACIFICA_BASE_URL",
    "PACIFICA_WS_URL",
    "PACIFICA_API_KEY",
    "EMERGENCY_API_KEY_PRIVATE_KEY",
    "EMERGENCY_API_KEY_INDEX",
    "ALERT_URLS",
    "HEARTBEAT_URL",
    "HEDGE_HOME",
}

# A machine's flaw, told to the script as Python, and what the one line must name.
FLAWS = [
    ("sys.version_info = (3, 8, 18)", "Python 3.11 or newer"),
    ("platform.system = lambda: 'Windows'", "WSL"),
    ("platform.system = lambda: 'FreeBSD'", "FreeBSD"),
    ("platform.machine = lambda: 'riscv64'", "riscv64"),
    ("platform.system = lambda: 'Linux'; platform.libc_ver = lambda: ('', '')", "Debian"),
    ("sys.modules['venv'] = None", "-venv"),
    ("sys.modules['ensurepip'] = None", "-venv"),
]


def text(name: str) -> str:
    """Return the content of a file of the repository."""
    return (ROOT / name).read_text("utf-8")


def machine_check(flaw: str) -> str:
    """Return what the machine check prints on a machine with this flaw."""
    script = f"import platform, runpy, sys; {flaw}; runpy.run_path('scripts/python_problem.py')"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the repository as from a fresh shell, not as part of an outer make."""
    outer = ("PYTHON", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    shell = {name: value for name, value in os.environ.items() if name not in outer}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=shell)


def set_up(folder: Path, *requirements: str) -> subprocess.CompletedProcess[str]:
    """Run the script that prepares an environment, with package indexes switched off."""
    command = [sys.executable, str(ROOT / "scripts/environment.py"), str(folder), *requirements]
    offline = os.environ | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    offline |= {"PIP_FIND_LINKS": ""}
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, env=offline)


@pytest.mark.parametrize(("flaw", "mend"), FLAWS, ids=str)
def test_an_unfit_machine_is_told_in_one_line(flaw: str, mend: str) -> None:
    """An old Python, a foreign platform or a missing module gets one line with the mend."""
    printed = machine_check(flaw)

    assert 1 == printed.count("\n")
    assert mend in printed


def test_a_fit_machine_is_told_nothing() -> None:
    """The machine that runs these tests passes the check in silence."""
    assert "" == machine_check("pass")


def test_the_machine_check_starts_on_old_pythons() -> None:
    """The check has no syntax that Python 3.4, or 2.7, would choke on."""
    tree = ast.parse(text("scripts/python_problem.py"), feature_version=(3, 4))

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.AnnAssign)]


def test_make_stops_at_an_unfit_python() -> None:
    """A Python that cannot run gives exit code 2 and one line, before anything is made."""
    result = make("PYTHON=no-such-python", "demo")

    assert 2 == result.returncode
    assert 1 == result.stderr.count("\n")
    assert "install Python 3.11 or newer" in result.stderr


def test_make_alone_lists_the_targets() -> None:
    """`make` prints every target with a sentence, and needs nothing for it."""
    listed = re.findall(r"^  make ([a-z-]+) +\w", make().stdout, re.MULTILINE)

    assert TARGETS == set(listed)


def test_a_ready_environment_is_left_alone(tmp_path: Path) -> None:
    """The second set-up does nothing and says nothing; a changed requirement is seen."""
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("# nothing yet\n")

    first = set_up(tmp_path / "env", str(wanted))
    second = set_up(tmp_path / "env", str(wanted))
    wanted.write_text("no-such-package-of-ours==1\n")
    third = set_up(tmp_path / "env", str(wanted))

    assert (0, True) == (first.returncode, "ready" in first.stdout)
    assert (0, "") == (second.returncode, second.stdout)
    assert (2, True) == (third.returncode, "pip failed" in third.stderr)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_and_explained(name: str) -> None:
    """Each direct dependency is pinned to one version and has its reason above it."""
    lines = text(name).splitlines()
    packages = [number for number, line in enumerate(lines) if line[:1].isalpha()]

    assert packages
    assert [] == [lines[number] for number in packages if "==" not in lines[number]]
    assert [] == [lines[number] for number in packages if not lines[number - 1].startswith("# ")]


def test_pyproject_names_the_oldest_python_of_the_check() -> None:
    """Project metadata and the machine check agree on the oldest Python."""
    project = tomllib.loads(text("pyproject.toml"))["project"]

    assert ">=3.11" == project["requires-python"]
    assert "OLDEST = (3, 11)" in text("scripts/python_problem.py")


def test_every_key_is_explained_with_its_default() -> None:
    """The table of docs/configuration.md and the shipped bot_config.json say the same."""
    section = text("docs/configuration.md").partition("## Keys")[2].partition("\n## ")[0]
    explained = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", section, re.MULTILINE))
    shipped = json.loads(text("bot_config.json"))
    keys = {key: value for key, value in shipped.items() if not key.startswith("comment")}

    assert keys == {key: json.loads(value) for key, value in explained.items()}


def test_env_example_names_every_variable_and_no_value() -> None:
    """The example lists exactly the variables of the product, all of them empty."""
    assert sorted(VARIABLES) == sorted(product_variables())
    assert [] == re.findall(r"^#?[A-Z_]+=.+", text(".env.example"), re.MULTILINE)


def test_ci_runs_what_the_readme_says() -> None:
    """The clean-checkout run is executable and consists of commands that the README names."""
    commands = [line for line in text(".ci/run").splitlines() if line.startswith("make ")]

    assert ["make test", "make check"] == commands
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert all(f"`{command}`" in text("README.md") for command in commands)


def test_documents_name_only_targets_that_exist() -> None:
    """A make command in a document is one that the Makefile knows."""
    documents = "".join(text(name) for name in ("README.md", "CONTRIBUTING.md"))

    assert set(re.findall(r"`make ([a-z-]+)", documents)) <= TARGETS


def test_the_licence_is_whole() -> None:
    """The licence is Apache 2.0, from its title to the end of its appendix."""
    licence = text("LICENSE")

    assert "Apache License" in licence.splitlines()[1]
    assert "limitations under the License." in licence
