"""The extreme learning machine with its random layer written out; the kernel form beats it, this is for comparison."""

from numbers import Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from temwatch.recognition.calibration import fit_temperature, softmax

Array = NDArray[np.float64]

Solver = Literal["auto", "rows", "units"]
SOLVERS: tuple[Solver, ...] = ("auto", "rows", "units")


class ELM(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Extreme learning machine: a random hidden layer, and an output layer solved for in one step.

    ``h_j(x) = tanh((w_j . x + b_j) / 2)`` (equation 19, the bipolar sigmoid) with w and b drawn evenly from
    [-1, 1], and ``B = H^T (I/C + H H^T)^-1 T`` (equation 4), T in {-1, +1}; the scores are ``h(x) B`` (equation 5).
    Scale the columns first. The temperature of the softmax comes from exact leave-one-out scores.

    Parameters
    ----------
    n_hidden : int
        L, units of the hidden layer.
    regularisation : float
        The paper's C. With 1000 units 0.1 was the best compromise on three sets of standardised columns.
    solver : "rows", "units" or "auto"
        Solve n equations as in equation 4, or the L equations of ``B = (I/C + H^T H)^-1 H^T T``, which is the same;
        "auto" takes the fewer.
    random_state : int, RandomState or None
        Draws the hidden layer.

    Attributes
    ----------
    classes_ : ndarray, shape (C,)
    hidden_weights_ : ndarray of float64, shape (p, L)
    hidden_biases_ : ndarray of float64, shape (L,)
    output_weights_ : ndarray of float64, shape (L, C)
    loo_decision_ : ndarray of float64, shape (n, C)
        Scores of each row by the machine fitted without it.
    temperature_ : float
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    def __init__(
        self,
        *,
        n_hidden: int = 1000,
        regularisation: float = 0.1,
        solver: Solver = "auto",
        random_state: Any = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.regularisation = regularisation
        self.solver = solver
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Draw the hidden layer and solve for the output layer.

        Parameters
        ----------
        X : array-like, shape (n, p)
            Finite real numbers, columns of comparable scale.
        y : array-like, shape (n,)
            Classes; at least two.

        Raises
        ------
        ValueError
            For a single class, settings out of range, and what scikit-learn refuses (NaN, sparse, ...).
        """
        if self.n_hidden < 1 or not isinstance(self.regularisation, Real) or self.regularisation <= 0:
            raise ValueError(
                f"n_hidden ({self.n_hidden}) and regularisation ({self.regularisation}) must be above zero"
            )
        if self.solver not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(SOLVERS)}, got {self.solver!r}")
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        names, codes = np.unique(labels, return_inverse=True)
        self.classes_: NDArray[Any] = names
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, y holds only one class: {self.classes_[0]}")
        random = check_random_state(self.random_state)
        self.hidden_weights_: Array = random.uniform(-1, 1, (rows.shape[1], self.n_hidden))
        self.hidden_biases_: Array = random.uniform(-1, 1, self.n_hidden)
        hidden = self._hidden(rows)
        targets = np.where(codes[:, None] == np.arange(len(self.classes_)), 1.0, -1.0)
        by_units = self.solver == "units" or (self.solver == "auto" and self.n_hidden < len(rows))
        solved = _by_units if by_units else _by_rows
        output, held_out = solved(hidden, targets, float(self.regularisation))
        self.output_weights_: Array = output
        self.loo_decision_: Array = held_out
        self.temperature_: float = fit_temperature(self.loo_decision_, codes)
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Return scores, shape (n, C); for two classes, shape (n,), those of the second."""
        scores = self._scores(X)
        return scores if scores.shape[1] > 2 else scores[:, 1]

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return class probabilities, shape (n, C), columns in the order of `classes_`."""
        scores = self._scores(X)
        return softmax(scores, self.temperature_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of every row, shape (n,)."""
        best = self._scores(X).argmax(axis=1)
        classes: NDArray[Any] = self.classes_[best]
        return classes

    def _scores(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        hidden = self._hidden(validate_data(self, X, dtype=np.float64, reset=False))
        weights: Array = self.output_weights_
        return np.asarray(hidden @ weights)

    def _hidden(self, rows: Array) -> Array:
        weights: Array = self.hidden_weights_
        biases: Array = self.hidden_biases_
        return np.asarray(np.tanh((rows @ weights + biases) / 2))


def _by_rows(hidden: Array, targets: Array, regularisation: float) -> tuple[Array, Array]:
    """Return ``H^T (I/C + H H^T)^-1 T`` and the leave-one-out scores, by n equations."""
    gram = hidden @ hidden.T
    gram[np.diag_indices_from(gram)] += 1.0 / regularisation
    factor = cho_factor(gram, lower=True, overwrite_a=True)
    inverse = cho_solve(factor, np.eye(len(hidden)))
    alpha: Array = inverse @ targets
    # The error of row i without row i is (A^-1 T)_i / (A^-1)_ii (PRESS).
    return hidden.T @ alpha, targets - alpha / np.diag(inverse)[:, None]


def _by_units(hidden: Array, targets: Array, regularisation: float) -> tuple[Array, Array]:
    """Return ``(I/C + H^T H)^-1 H^T T`` and the leave-one-out scores, by L equations."""
    gram = hidden.T @ hidden
    gram[np.diag_indices_from(gram)] += 1.0 / regularisation
    factor = cho_factor(gram, lower=True, overwrite_a=True)
    weights: Array = cho_solve(factor, hidden.T @ targets)
    leverage = np.einsum("ij,ji->i", hidden, cho_solve(factor, hidden.T))
    return weights, targets - (targets - hidden @ weights) / (1.0 - leverage)[:, None]
