"""The paper's recognizer once fitted: chosen columns, principal axes, clusters. numpy alone, so that a worker starts quickly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from temwatch.recognition.clusters import Clusters
from temwatch.recognition.kernel_machine import squared_distances

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# No recognizer that learned from hundreds of rows knows of anything that it is less likely than this.
LEAST = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMachine:
    """Fitted seeded k-means behind ReliefF and PCA.

    Attributes
    ----------
    rows : ndarray of float64, shape (n, p)
        Standardised training rows; what is far from them is new.
    columns : ndarray of int, shape (s,)
        Features that ReliefF kept, the best first.
    middle : ndarray of float64, shape (s,)
        Mean of those columns.
    axes : ndarray of float64, shape (d, s)
        Principal axes, as rows.
    clusters : Clusters
        In the space of the axes.
    tau : float
        How far a cluster reaches; see `Clusters.probability`.
    """

    rows: Array
    columns: Codes
    middle: Array
    axes: Array
    clusters: Clusters
    tau: float

    def distances(self, rows: Array) -> Array:
        """Return squared distances, shape (m, n), of `rows` to the training rows, over all features."""
        return squared_distances(rows, self.rows)

    def scores(self, rows: Array, _distances: Array) -> Array:
        """Return the class scores, shape (m, C), of standardised `rows`, shape (m, p): logarithms of probabilities."""
        projected = (rows[:, self.columns] - self.middle) @ self.axes.T
        if not len(projected):
            return np.empty((0, self.clusters.votes.shape[1]))
        probability = self.clusters.probability(self.clusters.distances(projected), self.tau)
        return np.log(np.maximum(probability, LEAST))
