"""What a panic close shows: what is open first, a line for each order, a table, the next step.

Lines are cheap, because the closing waits for them; only the table at the end is laid out.
"""

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from desk.core.account import Position
from desk.core.flatten import Close
from desk.core.ids import OrderKey
from desk.core.order import Accepted, Order, Outcome, Rejected
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.engine.flatten import Flattener
from desk.hedge.state import Hedge


class Report:
    """Tells the owner what happens, as it happens; a `desk.engine.flatten.Watcher`."""

    def __init__(self, console: Console, clock: Clock) -> None:
        """Print to `console`, which knows about colours and NO_COLOR."""
        self._console = console
        self._clock = clock
        self._began_s = clock.monotonic_s()

    def begin(self) -> None:
        """Count time from now."""
        self._began_s = self._clock.monotonic_s()

    def elapsed_s(self) -> float:
        """Return seconds since the beginning."""
        return self._clock.monotonic_s() - self._began_s

    def listing(self, flattener: Flattener, hedge: Hedge | None, *, is_known: bool) -> None:
        """Show what a venue holds and who opened it.

        `hedge` is the bot's own; without `is_known` its state cannot say which that is.
        """
        lines = open_lines(flattener, hedge, is_known=is_known)
        self._lines(flattener.name, lines or ["nothing open"])

    def plan(self, flattener: Flattener) -> None:
        """Show what would be sent."""
        lines = [f"would {intention(close)}" for close in flattener.plan()]
        if flattener.sight is not None and flattener.sight.orders:
            lines.append("would cancel all orders")
        self._lines(flattener.name, lines or ["would send nothing"])

    def sent(self, venue: VenueName, close: Close | None, outcome: Outcome) -> None:
        """Show an order as its answer came."""
        what = "cancel all orders" if close is None else intention(close)
        style = None if isinstance(outcome, Accepted) else "yellow"
        self._lines(venue, [f"{what}: {answer(outcome)}"], style=style)

    def moved(self, venue: VenueName, symbol: str, before: Decimal, now: Decimal) -> None:
        """Show a position that is another than at the last look."""
        text = "closed" if not now else f"{plain(now)} left"
        self._lines(
            venue, [f"filled {plain(abs(now - before))} {symbol}, {text}"], style="green"
        )

    def failed(self, venue: VenueName, why: str) -> None:
        """Show that a venue did not answer."""
        self._lines(venue, [why], style="yellow")

    def warn(self, text: str) -> None:
        """Show what the owner should know about the bot."""
        self._lines("bot", [text], style="yellow")

    def ending(self, works: Sequence[Flattener], bot: str) -> None:
        """Show how it ended on each venue, and what is known of the bot."""
        title = f"After {self.elapsed_s():.2f} s"
        table = Table(title=title, title_justify="left", header_style="bold")
        table.add_column("venue", style="bold")
        table.add_column("result")
        table.add_column("orders sent", justify="right")
        for each in works:
            left = each.left()
            text = "[green]flat, proved[/]" if left is None else f"[bold red]{escape(left)}[/]"
            table.add_row(each.name, text, str(each.sent_count))
        self._console.print(table)
        self._say(f"bot: {bot}")

    def rehearsed(self, views: Sequence[Flattener]) -> None:
        """Sum up what was not done."""
        silent = [view.name for view in views if view.sight is None]
        closes = sum(len(view.plan()) for view in views)
        resting = sum(len(view.sight.orders) for view in views if view.sight is not None)
        would = f"close {closes} positions and cancel {resting} orders"
        unseen = f"; {' and '.join(silent)} did not answer" if silent else ""
        self._say(f"Dry run: would halt the bot, {would}{unseen}. Nothing was sent or written.")

    def nothing_to_do(self, symbol: str | None) -> None:
        """Say that both venues are flat, and stay so."""
        where = "" if symbol is None else f" in {symbol}"
        self._say(f"Both venues are flat{where}, proved: no position, no order, and no bot runs")
        self._say("that could change it. Nothing was sent or written.")

    def nothing_yet(self, why: str, force: str) -> None:
        """Say that nothing is open now, and why that is no proof; `force` is the command for it."""
        self._say(f"Nothing is open, but {why}: not proved flat. This halts the bot and proves it:")
        self._say(f"  {force}")

    def agreed(self) -> bool:
        """Ask the owner, who is at the terminal; only the whole word counts."""
        try:
            word = input("Close and cancel all of this? Only `yes` does it: ").strip()
        except EOFError:
            word = ""
        if word.lower() != "yes":
            self._say("Nothing was done.")
        return word.lower() == "yes"

    def next_step(self, *, again: str | None, resume: str | None, is_halted: bool) -> None:
        """Say what to do now: `again` is the command that goes on, None where all is proved;
        `resume` the one that lifts the latch, None where there is none."""
        if again is not None:
            self._say("Not proved flat. Run it again, or close the rest in the venues' own apps:")
            self._say(f"  {again}")
        if resume is not None:
            halted = "The bot is halted" if is_halted else "The latch is set for this home's bot"
            self._say(f"{halted}. Once you have looked, this lets it trade again:")
            self._say(f"  {resume}")

    def _lines(self, who: str, lines: Sequence[str], *, style: str | None = None) -> None:
        stamp = f"[{self.elapsed_s() * 1000:5.0f} ms] {who:<9} "
        text = "\n".join(stamp + line for line in lines)
        self._console.out(text, style=style, highlight=False)

    def _say(self, text: str) -> None:
        self._console.out(text, highlight=False)


