"""Clusters grown from seeds of labelled rows, what they vote, and how likely each class is near them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from temwatch.recognition.criteria import squared_errors
from temwatch.recognition.kernel_machine import squared_distances

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

Mode = Literal["free", "classwise"]
Criterion = Literal["J_1", "J_C"]

# A row further from the seeds than 95 in 100 draws no more seeds than those do: the guard against outliers.
_CLIP_PERCENTILE = 95
# A row further out than 99 in 100 of a cluster's own rows does not belong to it.
_RADIUS_PERCENTILE = 99
# Each further cluster wants so many rows of its class.
_ROWS_PER_CLUSTER = 4
_MAX_ROUNDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """K clusters and the classes of their rows.

    Attributes
    ----------
    centres : ndarray of float64, shape (K, p)
    votes : ndarray of float64, shape (K, C)
        ``(n_jc + pi_c) / (n_j + 1)``, pi_c the share of class c in all rows; rows sum to 1.
    shares : ndarray of float64, shape (K,)
        n_j / n.
    radii : ndarray of float64, shape (K,)
        Beyond it a row does not belong to the cluster: the 99th percentile of the distances of the cluster's own
        rows, times n_j / (n_j - 1) since they pulled the centre towards them. A cluster of one takes the median
        of the others; without others it is 0.
    spread : float
        Root mean squared distance of rows to their centre; 1 where all are 0.
    """

    centres: Array
    votes: Array
    shares: Array
    radii: Array
    spread: float

    def distances(self, rows: Array) -> Array:
        """Return squared distances, shape (n, K), of rows to the centres."""
        return squared_distances(rows, self.centres)

    def probability(self, distances: Array, tau: float) -> Array:
        """Return class probabilities, shape (n, C): ``sum_j r_j V_jc`` with ``r_j ~ n_j/n exp(-d_j^2 / 2 tau^2)``."""
        powers = np.log(self.shares) - distances / (2 * tau**2)
        powers -= powers.max(axis=1, keepdims=True)
        near = np.exp(powers)
        near /= near.sum(axis=1, keepdims=True)
        probability: Array = near @ self.votes
        return probability

    def outside(self, distances: Array) -> NDArray[np.bool_]:
        """Return which rows, shape (n,), lie beyond the radius of every cluster."""
        return np.asarray(np.all(np.sqrt(distances) > self.radii, axis=1))


def grow(
    rows: Array,
    codes: Codes,
    *,
    n_classes: int,
    per_class: int,
    mode: Mode,
    criterion: Criterion,
    restarts: int,
    random: np.random.RandomState,
) -> Clusters:
    """Return the best of several clusterings, each grown from seeds drawn class by class.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, p)
    codes : ndarray of int, shape (n,)
        Class of every row; not every class need occur.
    n_classes : int
        C.
    per_class : int
        Seeds of every class, at most one for every four of its rows.
    mode : "free" or "classwise"
        Whether all rows move between all clusters (seeded k-means: Basu, Banerjee, Mooney, ICML 2002), or stay
        with those of their class.
    criterion : "J_1" or "J_C"
        The lowest wins. Under J_1 a cluster of one row is free of charge, so the fewest of them win first.
    restarts : int
    random : RandomState
    """
    best: tuple[tuple[int, float], Codes] | None = None
    for _ in range(restarts):
        labels = _grown(rows, codes, per_class, mode, random)
        errors, counts = squared_errors(rows, labels)
        several = counts > 1
        if criterion == "J_C":
            cost = (0, float(errors.sum()))
        else:
            # J_1 without its factor of 2/n, which changes no order; see `criteria`.
            cost = (int((~several).sum()), float((counts / np.maximum(counts - 1, 1)) @ errors))
        if best is None or cost < best[0]:
            best = (cost, labels)
    assert best is not None, "at least one restart"
    return _summed_up(rows, codes, best[1], n_classes)


def _grown(rows: Array, codes: Codes, per_class: int, mode: Mode, random: np.random.RandomState) -> Codes:
    """Return the cluster of every row, 0..K-1, none empty."""
    seeds: list[Array] = []
    labels = np.zeros(len(rows), dtype=np.intp)
    for code in np.unique(codes):
        members = np.flatnonzero(codes == code)
        count = max(1, min(per_class, len(members) // _ROWS_PER_CLUSTER))
        own = seed_centres(rows[members], count, random)
        labels[members] = lloyd(rows[members], own) + (labels.max() + 1 if seeds else 0)
        seeds.append(own)
    return labels if mode == "classwise" else lloyd(rows, np.vstack(seeds))


def seed_centres(rows: Array, count: int, random: np.random.RandomState) -> Array:
    """Return up to `count` distinct rows, far apart: greedy k-means++ with clipped squared distances.

    Each next one is the best of ``2 + floor(ln count)`` drawn in proportion to the squared distance to those there
    (Arthur and Vassilvitskii, SODA 2007), clipped at its 95th percentile.
    """
    chosen = [int(random.randint(len(rows)))]
    nearest = squared_distances(rows, rows[chosen])[:, 0]
    nearest[chosen[0]] = 0.0
    while len(chosen) < count and nearest.max() > 0:
        limit = float(np.percentile(nearest, _CLIP_PERCENTILE))
        pull = np.minimum(nearest, limit) if limit > 0 else nearest
        drawn = random.choice(len(rows), size=2 + int(np.log(count)), p=pull / pull.sum())
        closer = np.minimum(nearest[:, None], squared_distances(rows, rows[drawn]))
        cost = np.minimum(closer, limit if limit > 0 else np.inf).sum(axis=0)
        winner = int(cost.argmin())
        chosen.append(int(drawn[winner]))
        nearest = closer[:, winner]
        nearest[chosen[-1]] = 0.0
    return rows[chosen]


def lloyd(rows: Array, centres: Array) -> Codes:
    """Return the cluster of every row, 0..K-1, once no row wants to move.

    A cluster that has lost all its rows starts again at the row farthest from its centre; one that can't (all rows
    sit on centres) is given up.
    """
    labels = np.full(len(rows), -1)
    for _ in range(_MAX_ROUNDS):
        distances = squared_distances(rows, centres)
        latest = distances.argmin(axis=1)
        if np.bincount(latest, minlength=len(centres)).min() == 0:
            _refill(latest, distances)
        if np.array_equal(latest, labels):
            break
        labels = _numbered(latest, len(centres))
        centres = _means(rows, labels, int(labels.max()) + 1)
    return labels


def _refill(labels: Codes, distances: Array) -> None:
    away = distances[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=distances.shape[1])
    for empty in np.flatnonzero(counts == 0):
        # Only rows that are not alone may leave.
        candidates = np.where(counts[labels] > 1, away, 0.0)
        farthest = int(candidates.argmax())
        if candidates[farthest] <= 0:
            return
        counts[labels[farthest]] -= 1
        labels[farthest], counts[empty], away[farthest] = empty, 1, 0.0


def _numbered(labels: Codes, count: int) -> Codes:
    """Return labels 0..K-1 without gaps, in the same order."""
    used = np.bincount(labels, minlength=count) > 0
    return labels if used.all() else (np.cumsum(used) - 1)[labels]


def _means(rows: Array, labels: Codes, count: int) -> Array:
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, labels, rows)
    means: Array = sums / np.bincount(labels, minlength=count)[:, None]
    return means


def _summed_up(rows: Array, codes: Codes, labels: Codes, n_classes: int) -> Clusters:
    count = int(labels.max()) + 1
    centres = _means(rows, labels, count)
    seen = np.bincount(labels * n_classes + codes, minlength=count * n_classes).reshape(count, n_classes)
    sizes = seen.sum(axis=1)
    prior = np.bincount(codes, minlength=n_classes) / len(codes)
    squared = ((rows - centres[labels]) ** 2).sum(axis=1)
    spread = float(np.sqrt(squared.mean()))
    return Clusters(
        centres=centres,
        votes=(seen + prior) / (sizes[:, None] + 1.0),
        shares=sizes / len(codes),
        radii=_radii(np.sqrt(squared), labels, sizes),
        spread=spread if spread > 0 else 1.0,
    )


def _radii(away: Array, labels: Codes, sizes: NDArray[np.intp]) -> Array:
    radii = np.full(len(sizes), np.nan)
    for cluster in np.flatnonzero(sizes > 1):
        inflated = sizes[cluster] / (sizes[cluster] - 1.0)
        radii[cluster] = inflated * np.percentile(away[labels == cluster], _RADIUS_PERCENTILE)
    known = radii[sizes > 1]
    return np.where(sizes > 1, radii, np.median(known) if len(known) else 0.0)
