"""The Lighter client against the embedded venue: real requests and sockets, virtual time.

What every venue must do is in the contract suite; here is what is Lighter's own, and what becomes
of a write when the way to the venue breaks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from desk.core.account import MarginMode
from desk.core.errors import (
    ConfigError,
    InvariantBroken,
    NotSent,
    RateLimited,
    StaleData,
    VenueError,
    VenueUnavailable,
)
from desk.core.market import Instrument, MarketStatus
from desk.core.order import (
    Accepted,
    OrderKind,
    OrderRequest,
    OrderStatus,
    Outcome,
    Rejected,
    Side,
    TimeInForce,
    Unknown,
)
from desk.core.ports import Venue
from desk.core.stream import FillSeen, OrderSeen, StreamDown, StreamEvent, StreamUp
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.accounts import CHAIN_ID, LighterAccount, LighterKey
from desk.sim.faults import Fault, FaultKind
from desk.sim.serve import Embedded, start_embedded
from desk.sim.world import World
from desk.venues.lighter.orders import TxFate
from desk.venues.lighter.signer import PythonSigner
from lighter_client import LighterClient
from test.virtual import run_virtual

D = Decimal
START_MS = 1_700_000_000_000


@dataclass(slots=True)
class Desk:
    """An open client on an embedded venue."""

    client: LighterClient
    venue: Embedded
    eth: Instrument
    heard: list[StreamEvent] = field(default_factory=list)
    ids: int = 100

    def strike(self, kind: FaultKind, match: str = "sendTx", **changes: Any) -> None:
        """Let a fault strike the next operation that matches."""
        self.venue.plan.add(Fault(VenueName.LIGHTER, kind, match, **changes))

    def request(self, side: Side = Side.BUY, **changes: Any) -> OrderRequest:
        """Return an order for 0.1 ETH that will fill."""
        self.ids += 1
        price = self.eth.price_up(self.client.quote("ETH").mid * (1 + side.sign * D("0.01")))
        fields = {"size": D("0.1"), "price": price, "client_id": str(self.ids), **changes}
        return OrderRequest("ETH", side, **fields)

    async def place(self, side: Side = Side.BUY, **changes: Any) -> Outcome:
        """Sign, send, and let it come to rest."""
        outcome = await self.client.send(await self.client.sign(self.request(side, **changes)))
        await asyncio.sleep(1)
        return outcome

    async def held(self) -> Decimal:
        """Return the signed position."""
        return (await self.client.account()).size_of("ETH")

    def said(self, kind: type[StreamEvent]) -> list[Any]:
        """Return what the stream told of one kind."""
        return [event for event in self.heard if isinstance(event, kind)]


def client_of(venue: Embedded, clock: LoopClock, key: LighterKey | None, **changes: Any) -> Any:
    """Return a client for the venue's account with this key, or without one."""
    account = venue.credentials.lighter.account_index
    fields: dict[str, Any] = {
        "clock": clock,
        "jitter": lambda: 0.5,
        "base_url": venue.endpoints.lighter_url,
        "ws_url": venue.endpoints.lighter_ws_url,
        "limits": "off",
    }
    if key is not None:
        fields |= {"account_index": account, "api_key_index": key.index}
        fields["signer"] = signer_for(venue, clock, key, CHAIN_ID)
    return LighterClient(**{**fields, **changes})


def signer_for(
    venue: Embedded, clock: LoopClock, key: LighterKey, chain_id: int
) -> PythonSigner:
    """Return what signs with a key of the venue's account, for a chain."""
    return PythonSigner(
        key.private_key,
        account_index=venue.credentials.lighter.account_index,
        api_key_index=key.index,
        chain_id=chain_id,
        now_ms=clock.now_ms,
    )


def play(story: Callable[[Desk], Awaitable[None]], *, public: bool = False, **changes: Any) -> None:
    """Run a story with an open client that watches ETH."""

    async def main() -> None:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        world = World(7, start_ms=START_MS)
        venue = await start_embedded(world, clock=clock)
        key = None if public else venue.credentials.lighter.key
        client = client_of(venue, clock, key, **changes)
        heard: list[StreamEvent] = []
        client.listen(heard.append)
        client.watch(["ETH"])
        try:
            await client.open()
            await asyncio.sleep(2)
            eth = world.rows["ETH"].venues[VenueName.LIGHTER].instrument
            await story(Desk(client, venue, eth, heard))
        finally:
            await client.close()
            await venue.close()

    run_virtual(main())


