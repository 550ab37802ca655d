"""A kernel machine that learns further rows without solving for all of them again."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from temwatch.recognition.kernel_machine import KernelMachine, squared_distances
from temwatch.recognition.leave_one_out import gram

Array = NDArray[np.float64]

_ROOM = 1.2  # the factor's array is made so much larger than needed whenever it is full


class GrowingMachine:
    """The Cholesky factor of ``W^-1/C + K``, grown by the rows that are added.

    ``L' = [[L, 0], [S^T, chol(D - S^T S)]]`` with ``S = L^-1 B``, B being the kernel of old rows and new ones and D
    that of the new ones (Golub and Van Loan, *Matrix Computations*, 4th ed., 4.2.9, block form).

    Parameters
    ----------
    rows : ndarray of float64, shape (n, p)
    targets : ndarray of float64, shape (n, C)
    importance : ndarray of float64, shape (n,)
    gamma, regularisation : float
    """

    def __init__(
        self, rows: Array, targets: Array, importance: Array, *, gamma: float, regularisation: float
    ) -> None:
        self._gamma, self._regularisation = gamma, regularisation
        self._rows, self._targets = rows[:0], targets[:0]
        self._factor: Array = np.empty((0, 0), order="F")
        self.append(rows, targets, importance)

    def append(self, rows: Array, targets: Array, importance: Array) -> None:
        """Learn further rows (k, p) with targets (k, C) and importance (k,)."""
        old, new = len(self._rows), len(self._rows) + len(rows)
        self._make_room(new)
        across = gram(squared_distances(self._rows, rows), self._gamma)
        factor = self._factor[:old, :old]
        step: Array = solve_triangular(factor, across, lower=True, check_finite=False) if old else across
        own = gram(squared_distances(rows, rows), self._gamma)
        own[np.diag_indices_from(own)] = 1.0 + 1.0 / (self._regularisation * importance)
        self._factor[old:new, :old] = step.T
        self._factor[old:new, old:new] = cholesky(own - step.T @ step, lower=True, check_finite=False)
        self._rows = np.concatenate([self._rows, rows])
        self._targets = np.concatenate([self._targets, targets])

    def machine(self) -> KernelMachine:
        """Return the machine of all rows so far."""
        n = len(self._rows)
        factor = self._factor[:n, :n]
        half = solve_triangular(factor, self._targets, lower=True, check_finite=False)
        weights = solve_triangular(factor, half, lower=True, trans="T", check_finite=False)
        return KernelMachine(rows=self._rows, weights=weights, gamma=self._gamma)

    def _make_room(self, wanted: int) -> None:
        if wanted <= len(self._factor):
            return
        have = len(self._rows)
        larger = np.empty((round(_ROOM * wanted),) * 2, order="F")
        larger[:have, :have] = self._factor[:have, :have]
        self._factor = larger
