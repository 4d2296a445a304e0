"""Rank symbols by the funding they would earn, and say of each what keeps it from being opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from desk.core.book import Quote
from desk.core.events import VenueMarkets
from desk.core.funding import HourlyRate
from desk.core.market import FeeRates, MarketStats, MarketStatus
from desk.core.venue import VenueName
from desk.hedge import economics, history, worth
from desk.hedge.config import Config
from desk.hedge.economics import Costs
from desk.hedge.forecast import HORIZONS, Forecast
from desk.hedge.history import Histories
from desk.hedge.worth import Plan

BOTH = (VenueName.LIGHTER, VenueName.PACIFICA)
# Marks of the same future on two venues differ by basis points; beyond this (a fraction) something
# else is being compared.
MARKS_APART_MAX = Decimal("0.05")
_EARNINGS = ("require_expected_profit",)
_EDGE = ("min_net_apr_threshold", *_EARNINGS)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a symbol is not opened: a few words, its figures stand in the `Candidate`.

    `key` is the setting that would change it, None if none would. `missing_bps` is by how much it
    fell short, over the hold that was weighed, where that can be said.
    """

    reason: str
    key: str | None = None
    missing_bps: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One symbol looked at. Rates are None for a venue that does not show one.

    `spread` is what the better direction earns per hour (>= 0), going long on `long_venue`.
    `costs` are the fees alone, a lower bound, where a book is missing. `plan` is the hold that is
    weighed, None without a spread; `break_even` is after how many settlements it has paid its
    costs, None where that is not expected or not known. `is_prior` where the symbol's own history
    is too short to choose a hold, and the prior speaks of the first one; `funding_bps` is expected
    over that.
    """

    symbol: str
    rates: dict[VenueName, HourlyRate | None]
    stats: dict[VenueName, MarketStats]
    quotes: dict[VenueName, Quote]
    long_venue: VenueName | None
    spread: HourlyRate | None
    funding_bps: Decimal | None
    costs: Costs
    refusals: tuple[Refusal, ...]
    plan: Plan | None = None
    is_prior: bool = True
    break_even: int | None = None

    @property
    def cost_bps(self) -> Decimal:
        """Return what a round trip costs in all."""
        return self.costs.total_bps

    @property
    def is_eligible(self) -> bool:
        """Return whether nothing stands against opening it."""
        return not self.refusals

    @property
    def net_bps(self) -> Decimal | None:
        """Return what the weighed hold is expected to leave, None without a spread."""
        return None if self.plan is None else self.plan.net_bps

    @property
    def bars(self) -> tuple[Refusal, ...]:
        """Return what stands against opening it besides what it would earn."""
        return tuple(row for row in self.refusals if row.key not in _EDGE)

    @property
    def is_worth_a_history(self) -> bool:
        """Return whether nothing but what it would earn stands against opening it."""
        return self.plan is not None and all(row.key in _EARNINGS for row in self.refusals)


def rank(
    config: Config,
    markets: Mapping[VenueName, VenueMarkets],
    *,
    at_ms: int,
    set_aside: Mapping[str, str],
    needs_quotes: bool = True,
    histories: Histories | None = None,
) -> list[Candidate]:
    """Return every symbol to look at: what may be opened first, the most expected net first.

    Legs are of one size, so the most basis points are the most dollars. Where the owner asks for no
    expected profit, the widest spread comes first.

    `set_aside` maps symbols that must not be opened now to the reason. Symbols no venue lists are
    kept, with that refusal, when the owner named them. `needs_quotes` False is for recorded
    snapshots that hold no books.
    """
    candidates = [
        _judge(
            config,
            markets,
            symbol,
            at_ms=at_ms,
            set_aside=set_aside.get(symbol),
            needs_quotes=needs_quotes,
            histories=histories or {},
        )
        for symbol in _symbols(config, markets)
    ]
    return sorted(candidates, key=lambda row: _order(config, row))


def best(candidates: list[Candidate]) -> Candidate | None:
    """Return the first of `rank`'s list if it may be opened."""
    return candidates[0] if candidates and candidates[0].is_eligible else None


def _symbols(config: Config, markets: Mapping[VenueName, VenueMarkets]) -> list[str]:
    if config.symbols_to_monitor:
        return list(config.symbols_to_monitor)
    first, second = (markets[venue].instruments for venue in BOTH)
    return sorted(first.keys() & second.keys())