# Life


def test_a_client_is_a_venue() -> None:
    """The port is met, by type and by name."""

    async def story(desk: Desk) -> None:
        venue: Venue = desk.client
        assert VenueName.LIGHTER is venue.name
        assert [StreamUp] == [type(event) for event in desk.said(StreamUp)]

    play(story)


def test_a_client_without_a_key_reads_what_is_public() -> None:
    """Statistics and books need no account; everything else says what is missing."""

    async def story(desk: Desk) -> None:
        assert (await desk.client.market_stats())["ETH"].mark > 0
        assert desk.client.quote("ETH").spread_bps > 0
        with pytest.raises(ConfigError, match="ACCOUNT_INDEX"):
            await desk.client.account()
        with pytest.raises(InvariantBroken):
            await desk.client.cancel_all()

    play(story, public=True)


def refused_start(changed: Callable[[LighterAccount], dict[str, Any]]) -> str:
    """Return what a client of the account, with one thing changed, says at its start."""

    async def main() -> None:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        venue = await start_embedded(World(7, start_ms=START_MS), clock=clock)
        keys = venue.credentials.lighter
        client = client_of(venue, clock, keys.key, **changed(keys))
        try:
            await client.open()
        finally:
            await client.close()
            await client.close()
            await venue.close()

    with pytest.raises(ConfigError) as caught:
        run_virtual(main())
    return str(caught.value)


def test_a_key_that_is_not_registered_stops_the_start() -> None:
    """The message names the three variables that belong together."""
    said = refused_start(lambda keys: {"api_key_index": keys.emergency_key.index})

    assert "API_KEY_PRIVATE_KEY is not the key registered as API_KEY_INDEX 5" in said
    assert "(ACCOUNT_INDEX)" in said


def test_an_account_lighter_does_not_know_stops_the_start() -> None:
    """The variable and the mend are named, not the venue's code."""
    said = refused_start(lambda keys: {"account_index": keys.account_index + 1})

    assert "is unknown to Lighter: set the number of your (sub-)account" in said
    assert said.startswith("ACCOUNT_INDEX ")


def test_an_index_without_a_key_stops_the_start() -> None:
    """The variable is that of the pair the client was made from."""
    said = refused_start(lambda _: {"api_key_index": 99, "key_name": "EMERGENCY_API_KEY"})

    assert said.startswith("EMERGENCY_API_KEY_INDEX 99 is no key of Lighter account ")
    assert "or make a key there" in said


def test_a_venue_that_is_out_is_unavailable() -> None:
    """Reads raise, quotes are stale, and it all comes back."""

    async def story(desk: Desk) -> None:
        desk.strike(FaultKind.OUTAGE, match="", delay_s=60, since_ms=START_MS + 2_000)
        await asyncio.sleep(1)
        with pytest.raises(VenueError):
            await desk.client.account()
        with pytest.raises(StaleData):
            desk.client.quote("ETH")
        await asyncio.sleep(120)
        assert D(0) == await desk.held()
        assert desk.client.quote("ETH").bid > 0
        assert [True, True] == [bool(desk.said(kind)) for kind in (StreamDown, StreamUp)]

    play(story)


# Lighter's own requests


def test_a_batch_places_triggers_together() -> None:
    """Stop and take-profit in one request, each with its own outcome."""

    async def story(desk: Desk) -> None:
        await desk.place()
        mid = desk.client.quote("ETH").mid
        signed = []
        for kind, factor in ((OrderKind.STOP, "0.8"), (OrderKind.TAKE_PROFIT, "1.2")):
            at = desk.eth.price_down(mid * D(factor))
            price = desk.eth.price_down(at * D("0.97"))
            changes = {"kind": kind, "trigger_price": at, "price": price, "reduce_only": True}
            signed.append(await desk.client.sign(desk.request(Side.SELL, **changes)))
        outcomes = await desk.client.send_batch(signed)
        await asyncio.sleep(1)
        assert [Accepted, Accepted] == [type(outcome) for outcome in outcomes]
        kinds = {order.kind: order.status for order in await desk.client.open_orders("ETH")}
        pending = OrderStatus.PENDING
        assert {OrderKind.STOP: pending, OrderKind.TAKE_PROFIT: pending} == kinds

    play(story)


