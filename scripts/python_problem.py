"""Print one line if this Python cannot run the project, with the mend; print nothing if it can.

Straight-line code on purpose: it must also start on a Python that is far too old (2.7 prints the
line too), so it may use no newer syntax, and nothing but the standard library.
"""

import platform
import sys

OLDEST = (3, 11)
SIGNER = "Lighter's signer library exists for Linux (x86_64, arm64; glibc) and macOS"

system, machine = platform.system(), platform.machine().lower()
problem = ""

if sys.version_info[:2] < OLDEST:
    problem = (
        "Python 3.11 or newer is needed, this one is %d.%d (%s): install one, "
        "then run for example `make PYTHON=python3.12 demo`"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )
elif system == "Windows":
    problem = "Windows has neither the file locks nor the sockets this needs: run it inside WSL 2"
elif system not in ("Linux", "Darwin") or machine not in ("x86_64", "amd64", "arm64", "aarch64"):
    problem = "%s, this is %s on %s: use one of those machines" % (SIGNER, system, machine)
elif system == "Linux" and platform.libc_ver()[0] != "glibc":
    problem = "%s, this Linux has another C library: use a Debian-based image or system" % SIGNER
else:
    try:
        __import__("venv")
        __import__("ensurepip")
    except ImportError:
        problem = (
            "this Python has no venv module: on Debian or Ubuntu run "
            "`sudo apt install python%d.%d-venv`, elsewhere install a complete Python"
            % sys.version_info[:2]
        )

if problem:
    print(problem)
