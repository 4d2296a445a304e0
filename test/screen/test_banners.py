"""What is said at the start and at the end is true, complete, and can be copied."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from desk.core.account import Account, Position
from desk.core.errors import RateLimited, VenueError, VenueUnavailable
from desk.core.venue import Identity, VenueName
from desk.hedge.config import Config
from desk.hedge.state import BotState, Doubt, Phase
from desk.screen.banners import doubts, farewell, held_line, say_what_is_at_stake
from desk.screen.command_line import Ways
from test.screen.looks import AT_MS, LIGHTER, PACIFICA, holding, recorder, result

WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
FLAT = BotState(config=Config(), epoch=1, phase=Phase.WAIT)
AGAIN = "/opt/py /opt/bot.py --home /srv/home"
PANIC = "/opt/py /opt/panic.py --home /srv/home"
WAYS = Ways(AGAIN, PANIC)


def account(free: str, *positions: Position) -> Account:
    """Return an account with that much to spend."""
    return Account(Decimal("812.5"), Decimal(800), Decimal(free), positions, AT_MS, AT_MS)


def identities(lighter: str, pacifica: str) -> dict[VenueName, Identity]:
    """Return who we are at these addresses."""
    return {
        LIGHTER: Identity("281474976710654", "API key 5", lighter),
        PACIFICA: Identity(WALLET, "agent key 9abc…wxyz", pacifica),
    }


REAL = identities("https://mainnet.zklighter.elliot.ai", "https://api.pacifica.fi/api/v1")


def stake(
    config: Config | None = None,
    who: dict[VenueName, Identity] = REAL,
    **accounts: Account | VenueError,
) -> str:
    """Return the block at the start."""
    console = recorder()
    known: dict[VenueName, Account | VenueError] = {
        LIGHTER: account("500"),
        PACIFICA: account("400"),
    }
    known |= {VenueName(name): row for name, row in accounts.items()}
    say_what_is_at_stake(console, config or Config(), known, who)
    return console.export_text()


def last_words(state: BotState, ways: Ways | None = WAYS, **more: object) -> str:
    """Return the last words."""
    known: dict[str, object] = {"results": [], "strangers": {LIGHTER: [], PACIFICA: []}}
    return "\n".join(farewell(state, ways=ways, **(known | more)))  # type: ignore[arg-type]


def test_the_start_names_both_accounts() -> None:
    """Account, key and host of each venue; a wallet is shortened in the middle."""
    text = stake()

    assert text.startswith("LIVE real money")
    assert "lighter: account 2814…0654, API key 5, mainnet.zklighter.elliot.ai" in text
    assert "pacifica: account 7xKX…gAsU, agent key 9abc…wxyz, api.pacifica.fi" in text
    assert WALLET not in text


@pytest.mark.parametrize("host", ["127.0.0.1:8801", "localhost:8801", "[::1]:8801"])
def test_simulated_venues_are_not_called_live(host: str) -> None:
    """Where both hosts are this machine no money is at stake; one real venue is enough to warn."""
    here = f"http://{host}"
    mixed = REAL | {LIGHTER: identities(here, "")[LIGHTER]}

    assert stake(who=identities(here, f"{here}/api/v1")).startswith("SIMULATED VENUES")
    assert stake(who=mixed).startswith("LIVE")


def test_the_largest_size_and_loss_are_what_the_lock_allows() -> None:
    """No more than `equity_use_max` of the poorer venue's free equity, and the loss of that."""
    text = stake(Config(base_capital_allocation=Decimal(1000)), pacifica=account("100"))

    assert "at most 80.00 USD on each leg; a leg is closed when it has lost 40.00 USD" in text
    assert "base_capital_allocation is 1000 USD, but pacifica allows 80.00 USD" in text


def test_a_size_inside_the_lock_is_the_configured_one() -> None:
    """Then nothing needs an explanation."""
    text = stake()

    assert "at most 50.00 USD on each leg; a leg is closed when it has lost 25.00 USD" in text
    assert "base_capital_allocation" not in text


def test_positions_are_counted_in_words() -> None:
    """None, one or many; a venue that is away is no zero."""
    one = Position("ETH", Decimal(1), Decimal(3000))
    away = VenueUnavailable("timed out", venue=PACIFICA, request="account")
    text = stake(lighter=account("500", one), pacifica=away)

    assert "equity 812.50 USD, 500.00 USD free, 1 open position\n" in text
    assert "does not answer, equity not known" in text