def test_a_resting_order_can_be_modified() -> None:
    """Size and price change, the id stays."""

    async def story(desk: Desk) -> None:
        price = desk.eth.price_down(desk.client.quote("ETH").bid * D("0.98"))
        await desk.place(time_in_force=TimeInForce.GTC, price=price)
        our_id = str(desk.ids)
        change = desk.client.modify("ETH", client_id=our_id, size=D("0.2"), price=price - 1)
        assert isinstance(await change, Accepted)
        await asyncio.sleep(1)
        order = await desk.client.find_order("ETH", our_id)
        assert order is not None
        assert (D("0.2"), price - 1) == (order.size, order.price)

    play(story)


def test_cancels_can_be_scheduled_and_called_off() -> None:
    """The dead man's switch: set, called off, set again, and it acts."""

    async def story(desk: Desk) -> None:
        price = desk.eth.price_down(desk.client.quote("ETH").bid * D("0.9"))
        await desk.place(time_in_force=TimeInForce.GTC, price=price)
        at_ms = START_MS + 400_000
        for when in (at_ms, None, at_ms):
            assert isinstance(await desk.client.schedule_cancel_all(when), Accepted)
        assert 1 == len(await desk.client.open_orders())
        await asyncio.sleep(420)
        assert [] == await desk.client.open_orders()

    play(story)


def test_leverage_and_margin_mode_are_read_back() -> None:
    """A market never touched has its default; then what was set, mode included."""

    async def story(desk: Desk) -> None:
        assert D(20) == (await desk.client.leverage("ETH")).value
        await desk.client.set_leverage("ETH", value=3, mode=MarginMode.ISOLATED)
        await asyncio.sleep(1)
        read = await desk.client.leverage("ETH")
        assert (True, MarginMode.ISOLATED) == (D("2.99") < read.value <= 3, read.margin_mode)

    play(story)


def test_a_rejection_by_the_sequencer_is_told() -> None:
    """The gateway takes a reduce-only order without a position; no order row ever shows."""

    async def story(desk: Desk) -> None:
        outcome = await desk.place(Side.SELL, reduce_only=True)
        assert isinstance(outcome, Accepted)
        assert [OrderStatus.REJECTED] == [e.order.status for e in desk.said(OrderSeen)]
        order = await desk.client.find_order("ETH", str(desk.ids))
        assert order is not None
        assert OrderStatus.REJECTED is order.status
        assert TxFate.FAILED is await desk.client.resolve_unknown(outcome.reference)

    play(story)


def test_inactive_orders_come_newest_first() -> None:
    """Two orders that are gone, and a limit that is kept."""

    async def story(desk: Desk) -> None:
        await desk.place()
        await desk.place(Side.SELL)
        gone = await desk.client.inactive_orders("ETH", limit=1)
        assert [str(desk.ids)] == [order.client_id for order in gone]

    play(story)


# Writes whose way breaks


def test_a_write_that_was_lost_after_its_effect_is_found() -> None:
    """Unknown first, then executed; the next write counts on."""

    async def story(desk: Desk) -> None:
        desk.strike(FaultKind.REQUEST_LOST_AFTER)
        outcome = await desk.place()
        assert isinstance(outcome, Unknown)
        assert TxFate.EXECUTED is await desk.client.resolve_unknown(outcome.reference)
        assert D("0.1") == await desk.held()
        assert isinstance(await desk.place(Side.SELL, reduce_only=True), Accepted)
        assert D(0) == await desk.held()

    play(story)


@pytest.mark.parametrize("past_life", [False, True])
def test_a_fence_voids_a_write_that_lands_late(past_life: bool) -> None:
    """A cancel-all in an empty market takes the nonce; what arrives later is refused."""

    async def story(desk: Desk) -> None:
        desk.strike(FaultKind.EFFECT_LATE, delay_s=30)
        outcome = await desk.place()
        assert isinstance(outcome, Unknown)
        assert TxFate.NOT_FOUND is await desk.client.resolve_unknown(outcome.reference)
        with pytest.raises(NotSent, match="in doubt"):
            await desk.place()
        assert await desk.client.fence(past_life=past_life)
        await asyncio.sleep(60)
        assert TxFate.FAILED is await desk.client.resolve_unknown(outcome.reference)
        assert D(0) == await desk.held()

    play(story)


