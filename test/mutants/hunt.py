"""Plant one bug in a copy of the tree and let the storm look for it."""

import asyncio
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from test.mutants.mutant import Edit, Mutant

ROOT = Path(__file__).resolve().parents[2]
HUNT_S_MAX = 300.0
_RULE = re.compile(r"^FAILED seed \S+ (?P<rule>.+)$", re.MULTILINE)
_REPLAY = re.compile(r"^ *(?P<replay>python -m desk\.storm --replay .+)$", re.MULTILINE)
_RUNS = re.compile(r"^runs +(?P<runs>[\d,]+)(?P<more>.*)$", re.MULTILINE)


class Stale(Exception):
    """A mutant's text does not stand in its file exactly once."""


@dataclass(frozen=True, slots=True)
class Hunted:
    """What the storm found. `rule` is the broken invariant, empty where none was; `replay` plays
    the run again, in a tree with the bug in it. `note` says what else came of it."""

    name: str
    rule: str
    runs: str
    seconds: float
    replay: str
    note: str

    @property
    def is_found(self) -> bool:
        """Return whether an invariant saw the bug."""
        return bool(self.rule)

    @property
    def is_clean(self) -> bool:
        """Return whether every run was played and nothing was wrong in any."""
        return not self.rule and not self.note


def planted(edit: Edit, text: str) -> str:
    """Return a file's text with the edit made. Raises `Stale`."""
    count = text.count(edit.before)
    if count != 1:
        raise Stale(f"{edit.file}: stands there {count} times, not once: {edit.before!r}")
    return text.replace(edit.before, edit.after)


def check(mutant: Mutant) -> None:
    """Raise `Stale` where a mutant cannot be planted in the tree as it is."""
    for edit in mutant.edits:
        planted(edit, (ROOT / edit.file).read_text("utf-8"))


def plant(mutant: Mutant, root: Path) -> None:
    """Change the tree at `root`, a copy. Raises `Stale`."""
    for edit in mutant.edits:
        path = root / edit.file
        path.write_text(planted(edit, path.read_text("utf-8")), "utf-8")


async def hunt(mutant: Mutant | None, *, runs: int, seed: int) -> Hunted:
    """Return what a storm of `runs` random runs, after every single strike, makes of a mutant.

    None is the control: the tree as it is. Raises `Stale`.
    """
    name = mutant.name if mutant is not None else "none planted"
    with TemporaryDirectory(prefix="mutant-") as folder:
        root = Path(folder)
        shutil.copytree(
            ROOT / "desk", root / "desk", ignore=shutil.ignore_patterns("__pycache__")
        )
        if mutant is not None:
            plant(mutant, root)
        began_s = time.monotonic()
        code, said = await _storm(root, runs=runs, seed=seed)
    return read(name, code, said, seconds=time.monotonic() - began_s)


async def _storm(root: Path, *, runs: int, seed: int) -> tuple[int | None, str]:
    """Return the storm's exit code, None when it took too long, and all it wrote."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "desk.storm", "--until-broken", "--sweep", "singles"),
        *("--runs", str(runs), "--seed", str(seed)),
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "PYTHONHASHSEED": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(HUNT_S_MAX):
            said, _ = await process.communicate()
    except TimeoutError:
        return None, ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, said.decode("utf-8", "replace")


def read(name: str, code: int | None, said: str, *, seconds: float) -> Hunted:
    """Return the finding in what a storm wrote: only a named rule counts."""
    rule, replay, runs = (row.search(said) for row in (_RULE, _REPLAY, _RUNS))
    if code == 1 and rule and replay and runs:
        return Hunted(name, rule["rule"], runs["runs"], seconds, replay["replay"], "")
    if code == 0 and runs:
        return Hunted(name, "", runs["runs"], seconds, "", runs["more"].strip(" ,"))
    lines = said.strip().splitlines() or [f"no end within {HUNT_S_MAX:.0f} s"]
    return Hunted(name, "", "0", seconds, "", f"the storm broke: {lines[-1]}")