def _order(config: Config, candidate: Candidate) -> tuple[bool, Decimal, str]:
    plan = candidate.plan
    if candidate.spread is None or plan is None:
        return (not candidate.is_eligible, Decimal("Infinity"), candidate.symbol)
    value = merit(config, candidate.spread, plan, is_prior=candidate.is_prior)
    return (not candidate.is_eligible, -value, candidate.symbol)


def merit(config: Config, spread: HourlyRate, plan: Plan, *, is_prior: bool) -> Decimal:
    """Return by what symbols are ranked: the most is opened first."""
    if not config.require_expected_profit:
        return spread.fraction
    return plan.net_bps if is_prior else plan.sure_bps


def _judge(
    config: Config,
    markets: Mapping[VenueName, VenueMarkets],
    symbol: str,
    *,
    at_ms: int,
    set_aside: str | None,
    needs_quotes: bool,
    histories: Histories,
) -> Candidate:
    stats = {venue: row.stats[symbol] for venue, row in markets.items() if symbol in row.stats}
    quotes = {venue: row.quotes[symbol] for venue, row in markets.items() if symbol in row.quotes}
    rates = {venue: stats[venue].funding_next if venue in stats else None for venue in BOTH}
    long_venue, spread = _direction(rates)
    costs = _costs(markets, symbol, quotes, long_venue)
    edge: list[Refusal] = []
    funding = plan = forecast = back_after = None
    if spread is not None and long_venue is not None:
        payments = economics.settlements_between(at_ms, at_ms + config.hold_ms)
        forecast = history.foresee(histories.get(symbol), _signed(rates), at_ms)
        cost = costs.total_bps
        plan = plan_for(config, forecast, spread, long_venue, payments=payments, cost_bps=cost)
        edge = lacking(config, spread, plan, is_prior=forecast is None)
        funding = plan.funding_bps
        if forecast is not None:
            funding = worth.expected_bps(forecast, long_venue, payments)
            back_after = worth.break_even(forecast, long_venue, cost)
    refusals = [
        *([Refusal(set_aside)] if set_aside else []),
        *listing(markets, symbol),
        *agreement(stats),
        *liquidity(config, markets, symbol, needs_quotes),
        *edge,
    ]
    return Candidate(
        symbol,
        rates,
        stats,
        quotes,
        long_venue,
        spread,
        funding,
        costs,
        tuple(refusals),
        plan,
        forecast is None,
        back_after,
    )


def _costs(
    markets: Mapping[VenueName, VenueMarkets],
    symbol: str,
    quotes: Mapping[VenueName, Quote],
    long_venue: VenueName | None,
) -> Costs:
    """Return the round trip as taker: what the bot enters as today, whatever `entry_style` says."""
    impacts = {
        venue: row.impacts[symbol] for venue, row in markets.items() if symbol in row.impacts
    }
    return economics.round_trip(_fees(markets), quotes, impacts=impacts, long_venue=long_venue)


def _signed(rates: Mapping[VenueName, HourlyRate | None]) -> HourlyRate:
    """Return Lighter's rate less Pacifica's; both are known."""
    lighter, pacifica = rates[VenueName.LIGHTER], rates[VenueName.PACIFICA]
    assert lighter is not None, "a spread has two rates"
    assert pacifica is not None, "a spread has two rates"
    return lighter - pacifica


def plan_for(
    config: Config,
    forecast: Forecast | None,
    spread: HourlyRate,
    long_venue: VenueName,
    *,
    payments: int,
    cost_bps: Decimal,
) -> Plan:
    """Return the best hold there is, or the first one where it is the last or nothing more is
    known: `payments` are its."""
    if forecast is None:
        funding_bps = economics.expected_funding_bps(spread, payments)
        return Plan(max(payments, 1), funding_bps, Decimal(0), cost_bps)
    horizons = HORIZONS if config.renew_hold else (max(payments, 1),)
    return worth.best_plan(forecast, long_venue, cost_bps, horizons=horizons)


def _direction(
    rates: Mapping[VenueName, HourlyRate | None],
) -> tuple[VenueName | None, HourlyRate | None]:
    """Long where funding is lower: a long pays the rate, a short receives it."""
    lighter, pacifica = rates[VenueName.LIGHTER], rates[VenueName.PACIFICA]
    if lighter is None or pacifica is None:
        return None, None
    if lighter <= pacifica:
        return VenueName.LIGHTER, pacifica - lighter
    return VenueName.PACIFICA, lighter - pacifica


