"""The paper's clustering recognizer, made definite: k-means++ seeded class by class, with votes and probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from temwatch.recognition.calibration import log_loss
from temwatch.recognition.clusters import Clusters, Criterion, Mode, grow
from temwatch.recognition.folds import folds

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

MODES: tuple[Mode, ...] = ("free", "classwise")
CRITERIA: tuple[Criterion, ...] = ("J_1", "J_C")
CLUSTERS_PER_CLASS = (1, 2, 3, 5)
# Times the spread of rows about their centres.
_TAU_FACTORS = tuple(float(factor) for factor in np.geomspace(0.05, 2.0, 12))
# Where nothing could be held out, as far as rows usually lie from their centre in one direction.
_TAU_UNTRIED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """A setting and what it does on held-out rows."""

    mode: Mode
    per_class: int
    tau_factor: float
    accuracy: float


class SeededKMeans(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Seeded k-means++: cluster, let the rows of each cluster vote for its class.

    Scale the columns first. Predicted is the class with the highest probability, a mixture over clusters; the
    nearest cluster alone is in `nearest_cluster`.

    Parameters
    ----------
    mode : "auto", "free" or "classwise"
        Whether rows may join clusters seeded by other classes (the paper's words) or stay with their class's.
        "auto" takes what is more often right on held-out rows.
    clusters_per_class : "auto" or int
        "auto" chooses among 1, 2, 3 and 5 in the same way; never more than a quarter of a class's rows.
    criterion : "J_1" or "J_C"
        Which restart is kept. On measured data the two choose equally well.
    n_restarts : int
    n_folds : int
        Of the inner cross-validation that chooses mode, clusters and tau; 1 holds nothing out.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : ndarray, shape (C,)
    clusters_ : Clusters
    cluster_centers_ : ndarray of float64, shape (K, p)
    mode_, clusters_per_class_, tau_
        What was chosen.
    held_out_accuracy_ : float
        Of the chosen setting in the inner cross-validation: optimistic, being the best of several. NaN where
        nothing could be held out; the setting is then "free" with 3 clusters unless given.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    def __init__(
        self,
        *,
        mode: Mode | Literal["auto"] = "auto",
        clusters_per_class: int | Literal["auto"] = "auto",
        criterion: Criterion = "J_1",
        n_restarts: int = 10,
        n_folds: int = 5,
        random_state: Any = 0,
    ) -> None:
        self.mode = mode
        self.clusters_per_class = clusters_per_class
        self.criterion = criterion
        self.n_restarts = n_restarts
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Choose the setting and cluster all rows.

        Parameters
        ----------
        X : array-like, shape (n, p)
            Finite real numbers, columns of comparable scale.
        y : array-like, shape (n,)
            Classes; at least two.
        groups : array-like, shape (n,), optional
            Rows of one group are held out together.

        Raises
        ------
        ValueError
            For a single class, an unknown mode or criterion, numbers below one, groups of another length, and
            what scikit-learn refuses (NaN, sparse, ...).
        """
        self._check_settings()
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, y holds only one class: {self.classes_[0]}")
        named = None if groups is None else np.asarray(groups)
        if named is not None and len(named) != len(codes):
            raise ValueError(f"{len(named)} groups given for {len(codes)} rows")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        chosen = self._chosen(rows, codes, named, seed)
        self.clusters_ = self._grow(rows, codes, chosen.mode, chosen.per_class, seed)
        self.cluster_centers_ = self.clusters_.centres
        self.mode_, self.clusters_per_class_ = chosen.mode, chosen.per_class
        self.tau_ = chosen.tau_factor * self.clusters_.spread
        self.held_out_accuracy_ = chosen.accuracy
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return class probabilities, shape (n, C), columns in the order of `classes_`."""
        distances = self._distances(X)
        return self.clusters_.probability(distances, self.tau_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of every row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        classes: NDArray[Any] = self.classes_[best]
        return classes

    def nearest_cluster(self, X: ArrayLike) -> Codes:
        """Return the number of the nearest cluster of every row, shape (n,)."""
        return np.asarray(self._distances(X).argmin(axis=1))

    def is_unknown(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return which rows, shape (n,), lie outside every cluster, and so are like nothing that was learned."""
        distances = self._distances(X)
        return self.clusters_.outside(distances)

    def _distances(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        clusters: Clusters = self.clusters_
        return clusters.distances(validate_data(self, X, dtype=np.float64, reset=False))

    def _check_settings(self) -> None:
        for name, known in (("mode", ("auto", *MODES)), ("criterion", CRITERIA)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name in ("clusters_per_class", "n_restarts", "n_folds"):
            value = getattr(self, name)
            if value != "auto" and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")

    def _grow(self, rows: Array, codes: Codes, mode: Mode, per_class: int, seed: int) -> Clusters:
        return grow(
            rows,
            codes,
            n_classes=len(self.classes_),
            per_class=per_class,
            mode=mode,
            criterion=self.criterion,
            restarts=self.n_restarts,
            random=np.random.RandomState(seed),
        )

    def _chosen(self, rows: Array, codes: Codes, groups: NDArray[Any] | None, seed: int) -> _Trial:
        modes = MODES if self.mode == "auto" else (self.mode,)
        counts: Sequence[int] = (
            CLUSTERS_PER_CLASS if self.clusters_per_class == "auto" else (self.clusters_per_class,)
        )
        parts = folds(codes, groups, count=self.n_folds, seed=seed)
        if not parts:
            return _Trial(
                mode=modes[0],
                per_class=3 if self.clusters_per_class == "auto" else counts[0],
                tau_factor=_TAU_UNTRIED,
                accuracy=float("nan"),
            )
        trials = [self._tried(rows, codes, parts, mode, count, seed) for count in counts for mode in modes]
        # The first of equals: fewer clusters, then "free".
        return max(trials, key=lambda trial: trial.accuracy)

    def _tried(
        self, rows: Array, codes: Codes, parts: list[tuple[Codes, Codes]], mode: Mode, count: int, seed: int
    ) -> _Trial:
        grown = [self._grow(rows[train], codes[train], mode, count, seed) for train, _ in parts]
        distances = [made.distances(rows[test]) for made, (_, test) in zip(grown, parts, strict=True)]
        truth = np.concatenate([codes[test] for _, test in parts])

        def held_out(factor: float) -> Array:
            return np.vstack(
                [
                    made.probability(away, factor * made.spread)
                    for made, away in zip(grown, distances, strict=True)
                ]
            )

        best = min(_TAU_FACTORS, key=lambda factor: log_loss(held_out(factor), truth))
        right = held_out(best).argmax(axis=1) == truth
        return _Trial(mode=mode, per_class=count, tau_factor=best, accuracy=float(right.mean()))
