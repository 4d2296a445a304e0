"""Both venues are read at once, and one that does not answer is named, never filled in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from desk.core.account import MarginMode
from desk.core.actions import ReadAccounts, ReadMarkets, SendOrders
from desk.core.errors import StaleData
from desk.core.events import AccountsRead, MarketsRead
from desk.core.order import Side, TimeInForce
from desk.core.stream import StatsSeen
from desk.core.venue import VenueName
from desk.engine.execution import Executor
from desk.engine.reads import Reader
from desk.sim.faults import FaultKind
from test.engine.bench import ACCOUNT, LIGHTER, PACIFICA, SYMBOLS, Stage, on_stage

BOTH = set(VenueName)


def reader(stage: Stage) -> Reader:
    """Return a reader that hears the streams, as the engine's does."""
    made = Reader(stage.venues, stage.clock)
    for name, venue in stage.venues.items():
        venue.listen(
            lambda event, name=name: (  # type: ignore[misc]
                made.note_stats(name, event.stats) if isinstance(event, StatsSeen) else None
            )
        )
    return made


async def look(stage: Stage, *symbols: str) -> MarketsRead:
    """Return a look at `symbols`."""
    return await reader(stage).read_markets(ReadMarkets(3, symbols))


async def ask(stage: Stage, **what: object) -> AccountsRead:
    """Return both accounts and `what`."""
    return await reader(stage).read_accounts(ReadAccounts(4, **what))  # type: ignore[arg-type]


async def buy(stage: Stage, venue: VenueName = LIGHTER) -> str:
    """Buy some BTC and return the order's id."""
    order = stage.order(venue, Side.BUY)
    executor = Executor(stage.venues, stage.clock)
    await executor.send_orders(SendOrders(1, (order,), Decimal(5)))
    return order.request.client_id


def leverages(read: AccountsRead) -> dict[VenueName, Decimal]:
    """Return the multiple each venue reported."""
    return {
        name: row.leverage.value for name, row in read.venues.items() if row.leverage is not None
    }


def test_a_look_has_everything_of_both_venues() -> None:
    """Instruments, statistics, fresh quotes and fees, for the symbols asked for and no other."""

    async def play(stage: Stage) -> None:
        read = await look(stage, "ETH")

        assert (3, BOTH, {}) == (read.ask, set(read.venues), read.failures)
        for row in read.venues.values():
            assert {"ETH"} == set(row.instruments) == set(row.stats) == set(row.quotes)
            assert row.fees is not None

    on_stage(play)


def test_a_look_walks_the_books_and_reads_histories_where_asked() -> None:
    """Impact at the amount named, settled rates of the symbols named; neither unasked."""

    async def play(stage: Stage) -> None:
        asked = ReadMarkets(3, ("ETH",), histories={"ETH": 0}, notional_usd=Decimal(50))
        for row in (await reader(stage).read_markets(asked)).venues.values():
            assert {"ETH"} == set(row.history) == set(row.impacts)
            assert row.impacts["ETH"].round_trip_bps >= row.quotes["ETH"].spread_bps - 1
        for row in (await look(stage, "ETH")).venues.values():
            assert ({}, {}) == (row.history, row.impacts)

    on_stage(play)


def test_a_book_that_cannot_take_the_amount_is_told_by_what_it_holds() -> None:
    """No impact is made up for it: what its thinner side holds inside the band is the answer."""

    async def play(stage: Stage) -> None:
        much = Decimal(10) ** 9
        asked = ReadMarkets(3, ("ETH",), notional_usd=much, band_bps=Decimal(10))
        for row in (await reader(stage).read_markets(asked)).venues.values():
            assert {} == row.impacts
            assert 0 < row.thin["ETH"] < much

    on_stage(play)


def test_a_history_that_is_refused_fails_no_look() -> None:
    """It is absent, which is not the same as empty."""

    async def play(stage: Stage) -> None:
        asked = ReadMarkets(3, ("ETH",), histories={"NOPE": 0, "ETH": 0})
        read = await reader(stage).read_markets(asked)
        assert {} == read.failures
        assert [{"ETH"}, {"ETH"}] == [set(row.history) for row in read.venues.values()]

    on_stage(play)


def test_all_symbols_are_those_both_venues_list() -> None:
    """No names means every common symbol, and they are streamed from then on."""

    async def play(stage: Stage) -> None:
        for venue in stage.venues.values():
            venue.watch(())
        read = await look(stage)

        assert all(set(SYMBOLS) == set(row.quotes) for row in read.venues.values())

    on_stage(play)


