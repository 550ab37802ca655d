"""The explicit machine is a proper estimator; its two ways to solve, and its leave-one-out, agree."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from temwatch.recognition.elm import ELM


@parametrize_with_checks([ELM(), ELM(n_hidden=20), ELM(solver="units", n_hidden=50)])
def test_scikit_learn_accepts_it_as_its_own(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("n_hidden", [40, 400])
def test_both_ways_to_solve_give_the_same_machine(wine, n_hidden):
    X, y = wine
    rows = ELM(n_hidden=n_hidden, solver="rows").fit(X, y)
    units = ELM(n_hidden=n_hidden, solver="units").fit(X, y)
    np.testing.assert_allclose(rows.output_weights_, units.output_weights_, atol=1e-9)
    np.testing.assert_allclose(rows.loo_decision_, units.loo_decision_, atol=1e-8)


def test_it_is_ridge_regression_on_the_bipolar_sigmoid_of_the_hidden_layer(wine):
    X, y = wine
    fitted = ELM(n_hidden=60, regularisation=3.0).fit(X, y)
    hidden = X @ fitted.hidden_weights_ + fitted.hidden_biases_
    hidden = (1 - np.exp(-hidden)) / (1 + np.exp(-hidden))
    ridge = KernelRidge(alpha=1 / 3, kernel="linear").fit(
        hidden, np.where(y[:, None] == np.arange(3), 1.0, -1.0)
    )
    np.testing.assert_allclose(fitted.decision_function(X), ridge.predict(hidden), atol=1e-8)


@pytest.mark.parametrize("solver", ["rows", "units"])
def test_leave_one_out_equals_refitting_without_each_row(wine, solver):
    X, y = wine
    X, y = X[::6], y[::6]
    fitted = ELM(n_hidden=50, solver=solver).fit(X, y)
    for left in range(len(y)):
        kept = np.arange(len(y)) != left
        without = ELM(n_hidden=50).fit(X[kept], y[kept]).decision_function(X[[left]])
        np.testing.assert_allclose(fitted.loo_decision_[left], without[0], atol=1e-8)


def test_wines_are_told_apart(wine):
    X, y = wine
    assert ELM().fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.95


def test_hidden_weights_fill_the_range_from_minus_one_to_one(wine):
    fitted = ELM(n_hidden=2000).fit(*wine)
    assert -1 <= fitted.hidden_weights_.min() < -0.99
    assert 0.99 < fitted.hidden_weights_.max() <= 1
    assert abs(fitted.hidden_biases_.mean()) < 0.05


@pytest.mark.parametrize("setting", [{"n_hidden": 0}, {"regularisation": 0.0}, {"solver": "inverse"}])
def test_settings_that_mean_nothing_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        ELM(**setting).fit([[0.0], [1.0]], [0, 1])


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class"):
        ELM().fit([[0.0], [1.0]], ["pore", "pore"])