def open_lines(flattener: Flattener, hedge: Hedge | None, *, is_known: bool) -> list[str]:
    """Return a line for each position and each order, or one that says why there is none."""
    sight = flattener.sight
    if sight is None:
        return [f"not known: {flattener.failure}"]
    lines = []
    for row in sight.positions:
        market = flattener.markets.get(row.symbol)
        worth = "" if market is None else f", about {abs(row.size) * market.mark:,.2f} USD"
        side = "long" if row.size > 0 else "short"
        who = opened_by(row, flattener.name, hedge) if is_known else "by whom is not known"
        lines.append(f"{row.symbol} {side} {plain(abs(row.size))}{worth}, {who}")
    return lines + [order_line(order) for order in sight.orders]


def opened_by(position: Position, venue: VenueName, hedge: Hedge | None) -> str:
    """Return who opened a position, as the fills of the bot's hedge tell."""
    is_held = hedge is not None and hedge.symbol == position.symbol
    ours = hedge.held(venue) if hedge is not None and is_held else Decimal(0)
    if ours * position.size <= 0:
        return "NOT opened by the bot"
    if abs(ours) < abs(position.size):
        return f"{plain(abs(ours))} of it opened by the bot"
    return "opened by the bot"


def order_line(order: Order) -> str:
    """Return an order that rests, and whether it carries the bot's mark."""
    size = plain(order.size - order.filled)
    trigger = "" if order.trigger_price is None else f" from {plain(order.trigger_price)}"
    by_bot = OrderKey.parse(order.client_id) is not None
    who = "sent by the bot" if by_bot else "NOT sent by the bot"
    return f"{order.symbol} order to {order.side} {size} at {plain(order.price)}{trigger}, {who}"


def intention(close: Close) -> str:
    """Return what an order does, in a few words."""
    how = "through zero, too small to close alone" if close.through else "reduce-only"
    size, price = plain(close.size), plain(close.price)
    return f"{close.side} {size} {close.symbol} at {price} or better ({how})"


def answer(outcome: Outcome) -> str:
    """Return an answer in a few words."""
    if isinstance(outcome, Accepted):
        return "sent, accepted"
    if isinstance(outcome, Rejected):
        return f"refused, {outcome.message}"
    return f"sent, no answer: {outcome.reason}"


def plain(value: Decimal) -> str:
    """Return a number without an exponent and without zeros at its end."""
    return f"{value.normalize():f}"
