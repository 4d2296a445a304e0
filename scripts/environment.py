"""Make a virtual environment and install into it, once; say nothing when there is nothing to do.

    environment.py FOLDER REQUIREMENT [REQUIREMENT ...]

A requirement is a requirements file (ends in .txt) or one pinned package. A stamp in the folder
remembers what was installed, by content and not by time, so that neither a fresh checkout over an
old environment nor a machine without network installs anything again. Standard library only: this
runs before anything is installed. Exit 2, with the mend, when pip fails.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

OUTPUT_TAIL_LINES = 15


def digest(requirement: str) -> str:
    """Return a hash of what the requirement asks for: the file's content, or the package itself."""
    is_file = requirement.endswith(".txt")
    content = Path(requirement).read_bytes() if is_file else requirement.encode()
    return hashlib.sha256(content).hexdigest()


def read_stamp(stamp: Path) -> dict[str, str]:
    """Return requirement → digest as installed last; empty if the stamp is absent or damaged."""
    try:
        installed = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return installed if isinstance(installed, dict) else {}


def is_usable(python: Path) -> bool:
    """Return whether the folder's Python starts, has pip, and is of the version that runs this."""
    check = f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    try:
        return subprocess.run([python, "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def create(folder: Path) -> None:
    """Create the environment afresh, with the interpreter that this one was itself made from."""
    base = getattr(sys, "_base_executable", sys.executable)
    print(f"{folder}: creating it with Python {sys.version.split()[0]}", flush=True)
    subprocess.run([base, "-m", "venv", "--clear", folder], check=True)


def install(python: Path, requirements: list[str]) -> int:
    """Install with pip, one short line per package on the screen; return pip's exit code."""
    wanted = [f"-r{name}" if name.endswith(".txt") else name for name in requirements]
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *wanted]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        lines = []
        for line in pip.stdout:
            lines.append(line)
            if line.startswith(("Collecting ", "Building ", "Installing ")):
                print("  " + line.strip().partition(" (from")[0][:90], flush=True)
    if pip.returncode:
        sys.stderr.writelines(lines[-OUTPUT_TAIL_LINES:])
    return pip.returncode


def main(folder: Path, requirements: list[str]) -> int:
    """Bring the folder up to date; return the exit code."""
    stamp, python = folder / "installed.json", folder / "bin" / "python"
    wanted = {name: digest(name) for name in requirements}
    usable = is_usable(python)
    installed = read_stamp(stamp) if usable else {}
    if wanted.items() <= installed.items():
        return 0
    if not usable:
        create(folder)
    print(f"{folder}: installing {', '.join(requirements)} (once; a minute or so)", flush=True)
    if install(python, requirements):
        print(
            f"{folder}: pip failed, see above. Without a network, or behind a mirror, set "
            "PIP_INDEX_URL or PIP_FIND_LINKS and run again.",
            file=sys.stderr,
        )
        return 2
    stamp.write_text(json.dumps(installed | wanted, indent=1))
    print(f"{folder}: ready", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit("stopped half-way; the same command goes on from here")
