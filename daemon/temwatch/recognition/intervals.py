"""How far figures from a few held-out rows, or from repeats that share rows, can be off: 95 % intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from temwatch.recognition.evaluation import Share


class Interval(NamedTuple):
    """A figure with its 95 % interval; NaN where it can't be told."""

    value: float
    low: float
    high: float


def of_repeats(values: Sequence[float], ratio: float) -> Interval:
    """Return the mean over repeated hold-outs and how far other draws of the rows would move it.

    Parameters
    ----------
    values : sequence of float
        One figure a hold-out.
    ratio : float
        Rows held out over rows learned from.

    Notes
    -----
    Repeated hold-outs share rows, so their plain variance is too small; it is enlarged by 1 + n * ratio after
    Nadeau and Bengio, *Machine Learning* 52 (2003) 239-281, section 3.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, float("nan"), float("nan"))
    reach = float(student.ppf(0.975, len(values) - 1)) * _error(values, ratio)
    return Interval(mean, mean - reach, mean + reach)


def paired(left: Sequence[float], right: Sequence[float], ratio: float) -> Interval:
    """Return the mean of left minus right, figures of two methods on the same hold-outs; see `of_repeats`."""
    return of_repeats(np.subtract(left, right).tolist(), ratio)


def unpaired(left: Sequence[float], right: Sequence[float], ratio: float) -> Interval:
    """Return the mean of left minus right, figures from hold-outs drawn independently; see `of_repeats`.

    Degrees of freedom after Welch, *Biometrika* 34 (1947) 28-35.
    """
    gap = float(np.mean(left) - np.mean(right))
    if min(len(left), len(right)) < 2:
        return Interval(gap, float("nan"), float("nan"))
    parts = [_error(values, ratio) ** 2 for values in (left, right)]
    if not sum(parts):
        return Interval(gap, gap, gap)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(left) - 1) + parts[1] ** 2 / (len(right) - 1))
    reach = float(student.ppf(0.975, freedom)) * sum(parts) ** 0.5
    return Interval(gap, gap - reach, gap + reach)


def difference(left: Share, right: Share) -> Interval:
    """Return left minus right, of independent rows (Newcombe, *Statistics in Medicine* 17 (1998) 873, method 10)."""
    (l1, u1), (l2, u2) = left.interval, right.interval
    gap = left.value - right.value
    low = gap - float(np.hypot(left.value - l1, u2 - right.value))
    return Interval(gap, low, gap + float(np.hypot(u1 - left.value, right.value - l2)))


def _error(values: Sequence[float], ratio: float) -> float:
    return float(np.sqrt(np.var(values, ddof=1) * (1 / len(values) + ratio)))
