"""Curves for a cumulative count, fitted to its increments as Poisson counts and compared by AIC.

Points of a cumulative count depend on all points before them, so least squares on them overstates
every fit. Their increments are independent where finds arrive at a rate, which is what each curve here
says: the rate is constant, has an onset, or bends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Vector = NDArray[np.float64]
_CARRIED_ON = 3
_FLOOR = 1e-9  # expected finds in an interval where a curve says none


@dataclass(frozen=True)
class Curve:
    """A cumulative curve over time scaled to [0, 1].

    Attributes:
        bends: whether the rate changes other than by starting.
        starts: values to begin the fit from, one tuple a parameter.
    """

    name: str
    bends: bool
    cumulative: Callable[[Vector, Sequence[float]], Vector]
    starts: tuple[tuple[float, ...], ...]


def _slopes(t: Vector, p: Sequence[float]) -> Vector:
    early, late = np.minimum(t, p[2]), np.maximum(t - p[2], 0)
    return np.asarray(np.exp(p[0]) * early + np.exp(p[1]) * late, dtype=np.float64)


def _logistic(t: Vector, p: Sequence[float]) -> Vector:
    scale = np.exp(p[2])
    at_zero = special.expit(-p[1] / scale)
    return np.asarray(np.exp(p[0]) * (special.expit((t - p[1]) / scale) - at_zero), dtype=np.float64)


# Rates and widths are logarithms, so that they stay positive.
CURVES = (
    Curve("line", False, lambda t, p: np.exp(p[0]) * t, ((4.0,),)),
    Curve(
        "line after an onset",
        False,
        lambda t, p: np.exp(p[0]) * np.maximum(t - p[1], 0),
        ((4.0, 5.0), (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)),
    ),
    Curve(
        "quadratic",
        True,
        lambda t, p: np.exp(p[0]) * (t + p[1] * t**2),
        ((3.0, 4.5), (-0.4, 0.0, 1.0, 4.0)),
    ),
    Curve("power", True, lambda t, p: np.exp(p[0]) * t ** np.exp(p[1]), ((4.0, 5.0), (-0.7, 0.0, 0.7))),
    Curve("logistic", True, _logistic, ((4.0, 5.0), (0.2, 0.5, 0.8), (-2.5, -1.5, 0.0))),
    Curve("two lines", True, _slopes, ((2.0, 4.0, 5.0), (2.0, 4.0, 5.0), (0.15, 0.3, 0.5, 0.7))),
)


@dataclass(frozen=True)
class Fit:
    """A fitted curve: parameters on scaled time, log-likelihood, and AIC (lower is better)."""

    curve: Curve
    parameters: tuple[float, ...]
    log_likelihood: float
    aic: float

    def at(self, times: Sequence[float], start: float, end: float) -> Vector:
        """Expected cumulative count since `start`, for a fit over `start` to `end`."""
        scaled = (np.asarray(times, dtype=np.float64) - start) / (end - start)
        return self.curve.cumulative(scaled, self.parameters)


def fit_curves(times: Sequence[float], counts: Sequence[float]) -> list[Fit]:
    """Every curve fitted to the increments of `counts` over `times`, best AIC first.

    Args:
        times: increasing.
        counts: cumulative, not decreasing, in whole numbers.

    Raises:
        ValueError: where they are not that.
    """
    at, cumulative = np.asarray(times, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    increments = np.diff(cumulative)
    if len(at) < 3 or len(at) != len(cumulative) or (np.diff(at) <= 0).any() or (increments < 0).any():
        raise ValueError("times must increase and cumulative counts must not fall")
    scaled = (at - at[0]) / (at[-1] - at[0])
    return sorted((_fit(curve, scaled, increments) for curve in CURVES), key=lambda fit: fit.aic)


def _fit(curve: Curve, times: Vector, increments: Vector) -> Fit:
    def loss(parameters: Sequence[float]) -> float:
        with np.errstate(all="ignore"):
            expected = np.diff(curve.cumulative(times, parameters))
            if not np.isfinite(expected).all() or (expected < 0).any():
                return 1e12
            expected = np.maximum(expected, _FLOOR)
            terms = increments * np.log(expected) - expected - special.gammaln(increments + 1)
        return -float(terms.sum())

    def descend(start: Sequence[float], steps: int) -> optimize.OptimizeResult:
        settings = {"maxiter": steps, "xatol": 1e-7, "fatol": 1e-9}
        return optimize.minimize(loss, start, method="Nelder-Mead", options=settings)

    # A curve with a kink has many local optima: a few steps from every start, then on from the best.
    tried = sorted((descend(start, 40) for start in product(*curve.starts)), key=lambda r: float(r.fun))
    best = min((descend(r.x, 1500) for r in tried[:_CARRIED_ON]), key=lambda r: float(r.fun))
    likelihood = -float(best.fun)
    return Fit(curve, tuple(map(float, best.x)), likelihood, 2 * len(curve.starts) - 2 * likelihood)
