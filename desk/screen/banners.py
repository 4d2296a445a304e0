"""What is said once: at the start what is at stake, at a hasty end what is in doubt."""

from collections.abc import Mapping

from rich.console import Console

from desk.core.account import Account
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.state import BotState


def demo_banner(seed: int, config: Config) -> str:
    """Return what a newcomer should know before the first line scrolls by."""
    return (
        f"[bold]DEMO[/] seed {seed}: two embedded exchanges, virtual time, play money. "
        "Its market is a showcase, livelier than the record.\n"
        f"Each leg {config.base_capital_allocation} USD, hold {config.hold_duration_hours} h, "
        f"threshold {config.min_net_apr_threshold} % APR. Ctrl-C ends it."
    )


def say_what_is_at_stake(
    console: Console, config: Config, accounts: Mapping[VenueName, Account | None]
) -> None:
    """Print LIVE, both accounts' equity, the largest size, and the loss at the stop.

    None stands for a venue that did not answer.
    """
    console.print("[bold red]LIVE[/] real money on both venues")
    for venue, account in accounts.items():
        if account is None:
            console.print(f"  {venue}: [yellow]does not answer, equity not known[/]")
            continue
        console.print(
            f"  {venue}: equity {account.equity_usd:,.2f} USD, "
            f"{account.free_usd:,.2f} USD free, {len(account.positions)} open positions"
        )
    notional = config.base_capital_allocation
    console.print(
        f"  at most {notional} USD on each leg; a leg is closed when it has lost "
        f"{notional * config.stop_loss_pct / 100:.2f} USD (the other leg gains meanwhile)"
    )
    console.print(
        "  no stop rests at the venues in this version: while this program is off, "
        "nothing guards a hedge"
    )


def doubts(state: BotState, why: str) -> str:
    """Return what stands and what is in doubt when the process ends at once."""
    if state.hedge is None:
        return f"exit at once: {why}; nothing of ours stands"
    rows = [f"{row.venue} {row.side} {row.size}" for row in state.hedge.in_doubt()]
    return (
        f"exit at once: {why}\n"
        f"open: {state.hedge.symbol} in {state.phase}; in doubt: {', '.join(rows) or 'nothing'}; "
        "start again to take it over"
    )
