"""The kernel ELM is a proper estimator, equals kernel ridge regression, and its leave-one-out is exact."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from temwatch.recognition.kernel_elm import KernelELM


@parametrize_with_checks([KernelELM(), KernelELM(class_weight="balanced")])
def test_scikit_learn_accepts_it_as_its_own(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def _signed(y):
    return np.where(y[:, None] == np.unique(y), 1.0, -1.0)


def test_it_equals_kernel_ridge_regression(wine):
    X, y = wine
    ours = KernelELM().fit(X[::2], y[::2])
    ridge = KernelRidge(alpha=1 / ours.regularisation_, kernel="rbf", gamma=ours.gamma_)
    ridge.fit(X[::2], _signed(y[::2]))
    np.testing.assert_allclose(ours.decision_function(X), ridge.predict(X), atol=1e-8)


def test_it_equals_kernel_ridge_regression_at_the_stiffest_corner_of_the_grid(wine):
    X, y = wine
    ours = KernelELM(gammas=[0.1], regularisations=[1e5]).fit(X, y)
    ridge = KernelRidge(alpha=1e-5, kernel="rbf", gamma=ours.gamma_).fit(X, _signed(y))
    np.testing.assert_allclose(ours.decision_function(X), ridge.predict(X), atol=1e-8)


def _refit(X, y, kept, left, fitted, weights):
    ridge = KernelRidge(alpha=1 / fitted.regularisation_, kernel="rbf", gamma=fitted.gamma_)
    # Ridge regression with a penalty of alpha / w_i per row: scale both sides of the normal equations.
    K = np.exp(-fitted.gamma_ * ((X[kept][:, None] - X[kept][None]) ** 2).sum(-1))
    k = np.exp(-fitted.gamma_ * ((X[left][:, None] - X[kept][None]) ** 2).sum(-1))
    return k @ np.linalg.solve(K + np.diag(ridge.alpha / weights[kept]), _signed(y)[kept])


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0, 1: 0.2, 2: 1.0}])
def test_leave_one_out_equals_refitting_without_each_row(wine, class_weight):
    X, y = wine
    fitted = KernelELM(class_weight=class_weight).fit(X, y)
    if class_weight == "balanced":
        weights = (len(y) / (3 * np.bincount(y)))[y]
    else:
        weights = np.array([(class_weight or {}).get(c, 1.0) for c in y])
    for row in range(0, len(X), 13):
        kept = np.delete(np.arange(len(X)), row)
        again = _refit(X, y, kept, [row], fitted, weights)
        np.testing.assert_allclose(fitted.loo_decision_[row], again[0], atol=1e-9)


def test_leave_one_group_out_equals_refitting_without_each_group(wine):
    X, y = wine
    groups = np.arange(len(X)) % 7
    fitted = KernelELM().fit(X, y, groups=groups)
    for group in range(7):
        left = np.flatnonzero(groups == group)
        again = _refit(X, y, np.flatnonzero(groups != group), left, fitted, np.ones(len(X)))
        np.testing.assert_allclose(fitted.loo_decision_[left], again, atol=1e-9)


def test_groups_of_one_row_are_the_same_as_no_groups(wine):
    X, y = wine
    alone, grouped = KernelELM().fit(X, y), KernelELM().fit(X, y, groups=np.arange(len(X))[::-1])
    np.testing.assert_array_equal(alone.loo_decision_, grouped.loo_decision_)


def test_the_chosen_point_has_the_lowest_loss_and_the_search_agrees_with_the_solution(wine):
    X, y = wine
    for groups in (None, np.arange(len(X)) % 9):
        fitted = KernelELM(class_weight="balanced").fit(X, y, groups=groups)
        assert fitted.search_losses_.min() == pytest.approx(fitted.loo_log_loss_, abs=1e-8)


def test_copies_of_a_row_do_not_vouch_for_each_other_when_grouped():
    X, y = make_classification(60, 8, n_informative=3, flip_y=0.4, random_state=0)
    twice, labels, row = np.vstack([X, X]), np.hstack([y, y]), np.tile(np.arange(60), 2)
    naive, honest = KernelELM().fit(twice, labels), KernelELM().fit(twice, labels, groups=row)
    assert naive.loo_log_loss_ < 0.2 * honest.loo_log_loss_


def test_probabilities_are_even_far_from_everything_learned(wine):
    X, y = wine
    far = np.full((1, X.shape[1]), 1e3)
    np.testing.assert_allclose(KernelELM().fit(X, y).predict_proba(far), 1 / 3)


def test_balanced_weights_find_more_of_a_rare_class():
    random = np.random.default_rng(0)
    X = np.vstack([random.normal(0.0, 1.0, (570, 2)), random.normal(1.5, 1.0, (30, 2))])
    y = np.repeat([0, 1], [570, 30])
    even, rare = random.normal(0.0, 1.0, (500, 2)), random.normal(1.5, 1.0, (500, 2))
    shares, balanced = KernelELM().fit(X, y), KernelELM(class_weight="balanced").fit(X, y)
    assert balanced.predict(rare).mean() > shares.predict(rare).mean() + 0.3
    assert balanced.predict(even).mean() < 0.3


def test_above_search_rows_only_the_grid_is_searched_on_a_part(wine):
    X, y = wine
    fitted = KernelELM(search_rows=60).fit(X, y)
    assert len(fitted.kept_rows_) == len(X)
    assert len(fitted.loo_decision_) == len(X)


def test_above_max_rows_a_stratified_part_is_kept_and_said(wine):
    X, y = wine
    with pytest.warns(UserWarning, match="keeps 60 of 178 rows"):
        fitted = KernelELM(max_rows=60).fit(X, y)
    shares = np.bincount(y[fitted.kept_rows_]) / 60
    np.testing.assert_allclose(shares, np.bincount(y) / 178, atol=0.02)


def test_the_same_seed_gives_the_same_machine(wine):
    X, y = wine
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = (KernelELM(max_rows=60, random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.machine_.weights, second.machine_.weights)


@pytest.mark.parametrize(
    ("settings", "groups", "message"),
    [
        ({"gammas": []}, None, "gammas must hold"),
        ({"regularisations": [1.0, 0.0]}, None, "regularisations must hold"),
        ({"class_weight": {0: 0.0}}, None, "class weights must be above zero"),
        ({}, [1] * 178, "at least two groups"),
        ({}, [1, 2], "for each of 178 rows"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(wine, settings, groups, message):
    X, y = wine
    with pytest.raises(ValueError, match=message):
        KernelELM(**settings).fit(X, y, groups=groups)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class: pore"):
        KernelELM().fit([[0.0], [1.0]], ["pore", "pore"])


def test_iris_left_out_is_recognised_as_well_as_by_anyone():
    X, y = load_iris(return_X_y=True)
    fitted = KernelELM().fit(StandardScaler().fit_transform(X), y)
    assert np.mean(fitted.loo_decision_.argmax(1) == y) >= 0.95
