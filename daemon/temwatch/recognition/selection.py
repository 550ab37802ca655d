"""The paper's chain scaler, ReliefF, PCA, recogniser; how many features and dimensions is searched inside the folds."""

import hashlib
from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.decomposition import PCA
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from temwatch.recognition.folds import folds
from temwatch.recognition.recognizer import Scaler, fit_scaler
from temwatch.recognition.relieff import ReliefF
from temwatch.recognition.seeded_kmeans import SeededKMeans

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# None is all features, and no PCA.
FEATURE_COUNTS: tuple[int | None, ...] = (5, 10, 15, 20, 30, None)
DIMENSIONS: tuple[int | None, ...] = (2, 3, 5, 8, 12)

Setting = tuple[int | None, int | None]


def first_of_each(hashes: Sequence[Hashable]) -> Codes:
    """Return the numbers of entries that no earlier entry equals, ascending: the others are copies of them."""
    seen: dict[Hashable, int] = {}
    for number, value in enumerate(hashes):
        seen.setdefault(value, number)
    return np.array(list(seen.values()), dtype=np.intp)


def row_hashes(features: Array) -> list[str]:
    """Return a SHA-256 of every row, shape (n, p); equal exactly where all numbers are (0 and -0 are)."""
    table = np.ascontiguousarray(features, dtype="<f8") + 0.0
    return [hashlib.sha256(row.tobytes()).hexdigest() for row in table]


