"""Draw the dashboard in every state and at every width, into a folder: something to look at.

`python -m test.screen.dashboard FOLDER`; with `--readme` the picture of the README is drawn anew.
"""

import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import structlog

from test.screen.dashboard.captures import SIZES, svg
from test.screen.dashboard.plays import SCRIPTS, play
from test.screen.dashboard.test_readme_picture import PICTURE, picture

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
folder = Path(sys.argv[-1])
os.environ["TZ"] = "UTC"
time.tzset()
for script, config in SCRIPTS:
    with tempfile.TemporaryDirectory() as home:
        moments = play(Path(home), script, config)
    if "--readme" in sys.argv:
        PICTURE.write_text(picture(moments), "utf-8")
        break
    for name, moment in moments.items():
        for width, height in SIZES:
            path = folder / f"{script.__name__}-{name.replace(' ', '-')}-{width}.svg"
            path.write_text(svg(moment.board, width, height, title=name), "utf-8")
