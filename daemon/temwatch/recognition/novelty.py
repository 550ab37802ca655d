"""How far an object lies from everything learned, as the share of learned objects that lie nearer."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

NEIGHBOURS = 5
# Enough steps to tell the 99.9th percentile of the training rows from the largest.
TABLE_STEPS = 1025


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyRadii:
    """What is needed to say how unusual a row is.

    Attributes
    ----------
    means : ndarray of float64, shape (C, p)
        Class means of the standardised training rows.
    whitening : ndarray of float64, shape (p, p)
        W with ``W W^T`` the inverse of the pooled within-class covariance (Ledoit & Wolf, *J. Multivariate
        Analysis* 88, 2004).
    mahalanobis, neighbour, joint : ndarray of float64, shape (TABLE_STEPS,)
        Evenly spaced quantiles, ascending, over the training rows, each judged without itself: distance to the
        nearest class mean, distance to the `NEIGHBOURS`-th nearest training row, and the larger of the two
        shares.
    """

    means: Array
    whitening: Array
    mahalanobis: Array
    neighbour: Array
    joint: Array

    def novelty(self, rows: Array, distances: Array) -> Array:
        """Return the novelty of rows, shape (m,), in [0, 1].

        Parameters
        ----------
        rows : ndarray of float64, shape (m, p)
            Standardised.
        distances : ndarray of float64, shape (m, n)
            Squared distances to the training rows.

        Returns
        -------
        ndarray of float64
            0.99: of the training rows 99 % lie nearer to the other training rows than this one does. 1: farther
            than every one of them.
        """
        spread = mahalanobis_distance(rows, self.means, self.whitening)
        return _share(self.joint, self._larger_share(spread, neighbour_distance(distances)))

    def _larger_share(self, spread: Array, near: Array) -> Array:
        return np.maximum(_share(self.mahalanobis, spread), _share(self.neighbour, near))


def mahalanobis_distance(rows: Array, means: Array, whitening: Array) -> Array:
    """Return the Mahalanobis distance of rows (m, p) to the nearest of the means (C, p), shape (m,)."""
    white = rows @ whitening
    nearest = np.full(len(rows), np.inf)
    for mean in means @ whitening:
        off = white - mean
        np.minimum(nearest, np.einsum("ij,ij->i", off, off), out=nearest)
    distance: Array = np.sqrt(nearest)
    return distance


def neighbour_distance(distances: Array) -> Array:
    """Return the distance, shape (m,), to the `NEIGHBOURS`-th nearest of n rows (the farthest where n is less)."""
    k = min(NEIGHBOURS, distances.shape[1]) - 1
    kth: Array = np.sqrt(np.partition(distances, k, axis=1)[:, k]) if len(distances) else np.empty(0)
    return kth


def fit_novelty(rows: Array, codes: Codes, distances: Array, groups: Codes) -> NoveltyRadii:
    """Learn the radii from training rows.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, p)
        Standardised.
    codes : ndarray of int, shape (n,)
        Class of each row, 0..C-1, each present.
    distances : ndarray of float64, shape (n, n)
        Squared distances between the rows.
    groups : ndarray of int, shape (n,)
        Rows of the same group are no neighbours of each other, so that copies of a row can't vouch for it. The
        Mahalanobis distance leaves out the row alone.
    """
    # Imported here, for importing scikit-learn costs a worker, which never fits, 1.8 s and 100 MB.
    from sklearn.covariance import ledoit_wolf_shrinkage

    means = np.array([rows[codes == code].mean(axis=0) for code in range(int(codes.max()) + 1)])
    centred = rows - means[codes]
    shrinkage = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
    scatter = centred.T @ centred
    target = max(float(np.trace(scatter)) / scatter.size**0.5 / len(rows), 1e-12)
    covariance = (1 - shrinkage) * scatter / len(rows) + _ridge(shrinkage, target, len(scatter))
    spread = _spread_without_itself(rows, codes, means, scatter, shrinkage, target)
    apart = np.where(groups[:, None] == groups[None, :], np.inf, distances)
    near = neighbour_distance(apart)
    near[~np.isfinite(near)] = near[np.isfinite(near)].max(initial=0.0)
    tables = NoveltyRadii(
        means=means,
        whitening=np.linalg.cholesky(np.linalg.inv(covariance)),
        mahalanobis=_table(spread),
        neighbour=_table(near),
        joint=np.empty(0),
    )
    joint = np.maximum(_share(tables.mahalanobis, spread), _share(tables.neighbour, near))
    return replace(tables, joint=_table(joint))


def _ridge(shrinkage: float, target: float, size: int) -> Array:
    # Never quite without a ridge: constant columns would leave the covariance singular.
    return np.eye(size) * max(shrinkage, 1e-9) * target


def _spread_without_itself(
    rows: Array, codes: Codes, means: Array, scatter: Array, shrinkage: float, target: float
) -> Array:
    """Return each row's distance to the nearest class mean, means and covariance taken without it.

    Leaving row x of class c (n_c rows, mean m) out shifts that mean by ``(x - m)/(n_c - 1)`` and takes
    ``n_c/(n_c - 1) v v^T``, v = x - m, from the scatter: a rank-one change of the covariance, undone in its
    inverse by Sherman and Morrison's formula. Shrinkage and target are kept.
    """
    n, counts = len(rows), np.bincount(codes)[codes].astype(float)
    base = np.linalg.inv((1 - shrinkage) * scatter / (n - 1) + _ridge(shrinkage, target, len(scatter)))
    own = rows - means[codes]
    # A class of one row has no mean left without it: it is measured to the other classes alone.
    several = np.maximum(counts - 1, 1.0)
    lever = (1 - shrinkage) * counts / ((n - 1) * several)
    projected = own @ base
    height = np.einsum("ij,ij->i", projected, own)
    gain = lever / np.maximum(1 - lever * height, 1e-12)
    nearest = np.where(counts > 1, (counts / several) ** 2 * (height + gain * height**2), np.inf)
    for code, mean in enumerate(means):
        off = rows - mean
        away = np.einsum("ij,ij->i", off @ base, off) + gain * np.einsum("ij,ij->i", projected, off) ** 2
        nearest = np.where(codes == code, nearest, np.minimum(nearest, away))
    return np.sqrt(np.maximum(nearest, 0.0))


def _table(values: Array) -> Array:
    return np.quantile(values, np.linspace(0.0, 1.0, TABLE_STEPS))


def _share(table: Array, values: Array) -> Array:
    """Return the share of the table's values that are smaller, by the middle of equal ones, in [0, 1]."""
    below = np.searchsorted(table, values, side="left")
    upto = np.searchsorted(table, values, side="right")
    return (below + upto) / (2.0 * len(table))
