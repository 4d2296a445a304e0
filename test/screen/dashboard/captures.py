"""Pictures of boards as SVG, in the colours of a terminal, with the fonts of whoever looks."""

import io

from rich.console import Console
from rich.terminal_theme import MONOKAI

from desk.screen.dashboard.draw import draw
from desk.screen.dashboard.values import Board

SIZES = ((80, 44), (120, 40), (200, 34))
# Rich's own frame loads a font from the network; a picture must not.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: arial; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def svg(board: Board, width: int, height: int, *, title: str) -> str:
    """Return the picture of a board on a screen of that size."""
    console = Console(
        record=True,
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(draw(board, width, height))
    return console.export_svg(
        title=title, theme=MONOKAI, code_format=FORMAT, unique_id="dashboard"
    )