def _fees(markets: Mapping[VenueName, VenueMarkets]) -> dict[VenueName, FeeRates]:
    return {venue: row.fees or economics.PUBLISHED_FEES[venue] for venue, row in markets.items()}


def listing(markets: Mapping[VenueName, VenueMarkets], symbol: str) -> list[Refusal]:
    """Return which of these venues does not list the symbol, or takes no new position in it."""
    refusals = []
    for venue, row in markets.items():
        instrument = row.instruments.get(symbol)
        if instrument is None:
            refusals.append(Refusal(f"{venue} does not list {symbol}", "symbols_to_monitor"))
        elif instrument.status is not MarketStatus.ACTIVE:
            refusals.append(Refusal(f"{venue} market is {instrument.status}"))
        elif symbol not in row.stats:
            refusals.append(Refusal(f"{venue} shows no funding rate"))
    return refusals


def agreement(stats: Mapping[VenueName, MarketStats]) -> list[Refusal]:
    """Two marks far apart are two different contracts under one name, or a broken mark."""
    marks = [row.mark for row in stats.values()]
    if len(marks) < len(BOTH) or max(marks) - min(marks) <= min(marks) * MARKS_APART_MAX:
        return []
    return [Refusal(f"marks differ: {min(marks).normalize():f} and {max(marks).normalize():f}")]


def liquidity(
    config: Config, markets: Mapping[VenueName, VenueMarkets], symbol: str, needs_quotes: bool
) -> list[Refusal]:
    """Return where too little is traded, or the book is too wide, broken or old."""
    refusals = []
    for venue, row in markets.items():
        stats, quote = row.stats.get(symbol), row.quotes.get(symbol)
        if stats is not None and _is_too_quiet(config, stats.volume_24h_usd):
            volume = _millions(stats.volume_24h_usd)
            refusals.append(Refusal(f"{venue} 24 h volume {volume}", "min_volume_24h_usd"))
        if quote is not None and quote.bid >= quote.ask:
            refusals.append(Refusal(f"{venue} book crossed"))
        elif quote is not None and quote.spread_bps > config.max_spread_bps:
            refusals.append(
                Refusal(f"{venue} book {quote.spread_bps:.1f} bp wide", "max_spread_bps")
            )
        if symbol in row.thin:
            text = f"the book of {venue} holds only {row.thin[symbol]:.0f} USD within the band"
            refusals.append(Refusal(text, "base_capital_allocation"))
        if needs_quotes and quote is None and symbol in row.instruments:
            refusals.append(Refusal(f"{venue} book not fresh"))
    return refusals


def _is_too_quiet(config: Config, volume_usd: Decimal | None) -> bool:
    """A volume nobody knows passes no filter, unless the owner switched the filter off."""
    least = config.min_volume_24h_usd
    return least > 0 and (volume_usd is None or volume_usd < least)


def _millions(volume_usd: Decimal | None) -> str:
    return "not known" if volume_usd is None else f"{volume_usd / 1_000_000:.2f} M USD"


def is_hopeless(
    config: Config, forecast: Forecast | None, spread: HourlyRate, cost_bps: Decimal
) -> bool:
    """Return whether no plan could make up for what a pair lacks: who looks at many need not weigh
    it."""
    if spread.apr_pct < config.min_net_apr_threshold:
        return True
    return config.require_expected_profit and not (
        forecast is None or forecast.may_exceed(cost_bps)
    )


def lacking(
    config: Config, spread: HourlyRate, plan: Plan, *, is_prior: bool
) -> list[Refusal]:
    """Return what a pair would have to earn more to be opened, nothing where it earns enough."""
    refusals = []
    short_apr = config.min_net_apr_threshold - spread.apr_pct
    if short_apr > 0:
        missing = short_apr / 100 / 8760 * config.hold_duration_hours * 10_000
        refusals.append(Refusal("spread below threshold", "min_net_apr_threshold", missing))
    left_bps = plan.net_bps if is_prior else plan.sure_bps
    if config.require_expected_profit and left_bps <= 0:
        is_short = plan.net_bps <= 0
        text = "funding below the costs" if is_short else "funding too unsure to pay the costs"
        refusals.append(Refusal(text, "require_expected_profit", -left_bps))
    return refusals
