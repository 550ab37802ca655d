"""A second opinion from the labels themselves: what most of the five most similar labelled findings are called."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from temwatch.recognition.recognizer import fit_scaler

NEIGHBOURS = 5  # T. M. Cover and P. E. Hart, IEEE Trans. Information Theory 13 (1967) 21
LEAST_LABELS = 30  # below that the nearest label is often far
_NEWEST = 2000  # labels compared with: more cost time and change little
_ROWS = 2000  # findings at a time: 32 MB of distances


def nearest_classes(
    features: NDArray[np.float32], labelled: NDArray[np.float32], classes: Sequence[str]
) -> list[str] | None:
    """Return what the nearest labelled findings are called, for each finding; None where there are too few labels.

    Parameters
    ----------
    features : ndarray of float32, shape (n, p)
    labelled : ndarray of float32, shape (m, p)
        Oldest first.
    classes : sequence of str
        Of the m labels.
    """
    if len(classes) < LEAST_LABELS or len(set(classes)) < 2:
        return None
    labelled, classes = labelled[-_NEWEST:], list(classes)[-_NEWEST:]
    scaler = fit_scaler(labelled.astype(np.float64))
    known = scaler.standardise(labelled.astype(np.float64))
    names = sorted(set(classes))
    member = np.array([[name == class_ for name in names] for class_ in classes], float)
    found: list[str] = []
    for start in range(0, len(features), _ROWS):
        rows = scaler.standardise(features[start : start + _ROWS].astype(np.float64))
        squared = (known**2).sum(axis=1) - 2 * rows @ known.T
        nearest = np.argpartition(squared, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        votes = member[nearest].sum(axis=1)
        found += [names[k] for k in votes.argmax(axis=1)]
    return found
