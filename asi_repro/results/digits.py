"""The digits of the numbers that Git holds: as many as come out the same on every kind of CPU.

Kinds of CPU add in different orders, so that the last bits of a training differ from its first product on. Of
five models that were trained and scored on two kinds (24 steps at the smoke scale), losses and differences of
losses differ by at most 3e-5 nats (1e-4 above 10, where the records had four decimals), and accuracies,
counts and p-values not at all. So a loss (bits per
byte are one) keeps three decimals, a p-value two significant digits, and everything else six.

Rounding alone only moves the difference to the values that lie at a boundary: two losses 3e-5 apart round to
different thousandths in 3 % of cases. So a figure that is already in the file stays there while it holds: a
number while the new value is within three quarters of a unit of its last digit (half a unit for the rounding,
and a quarter, 2.5e-4 nats, for the machine), a p-value while it is within a tenth
of itself (one draw of 10,000 that falls on the other side of zero is 0.0002). What is written into an empty
folder is plainly rounded. An accuracy can still differ by an
item whose two best answers are as good as equal.
"""

from __future__ import annotations

import math
from typing import Any

from asi_repro.results.evaluation import BITS, MARGIN

LOSSES = frozenset({"loss", "validation_loss", "loss_at_equal_flops", BITS, MARGIN})
LOSS_DECIMALS = 3
LOSS_NOISE = 1e-4  # nats: two models whose losses differ by less are equal on another machine
P_VALUES = frozenset({"p_value", "holm_p_value"})
P_VALUE_DIGITS, OTHER_DIGITS = 2, 6
SUM_DIGITS = 9  # of what one machine computes from numbers it was given: only the last bits of a sum differ
_ZERO = 1e-12  # what sums in another order leave of nothing


def nine_digits(value: Any) -> Any:
    """JSON whose numbers come from the same inputs, to as many significant digits as any CPU gives."""
    if isinstance(value, dict):
        return {key: nine_digits(each) for key, each in value.items()}
    if isinstance(value, list):
        return [nine_digits(each) for each in value]
    return float(f"{value:.{SUM_DIGITS}g}") if isinstance(value, float) else value


def settled(new: Any, there: Any = None, *path: str) -> Any:
    """JSON with its numbers rounded, or as they are in the file.

    Args:
        new: objects, lists and plain values.
        there: the same as it was read from the file; None where there was none.
        path: the keys that lead to `new`, which say what kind of number it is.
    """
    if isinstance(new, dict):
        known = there if isinstance(there, dict) else {}
        return {key: settled(value, known.get(key), *path, key) for key, value in new.items()}
    if isinstance(new, list):
        olds = there if isinstance(there, list) and len(there) == len(new) else [None] * len(new)
        return [settled(value, old, *path) for value, old in zip(new, olds, strict=True)]
    if not isinstance(new, float):
        return new
    if (
        isinstance(there, float)
        and round(there, _decimals(there, path)) == there
        and _holds(there, new, path)
    ):
        return there
    return round(new, _decimals(new, path)) + 0.0


def _holds(there: float, new: float, path: tuple[str, ...]) -> bool:
    within = 0.1 * there if path and path[-1] in P_VALUES else 0.75 * 10.0 ** -_decimals(there, path)
    return abs(new - there) <= within


def _decimals(value: float, path: tuple[str, ...]) -> int:
    if path and path[-1] in P_VALUES:
        digits = P_VALUE_DIGITS
    elif LOSSES.isdisjoint(path):
        digits = OTHER_DIGITS
    else:
        return LOSS_DECIMALS
    return digits - 1 - math.floor(math.log10(abs(value))) if abs(value) > _ZERO else 11