@pytest.mark.parametrize("venue", VenueName)
def test_all_symbols_need_both_venues(venue: VenueName) -> None:
    """When one venue cannot list its symbols once, that is a failure and not an empty market."""

    async def play(stage: Stage) -> None:
        stage.fault(venue, FaultKind.HTTP_5XX, "instruments")
        assert {venue} == set((await look(stage)).failures)

    on_stage(play)


def test_a_symbol_that_is_not_listed_is_absent() -> None:
    """A name neither venue knows does no harm: it is in no table, and nothing waits for it."""

    async def play(stage: Stage) -> None:
        before_s = stage.clock.monotonic_s()
        read = await look(stage, "BTC", "NOSUCH")

        assert all({"BTC"} == set(row.instruments) for row in read.venues.values())
        assert stage.clock.monotonic_s() - before_s < 1

    on_stage(play)


@pytest.mark.parametrize("venue", VenueName)
@pytest.mark.parametrize("request_name", ["instruments", "market_stats", "fees"])
def test_a_venue_that_fails_is_named_and_missing(venue: VenueName, request_name: str) -> None:
    """Any failed part of a look takes the whole venue out of it, and the reason says which."""

    async def play(stage: Stage) -> None:
        stage.fault(venue, FaultKind.HTTP_5XX, request_name)
        read = await look(stage, *SYMBOLS)

        assert {venue.twin} == set(read.venues)
        assert f"{venue} {request_name}" in read.failures[venue]

    on_stage(play)


def test_a_look_waits_for_quotes_that_are_on_their_way() -> None:
    """Streams that have just been asked for get a moment to fill."""

    async def play(stage: Stage) -> None:
        await stage.connect()
        read = await look(stage, *SYMBOLS)

        assert all(set(SYMBOLS) == set(row.quotes) for row in read.venues.values())

    on_stage(play)


def test_a_look_does_not_wait_for_ever() -> None:
    """A book that never comes is left out after five seconds."""

    async def play(stage: Stage) -> None:
        stage.feed(PACIFICA).cut()
        before_s = stage.clock.monotonic_s()
        read = await look(stage, *SYMBOLS)

        assert {} == read.venues[PACIFICA].quotes
        assert set(SYMBOLS) == set(read.venues[LIGHTER].quotes)
        assert 5 <= stage.clock.monotonic_s() - before_s < 6

    on_stage(play)


def test_instruments_are_not_asked_for_at_every_look() -> None:
    """Within ten minutes the steps of the markets are taken from memory."""

    async def play(stage: Stage) -> None:
        made = reader(stage)
        await made.read_markets(ReadMarkets(1, SYMBOLS))
        stage.fault(LIGHTER, FaultKind.HTTP_5XX, "instruments")
        assert {} == (await made.read_markets(ReadMarkets(2, SYMBOLS))).failures
        await asyncio.sleep(601)
        assert {LIGHTER} == set((await made.read_markets(ReadMarkets(3, SYMBOLS))).failures)

    on_stage(play)


def test_fees_are_not_asked_for_at_every_look() -> None:
    """Within ten minutes the account's tier is taken from memory."""

    async def play(stage: Stage) -> None:
        made = reader(stage)
        await made.read_markets(ReadMarkets(1, SYMBOLS))
        stage.fault(LIGHTER, FaultKind.HTTP_5XX, "fees")
        assert {} == (await made.read_markets(ReadMarkets(2, SYMBOLS))).failures
        await asyncio.sleep(601)
        assert {LIGHTER} == set((await made.read_markets(ReadMarkets(3, SYMBOLS))).failures)

    on_stage(play)


@pytest.mark.parametrize("venue", VenueName)
def test_a_look_waits_when_a_venue_asks_for_patience(venue: VenueName) -> None:
    """Too many requests is no outage: the look is answered a minute later, and whole."""

    async def play(stage: Stage) -> None:
        stage.fault(venue, FaultKind.HTTP_429, "market_stats")
        before_s = stage.clock.monotonic_s()
        assert {} == (await look(stage, *SYMBOLS)).failures
        assert 60 <= stage.clock.monotonic_s() - before_s < 62

    on_stage(play)


