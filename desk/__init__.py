"""What the desk thinks with: vocabulary, strategy, engine, venue formats, embedded venues.

Nothing in here imports a file of the root: what you run lives there, what it thinks with here.
Every command imports something of it first, so this is where a Python that is too old is told so,
in syntax that it understands.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - those who come with an older one are meant
    sys.stderr.write(
        "error: Python 3.11 or newer is needed, this one is {}.{} ({}): run it with a newer one, "
        "or `make demo`, which looks for one\n".format(*sys.version_info[:2], sys.executable)
    )
    sys.exit(2)
