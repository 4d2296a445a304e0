"""What a start reads before the bot runs: the owner's files, the state, who runs already.

Everything that can be wrong here is an owner's mistake or a venue that is away, so each fault
becomes an error whose text is a line for him.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace

from rich.console import Console

from desk.commands.memory import open_store
from desk.core.account import Account
from desk.core.errors import ConfigError, VenueError
from desk.core.ids import EPOCH_MAX
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.engine.env_file import read_environment, require
from desk.engine.files import read_text
from desk.engine.home import Home
from desk.engine.journal import utc_text
from desk.engine.lock import InstanceLock, accounts_lock, describe_process
from desk.engine.recall import Recalled, recall
from desk.engine.store import StateStore
from desk.engine.usage import complain
from desk.hedge import machine
from desk.hedge.config import Config, parse_config
from desk.hedge.doubting import doubted
from desk.hedge.state import BotState
from desk.screen.terminal import say
from desk.venues.check_pace import check_interval_s_min


def read_config(home: Home, *, needed: bool) -> Config:
    """Return the owner's configuration; without a file, the defaults where that is no danger."""
    try:
        text = read_text(home.config)
    except FileNotFoundError as error:
        if not needed:
            return Config()
        mend = "copy bot_config.json of the repository there, or pass --config FILE"
        raise ConfigError(f"{home.config} is missing; {mend}") from error
    return parse_config(text, source=str(home.config))


def read_env(home: Home, *, needed: bool) -> Mapping[str, str]:
    """Return the environment over the `.env` file of the home, after saying what is odd in it.

    `needed`: raise `ConfigError` when credentials are missing.
    """
    env = read_environment(home.env, os.environ)
    for remark in env.remarks:
        complain(f"warning: {remark}")
    if needed:
        require(env.values, home.env)
    return env.values


def at_a_bearable_pace(config: Config, env: Mapping[str, str]) -> Config:
    """Return the configuration with checks no closer together than the venues' limits carry."""
    least_s = check_interval_s_min(has_pacifica_key=bool(env.get("PACIFICA_API_KEY")))
    asked_s = config.check_interval_seconds
    if asked_s >= least_s:
        return config
    with_key_s = check_interval_s_min(has_pacifica_key=True)
    hint = f" ({with_key_s:f} s with a PACIFICA_API_KEY)" if with_key_s < least_s else ""
    complain(
        f"warning: check_interval_seconds = {asked_s:f} is more than the venues' request limits "
        f"carry; both venues are checked every {least_s:f} s{hint}"
    )
    return replace(config, check_interval_seconds=least_s)


def instance_lock(home: Home, env: Mapping[str, str], clock: Clock) -> InstanceLock:
    """Return the two locks of a live daemon: its state file's, and its pair of accounts'."""
    owner = describe_process(home.root.resolve(), utc_text(clock.now_ms()))
    return InstanceLock([home.lock, accounts_lock(env, os.environ)], owner=owner)


# The state


def new_epoch() -> int:
    """Return a mark for the order ids of a new installation."""
    return secrets.randbelow(EPOCH_MAX) + 1


def recalled(home: Home, store: StateStore[BotState]) -> Recalled[BotState]:
    """Return what the files of a home tell of the life before."""
    return recall(
        store,
        home.journal,
        machine,
        state_kind=BotState,
        events=machine.EVENTS,
        are_akin=lambda one, other: one.epoch == other.epoch,
    )


def load_state(
    home: Home, config: Config, console: Console, *, epoch: int
) -> tuple[StateStore[BotState], BotState]:
    """Return the store and the state in it; where that is lost, what is left, with its doubt.

    `epoch` marks the order ids of a new installation, and of one that has lost its state.
    """
    store = open_store(home)
    found = recalled(home, store)
    if found.state is not None and found.behind is None:
        return store, found.state
    fresh = BotState(config=config, epoch=epoch)
    if found.behind is not None:
        say(console, f"state: {found.behind}; both venues are searched first")
    return store, doubted(found.state, fresh, found.behind)


# The venues


async def check_symbols(
    venues: Mapping[VenueName, Venue], config: Config, source: object
) -> None:
    """Refuse a symbol that neither venue lists: a typing error, not a market that went away."""
    listings = await asyncio.gather(*(venue.instruments() for venue in venues.values()))
    for symbol in config.symbols_to_monitor:
        if not any(symbol in listing for listing in listings):
            raise ConfigError(
                f"{source}: symbols_to_monitor names {symbol!r}, which neither venue lists; "
                "mend the spelling (BTC, kBONK) or remove it"
            )


async def read_equity(
    venues: Mapping[VenueName, Venue],
) -> dict[VenueName, Account | VenueError]:
    """Return each account, or why it could not be read."""
    async def read(venue: Venue) -> Account | VenueError:
        try:
            return await venue.account()
        except VenueError as error:
            return error

    accounts = await asyncio.gather(*(read(venue) for venue in venues.values()))
    return dict(zip(venues, accounts, strict=True))


async def close_all(venues: Mapping[VenueName, Venue]) -> None:
    """Close both clients."""
    await asyncio.gather(*(venue.close() for venue in venues.values()))
