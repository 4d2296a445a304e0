"""How Lighter prints and scales numbers.

Amounts and prices are texts padded to the market's decimals: clients delete the point to get the
integer form, so "2350.1" where "2350.10" is meant would be read ten times too small. Market
statistics are JSON numbers; that crossing is `json_number` and nothing else.
"""

from decimal import Decimal

USD_DECIMALS = 6
FEE_TICK = Decimal("0.000001")
MARGIN_FRACTION_STEP = Decimal("0.0001")
MS_BOUND = 100_000_000_000  # an instant at or above this is in ms, below it in seconds


def padded(value: Decimal, decimals: int) -> str:
    """Return `value` with exactly `decimals` digits after the point, rounded half to even."""
    return f"{value:.{decimals}f}"


def usd(value: Decimal) -> str:
    """Return a USDC amount with the venue's six decimals."""
    return padded(value, USD_DECIMALS)


def percent(fraction: Decimal, decimals: int = 4) -> str:
    """Return a fraction as percent text: 0.000012 is "0.0012"."""
    return padded(fraction * 100, decimals)


def json_number(value: Decimal) -> float:
    """Return a statistic as the JSON number the venue prints; never read back into money."""
    return float(value)


def decimals_of(step: Decimal) -> int:
    """Return how many digits after the point a power-of-ten step has."""
    exponent = step.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{step} is not a finite step")
    return max(0, -exponent)


def digits(text: str) -> int:
    """Return the wire integer of a padded amount: its digits without the point."""
    return int(text.replace(".", ""))


def unscaled(number: int, decimals: int) -> Decimal:
    """Return the amount that the wire integer `number` stands for."""
    return Decimal(number).scaleb(-decimals)


def fraction_units(fraction: Decimal) -> int:
    """Return a margin fraction in the venue's 1e-4 units: 0.05 is 500."""
    return int(fraction / MARGIN_FRACTION_STEP)


def fee_ticks(fee: Decimal) -> int:
    """Return a fee fraction in the venue's 1e-6 ticks: 0.00028 is 280."""
    return int(fee / FEE_TICK)


def instant_ms(number: int) -> int:
    """Return an instant given in seconds or milliseconds as milliseconds, told by magnitude."""
    return number if number >= MS_BOUND else number * 1000