def test_a_wait_is_told_once() -> None:
    """Nobody should have to ask why nothing happens."""

    async def play(stage: Stage) -> None:
        told: list[str] = []
        made = Reader(stage.venues, stage.clock, on_wait=told.append)
        stage.fault(LIGHTER, FaultKind.HTTP_429, "market_stats")
        reads = (made.read_markets(ReadMarkets(ask, SYMBOLS)) for ask in (1, 2))
        await asyncio.gather(*reads)
        assert ["waiting 1 min for our own request budget at lighter"] == told
        stage.fault(LIGHTER, FaultKind.HTTP_429, "market_stats")
        await made.read_markets(ReadMarkets(3, SYMBOLS))
        assert 2 == len(told)

    on_stage(play)


def test_what_was_told_before_a_wait_is_not_asked_for_again() -> None:
    """Dear histories, read anew by every try, would use up the room that the account waits for."""

    async def play(stage: Stage) -> None:
        stage.fault(PACIFICA, FaultKind.HTTP_429, "account")
        stage.asked.clear()
        read = await ask(stage, symbol="BTC", orders=True, since_ms=0, can_wait=True)
        assert {} == read.failures
        counts = [stage.asked.count(f"pacifica {what}") for what in ("fills", "account")]
        assert [1, 2] == counts

    on_stage(play)


def test_patience_has_an_end() -> None:
    """A venue that asks for patience again and again has failed, with that reason."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.HTTP_429, "market_stats", count=100)
        before_s = stage.clock.monotonic_s()
        read = await look(stage, *SYMBOLS)
        words = "our requests to lighter for this minute are used up, room in "
        assert read.failures[LIGHTER].startswith(words)
        assert stage.clock.monotonic_s() - before_s < 66

    on_stage(play)


def test_an_account_read_has_no_patience() -> None:
    """What a close stands on is answered at once, as a failure if need be."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.HTTP_429, "account")
        before_s = stage.clock.monotonic_s()
        assert {LIGHTER} == set((await ask(stage)).failures)
        assert stage.clock.monotonic_s() - before_s < 1

    on_stage(play)


