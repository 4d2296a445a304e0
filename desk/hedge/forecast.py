"""The estimator `fading levels`: what a funding spread is expected to pay, and how sure that is.

A named estimator: float inside; `Decimal` comes out of `_bps` and nowhere else. Knows neither
costs nor decisions.

A spread is taken for the sum of two parts that fade at their own pace: a level that lasts for days
and a disturbance that lasts for minutes or hours. How long each lasts, and how much of the
spread's variance is level, differs from market to market and is not known: twenty such models run
side by side (each a Kalman filter in its steady state), and each is believed as far as it has
explained the market so far. Their mean is the forecast; what they cannot know of the level, and
where they disagree, is its doubt. Both parts fade to nothing, so nothing is ever expected to be
paid for good.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

HORIZONS = (1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96)
"""The holds that are weighed, in settlements. Four days: no record shows a spread for longer."""

_LEVEL_HOURS = (100.0, 400.0)
_DISTURBANCE_HOURS = (0.3, 1.5, 5.0, 20.0)
_LEVEL_SHARES = (0.05, 0.3)
_NO_LEVEL_WEIGHT = 2.0  # before anything was seen, no level is twice as likely as all levels
_PRIOR_HOURS = 10  # what is believed of a spread's size beforehand counts as much as these hours
_PRIOR_VARIANCE = (10 / 87.6) ** 2  # bp² an hour: a spread of 10 % a year
_EVIDENCE_SHARE = 0.5  # the models are wrong in the same hours, so each hour proves half
_SURPRISE_MAX = 4.0  # deviations: one wild hour does not make a calm market a wild one
_UNREST_HOURS = 24.0  # after a surprise the doubt is larger for about as long
_STEADY_ROUNDS = 2_000


@dataclass(frozen=True, slots=True)
class _Model:
    """One way a spread of variance 1 may behave.

    `level` and `disturbance` are memories in hours, the fades what is left after one, the gains
    what each part takes of a surprise; `variance` is that of the next hour before it is seen,
    `level_variance` that of the level once it has been.
    """

    level: float
    disturbance: float
    level_fade: float
    disturbance_fade: float
    level_gain: float
    disturbance_gain: float
    variance: float
    level_variance: float
    log_prior: float


def _model(level: float, disturbance: float, share: float, prior: float) -> _Model:
    """Return the filter its own variances settle on.

    Only the sum of the parts is seen, but exactly: what is too much in one is missing in the other,
    so one variance, `left`, is all that remains of three.
    """
    fade_l, fade_d = math.exp(-1 / level), math.exp(-1 / disturbance)
    var_l, var_d, both = share, 1 - share, 0.0
    for _ in range(_STEADY_ROUNDS):
        variance = var_l + var_d + 2 * both
        gain_l, gain_d = (var_l + both) / variance, (var_d + both) / variance
        left = max(var_l * var_d - both * both, 0.0) / variance
        var_l = fade_l**2 * left + share * (1 - fade_l**2)
        var_d = fade_d**2 * left + (1 - share) * (1 - fade_d**2)
        both = -fade_l * fade_d * left
    return _Model(
        level, disturbance, fade_l, fade_d, gain_l, gain_d, variance, left, math.log(prior)
    )


def _all_models() -> tuple[_Model, ...]:
    with_level = [
        _model(level, disturbance, share, 1.0)
        for level in _LEVEL_HOURS
        for disturbance in _DISTURBANCE_HOURS
        for share in _LEVEL_SHARES
    ]
    prior = _NO_LEVEL_WEIGHT * len(with_level) / len(_DISTURBANCE_HOURS)
    without = [_model(_LEVEL_HOURS[0], hours, 0.0, prior) for hours in _DISTURBANCE_HOURS]
    return (*with_level, *without)


_MODELS = _all_models()
_UNREST_FADE = math.exp(-1 / _UNREST_HOURS)
_STEPS = [
    (row.level_fade, row.disturbance_fade, row.level_gain, row.disturbance_gain, row.variance)
    for row in _MODELS
]
_LOG_SCALES = [math.log(row.variance) for row in _MODELS]


@cache
def _paid(memory_hours: float, settlements: int) -> float:
    """Return how many payments of itself a part makes in that many settlements, fading."""
    fade = math.exp(-1 / memory_hours)
    return fade * (1 - fade**settlements) / (1 - fade)


class Belief:
    """What has been learnt of one market's spread, hour by hour.

    Starts with nothing seen. Amounts are bp of notional an hour, with the sign of the spread.
    """

    __slots__ = ("_disturbances", "_hours", "_levels", "_squares", "_unrest")

    def __init__(self) -> None:
        """Begin with the prior alone."""
        count = len(_MODELS)
        self._levels = [0.0] * count
        self._disturbances = [0.0] * count
        self._squares = [_PRIOR_HOURS * _PRIOR_VARIANCE] * count
        self._unrest = [_PRIOR_VARIANCE] * count
        self._hours = float(_PRIOR_HOURS)

    def copy(self) -> "Belief":
        """Return another one that has learnt the same."""
        other = Belief()
        other._levels, other._disturbances = self._levels[:], self._disturbances[:]
        other._squares, other._unrest = self._squares[:], self._unrest[:]
        other._hours = self._hours
        return other

    def learn(self, spread_bps: float) -> None:
        """Take in the spread of the next hour."""
        levels, disturbances = self._levels, self._disturbances
        squares, unrest, hours = self._squares, self._unrest, self._hours
        bound = _SURPRISE_MAX**2 / hours
        for at, (fade_l, fade_d, gain_l, gain_d, variance) in enumerate(_STEPS):
            level, disturbance = fade_l * levels[at], fade_d * disturbances[at]
            surprise = spread_bps - level - disturbance
            levels[at] = level + gain_l * surprise
            disturbances[at] = disturbance + gain_d * surprise
            square = surprise * surprise / variance
            unrest[at] += (1 - _UNREST_FADE) * (square - unrest[at])
            squares[at] += min(square, bound * squares[at])
        self._hours = hours + 1

    def pass_over(self) -> None:
        """Let an hour go by of which nothing is known."""
        for at, (fade_l, fade_d, _, _, _) in enumerate(_STEPS):
            self._levels[at] *= fade_l
            self._disturbances[at] *= fade_d

    def next_bps(self) -> float:
        """Return the spread expected of the next hour."""
        return self.forecast().first()

    def forecast(self, *, first_bps: float | None = None) -> "Forecast":
        """Return what is expected from here on.

        With `first_bps` the last hour learnt has not been paid yet: that is its payment.
        """
        weights = self._weights()
        parts: dict[float, float] = {}
        for model, weight, level, disturbance in zip(
            _MODELS, weights, self._levels, self._disturbances, strict=True
        ):
            parts[model.level] = parts.get(model.level, 0.0) + weight * level
            before = parts.get(model.disturbance, 0.0)
            parts[model.disturbance] = before + weight * disturbance
        return Forecast(self, weights, parts, first_bps)

    def _weights(self) -> list[float]:
        """Return how far each model is believed: the sum is 1."""
        half = _EVIDENCE_SHARE * self._hours / 2
        scores = [
            model.log_prior - half * (math.log(square) + scale)
            for model, square, scale in zip(_MODELS, self._squares, _LOG_SCALES, strict=True)
        ]
        best = max(scores)
        weights = [math.exp(score - best) for score in scores]
        total = sum(weights)
        return [weight / total for weight in weights]

    def doubt(self, weights: Sequence[float], expected: float, settlements: int) -> float:
        """Return the deviation of a forecast of this belief, bp."""
        variance = 0.0
        for at, (model, weight) in enumerate(zip(_MODELS, weights, strict=True)):
            level = _paid(model.level, settlements)
            disturbance = _paid(model.disturbance, settlements)
            mean = level * self._levels[at] + disturbance * self._disturbances[at]
            size = max(self._squares[at] / self._hours, self._unrest[at])
            unknown = (level - disturbance) ** 2 * model.level_variance * size
            variance += weight * ((mean - expected) ** 2 + unknown)
        return math.sqrt(variance)


class Forecast:
    """What a spread is expected to pay over the next settlements, in bp of notional.

    Positive where Lighter's rate is the higher one, as in what was learnt. Reads the `Belief` it
    came from, so it holds until that learns more.
    """

    __slots__ = ("_belief", "_first_bps", "_parts", "_weights")

    def __init__(
        self,
        belief: Belief,
        weights: Sequence[float],
        parts: dict[float, float],
        first_bps: float | None,
    ) -> None:
        """`parts` maps each memory (hours) to the amount that fades with it."""
        self._belief = belief
        self._weights = weights
        self._parts = parts
        self._first_bps = first_bps

    def expected_bps(self, settlements: int) -> Decimal:
        """Return the sum of that many payments."""
        return _bps(self._expected(settlements))

    def doubt_bps(self, settlements: int) -> Decimal:
        """Return the deviation of that sum as far as it is not known: the scatter comes on top."""
        unpaid = settlements - (self._first_bps is not None)
        faded = self._faded(unpaid)
        return _bps(self._belief.doubt(self._weights, faded, unpaid))

    def first(self) -> float:
        """Return the next payment, for estimators that go on from it."""
        return self._expected(1)

    def may_exceed(self, amount_bps: Decimal) -> bool:
        """Return whether any sum over `HORIZONS` is above `amount_bps`, in either direction."""
        amount = float(amount_bps)
        return any(abs(self._expected(count)) > amount for count in HORIZONS)

    def _expected(self, settlements: int) -> float:
        if self._first_bps is None:
            return self._faded(settlements)
        return self._first_bps + self._faded(settlements - 1)

    def _faded(self, settlements: int) -> float:
        return sum(amount * _paid(memory, settlements) for memory, amount in self._parts.items())


def _bps(amount: float) -> Decimal:
    """Return an estimate as a Decimal: the only way out of floats here."""
    return Decimal(str(round(amount, 4)))
