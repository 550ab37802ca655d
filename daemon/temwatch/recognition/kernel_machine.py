"""Class scores from a Gaussian kernel over kept training rows. numpy alone, so that a worker starts quickly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def squared_distances(left: Array, right: Array) -> Array:
    """Return the squared Euclidean distances between two sets of rows.

    Parameters
    ----------
    left : ndarray of float64, shape (m, p)
    right : ndarray of float64, shape (n, p)

    Returns
    -------
    ndarray of float64, shape (m, n)
        Never negative; rounding is cut off at zero.
    """
    distances: Array = left @ right.T
    distances *= -2.0
    distances += np.einsum("ij,ij->i", left, left)[:, None]
    distances += np.einsum("ij,ij->i", right, right)[None, :]
    return np.maximum(distances, 0.0, out=distances)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelMachine:
    """A fitted kernel extreme learning machine: ``f(x) = k(x) weights`` (the paper's equation 6, corrected).

    Attributes
    ----------
    rows : ndarray of float64, shape (n, p)
        Standardised training rows.
    weights : ndarray of float64, shape (n, C)
        ``(I/C + K)^-1 T`` with T in {-1, +1}, one column a class.
    gamma : float
        ``k(x, z) = exp(-gamma |x - z|^2)``; has the unit of 1 over a squared standardised distance.
    """

    rows: Array
    weights: Array
    gamma: float

    def distances(self, rows: Array) -> Array:
        """Return squared distances, shape (m, n), of `rows` to the kept rows; `decision_at` takes them."""
        return squared_distances(rows, self.rows)

    def scores(self, _rows: Array, distances: Array) -> Array:
        """Return the class scores, shape (m, C), of rows at these distances; see `decision_at`."""
        return self.decision_at(distances)

    def decision_at(self, distances: Array) -> Array:
        """Return the class scores, shape (m, C), of rows at these squared distances, shape (m, n)."""
        scores: Array = np.exp(-self.gamma * distances) @ self.weights
        return scores

    def decision(self, rows: Array) -> Array:
        """Return the class scores, shape (m, C), of standardised `rows`, shape (m, p).

        Near +1 for the learned class and -1 for the others; all zero far from everything learned.
        """
        return self.decision_at(self.distances(rows))