def test_a_fence_does_not_lean_on_an_older_transaction() -> None:
    """The gateway took the one nobody answered for; that an earlier one is final proves nothing."""

    async def story(desk: Desk) -> None:
        assert isinstance(await desk.place(), Accepted)
        assert await desk.client.fence(past_life=False)
        desk.strike(FaultKind.REPLY_LOST)
        assert isinstance(await desk.place(), Unknown)
        desk.strike(FaultKind.REQUEST_LOST_BEFORE)
        assert not await desk.client.fence(past_life=False)
        writes = desk.client._api.writes
        assert await desk.client.fence(past_life=False)
        assert writes < desk.client._api.writes

    play(story)


def test_a_nonce_that_somebody_else_used_is_noticed_before_an_opening() -> None:
    """The emergency close takes one with our key; the look before an opening asks anew."""

    async def story(desk: Desk) -> None:
        assert isinstance(await desk.place(), Accepted)
        desk.strike(FaultKind.NONCE_STRANGER)
        await asyncio.sleep(60)
        await desk.client.leverage("BTC")
        assert isinstance(await desk.place(), Accepted)

    play(story)


def test_a_fence_that_is_not_answered_proves_nothing() -> None:
    """The transaction that should void another was lost, too."""

    async def story(desk: Desk) -> None:
        desk.strike(FaultKind.EFFECT_LATE, delay_s=30)
        assert isinstance(await desk.place(), Unknown)
        desk.strike(FaultKind.REQUEST_LOST_BEFORE)
        assert not await desk.client.fence(past_life=False)
        assert await desk.client.fence(past_life=False)
        await asyncio.sleep(60)
        assert D(0) == await desk.held()

    play(story)


def test_a_fence_goes_on_to_the_next_market_where_one_refuses_it() -> None:
    """A market that was stopped a moment ago must not leave the doubt standing."""

    async def story(desk: Desk) -> None:
        desk.strike(FaultKind.EFFECT_LATE, delay_s=30)
        assert isinstance(await desk.place(), Unknown)
        desk.strike(FaultKind.REJECT, code="21605")
        assert await desk.client.fence(past_life=False)
        await asyncio.sleep(60)
        assert D(0) == await desk.held()

    play(story)


def test_a_fence_is_drawn_where_markets_trade_and_first_where_we_do() -> None:
    """A dead market refuses what would void the doubt, for as long as it is asked."""

    async def story(desk: Desk) -> None:
        client = desk.client
        alive = ("BTC", "SOL", "ETH")
        client._instruments = {
            symbol: row if symbol in alive else replace(row, status=MarketStatus.INACTIVE)
            for symbol, row in client._instruments.items()
        }
        assert ["ETH", "BTC", "SOL"] == await client._quiet_markets()

    play(story)


def test_a_fence_is_drawn_once_for_a_past_life() -> None:
    """Where nothing was sent there is nothing to void, unless a former process sent something."""

    async def story(desk: Desk) -> None:
        writes = desk.client._api.writes
        assert await desk.client.fence(past_life=False)
        assert writes == desk.client._api.writes
        assert await desk.client.fence(past_life=True)
        drawn = desk.client._api.writes
        assert writes < drawn
        assert await desk.client.fence(past_life=True)
        assert drawn == desk.client._api.writes

    play(story)


def test_a_close_is_not_held_up_by_a_lost_close() -> None:
    """The first close never arrived: the second takes its nonce and closes, once."""

    async def story(desk: Desk) -> None:
        await desk.place()
        desk.strike(FaultKind.EFFECT_LATE, delay_s=10)
        assert isinstance(await desk.place(Side.SELL, reduce_only=True), Unknown)
        assert isinstance(await desk.place(Side.SELL, reduce_only=True), Accepted)
        await asyncio.sleep(20)
        assert D(0) == await desk.held()
        assert 2 == len({fill.fill.fill_id for fill in desk.said(FillSeen)})

    play(story)


