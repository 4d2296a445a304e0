"""What is said once: at the start what is at stake, at the end how things stand."""

import ipaddress
from collections.abc import Mapping, Sequence
from decimal import Decimal
from urllib.parse import urlsplit

from rich.console import Console

from desk.core.account import Account
from desk.core.errors import RateLimited, VenueError
from desk.core.order import OrderKind
from desk.core.venue import Identity, VenueName
from desk.core.words import budget_wait, shortened
from desk.hedge.config import Config
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CycleResult, Hedge, Phase
from desk.screen.command_line import Ways
from desk.screen.terminal import say, stamp


def demo_banner(seed: int, config: Config) -> str:
    """Return what a newcomer should know before the first line scrolls by."""
    return (
        f"[bold]DEMO[/] seed {seed}: two embedded exchanges, virtual time, play money. "
        "Its market is a showcase, livelier than the record.\n"
        f"Each leg {config.base_capital_allocation} USD, hold {config.hold_duration_hours} h, "
        f"threshold {config.min_net_apr_threshold} % APR. Ctrl-C ends it."
    )


# At the start


def say_what_is_at_stake(
    console: Console,
    config: Config,
    accounts: Mapping[VenueName, Account | VenueError],
    identities: Mapping[VenueName, Identity],
) -> None:
    """Print LIVE or SIMULATED, whose accounts these are, the largest size, the loss at the stop.

    An error stands for an account that could not be read.
    """
    if is_simulated(identities):
        console.print("[bold cyan]SIMULATED VENUES[/] on this machine: no real money")
    else:
        console.print("[bold red]LIVE[/] real money on both venues")
    for venue, account in accounts.items():
        say(console, f"{venue}: {_who(identities[venue])}", indent=2)
        say(console, _equity(account), indent=4)
    for text in (*_size_lines(config, accounts), _guard_line(config)):
        say(console, text, indent=2)


def is_simulated(identities: Mapping[VenueName, Identity]) -> bool:
    """Return whether both venues are on this machine: no real money."""
    return all(_is_loopback(row.url) for row in identities.values())


def _guard_line(config: Config) -> str:
    """Return what guards a hedge while this program is off."""
    if config.venue_triggers:
        return "while this program is off, triggers that rest at both venues guard a hedge"
    return "venue_triggers is false: while this program is off, nothing guards a hedge"


