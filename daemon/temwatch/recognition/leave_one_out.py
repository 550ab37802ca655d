"""What a kernel machine would have said of each training row without that row (or its group), exactly, without refitting."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.linalg.lapack import dpotri

from temwatch.recognition.calibration import fit_temperature, log_loss, softmax

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The grid point with the lowest held-out log-loss.

    Attributes
    ----------
    gamma, regularisation : float
        Values of the grids.
    losses : ndarray of float64, shape (gammas, regularisations)
        Held-out log-loss over the whole grid.
    """

    gamma: float
    regularisation: float
    losses: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Weights of the full machine, and the scores each row gets from the machine fitted without it."""

    weights: Array
    held_out: Array


def gram(distances: Array, gamma: float, *, out: Array | None = None) -> Array:
    """Return the Gaussian kernel ``exp(-gamma distances)``, written into `out` where given."""
    kernel: Array = np.multiply(distances, -gamma, out=out)
    return np.exp(kernel, out=kernel)


def parts_of(groups: Sequence[object] | NDArray[np.generic] | None) -> list[Codes] | None:
    """Return the row numbers of every group, or None where each row stands for itself."""
    if groups is None:
        return None
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    if codes.max(initial=-1) + 1 == len(codes):
        return None
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def choose(
    distances: Array,
    targets: Array,
    codes: Codes,
    *,
    gammas: Sequence[float],
    regularisations: Sequence[float],
    importance: Array,
    parts: list[Codes] | None,
) -> Choice:
    """Search the grid by the log-loss of held-out probabilities, with one eigendecomposition a gamma.

    With ``M = W^-1/C + K`` and ``M^-1 = R D R^T`` from ``W^1/2 K W^1/2 = Q L Q^T``, ``R = W^1/2 Q`` and
    ``D = 1/(L + 1/C)``, every C costs only products with R. Ties go to the smaller C, then the smaller gamma.

    Parameters
    ----------
    distances : ndarray of float64, shape (n, n)
        Squared, between training rows.
    targets : ndarray of float64, shape (n, C)
        +1 for the row's class, -1 for the others.
    codes : ndarray of int, shape (n,)
    gammas, regularisations : sequence of float
        The grid; a regularisation is the paper's C.
    importance : ndarray of float64, shape (n,)
        How much each row's error counts (the diagonal of W), greater than zero.
    parts : list of ndarray of int, optional
        Row numbers to hold out together; each row alone where None.
    """
    root = np.sqrt(importance)
    buffer, squares = np.empty_like(distances), np.empty_like(distances, order="F")
    losses = np.empty((len(gammas), len(regularisations)))
    for i, gamma in enumerate(gammas):
        kernel = gram(distances, gamma, out=buffer)
        kernel *= root[:, None]
        kernel *= root[None, :]
        # The transpose is the same matrix in the order LAPACK works on in place.
        values, vectors = eigh(kernel.T, overwrite_a=True, check_finite=False, driver="evd")
        vectors *= root[:, None]
        projected = vectors.T @ targets
        if parts is None:
            np.square(vectors, out=squares)
        for j, regularisation in enumerate(regularisations):
            inverse = 1.0 / (np.maximum(values, 0.0) + 1.0 / regularisation)
            weights = vectors @ (inverse[:, None] * projected)
            if parts is None:
                scores = targets - weights / (squares @ inverse)[:, None]
            else:
                scores = targets - _group_errors(vectors, inverse, weights, parts)
            temperature = fit_temperature(scores, codes, importance)
            losses[i, j] = log_loss(softmax(scores, temperature), codes, importance)
    order = [(losses[i, j], regularisations[j], gammas[i]) for i, j in np.ndindex(losses.shape)]
    _, best_regularisation, best_gamma = min(order)
    return Choice(gamma=best_gamma, regularisation=best_regularisation, losses=losses)


def _group_errors(vectors: Array, inverse: Array, weights: Array, parts: list[Codes]) -> Array:
    errors = np.empty_like(weights)
    for part in parts:
        own = vectors[part]
        errors[part] = np.linalg.solve((own * inverse) @ own.T, weights[part])
    return errors


def solve(
    kernel: Array, targets: Array, *, regularisation: float, importance: Array, parts: list[Codes] | None
) -> Solution:
    """Fit the machine by Cholesky and give its exact held-out scores (PRESS).

    The error of row i without row i is ``(M^-1 T)_i / (M^-1)_ii``; of a group G it is
    ``((M^-1)_GG)^-1 (M^-1 T)_G``.

    Parameters
    ----------
    kernel : ndarray of float64, shape (n, n)
        Overwritten.
    targets, regularisation, importance, parts
        As in `choose`.
    """
    kernel[np.diag_indices_from(kernel)] += 1.0 / (regularisation * importance)
    factor, lower = cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False)
    weights: Array = cho_solve((factor, lower), targets, check_finite=False)
    inverse, info = dpotri(factor, lower=1, overwrite_c=1)
    assert info == 0, f"dpotri: {info}"
    if parts is None:
        return Solution(weights=weights, held_out=targets - weights / np.diag(inverse)[:, None])
    errors = np.empty_like(weights)
    for part in parts:
        block = np.tril(inverse[np.ix_(part, part)])
        block += np.tril(block, -1).T
        errors[part] = np.linalg.solve(block, weights[part])
    return Solution(weights=weights, held_out=targets - errors)
