"""The kernel extreme learning machine as a scikit-learn classifier; it tunes itself by exact leave-one-out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from temwatch.recognition.calibration import fit_temperature, log_loss, softmax
from temwatch.recognition.growing import GrowingMachine
from temwatch.recognition.kernel_machine import KernelMachine, squared_distances
from temwatch.recognition.leave_one_out import choose, gram, parts_of, solve
from temwatch.recognition.nystroem import Reduced, fit_reduced

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

GAMMAS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
REGULARISATIONS = (0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """Checked training material: rows (n, p), class codes (n,), importance of each row (n,), its group or None."""

    rows: Array
    codes: Codes
    importance: Array
    groups: NDArray[Any] | None

    def part(self, kept: Codes) -> "_Task":
        """Return these rows of it."""
        groups = None if self.groups is None else self.groups[kept]
        return _Task(
            rows=self.rows[kept], codes=self.codes[kept], importance=self.importance[kept], groups=groups
        )


class KernelELM(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Kernel extreme learning machine with a Gaussian kernel: the paper's equations 1 to 6, corrected.

    ``f(x) = k(x) (I/C + K)^-1 T`` with T in {-1, +1}, one column a class (Huang, Zhou, Ding, Zhang, IEEE
    TSMC-B 42(2), 2012). Gamma, C and the temperature of the softmax that turns f into probabilities are those
    with the lowest held-out log-loss; held out is each row in turn, or each group where `fit` is given groups.
    Scale the columns first.

    Parameters
    ----------
    gammas : sequence of float
        Grid for g in ``k(x, z) = exp(-g |x - z|^2 / m)``, m being the median squared distance of training rows.
    regularisations : sequence of float
        Grid for C. The defaults span what five real and simulated data sets chose.
    class_weight : "balanced", mapping of class to weight, or None
        How much a row's error counts, in the fit and in the choice. None keeps the training shares of the
        classes as the prior; "balanced" makes the prior even.
    exact_rows : int
        Up to so many rows each is kept, and solved for exactly: memory goes with the square of the rows (3000:
        about 0.3 GB while fitting), time with the cube. Of more, all teach, but only `landmarks` of them are
        kept and carry the kernel (`nystroem.fit_reduced`).
    landmarks : int
        How many, drawn at random, stratified by class. On 1600 rows of two simulated atlases 500 were as good on
        specimens held out as all the rows (accuracy and log-loss within 0.003), 250 lost up to a point.
    search_rows : int
        Above `exact_rows` gamma is sought on so many of them, drawn likewise.
    random_state : int, RandomState or None
        Draws those parts; without effect up to `exact_rows` rows.

    Attributes
    ----------
    classes_ : ndarray, shape (C,)
    gamma_ : float
        The factor in the exponent itself: the chosen g over m.
    g_, regularisation_, temperature_ : float
        What was chosen.
    search_losses_ : ndarray of float64, shape (gammas, regularisations)
        Held-out log-loss over the grid.
    machine_ : KernelMachine
        What predicts; knows no scikit-learn.
    kept_rows_ : ndarray of int
        Rows of X that the machine keeps, ascending: all up to `exact_rows`, the landmarks of more.
    loo_decision_, loo_proba_ : ndarray of float64, shape (n, C)
        Scores and probabilities of the rows, each from the machine fitted without it (or its group).
    loo_log_loss_ : float
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    def __init__(
        self,
        *,
        gammas: Sequence[float] = GAMMAS,
        regularisations: Sequence[float] = REGULARISATIONS,
        class_weight: str | Mapping[Any, float] | None = None,
        exact_rows: int = 3000,
        landmarks: int = 1000,
        search_rows: int = 3000,
        random_state: Any = 0,
    ) -> None:
        self.gammas = gammas
        self.regularisations = regularisations
        self.class_weight = class_weight
        self.exact_rows = exact_rows
        self.landmarks = landmarks
        self.search_rows = search_rows
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Choose gamma, C and temperature, and solve.

        Parameters
        ----------
        X : array-like, shape (n, p)
            Finite real numbers, columns of comparable scale.
        y : array-like, shape (n,)
            Classes; at least two.
        groups : array-like, shape (n,), optional
            Rows of one group (a specimen, say) are held out together.

        Raises
        ------
        ValueError
            For a single class, a grid that is empty or not positive, groups of another length or only one
            group, and what scikit-learn refuses (NaN, sparse, complex, ...).
        """
        task = self._checked(X, y, groups)
        random = check_random_state(self.random_state)
        self._growing: GrowingMachine | None = None
        self._codes, self._importance = task.codes, None
        if len(task.codes) <= self.exact_rows:
            self.machine_, held_out = self._fit_exactly(task)
            self._importance = task.importance
        else:
            self.machine_, held_out = self._fit_on_landmarks(task, random)
        self.temperature_ = fit_temperature(held_out, task.codes, task.importance)
        self.loo_decision_ = held_out
        self.loo_proba_ = softmax(held_out, self.temperature_)
        self.loo_log_loss_ = log_loss(self.loo_proba_, task.codes, task.importance)
        return self

    def append(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn more rows; gamma, C and temperature stay, and so do the `loo_` figures.

        Equals solving anew for all rows at the same gamma and C (and the class weights of the first fit), in a
        time that goes with the square of the rows instead of the cube. Fit anew after a tenth more.

        Parameters
        ----------
        X : array-like, shape (k, p)
        y : array-like, shape (k,)
            Of the classes known.

        Raises
        ------
        ValueError
            A class that is not known; the machine is one on landmarks.
        """
        check_is_fitted(self)
        rows, labels = validate_data(self, X, y, dtype=np.float64, reset=False)
        if self._importance is None:
            raise ValueError(f"fitted on landmarks (above {self.exact_rows} rows): fit anew to learn more")
        unknown = sorted(set(labels.tolist()) - set(self.classes_.tolist()))
        if unknown:
            raise ValueError(f"class {unknown[0]!r} is not one of those learned: fit anew to learn it")
        codes = np.searchsorted(self.classes_, labels)
        if self._growing is None:
            self._growing = GrowingMachine(
                self.machine_.rows,
                self._targets(self._codes),
                self._importance,
                gamma=self.gamma_,
                regularisation=self.regularisation_,
            )
        self._growing.append(rows, self._targets(codes), self._class_weights[codes])
        self.machine_ = self._growing.machine()
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Return scores, shape (n, C); for two classes, shape (n,), those of the second."""
        scores = self._scores(X)
        return scores if scores.shape[1] > 2 else scores[:, 1]

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return class probabilities, shape (n, C), columns in the order of `classes_`."""
        return softmax(self._scores(X), self.temperature_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of every row, shape (n,)."""
        best = self._scores(X).argmax(axis=1)
        classes: NDArray[Any] = self.classes_[best]
        return classes

    def _scores(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        return self.machine_.decision(validate_data(self, X, dtype=np.float64, reset=False))

    def _checked(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None) -> _Task:
        for name, grid in (("gammas", self.gammas), ("regularisations", self.regularisations)):
            if not len(grid) or min(grid) <= 0:
                raise ValueError(f"{name} must hold numbers above zero, got {tuple(grid)}")
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, y holds only one class: {self.classes_[0]}")
        named = None if groups is None else np.asarray(groups)
        if named is not None and (len(named) != len(codes) or len(np.unique(named)) < 2):
            raise ValueError(
                f"groups must name a group for each of {len(codes)} rows, and at least two groups"
            )
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=labels)
        if weights.min() <= 0:
            raise ValueError(f"class weights must be above zero, got {weights.tolist()}")
        self._class_weights: Array = weights
        return _Task(rows=rows, codes=codes, importance=weights[codes], groups=named)

    def _fit_exactly(self, task: _Task) -> tuple[KernelMachine, Array]:
        """Return the machine, and the scores of all rows held out."""
        self.kept_rows_ = np.arange(len(task.codes))
        distances = _self_distances(task.rows)
        median = _median_distance(distances)
        targets, parts = self._targets(task.codes), parts_of(task.groups)
        choice = choose(
            distances,
            targets,
            task.codes,
            gammas=[g / median for g in self.gammas],
            regularisations=self.regularisations,
            importance=task.importance,
            parts=parts,
        )
        self.gamma_, self.g_ = choice.gamma, choice.gamma * median
        self.regularisation_, self.search_losses_ = choice.regularisation, choice.losses
        solution = solve(
            gram(distances, choice.gamma, out=distances),
            targets,
            regularisation=choice.regularisation,
            importance=task.importance,
            parts=parts,
        )
        machine = KernelMachine(rows=task.rows, weights=solution.weights, gamma=choice.gamma)
        return machine, solution.held_out

    def _fit_on_landmarks(self, task: _Task, random: np.random.RandomState) -> tuple[KernelMachine, Array]:
        """Return the machine, and the scores of all rows held out; C is chosen by those of all, gamma by those of a part."""
        self.kept_rows_ = stratified(task.codes, self.landmarks, random)
        landmarks = task.rows[self.kept_rows_]
        median = _median_distance(_self_distances(landmarks))
        part = task.part(stratified(task.codes, self.search_rows, random))
        gammas = [g / median for g in self.gammas]
        tried = [self._reduced(part, landmarks, gamma) for gamma in gammas]
        self.search_losses_ = np.array([fitted.losses for fitted in tried])
        self.gamma_ = min(zip(gammas, tried, strict=True), key=lambda one: (one[1].losses.min(), one[0]))[0]
        self.g_ = self.gamma_ * median
        fitted = self._reduced(task, landmarks, self.gamma_)
        self.regularisation_ = fitted.regularisation
        machine = KernelMachine(rows=landmarks, weights=fitted.weights, gamma=self.gamma_)
        return machine, fitted.held_out

    def _reduced(self, task: _Task, landmarks: Array, gamma: float) -> Reduced:
        return fit_reduced(
            task.rows,
            landmarks,
            self._targets(task.codes),
            task.codes,
            gamma=gamma,
            regularisations=self.regularisations,
            importance=task.importance,
            parts=parts_of(task.groups),
        )

    def _targets(self, codes: Codes) -> Array:
        return np.where(codes[:, None] == np.arange(len(self.classes_)), 1.0, -1.0)


def _self_distances(rows: Array) -> Array:
    distances = squared_distances(rows, rows)
    distances[np.diag_indices_from(distances)] = 0.0
    return distances


def _median_distance(distances: Array) -> float:
    """Return the median squared distance of distinct rows; 1 where it is zero, as for constant columns."""
    median = float(np.median(distances[np.triu_indices_from(distances, 1)]))
    return median if median > 0 else 1.0


def stratified(codes: Codes, wanted: int, random: np.random.RandomState) -> Codes:
    """Return ascending row numbers, `wanted` of them at most, each class with its share and at least one row."""
    if len(codes) <= wanted:
        return np.arange(len(codes))
    # Spread each class evenly over (0, 1) in random order; the smallest positions are then a fair share of all.
    position = np.empty(len(codes))
    for code in np.unique(codes):
        members = random.permutation(np.flatnonzero(codes == code))
        position[members] = np.arange(len(members)) / len(members)
    return np.sort(np.argsort(position, kind="stable")[:wanted])
