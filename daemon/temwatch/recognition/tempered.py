"""Any classifier, with probabilities sharpened or blunted as rows it has not seen deserve; which class it names stays."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from temwatch.recognition.calibration import fit_temperature, softmax
from temwatch.recognition.cluster_machine import LEAST
from temwatch.recognition.folds import folds

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


class Tempered(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Temperature scaling on held-out rows (Guo, Pleiss, Sun, Weinberger, ICML 2017), whole groups held out together.

    Forests say too little and boosting too much; only tempered alike can methods be compared by their
    probabilities. Scores are the logarithms of the classifier's probabilities, none below `LEAST`, or its decision
    function where it gives no probabilities.

    Parameters
    ----------
    classifier : classifier
    n_folds : int
        Of the rows held out for the temperature.
    random_state : int
        Of the folds.

    Attributes
    ----------
    classes_ : ndarray, shape (C,)
    classifier_
        Fitted on all rows.
    temperature_ : float
        1 where no row could be held out.
    held_out_rows_ : ndarray of int
        Rows of X that were held out, ascending; a row that is alone in its class can't be.
    held_out_proba_ : ndarray of float64, shape (len(held_out_rows_), C)
        Their tempered probabilities, each by a classifier that had not seen it (nor its group).
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    def __init__(self, classifier: Any, *, n_folds: int = 3, random_state: int = 0) -> None:
        self.classifier = classifier
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Hold out for the temperature, then fit on everything.

        Parameters
        ----------
        X : array-like, shape (n, p)
            Finite real numbers.
        y : array-like, shape (n,)
            Classes; at least two.
        groups : array-like, shape (n,), optional
            Rows of one group are held out together, here and by classifiers that take groups.

        Raises
        ------
        ValueError
            For a single class, groups of another length, and what scikit-learn refuses (NaN, sparse, ...).
        """
        rows, labels = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, y holds only one class: {self.classes_[0]}")
        named = None if groups is None else np.asarray(groups)
        if named is not None and len(named) != len(codes):
            raise ValueError(f"{len(named)} groups given for {len(codes)} rows")
        scores = np.full((len(codes), len(self.classes_)), np.nan)
        for train, test in folds(codes, named, count=self.n_folds, seed=self.random_state):
            fitted = self._fitted(rows[train], codes[train], None if named is None else named[train])
            scores[test] = _scores(fitted, rows[test], len(self.classes_))
        held = np.flatnonzero(np.isfinite(scores[:, 0]))
        self.temperature_ = fit_temperature(scores[held], codes[held]) if len(held) else 1.0
        self.held_out_rows_ = held
        self.held_out_proba_ = softmax(scores[held], self.temperature_)
        self.classifier_ = self._fitted(rows, codes, named)
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return class probabilities, shape (n, C), columns in the order of `classes_`."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return softmax(_scores(self.classifier_, rows, len(self.classes_)), self.temperature_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of every row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        classes: NDArray[Any] = self.classes_[best]
        return classes

    def _fitted(self, rows: Array, codes: Codes, groups: NDArray[Any] | None) -> Any:
        extra = {"groups": groups} if has_fit_parameter(self.classifier, "groups") else {}
        return clone(self.classifier).fit(rows, codes, **extra)


def _scores(fitted: Any, rows: Array, n_classes: int) -> Array:
    """Return a score for each class, shape (n, C); classes the classifier has not met get the least."""
    if hasattr(fitted, "predict_proba"):
        probability = np.zeros((len(rows), n_classes))
        probability[:, fitted.classes_] = fitted.predict_proba(rows)
        return np.log(np.maximum(probability, LEAST))
    said = np.asarray(fitted.decision_function(rows), dtype=np.float64)
    if said.ndim == 1:
        said = np.column_stack([-said, said])
    scores = np.full((len(rows), n_classes), said.min() if said.size else 0.0)
    scores[:, fitted.classes_] = said
    return scores
