"""What the dashboard shows is what the embedded venues hold, to the last digit."""

from decimal import Decimal
from typing import Any

import pytest

from desk.core.venue import VenueName
from desk.hedge.guard import TriggerStage
from desk.screen.dashboard.values import HedgeView
from test.screen.dashboard.conftest import Rounds
from test.screen.dashboard.plays import Moment

CENT = Decimal("0.01")
DUST = Decimal("0.000001")


def holding(rounds: Rounds) -> tuple[Moment, HedgeView]:
    """Return a moment in the hold, and the hedge it shows."""
    moment = rounds["whole_round"]["holding"]
    assert moment.board.hedge is not None
    return moment, moment.board.hedge


def total(rows: list[dict[str, Any]], key: str) -> Decimal:
    """Return the sum of one column."""
    return sum((Decimal(row[key]) for row in rows), Decimal(0))


@pytest.mark.parametrize("venue", VenueName)
def test_sizes_and_entries_are_those_of_the_fills(rounds: Rounds, venue: VenueName) -> None:
    """The signed position, and the average price of what filled."""
    moment, hedge = holding(rounds)
    [leg] = [row for row in hedge.legs if row.venue is venue]
    fills = moment.truth[venue]["fills"]

    assert Decimal(moment.truth[venue]["positions"]["BTC"]) == leg.size
    paid = sum((Decimal(row["size"]) * Decimal(row["price"]) for row in fills), Decimal(0))
    assert paid / total(fills, "size") == leg.entry


@pytest.mark.parametrize("venue", VenueName)
def test_fees_and_funding_are_what_was_booked(rounds: Rounds, venue: VenueName) -> None:
    """Venues keep six decimals of a payment."""
    moment, hedge = holding(rounds)
    [leg] = [row for row in hedge.legs if row.venue is venue]
    truth = moment.truth[venue]

    assert total(truth["fills"], "fee") == leg.fees_usd
    assert abs(total(truth["funding"], "payment") - leg.funding_usd) <= DUST
    assert (1, 1) == (leg.hours_told, hedge.hours_due)


@pytest.mark.parametrize("venue", VenueName)
def test_equity_is_that_of_the_account(rounds: Rounds, venue: VenueName) -> None:
    """As of the last full check; prices have moved since by a cent at most."""
    moment, _ = holding(rounds)
    [view] = [row for row in moment.board.venues if row.venue is venue]
    assert view.equity_usd.value is not None
    assert abs(Decimal(moment.truth[venue]["equity"]) - view.equity_usd.value) <= CENT


@pytest.mark.parametrize("venue", VenueName)
def test_triggers_are_the_orders_that_rest(rounds: Rounds, venue: VenueName) -> None:
    """Two on each venue, at the same two marks."""
    moment, hedge = holding(rounds)
    [leg] = [row for row in hedge.legs if row.venue is venue]
    resting = {Decimal(row["trigger_price"]) for row in moment.truth[venue]["orders"]}

    assert resting == {row.price for row in leg.triggers}
    assert all(row.stage is TriggerStage.RESTING for row in leg.triggers)


def test_the_parts_add_up(rounds: Rounds) -> None:
    """Net is price and funding less fees, of each leg and of both."""
    _, hedge = holding(rounds)
    nets = []
    for leg in hedge.legs:
        assert leg.price_usd.value is not None
        assert leg.fees_usd is not None
        nets.append(leg.price_usd.value + leg.funding_usd - leg.fees_usd)
        assert nets[-1] == leg.net_usd.value
    assert sum(nets) == hedge.net_usd.value


def test_the_spread_is_the_one_that_was_set(rounds: Rounds) -> None:
    """Twice 0.02 % an hour; paid on the entry of one leg, at a mark close by."""
    _, hedge = holding(rounds)
    wanted = Decimal("0.0004") * 8760 * 100
    assert wanted == hedge.apr_now.value == hedge.apr_entry
    assert hedge.apr_average is not None
    assert abs(wanted - hedge.apr_average) < Decimal("0.5")


def test_a_spread_that_turned_is_negative(rounds: Rounds) -> None:
    """Paying must never look like earning."""
    hedge = rounds["bad_day"]["paying"].board.hedge
    assert hedge is not None
    assert Decimal("-0.0002") * 8760 * 100 == hedge.apr_now.value


def test_a_venue_that_is_away_leaves_no_figures(rounds: Rounds) -> None:
    """What it told last has an age; what follows from that has the same."""
    board = rounds["bad_day"]["outage"].board
    hedge, pacifica = board.hedge, board.venues[1]
    assert hedge is not None
    aged = (hedge.legs[1].mark, hedge.net_usd, hedge.apr_now, pacifica.equity_usd)
    assert not any(row.is_good(board.at_ms) for row in aged)
    assert hedge.legs[0].price_usd.is_good(board.at_ms)
    assert pacifica.away_since_ms is not None
    assert pacifica.down is not None


def test_the_result_is_what_the_accounts_gained(rounds: Rounds) -> None:
    """After the close both sums agree."""
    results = rounds["whole_round"]["waiting"].board.results
    assert 1 == results.cycles
    assert results.equity_change_usd.value is not None
    assert abs(results.net_usd - results.equity_change_usd.value) < CENT