@pytest.mark.parametrize("kind", [FaultKind.HTTP_429, FaultKind.HTTP_405, FaultKind.REJECT])
def test_a_refused_write_did_not_happen(kind: FaultKind) -> None:
    """Overload and refusal are certain; the nonce is used by the next write."""

    async def story(desk: Desk) -> None:
        desk.strike(kind, code="21739")
        assert isinstance(await desk.place(), Rejected)
        await asyncio.sleep(61)
        assert isinstance(await desk.place(), Accepted)
        assert D("0.1") == await desk.held()

    play(story)


@pytest.mark.parametrize(
    "kind",
    [FaultKind.REPLY_LOST, FaultKind.HTML_BODY, FaultKind.RESET_MID_BODY, FaultKind.MALFORMED],
)
def test_an_unreadable_reply_leaves_a_doubt_that_can_be_settled(kind: FaultKind) -> None:
    """Whatever became of the answer, the hash tells what became of the order."""

    async def story(desk: Desk) -> None:
        desk.strike(kind)
        outcome = await desk.place()
        assert isinstance(outcome, Unknown)
        found = await desk.client.resolve_unknown(outcome.reference)
        filled = await desk.held() == D("0.1")
        assert filled is (found is TxFate.EXECUTED)

    play(story)


def test_a_strangers_nonce_is_noticed() -> None:
    """Somebody else uses our key: one write is refused by its nonce, the next is right."""

    async def story(desk: Desk) -> None:
        await desk.place()
        desk.strike(FaultKind.NONCE_STRANGER, match="")
        outcome = await desk.place()
        assert isinstance(outcome, Rejected)
        assert "21104" == outcome.code
        assert isinstance(await desk.place(), Accepted)

    play(story)


def test_unknown_fields_and_rows_are_tolerated() -> None:
    """An answer with things nobody documented reads like any other."""

    async def story(desk: Desk) -> None:
        desk.strike(FaultKind.UNKNOWN_FIELDS, match="", count=5)
        assert isinstance(await desk.place(), Accepted)
        assert D("0.1") == await desk.held()
        assert (await desk.client.market_stats())["ETH"].mark > 0

    play(story)


@pytest.mark.parametrize(
    "kind", [FaultKind.STREAM_CLOSED, FaultKind.BOOK_GAP, FaultKind.STREAM_REORDER]
)
def test_a_broken_stream_mends_itself(kind: FaultKind) -> None:
    """Half a minute later the book stands again and never crossed in between."""

    async def story(desk: Desk) -> None:
        desk.strike(kind, match="")
        await asyncio.sleep(30)
        quote = desk.client.quote("ETH")
        assert quote.bid < quote.ask

    play(story)


def test_a_stream_that_does_not_stand_stops_the_start() -> None:
    """Without its stream a client is not open: the reason is told."""

    async def main() -> None:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        venue = await start_embedded(World(7, start_ms=START_MS), clock=clock)
        client = client_of(venue, clock, None, ws_url="ws://127.0.0.1:9/stream")
        try:
            await client.open()
        finally:
            await client.close()
            await venue.close()

    with pytest.raises(VenueUnavailable, match="cannot connect"):
        run_virtual(main())


def test_an_order_that_our_budget_cannot_send_is_not_signed() -> None:
    """A pair must not be split by our own count: known before the twin leaves; closes still go."""

    async def story(desk: Desk) -> None:
        while desk.client.budget.wait_s() == 0:
            desk.client.budget.take("read")

        with pytest.raises(RateLimited):
            await desk.client.sign(desk.request())

        assert await desk.client.sign(desk.request(Side.SELL, reduce_only=True))

    play(story, limits="published")


def test_a_signature_for_another_chain_names_the_variable() -> None:
    """The venue says no more than that it is invalid; the key was proved at the start."""

    async def main() -> object:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        venue = await start_embedded(World(7, start_ms=START_MS), clock=clock)
        key = venue.credentials.lighter.key
        signer = signer_for(venue, clock, key, CHAIN_ID + 1)
        client = client_of(venue, clock, key, signer=signer)
        try:
            await client.open()
            return await client.set_leverage("ETH", value=1)
        finally:
            await client.close()
            await venue.close()

    refused = run_virtual(main())
    assert isinstance(refused, Rejected)
    assert "LIGHTER_CHAIN_ID is probably not the one of LIGHTER_BASE_URL" in refused.message
