"""The saved state as a command finds it, without the bot: where it lies, and what is held by it.

Light on purpose: the panic close reads it, too, and loads nothing that decides.
"""

from rich.console import Console

from desk.core.errors import StateError
from desk.engine.home import Home
from desk.engine.store import StateStore
from desk.hedge.owner import restraints
from desk.hedge.state import SCHEMA, BotState
from desk.screen.banners import held_line
from desk.screen.terminal import say


def open_store(home: Home) -> StateStore[BotState]:
    """Return the state's file; nothing is touched."""
    return StateStore(home.state, kind=BotState, schema=SCHEMA)


def look_at_state(home: Home, console: Console) -> BotState | None:
    """Return what the state file holds, after saying what is held by it and what holds it back; it
    is never touched.

    None where there is no such file, or none that can be read: then that is said.
    """
    try:
        loaded = open_store(home).load()
    except StateError as error:
        say(console, f"What is held is not known: {error}")
        return None
    if loaded is None:
        return None
    text = held_line(loaded.state)
    if text is not None:
        say(console, text)
    for text in restraints(loaded.state):
        say(console, f"By the state file: {text} (until resume)")
    return loaded.state
