"""Probabilities are as sharp as the scores deserve, and prediction sets hold the truth as often as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin

from temwatch.recognition.calibration import (
    MAJORITY,
    TEMPERATURE_RANGE,
    conformal_thresholds,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    prediction_sets,
    softmax,
)


def _drawn(n, seed, sharpness=3.0):
    """Scores, and classes drawn with the probabilities that these scores give at the given temperature."""
    random = np.random.default_rng(seed)
    scores = random.normal(0.0, 0.6, (n, 4))
    chances = softmax(scores, sharpness)
    codes = (chances.cumsum(axis=1) > random.random((n, 1))).argmax(axis=1)
    return scores, codes


def test_softmax_rows_sum_to_one_even_for_huge_scores():
    probability = softmax(np.array([[1e6, -1e6, 0.0], [0.0, 0.0, 0.0]]), 8.0)
    np.testing.assert_allclose(probability, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_softmax_of_no_rows_has_no_rows():
    assert softmax(np.empty((0, 3)), 1.0).shape == (0, 3)


def test_the_fitted_temperature_is_where_the_log_loss_is_lowest():
    scores, codes = _drawn(500, seed=0)
    best = minimize_scalar(
        lambda b: log_loss(softmax(scores, b), codes), bounds=TEMPERATURE_RANGE, method="bounded"
    )
    assert fit_temperature(scores, codes) == pytest.approx(best.x, rel=1e-4)


def test_the_temperature_that_made_the_classes_is_found_again():
    assert fit_temperature(*_drawn(20_000, seed=1)) == pytest.approx(3.0, rel=0.05)


def test_weights_count_rows_as_often_as_they_say():
    scores, codes = _drawn(60, seed=2)
    weights = np.random.default_rng(0).integers(1, 4, 60)
    repeated = np.repeat(np.arange(60), weights)
    assert fit_temperature(scores, codes, weights.astype(float)) == pytest.approx(
        fit_temperature(scores[repeated], codes[repeated])
    )


def test_scores_that_are_always_right_give_the_sharpest_temperature():
    assert fit_temperature(np.eye(3), np.arange(3)) == pytest.approx(TEMPERATURE_RANGE[1], rel=1e-3)


def test_calibrated_probabilities_have_a_small_error_and_overconfident_ones_a_large_one():
    scores, codes = _drawn(20_000, seed=3)
    assert expected_calibration_error(softmax(scores, 3.0), codes) < 0.015
    assert expected_calibration_error(softmax(scores, 12.0), codes) > 0.1


def test_the_calibration_error_of_certain_and_half_right_is_one_half():
    probability = np.tile([1.0, 0.0], (10, 1))
    assert expected_calibration_error(probability, np.arange(10) % 2, bins=1) == pytest.approx(0.5)


def test_the_calibration_error_of_nothing_is_not_a_number():
    assert np.isnan(expected_calibration_error(np.empty((0, 2)), np.empty(0, dtype=int)))


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95])
def test_sets_hold_the_truth_as_often_as_promised_in_every_class(confidence):
    scores, codes = _drawn(8000, seed=4)
    probability = softmax(scores, 3.0)
    thresholds = conformal_thresholds(probability[:4000], codes[:4000], confidence=confidence)
    inside = 1 - probability[4000:] <= thresholds
    hit = inside[np.arange(4000), codes[4000:]]
    for code in range(4):
        assert hit[codes[4000:] == code].mean() >= confidence - 0.03


def test_the_threshold_is_the_promised_rank_among_scores_of_its_own_class():
    scores = np.array([0.95, 0.6, 0.7, 0.8, 0.9, 0.55, 0.75, 0.85, 0.65])
    probability = np.column_stack([1 - scores, scores])
    thresholds = conformal_thresholds(probability, np.zeros(9, dtype=int), confidence=0.8)
    assert thresholds[0] == pytest.approx(0.9)  # ceil(10 * 0.8) = 8th of nine


def test_a_class_with_too_few_rows_is_never_ruled_out():
    probability = np.tile([0.9, 0.1], (8, 1))
    assert conformal_thresholds(probability, np.zeros(8, dtype=int), confidence=0.9)[0] == 1.0


@given(st.integers(2, 40), st.floats(0.5, 0.99))
def test_a_majority_is_never_ruled_out(n, confidence):
    sure = np.tile([0.999, 0.001], (n, 1))
    thresholds = conformal_thresholds(sure, np.zeros(n, dtype=int), confidence=confidence)
    assert prediction_sets(np.array([[MAJORITY, 1 - MAJORITY]]), thresholds, ("a", "b"))[0][:1] == ("a",)


def test_sets_list_the_most_probable_first_and_may_be_empty():
    probability = np.array([[0.2, 0.5, 0.3], [0.34, 0.33, 0.33]])
    sets = prediction_sets(probability, np.array([0.85, 0.6, 0.75]), ("a", "b", "c"))
    assert sets == (("b", "c", "a"), ("a", "c"))
    assert prediction_sets(probability, np.full(3, 0.4), ("a", "b", "c")) == ((), ())


def test_no_rows_have_no_sets():
    assert prediction_sets(np.empty((0, 2)), np.ones(2), ("a", "b")) == ()


class _Told(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its probabilities."""

    classes_ = np.arange(4)

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        return np.asarray(X)

    def predict(self, X):
        return np.asarray(X).argmax(axis=1)


@pytest.mark.filterwarnings("ignore:WARNING. your conformalization dataset")
@pytest.mark.parametrize("confidence", [0.6, 0.8, 0.9])
def test_prediction_sets_are_mapies_class_by_class_but_never_rule_out_a_majority(confidence):
    mapie = pytest.importorskip("mapie.classification", reason="MAPIE is not installed (extra oracles)")
    scores, codes = _drawn(500, seed=5, sharpness=6.0)
    probability = softmax(scores, 6.0)
    old, new = slice(0, 300), slice(300, 500)
    thresholds = conformal_thresholds(probability[old], codes[old], confidence=confidence)
    for code in range(4):
        own = codes[old] == code
        oracle = mapie.SplitConformalClassifier(
            _Told(), confidence_level=confidence, conformity_score="lac", prefit=True
        ).conformalize(probability[old][own], codes[old][own])
        theirs = oracle.predict_set(probability[new])[1][:, code, 0]
        ours = 1 - probability[new, code] <= thresholds[code]
        np.testing.assert_array_equal(ours, theirs | (probability[new, code] >= MAJORITY))
