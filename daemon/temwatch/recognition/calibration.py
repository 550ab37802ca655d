"""From scores to probabilities and prediction sets that keep their promise; how far they do is measured here too."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# Kernel scores lie in about [-1, 1]; beyond these the probabilities are all equal, or 0 and 1 to 14 digits.
TEMPERATURE_RANGE = (0.25, 16.0)
_HALVINGS = 30
# A class that is more probable than all others together is never ruled out.
MAJORITY = 0.5


def softmax(scores: Array, temperature: float) -> Array:
    """Return ``exp(temperature * scores)`` scaled to rows that sum to 1.

    Parameters
    ----------
    scores : ndarray of float64, shape (n, C)
    temperature : float
        An inverse temperature: the larger, the sharper.

    Returns
    -------
    ndarray of float64, shape (n, C)
    """
    powers: Array = temperature * scores
    if len(powers):
        powers -= powers.max(axis=1, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def log_loss(probability: Array, codes: Codes, weights: Array | None = None) -> float:
    """Return the mean of ``-ln p(true class)``.

    Parameters
    ----------
    probability : ndarray of float64, shape (n, C)
    codes : ndarray of int, shape (n,)
        Column of the true class.
    weights : ndarray of float64, shape (n,), optional
        How much each row counts.
    """
    truth = probability[np.arange(len(codes)), codes]
    return float(np.average(-np.log(np.maximum(truth, 1e-300)), weights=weights))


def fit_temperature(scores: Array, codes: Codes, weights: Array | None = None) -> float:
    """Return the temperature whose softmax has the lowest log-loss.

    The log-loss is convex in the temperature, so its slope is halved to zero within `TEMPERATURE_RANGE`.

    Parameters
    ----------
    scores : ndarray of float64, shape (n, C)
        Scores of rows that the machine giving them has not seen.
    codes : ndarray of int, shape (n,)
    weights : ndarray of float64, shape (n,), optional
    """
    truth = scores[np.arange(len(codes)), codes]

    def slope(temperature: float) -> float:
        expected = np.einsum("ij,ij->i", softmax(scores, temperature), scores)
        return float(np.average(expected - truth, weights=weights))

    low, high = np.log(TEMPERATURE_RANGE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if slope(float(np.exp(middle))) < 0:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def expected_calibration_error(probability: Array, codes: Codes, *, bins: int = 15) -> float:
    """Return how far confidence and accuracy lie apart, averaged over bins of equal mass.

    Parameters
    ----------
    probability : ndarray of float64, shape (n, C)
    codes : ndarray of int, shape (n,)
        Column of the true class.
    bins : int
        Rows are sorted by their largest probability and cut into so many parts of (nearly) equal size.

    Returns
    -------
    float
        In [0, 1]; NaN for no rows.
    """
    if not len(codes):
        return float("nan")
    parts = reliability(probability, codes, bins=bins)
    return float(sum(n * abs(sure - right) for sure, right, n in parts) / len(codes))


def reliability(probability: Array, codes: Codes, *, bins: int = 15) -> tuple[tuple[float, float, int], ...]:
    """Return for bins of equal mass the mean confidence, the share that was right, and the number of rows.

    Parameters are those of `expected_calibration_error`.
    """
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == codes
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order))) if len(order) else []
    return tuple((float(confidence[part].mean()), float(right[part].mean()), len(part)) for part in parts)


def nonconformity(probability: Array, codes: Codes) -> tuple[Array, ...]:
    """Return for each class how improbable it was to its own rows, ``1 - p``, ascending.

    Parameters
    ----------
    probability : ndarray of float64, shape (n, C)
        Of rows that the machine giving them has not seen.
    codes : ndarray of int, shape (n,)
    """
    return tuple(np.sort(1.0 - probability[codes == code, code]) for code in range(probability.shape[1]))


def thresholds_at(scores: Sequence[Array], confidence: float) -> Array:
    """Return per class how improbable it may be and still not be ruled out.

    Class-conditional (Mondrian) conformal prediction with the score ``1 - p``: the threshold of class c is the
    ``ceil((n_c + 1) confidence)``-th smallest score among rows of c (Vovk, Gammerman, Shafer, *Algorithmic
    Learning in a Random World*, 2005). With leave-one-out probabilities the promise is approximate, and it
    supposes that new objects are drawn like the old ones: a new specimen may not be.

    No class is ruled out that has a probability of `MAJORITY` or more: on an easy class the plain rule would rule
    out an object that is that class by 95 %, only because most of its kind are by 99 %. So sets hold the truth at
    least as often as promised, and an empty one means that the object is like nothing that was learned, no matter
    how easy the classes are.

    Parameters
    ----------
    scores : sequence of ndarray of float64
        From `nonconformity`.
    confidence : float
        Wanted share, in (0, 1), of sets that hold the true class.

    Returns
    -------
    ndarray of float64, shape (C,)
        A class is in the set where ``1 - p <= threshold``. It is 1 (never ruled out) for a class with too few
        rows for the confidence asked.
    """
    thresholds = np.ones(len(scores))
    for code, own in enumerate(scores):
        # The small step back undoes rounding, as in 10 * 0.9 = 9.000000000000002.
        rank = int(np.ceil((len(own) + 1) * confidence - 1e-9))
        if rank <= len(own):
            thresholds[code] = max(own[rank - 1], 1.0 - MAJORITY)
    return thresholds


def conformal_thresholds(probability: Array, codes: Codes, *, confidence: float) -> Array:
    """Return `thresholds_at` a confidence from probabilities (n, C) of rows held out and their classes (n,)."""
    return thresholds_at(nonconformity(probability, codes), confidence)


def prediction_sets(
    probability: Array, thresholds: Array, classes: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    """Return for every row the classes that can't be ruled out, most probable first.

    Parameters
    ----------
    probability : ndarray of float64, shape (n, C)
    thresholds : ndarray of float64, shape (C,)
        From `conformal_thresholds`.
    classes : tuple of str
        Names of the C columns.

    Returns
    -------
    tuple of tuple of str
        A set may be empty: the row is like nothing that was learned.
    """
    inside = 1.0 - probability <= thresholds
    order = np.argsort(-probability, axis=1, kind="stable")
    return tuple(
        tuple(classes[code] for code in ranked if row[code])
        for row, ranked in zip(inside.tolist(), order.tolist(), strict=True)
    )