def test_an_account_read_waits_where_nothing_is_at_stake() -> None:
    """The look at a free symbol is answered whole, after the wait, with fresh books."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.HTTP_429, "account")
        before_s = stage.clock.monotonic_s()
        read = await ask(stage, symbol="BTC", can_wait=True)

        assert (BOTH, {}) == (set(read.venues), read.failures)
        assert 60 <= stage.clock.monotonic_s() - before_s < 62
        for row in read.venues.values():
            assert row.quote is not None
            assert stage.clock.now_ms() - row.quote.received_at_ms < 2_000

    on_stage(play)


def test_an_account_read_holds_what_was_asked_for_only() -> None:
    """What was not asked for is None, never empty."""

    async def play(stage: Stage) -> None:
        read = await ask(stage)

        assert (4, BOTH) == (read.ask, set(read.venues))
        for row in read.venues.values():
            assert Decimal(10_000) == row.account.equity_usd
            assert (None,) * 4 == (row.orders, row.fills, row.payments, row.leverage)
            assert (None,) * 3 == (row.fees, row.quote, row.stats)

    on_stage(play)


def test_the_fills_of_every_symbol_come_with_the_markets_of_what_is_held() -> None:
    """Without a symbol: all fills, no payment, and on both venues the market that either holds."""

    async def play(stage: Stage) -> None:
        since_ms = stage.clock.now_ms()
        client_id = await buy(stage)
        read = await ask(stage, since_ms=since_ms)

        assert client_id in [row.client_id for row in read.venues[LIGHTER].fills or ()]
        for row in read.venues.values():
            assert (None, ["BTC"]) == (row.payments, list(row.instruments))

    on_stage(play)


def test_an_account_read_finds_orders_fills_and_payments() -> None:
    """Asked for everything of a symbol, it brings fills, payments, orders and prices."""

    async def play(stage: Stage) -> None:
        since_ms = stage.clock.now_ms()
        await buy(stage)
        await asyncio.sleep(180)  # past the settlement
        read = await ask(stage, symbol="BTC", orders=True, since_ms=since_ms)
        row = read.venues[LIGHTER]

        assert (1, 1) == (len(row.fills or ()), len(row.payments or ()))
        assert row.orders == ()
        assert row.quote is not None
        assert row.stats is not None

    on_stage(play)


def test_what_was_read_before_a_fence_does_not_count_after_it() -> None:
    """The list of orders was told, then a wait for the budget: what came in between is in it."""

    async def play(stage: Stage) -> None:
        stage.fault(PACIFICA, FaultKind.EFFECT_LATE, "send", delay_s=3)
        resting = stage.order(PACIFICA, Side.BUY, time_in_force=TimeInForce.GTC)
        price = stage.world.spec(PACIFICA, "BTC").instrument.price_down(resting.request.price / 2)
        resting = replace(resting, request=replace(resting.request, price=price))
        await Executor(stage.venues, stage.clock).send_orders(SendOrders(1, (resting,), Decimal(5)))
        stage.fault(PACIFICA, FaultKind.HTTP_429, "account")
        what = {"symbol": "BTC", "orders": True, "can_wait": True, "fence": (PACIFICA,)}
        row = (await ask(stage, **what)).venues[PACIFICA]
        assert row.is_fenced
        assert [resting.request.client_id] == [each.client_id for each in row.orders or ()]

    on_stage(play)


def test_an_account_read_tells_how_far_the_clocks_differ() -> None:
    """As the client measures it."""

    async def play(stage: Stage) -> None:
        rows = (await ask(stage)).venues
        assert dict.fromkeys(VenueName, 0) == {name: row.skew_ms for name, row in rows.items()}

    on_stage(play)


@pytest.mark.parametrize("venue", VenueName)
def test_a_fence_comes_before_the_read(venue: VenueName) -> None:
    """What was on its way when the fence was asked for cannot change what is read after it."""

    async def play(stage: Stage) -> None:
        stage.fault(venue, FaultKind.EFFECT_LATE, "send", delay_s=8)
        await buy(stage, venue)
        fenced = False
        for _ in range(10):
            row = (await ask(stage, symbol="BTC", fence=(venue,))).venues[venue]
            fenced = row.is_fenced
            if fenced:
                break
            await asyncio.sleep(1)
        await asyncio.sleep(20)
        assert (True, stage.held(venue)) == (fenced, row.account.size_of("BTC"))

    on_stage(play)


def test_an_urgent_read_goes_without_fills_that_are_refused() -> None:
    """The position is what a close stands on; the history may come later."""

    async def play(stage: Stage) -> None:
        stage.fault(PACIFICA, FaultKind.REPLY_LOST, "fills")
        read = await ask(stage, symbol="BTC", since_ms=0, urgent=True)
        row = read.venues[PACIFICA]
        assert ({}, None) == (read.failures, row.fills)
        assert "fills" in row.fills_missing

    on_stage(play)


def test_an_urgent_read_goes_without_orders_that_are_refused() -> None:
    """Nor does a list of what rests hide the position; unknown is not empty."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.HTTP_429, "open_orders")
        read = await ask(stage, symbol="BTC", orders=True, urgent=True)
        assert ({}, None, ()) == (read.failures, *(read.venues[v].orders for v in VenueName))

    on_stage(play)


def test_an_urgent_read_of_fills_leaves_the_payments_alone() -> None:
    """They are for the books, and cost as much."""

    async def play(stage: Stage) -> None:
        read = await ask(stage, symbol="BTC", since_ms=0, urgent=True)
        assert ((), None) == (read.venues[LIGHTER].fills, read.venues[LIGHTER].payments)

    on_stage(play)


@pytest.mark.parametrize("part", ["open_orders", "fills", "funding_payments", "account"])
def test_a_part_that_fails_takes_the_venue_out(part: str) -> None:
    """Half an answer would be read as a whole one: the venue is missing, with the reason."""

    async def play(stage: Stage) -> None:
        stage.fault(PACIFICA, FaultKind.REPLY_LOST, part)
        read = await ask(stage, symbol="BTC", orders=True, since_ms=0)

        assert ({LIGHTER}, {PACIFICA}) == (set(read.venues), set(read.failures))
        assert part in read.failures[PACIFICA]

    on_stage(play)


def test_leverage_is_set_and_read_back() -> None:
    """A setting that differs is changed, and the answer is what the venue says afterwards."""

    async def play(stage: Stage) -> None:
        before = {name: await venue.leverage("BTC") for name, venue in stage.venues.items()}
        read = await ask(stage, symbol="BTC", orders=True, leverage=1)

        assert all(setting.value > 1 for setting in before.values())
        assert dict.fromkeys(VenueName, 1) == leverages(read)
        for name, row in read.venues.items():
            assert 1 == (await stage.venues[name].leverage("BTC")).value
            assert row.fees is not None

    on_stage(play)


