"""The searched chain is a proper estimator, learns nothing from held-out rows, and copies never face themselves."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from temwatch.recognition.selection import SelectedRecogniser, first_of_each, row_hashes

SMALL = {"feature_counts": (2, None), "dimensions": (1, 2), "n_folds": 3}


@parametrize_with_checks(
    [
        SelectedRecogniser(LogisticRegression(), **SMALL),
        SelectedRecogniser(feature_counts=(5,), dimensions=(2,)),
    ]
)
def test_scikit_learn_accepts_it_as_its_own(estimator, check):
    check(estimator)


def test_wines_are_told_apart_and_the_choice_is_from_the_grid():
    X, y = load_wine(return_X_y=True)
    fitted = SelectedRecogniser(LogisticRegression(), feature_counts=(5, 10), dimensions=(2, 3)).fit(
        X[::2], y[::2]
    )
    assert (fitted.n_selected_, fitted.n_dimensions_) in fitted.settings()
    assert fitted.score(X[1::2], y[1::2]) > 0.9


def test_of_equals_the_smaller_dimension_then_the_smaller_count_comes_first():
    made = SelectedRecogniser(feature_counts=(10, 5, None), dimensions=(3, 2, None))
    assert made.settings() == [
        (5, 2),
        (10, 2),
        (None, 2),
        (5, 3),
        (10, 3),
        (None, 3),
        (5, None),
        (10, None),
        (None, None),
    ]


def test_labels_of_noise_are_not_found_to_be_meaningful_by_nesting():
    random = np.random.default_rng(0)
    gaps = []
    for _ in range(6):
        X, y = random.normal(size=(60, 40)), np.arange(60) % 2
        train, test = np.arange(0, 40), np.arange(40, 60)
        made = SelectedRecogniser(LogisticRegression(), feature_counts=(5, 10, 20), dimensions=(2, 3, 5))
        nested = made.fit(X[train], y[train]).score(X[test], y[test])
        tuned = max(made.accuracies(X[train], y[train], X[test], y[test]).values())
        gaps.append((nested, tuned))
    nested, tuned = np.mean(gaps, axis=0)
    assert nested < 0.6  # chance is 0.5
    assert tuned > nested + 0.05  # tuned on the rows it is judged on


def test_the_search_holds_groups_out_whole():
    # Ten copies of each of 12 random rows: only held out together do they look as meaningless as they are.
    random = np.random.default_rng(1)
    X, groups = np.repeat(random.normal(size=(12, 8)), 10, axis=0), np.repeat(np.arange(12), 10)
    X = X + random.normal(scale=1e-3, size=X.shape)
    y = groups % 2
    made = SelectedRecogniser(KNeighborsClassifier(1), feature_counts=(4, 8), dimensions=(2, 4))
    apart, whole = made.fit(X, y).search_accuracy_, made.fit(X, y, groups).search_accuracy_
    assert apart > whole + 0.15


def test_copies_are_dropped_and_the_first_stays():
    assert first_of_each(["a", "b", "a", "c", "b"]).tolist() == [0, 1, 3]


def test_equal_rows_have_equal_hashes_and_the_sign_of_zero_does_not_matter():
    hashes = row_hashes(np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, 1.0 + 1e-12]]))
    assert hashes[0] == hashes[1] != hashes[2]


def test_an_empty_grid_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        SelectedRecogniser(dimensions=()).fit([[0.0], [1.0]], [0, 1])
