"""`python -m desk.sim`: starts `command`, or says in one line why it cannot."""

import sys

from desk.engine.modules import missing_module
from desk.engine.usage import EXIT_USAGE


def main() -> int:
    """Run the command and return its exit code."""
    try:
        from desk.sim.command import run
    except ModuleNotFoundError as error:
        sys.stderr.write(f"error: {missing_module(error)}\n")
        return EXIT_USAGE
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