class SelectedRecogniser(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Standardise, keep the s best features by ReliefF, turn them to d principal axes, recognise.

    (s, d) is what is most often right on rows held out inside `fit`; of equals the smaller d, then the smaller s.
    Accuracy of the fitted chain must be measured on rows that `fit` has not had: `search_accuracy_` is the best of
    many and flatters.

    Parameters
    ----------
    recogniser : classifier or None
        None: `SeededKMeans` as the paper has it, three clusters a class, free to move.
    searcher : classifier or None
        Stands in for the recogniser while (s, d) is searched, where it is quicker and says nearly the same; None:
        the recogniser itself.
    feature_counts : sequence of int or None
        Candidates for s; None is all.
    dimensions : sequence of int or None
        Candidates for d; None leaves PCA out.
    n_folds : int
        Of the search.
    random_state : int
        Of the folds.

    Attributes
    ----------
    classes_ : ndarray, shape (C,)
    n_selected_ : int or None
    n_dimensions_ : int or None
        The chosen s and d.
    search_accuracy_ : float
        NaN where nothing could be held out; the largest s and d are then taken.
    scaler_, relieff_, pca_, recogniser_
        The fitted chain; `pca_` is None without PCA.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    def __init__(
        self,
        recogniser: Any = None,
        *,
        searcher: Any = None,
        feature_counts: Sequence[int | None] = FEATURE_COUNTS,
        dimensions: Sequence[int | None] = DIMENSIONS,
        n_folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.recogniser = recogniser
        self.searcher = searcher
        self.feature_counts = feature_counts
        self.dimensions = dimensions
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Search (s, d) and fit the chain.

        Parameters
        ----------
        X : array-like, shape (n, p)
            Finite real numbers.
        y : array-like, shape (n,)
            Classes; at least two.
        groups : array-like, shape (n,), optional
            Rows of one group are held out together.

        Raises
        ------
        ValueError
            For a single class, an empty grid, groups of another length, and what scikit-learn refuses.
        """
        if not len(self.feature_counts) or not len(self.dimensions):
            raise ValueError("feature_counts and dimensions must each hold at least one candidate")
        rows, labels = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, y holds only one class: {self.classes_[0]}")
        named = None if groups is None else np.asarray(groups)
        if named is not None and len(named) != len(codes):
            raise ValueError(f"{len(named)} groups given for {len(codes)} rows")
        self.n_selected_, self.n_dimensions_ = self._searched(rows, codes, named)
        chain = _Chain(rows, codes, named, self._template())
        self.scaler_, self.relieff_ = chain.scaler, chain.relieff
        self.pca_, self.recogniser_ = chain.fitted(self.n_selected_, self.n_dimensions_)
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return class probabilities, shape (n, C), columns in the order of `classes_`."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        projected = _projected(
            self.scaler_.standardise(rows), self.relieff_.ranking_, self.n_selected_, self.pca_
        )
        return np.asarray(self.recogniser_.predict_proba(projected))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of every row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        classes: NDArray[Any] = self.classes_[best]
        return classes

    def settings(self) -> list[Setting]:
        """Return the candidates (s, d), those to be preferred among equals first; d never above s."""
        order = [
            (count, dims)
            for count in self.feature_counts
            for dims in self.dimensions
            if count is None or dims is None or dims <= count
        ]
        return sorted(order, key=lambda pair: tuple(np.inf if v is None else v for v in pair[::-1]))

    def accuracies(
        self,
        rows: Array,
        codes: Codes,
        others: Array,
        truth: Codes,
        *,
        groups: NDArray[Any] | None = None,
    ) -> dict[Setting, float]:
        """Return the accuracy of every (s, d) learned from `rows`, on `others`.

        For the search, where `others` are held out of the training rows; and to show by how much it flatters to
        choose (s, d) by the rows it is then judged on.

        Parameters
        ----------
        rows, others : ndarray of float64, shape (n, p) and (m, p)
        codes, truth : ndarray of int, shape (n,) and (m,)
        groups : ndarray, shape (n,), optional
            Of `rows`, for a recogniser that makes choices of its own.
        """
        chain = _Chain(rows, codes, groups, self._template() if self.searcher is None else self.searcher)
        scaled = chain.scaler.standardise(others)
        result = {}
        for setting in self.settings():
            pca, recogniser = chain.fitted(*setting)
            said = recogniser.predict(_projected(scaled, chain.relieff.ranking_, setting[0], pca))
            result[setting] = float(np.mean(said == truth))
        return result

    def _template(self) -> Any:
        return SeededKMeans(mode="free", clusters_per_class=3) if self.recogniser is None else self.recogniser

    def _searched(self, rows: Array, codes: Codes, groups: NDArray[Any] | None) -> Setting:
        candidates = self.settings()
        if not candidates:
            raise ValueError("every candidate of dimensions is above every candidate of feature_counts")
        parts = folds(codes, groups, count=self.n_folds, seed=self.random_state)
        self.search_accuracy_ = float("nan")
        if not parts or len(candidates) == 1:
            return candidates[-1]
        right = dict.fromkeys(candidates, 0.0)
        for train, test in parts:
            own = None if groups is None else groups[train]
            shares = self.accuracies(rows[train], codes[train], rows[test], codes[test], groups=own)
            for setting, share in shares.items():
                right[setting] += share * len(test)
        # The first of equals; see `settings`.
        best = max(candidates, key=lambda setting: round(right[setting], 6))
        self.search_accuracy_ = right[best] / sum(len(test) for _, test in parts)
        return best


class _Chain:
    """Scaler and ReliefF of some training rows, and what can be fitted behind them."""

    def __init__(self, rows: Array, codes: Codes, groups: NDArray[Any] | None, template: Any) -> None:
        self.scaler: Scaler = fit_scaler(rows)
        self.codes = codes
        self.template = template
        self.extra = {"groups": groups} if has_fit_parameter(template, "groups") else {}
        self.rows = self.scaler.standardise(rows)
        self.relieff = ReliefF().fit(self.rows, codes)

    def fitted(self, count: int | None, dims: int | None) -> tuple[PCA | None, Any]:
        chosen = self.rows[:, self.relieff.ranking_[:count]]
        if dims is None:
            return None, clone(self.template).fit(chosen, self.codes, **self.extra)
        pca = PCA(min(dims, *chosen.shape), svd_solver="full")
        with np.errstate(invalid="ignore"):
            # Where all columns are constant, the shares of variance (which nobody asks for) are 0/0.
            pca.fit(chosen)
        return pca, clone(self.template).fit(pca.transform(chosen), self.codes, **self.extra)


def _projected(scaled: Array, ranking: Codes, count: int | None, pca: PCA | None) -> Array:
    chosen = scaled[:, ranking[:count]]
    return chosen if pca is None else np.asarray(pca.transform(chosen))
