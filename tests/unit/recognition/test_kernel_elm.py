"""The kernel ELM is a proper estimator, equals kernel ridge regression, and its leave-one-out is exact."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from temwatch.recognition.kernel_elm import KernelELM


@parametrize_with_checks(
    [KernelELM(), KernelELM(class_weight="balanced"), KernelELM(exact_rows=10, landmarks=15)]
)
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


def test_above_exact_rows_a_stratified_part_carries_the_kernel_and_all_rows_teach(wine):
    X, y = wine
    fitted = KernelELM(exact_rows=100, landmarks=60).fit(X, y)
    shares = np.bincount(y[fitted.kept_rows_]) / 60
    np.testing.assert_allclose(shares, np.bincount(y) / 178, atol=0.02)
    assert len(fitted.machine_.rows) == 60
    assert len(fitted.loo_decision_) == 178


@pytest.mark.parametrize("groups", [None, np.arange(178) % 9])
def test_with_every_row_a_landmark_nothing_is_approximate(wine, groups):
    X, y = wine
    grid = {"gammas": [0.4], "regularisations": [10.0], "class_weight": "balanced"}
    exact = KernelELM(**grid).fit(X, y, groups=groups)
    reduced = KernelELM(**grid, exact_rows=10, landmarks=178).fit(X, y, groups=groups)
    np.testing.assert_allclose(reduced.loo_decision_, exact.loo_decision_, atol=1e-6)
    np.testing.assert_allclose(reduced.decision_function(X), exact.decision_function(X), atol=1e-6)


@pytest.mark.parametrize("count", [178, 30, 3])
def test_on_landmarks_too_held_out_means_refitted_without(wine, count):
    X, y = wine
    groups = np.arange(len(X)) % count
    weights = (len(y) / (3 * np.bincount(y)))[y]
    fitted = KernelELM(class_weight="balanced", exact_rows=10, landmarks=40).fit(X, y, groups=groups)
    landmarks, c = fitted.machine_.rows, fitted.regularisation_
    K = rbf_kernel(landmarks, gamma=fitted.gamma_)
    for group in range(0, count, 5):
        left, kept = np.flatnonzero(groups == group), np.flatnonzero(groups != group)
        k = rbf_kernel(X[kept], landmarks, gamma=fitted.gamma_)
        own = (k * weights[kept, None]).T
        again = np.linalg.solve(own @ k + K / c, own @ _signed(y)[kept])
        held_out = rbf_kernel(X[left], landmarks, gamma=fitted.gamma_) @ again
        np.testing.assert_allclose(fitted.loo_decision_[left], held_out, atol=1e-6)


def test_rows_in_several_portions_count_as_in_one():
    X, y = make_classification(4203, 6, n_informative=4, random_state=0)
    grid = {"gammas": [1.6], "regularisations": [10.0]}
    fitted = KernelELM(**grid, landmarks=50, search_rows=200).fit(X, y, groups=np.arange(4203) % 41)
    landmarks, c = fitted.machine_.rows, fitted.regularisation_
    k = rbf_kernel(X, landmarks, gamma=fitted.gamma_)
    again = np.linalg.solve(k.T @ k + rbf_kernel(landmarks, gamma=fitted.gamma_) / c, k.T @ _signed(y))
    np.testing.assert_allclose(fitted.machine_.decision(X), k @ again, atol=1e-6)


def test_the_same_seed_gives_the_same_machine(wine):
    X, y = wine
    first, second = (KernelELM(exact_rows=10, landmarks=60, random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.machine_.weights, second.machine_.weights)


@pytest.mark.parametrize("class_weight", [None, {0: 3.0, 1: 0.2, 2: 1.0}])
def test_rows_learned_one_by_one_are_as_good_as_all_at_once(wine, class_weight):
    X, y = wine
    part, rest = np.arange(0, 178, 2), np.arange(1, 178, 2)
    grown = KernelELM(class_weight=class_weight).fit(X[part], y[part])
    for row in rest:
        grown.append(X[row : row + 1], y[row : row + 1])
    weights = np.array([(class_weight or {}).get(c, 1.0) for c in y])
    order = np.concatenate([part, rest])
    again = _refit(X, y, order, np.arange(178), grown, weights)
    np.testing.assert_allclose(grown.machine_.decision(X), again, atol=1e-9)


def test_a_class_that_is_new_or_a_machine_on_landmarks_asks_for_another_fit(wine):
    X, y = wine
    with pytest.raises(ValueError, match="class 7 is not one of those learned"):
        KernelELM().fit(X, y).append(X[:1], [7])
    with pytest.raises(ValueError, match="fitted on landmarks"):
        KernelELM(exact_rows=10, landmarks=60).fit(X, y).append(X[:1], y[:1])


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
