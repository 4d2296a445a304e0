"""A library that is not installed, told to an owner whose Python is not the one we set up.

Standard library alone: this speaks when the rest is not there.
"""


def missing_module(error: ModuleNotFoundError) -> str:
    """Return which module is missing and the mend; raises `error` again where it is one of ours:
    that is a bug, not an owner's mistake."""
    name = (error.name or "").partition(".")[0]
    if name in ("", "desk", "lighter_client", "pacifica_client"):
        raise error
    return (
        f"the Python module {name} is not installed: run .venv/bin/python once `make demo` has "
        "made it, or pip install -r requirements.txt in a virtual environment of your own"
    )
