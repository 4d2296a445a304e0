"""Draw docs/states.md from the transition table. Pure: the table in, text out.

`make diagram` writes the page; a test keeps it fresh.
"""

from collections.abc import Iterator

from desk.hedge.events import Started
from desk.hedge.machine import EVENTS, TRANSITIONS
from desk.hedge.state import Phase

# What each arrow of the diagram means to a person; the table below the diagram names the events.
_ENTERED_WHEN = {
    Phase.RECOVER: "every start, and the owner's `resume` after a halt",
    Phase.ANALYZE: "it is time to look",
    Phase.SELECT: "both venues' markets are in, and a symbol may be worth it",
    Phase.OPEN: "a sized pair is approved and written down",
    Phase.HOLD: "both legs are verified",
    Phase.CLOSE: "anything of ours is to be flattened, or the twin of a cut leg to follow it",
    Phase.WAIT: "verified flat, or nothing to open",
    Phase.HALT: "a human is needed",
}


def states_page() -> str:
    """Return docs/states.md: the diagram, what each phase is, and every cell of the table."""
    return "\n".join((*_head(), *_diagram(), "", *_phases(), "", *_cells(), "", *_foot()))


def _head() -> Iterator[str]:
    yield "# States"
    yield ""
    yield "Drawn from the table in `desk/hedge/machine.py` by `make diagram`; do not edit by hand."
    yield ""


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {Phase.RECOVER}"
    for source in Phase:
        for target in Phase:
            kinds = [kind for kind in EVENTS if target in TRANSITIONS[source].get(kind, ())]
            # A start leads to RECOVER from everywhere: drawn once, as the entry.
            names = [kind.__name__ for kind in kinds if kind is not Started]
            if names:
                yield f"    {source} --> {target}: {', '.join(names)}"
    yield "```"


def _phases() -> Iterator[str]:
    yield "| phase | entered when | leads to |"
    yield "|---|---|---|"
    for phase in Phase:
        targets = {target for targets in TRANSITIONS[phase].values() for target in targets}
        leads = ", ".join(target for target in Phase if target in targets)
        yield f"| {phase} | {_ENTERED_WHEN[phase]} | {leads} |"


def _cells() -> Iterator[str]:
    yield "Where an event may lead. *stays*: it is handled, and leads nowhere else. Empty: it"
    yield "cannot happen there, and stops the program if it does."
    yield ""
    yield f"| | {' | '.join(kind.__name__ for kind in EVENTS)} |"
    yield f"|---|{'---|' * len(EVENTS)}"
    for phase in Phase:
        cells = (_cell(TRANSITIONS[phase].get(kind)) for kind in EVENTS)
        yield f"| {phase} | {' | '.join(cells)} |"


def _cell(targets: tuple[Phase, ...] | None) -> str:
    if targets is None:
        return ""
    return ", ".join(targets) or "*stays*"


def _foot() -> Iterator[str]:
    yield "- An answer (`MarketsRead`, `AccountsRead`, `OrdersSettled`) to any question but the"
    yield "  last is late, and dropped in every phase before this table is asked."
    yield "- `Started` leads to RECOVER from everywhere: whatever was being done, first find out"
    yield "  how things stand."
    yield "- A halt is a latch in the state, not only a phase: while it is set nothing is opened,"
    yield "  and what is recovered or closed leads back to HALT. Only `resume` clears it."
    yield ""


if __name__ == "__main__":
    print(states_page(), end="")