def test_a_market_with_a_margin_of_its_own_is_set_to_cross() -> None:
    """At 1x an isolated leg has only its own margin between it and liquidation."""

    async def play(stage: Stage) -> None:
        for exchange in stage.world.exchanges.values():
            exchange.set_margin_mode(ACCOUNT, "BTC", MarginMode.ISOLATED)
            exchange.set_leverage(ACCOUNT, "BTC", initial_margin_fraction=Decimal(1))
        read = await ask(stage, symbol="BTC", orders=True, leverage=1)

        settings = [row.leverage for row in read.venues.values()]
        assert [MarginMode.CROSS] * 2 == [row.margin_mode for row in settings if row is not None]
        assert dict.fromkeys(VenueName, 1) == leverages(read)

    on_stage(play)


def test_leverage_that_is_refused_is_reported_as_it_is() -> None:
    """After a few tries the real setting comes back with the reason, for the strategy to refuse."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.REJECT, "set_leverage", count=100)
        read = await ask(stage, symbol="BTC", leverage=1)

        assert leverages(read)[LIGHTER] > 1
        assert read.venues[LIGHTER].leverage_refusal
        assert not read.venues[PACIFICA].leverage_refusal

    on_stage(play)


def test_leverage_is_left_alone_where_somebody_holds_a_position() -> None:
    """A position there is the owner's, and so is its leverage."""

    async def play(stage: Stage) -> None:
        await buy(stage)
        read = await ask(stage, symbol="BTC", orders=True, leverage=1)

        settings = leverages(read)
        assert settings[LIGHTER] > 1
        assert 1 == settings[PACIFICA]

    on_stage(play)


def test_statistics_are_asked_for_when_the_stream_is_old() -> None:
    """The price of last resort is never that of a stream which has been silent for a while."""

    async def play(stage: Stage) -> None:
        made = reader(stage)
        await asyncio.sleep(3)
        stage.feed(LIGHTER).silence()
        stage.world.shock("BTC", Decimal(10))
        await asyncio.sleep(15)
        read = await made.read_accounts(ReadAccounts(1, symbol="BTC"))

        stats = read.venues[LIGHTER].stats
        assert stats is not None
        assert abs(stats.mark / stage.world.lighter.stats("BTC").mark - 1) < Decimal("0.01")

    on_stage(play)


def test_missing_statistics_do_not_hide_an_account() -> None:
    """With stream and statistics gone the account is still read; the price is None."""

    async def play(stage: Stage) -> None:
        stage.feed(LIGHTER).cut()
        stage.fault(LIGHTER, FaultKind.HTTP_5XX, "market_stats")
        read = await ask(stage, symbol="BTC")
        row = read.venues[LIGHTER]

        assert (None, None) == (row.stats, row.quote)
        assert Decimal(10_000) == row.account.equity_usd

    on_stage(play)


def test_one_slow_venue_does_not_delay_the_other() -> None:
    """Both are asked at the same time: the answer takes as long as the slower one."""

    async def play(stage: Stage) -> None:
        for venue in VenueName:
            stage.fault(venue, FaultKind.REPLY_LATE, "account", delay_s=3)
        before_s = stage.clock.monotonic_s()
        assert {} == (await ask(stage)).failures
        assert 3 <= stage.clock.monotonic_s() - before_s < 4

    on_stage(play)


def test_streaming_the_same_symbols_again_disturbs_nothing() -> None:
    """A symbol is added to what is streamed; one that is streamed already changes nothing."""

    async def play(stage: Stage) -> None:
        made = reader(stage)
        made.stream(("BTC",))
        await asyncio.sleep(2)
        with pytest.raises(StaleData):
            stage.venues[LIGHTER].quote("ETH")
        made.stream_also("ETH")
        made.stream_also("BTC")
        await asyncio.sleep(2)

        assert all(stage.venues[LIGHTER].quote(symbol) for symbol in SYMBOLS)

    on_stage(play)


def test_a_venue_that_keeps_us_away_says_for_how_long() -> None:
    """Whoever closes a naked leg comes back then, and neither later nor in vain before."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.HTTP_429, "account")
        assert {LIGHTER: 60_000} == (await ask(stage, urgent=True)).retry_ms
        assert {} == (await ask(stage, urgent=True)).retry_ms

    on_stage(play)