def test_a_budget_that_is_spent_is_no_silent_venue() -> None:
    """It is our own doing, and passes."""
    spent = RateLimited("no room", venue=LIGHTER, request="account", retry_after_s=22.4)
    expected = "equity not known yet: waiting 23 s for our own request budget at lighter"
    assert expected in stake(lighter=spent)


def test_the_last_words_when_flat() -> None:
    """Nothing held, and what was done in this life: other lives do not count."""
    assert "Flat.\nIn this run: no cycle ended." == last_words(replace(FLAT, cycles_done=4))
    one, two = [result()], [result(), replace(result(), cycle=4)]
    assert "In this run: 1 cycle, net +0.0100 USD." in last_words(FLAT, results=one)
    assert "In this run: 2 cycles, net +0.0200 USD." in last_words(FLAT, results=two)


def test_the_last_words_of_a_search_call_nothing_flat() -> None:
    """While the venues were not searched to the end, nobody knows whose a position is."""
    lost = replace(FLAT, doubt=Doubt("state.json is missing"))
    text = last_words(lost, strangers={LIGHTER: ["1 BTC"], PACIFICA: []})

    assert "Not known to be flat: state.json is missing" in text
    assert "Not proved to be ours, left alone: lighter 1 BTC." in text
    assert "is not known yet" in doubts(lost, "SIGINT", None)


def test_flat_of_ours_is_not_flat() -> None:
    """What the owner holds besides is named."""
    text = last_words(FLAT, strangers={LIGHTER: ["-0.5 ETH", "1 SOL"], PACIFICA: []})

    assert text.startswith("Flat of ours.\nNot ours and left alone: lighter -0.5 ETH, 1 SOL.\n")


def test_the_last_words_name_each_leg_and_the_command() -> None:
    """What is open on each venue, and both ways to go on, each a line that can be pasted."""
    lines = last_words(holding()).splitlines()

    assert [
        "Left open: BTC in HOLD",
        "  lighter: long 0.0005 BTC, entered at 92000",
        "  pacifica: short 0.0005 BTC, entered at 92000",
    ] == lines[:3]
    assert [AGAIN, PANIC] == [line for line in lines if line.startswith("/opt/py")]


def test_the_last_words_do_not_hide_a_lone_leg() -> None:
    """Legs that differ are named as they are, and orders in doubt with them."""
    state = holding(Phase.CLOSE, short="0")
    assert state.hedge is not None
    first, second = state.hedge.intents
    unsure = replace(state.hedge, intents=(first, replace(second, in_doubt=True)))

    text = last_words(state.with_hedge(unsure))

    assert "  lighter: long 0.0005 BTC" in text
    assert "  pacifica: nothing; in doubt: sell 0.0005 BTC" in text


def test_a_demo_has_nothing_to_come_back_to() -> None:
    """No command is offered for what ends with the process."""
    assert "It ends with this demo" in last_words(holding(), ways=None)


def test_a_halt_is_the_first_of_the_last_words() -> None:
    """Why a human is needed."""
    halted = replace(FLAT, phase=Phase.HALT, halt_reason="fills do not agree")

    assert last_words(halted).startswith("Halted: fills do not agree\nFlat.")


def test_a_hasty_end_has_the_command_too() -> None:
    """What stands, what is in doubt, and how to go on."""
    text = doubts(holding(), "second signal", WAYS)

    assert text.startswith("exit at once: second signal\nLeft open: BTC in HOLD\n")
    assert f"\n{AGAIN}\n" in text
    assert "nothing of ours stands" in doubts(FLAT, "second signal", WAYS)


def test_what_is_held_by_the_state_file_is_one_line() -> None:
    """Since when, each leg, and the phase unless it was a calm hold."""
    assert (
        "Held since 01-01 00:00:00 +0000, by the state file: lighter: long 0.0005 BTC, entered at "
        "92000; pacifica: short 0.0005 BTC, entered at 92000"
    ) == held_line(holding())
    assert ", last seen in CLOSE, by" in (held_line(holding(Phase.CLOSE)) or "")
    assert held_line(FLAT) is None
