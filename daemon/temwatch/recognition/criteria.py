"""What a clustering costs: the paper's J_C and J_1, both in time proportional to the rows."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


def squared_errors(rows: Array, clusters: Codes) -> tuple[Array, NDArray[np.intp]]:
    """Return per cluster the sum of squared distances to its own mean, and its number of rows.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, p)
    clusters : ndarray of int, shape (n,)
        Cluster of every row, 0..K-1.

    Returns
    -------
    errors : ndarray of float64, shape (K,)
        0 for a cluster without rows.
    counts : ndarray of int, shape (K,)
    """
    counts = np.bincount(clusters)
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, clusters, rows)
    means = sums / np.maximum(counts, 1)[:, None]
    away = rows - means[clusters]
    errors: Array = np.bincount(clusters, (away**2).sum(axis=1), minlength=len(counts)).astype(np.float64)
    return errors, counts


def error_sum_of_squares(rows: Array, clusters: Codes) -> float:
    """Return ``J_C = sum_i sum_{x in D_i} |x - m_i|^2``, m_i the mean of cluster i.

    Equations 14 and 15, with the square and the ``1/n_i`` that the print lost.
    """
    return float(squared_errors(rows, clusters)[0].sum())


def weighted_mean_scatter(rows: Array, clusters: Codes) -> float:
    """Return ``J_1 = sum_i (n_i / n) S*_i``, S*_i the mean squared distance over all pairs of cluster i.

    Equations 16, 17 and 20, the last completed. The squared distances of all pairs of a cluster sum to
    ``n_i SSE_i``, so ``J_1 = 2/n sum_i n_i / (n_i - 1) SSE_i`` without ever forming a pair. A cluster of one row
    has no pair and costs nothing, so a choice by J_1 must guard against clusters of one.
    """
    errors, counts = squared_errors(rows, clusters)
    several = counts > 1
    factor = counts[several] / (counts[several] - 1.0)
    return float(2.0 / len(rows) * (factor @ errors[several]))