def _is_loopback(url: str) -> bool:
    """Return whether an address is this machine, by number or by name."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _who(identity: Identity) -> str:
    host = urlsplit(identity.url).netloc
    return f"account {shortened(identity.account)}, {identity.key}, {host}"


def _equity(account: Account | VenueError) -> str:
    if isinstance(account, RateLimited):
        return f"equity not known yet: {budget_wait(account.venue, account.retry_after_s)}"
    if isinstance(account, VenueError):
        return "does not answer, equity not known"
    count = len(account.positions)
    positions = {0: "no open position", 1: "1 open position"}.get(count, f"{count} open positions")
    return f"equity {account.equity_usd:,.2f} USD, {account.free_usd:,.2f} USD free, {positions}"


def _size_lines(
    config: Config, accounts: Mapping[VenueName, Account | VenueError]
) -> list[str]:
    """Return how large a leg may be, and what it may lose before it is closed."""
    wanted, share = config.base_capital_allocation, config.equity_use_max
    known = {venue: row.free_usd for venue, row in accounts.items() if isinstance(row, Account)}
    lines = []
    largest = wanted
    if known:
        poorer = min(known, key=lambda venue: known[venue])
        allowed = max(known[poorer] * share, Decimal(0))
        if allowed < wanted:
            largest = allowed
            lines.append(
                f"base_capital_allocation is {wanted:f} USD, but {poorer} allows "
                f"{allowed:,.2f} USD (equity_use_max {share:f} of what is free): nothing new is "
                "opened until it has more, or the key is lower"
            )
    loss = largest * config.stop_loss_pct / 100
    return [
        f"at most {largest:,.2f} USD on each leg; a leg is closed when it has lost "
        f"{loss:,.2f} USD, the other leg gains meanwhile",
        *lines,
    ]


# At the end


def farewell(
    state: BotState,
    *,
    results: Sequence[CycleResult],
    strangers: Mapping[VenueName, Sequence[str]],
    ways: Ways | None,
) -> list[str]:
    """Return how things stand when the process ends, line by line.

    `results` are the cycles of this life, `strangers` what the accounts hold besides; `ways` None:
    there is nothing to come back to.
    """
    lines = [f"Halted: {state.halt_reason}"] if state.phase is Phase.HALT else []
    others = [f"{venue} {', '.join(rows)}" for venue, rows in strangers.items() if rows]
    if state.hedge is not None:
        lines += _left_open(state, state.hedge, ways)
    elif state.doubt is not None:
        lines.append(f"Not known to be flat: {state.doubt.why}; the next start searches on.")
    else:
        lines.append("Flat of ours." if others else "Flat.")
    if others:
        whose = "Not ours and" if state.doubt is None else "Not proved to be ours,"
        lines.append(f"{whose} left alone: {'; '.join(others)}.")
    return [*lines, _done(results)]


def _done(results: Sequence[CycleResult]) -> str:
    """Return what was done in this life of the process."""
    if not results:
        return "In this run: no cycle ended."
    cycles = "1 cycle" if len(results) == 1 else f"{len(results)} cycles"
    net = sum((row.net_usd for row in results), Decimal(0))
    incomplete = "" if all(row.is_complete for row in results) else " as far as the venues told"
    return f"In this run: {cycles}, net {net:+,.4f} USD{incomplete}."


def _left_open(state: BotState, hedge: Hedge, ways: Ways | None) -> list[str]:
    """Return what stands on each venue, and how to go on; each command is a line of its own."""
    title = f"Left open: {hedge.symbol} in {state.phase}"
    lines = [title, *legs_lines(hedge)]
    if ways is None:
        return [*lines, "It ends with this demo; the next one begins anew."]
    return [
        *lines,
        "Nothing watches it until you start again, which takes it over:",
        ways.again,
        "To be flat at once instead, this closes everything on both venues:",
        ways.panic,
    ]


def legs_lines(hedge: Hedge) -> list[str]:
    """Return what stands on each venue, a line for each."""
    return [f"  {_leg(hedge, venue)}" for venue in BOTH]


def _triggers(hedge: Hedge, venue: VenueName) -> str:
    """Return which triggers rest on one venue, or may, as far as is known."""
    rows = [row for row in hedge.triggers if row.venue is venue and row.may_act]
    marks = (f"{_KINDS[row.kind]} at {row.trigger_price.normalize():f}" for row in rows)
    return f"; rests there: {', '.join(marks)}" if rows else ""


_KINDS = {OrderKind.STOP: "stop", OrderKind.TAKE_PROFIT: "take-profit"}


def _leg(hedge: Hedge, venue: VenueName) -> str:
    """Return what stands on one venue, as far as is known."""
    held, entry = hedge.held(venue), hedge.entry_price(venue)
    if held:
        side = "long" if held > 0 else "short"
        at = "" if entry is None else f", entered at {entry.normalize():f}"
        text = f"{venue}: {side} {abs(held).normalize():f} {hedge.symbol}{at}"
    else:
        text = f"{venue}: nothing"
    text += _triggers(hedge, venue)
    doubts = [row for row in hedge.in_doubt() if row.venue is venue]
    if not doubts:
        return text
    orders = ", ".join(f"{row.side} {row.size.normalize():f}" for row in doubts)
    return f"{text}; in doubt: {orders} {hedge.symbol}"


def held_line(state: BotState) -> str | None:
    """Return what a state file says is held and since when, None if it holds nothing."""
    hedge = state.hedge
    if hedge is None:
        return None
    since_ms = hedge.approved_at_ms if hedge.opened_at_ms is None else hedge.opened_at_ms
    legs = "; ".join(_leg(hedge, venue) for venue in BOTH)
    phase = "" if state.phase is Phase.HOLD else f", last seen in {state.phase}"
    return f"Held since {stamp(since_ms)}{phase}, by the state file: {legs}"


def doubts(state: BotState, why: str, ways: Ways | None) -> str:
    """Return what stands and what is in doubt when the process ends at once."""
    if state.hedge is None and state.doubt is not None:
        return f"exit at once: {why}; whether anything of ours stands is not known yet"
    if state.hedge is None:
        return f"exit at once: {why}; nothing of ours stands"
    return "\n".join([f"exit at once: {why}", *_left_open(state, state.hedge, ways)])
