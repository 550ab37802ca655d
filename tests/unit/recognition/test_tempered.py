"""Probabilities of any classifier become as sure as held-out rows show them to be, and what it names stays."""

import numpy as np
import pytest
from sklearn.datasets import load_wine, make_classification
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from temwatch.recognition.calibration import expected_calibration_error
from temwatch.recognition.kernel_elm import KernelELM
from temwatch.recognition.tempered import Tempered


@parametrize_with_checks([Tempered(LogisticRegression())])
def test_it_is_an_estimator_as_scikit_learn_wants_them(estimator, check):
    check(estimator)


def _blobs(seed):
    return make_classification(
        400, 12, n_informative=4, n_classes=3, flip_y=0.2, class_sep=0.8, random_state=seed
    )


@pytest.mark.parametrize(
    "classifier", [SVC(), ExtraTreesClassifier(50, random_state=0), LogisticRegression()]
)
def test_the_class_that_is_named_stays(classifier):
    X, y = _blobs(0)
    said = Tempered(classifier).fit(X[:250], y[:250]).predict(X[250:])
    plain = classifier.fit(X[:250], y[:250])
    best = plain.decision_function(X[250:]).argmax(axis=1) if isinstance(classifier, SVC) else None
    np.testing.assert_array_equal(said, plain.predict(X[250:]) if best is None else best)


def test_a_timid_forest_gets_as_sure_as_it_deserves():
    X, y = load_wine(return_X_y=True)
    forest = ExtraTreesClassifier(100, max_depth=3, random_state=0)
    plain = forest.fit(X[::2], y[::2]).predict_proba(X[1::2])
    tempered = Tempered(forest).fit(X[::2], y[::2])
    assert tempered.temperature_ > 1.2
    after = tempered.predict_proba(X[1::2])
    assert expected_calibration_error(after, y[1::2]) < 0.5 * expected_calibration_error(plain, y[1::2])


def test_held_out_probabilities_come_from_rows_not_seen():
    X, y = _blobs(1)
    tempered = Tempered(ExtraTreesClassifier(50, random_state=0)).fit(X, y)
    held = tempered.held_out_proba_.argmax(axis=1) == y[tempered.held_out_rows_]
    seen = tempered.predict(X) == y
    assert seen.mean() == 1.0
    assert held.mean() < 0.9


def test_copies_in_a_group_do_not_vouch_for_each_other():
    random = np.random.default_rng(0)
    rows, codes = np.repeat(random.normal(size=(20, 5)), 8, axis=0), np.repeat(np.arange(20) % 2, 8)
    groups = np.repeat(np.arange(20), 8)
    forest = ExtraTreesClassifier(50, random_state=0)
    by_row, by_group = (Tempered(forest).fit(rows, codes, groups=given) for given in (None, groups))
    assert by_row.temperature_ > 3 * by_group.temperature_


def test_a_classifier_that_takes_groups_gets_them():
    X, y = _blobs(2)
    groups = np.arange(len(y)) // 8
    inner = Tempered(KernelELM()).fit(X, y, groups=groups).classifier_
    alone = KernelELM().fit(X, y, groups=groups)
    np.testing.assert_array_equal(inner.loo_proba_, alone.loo_proba_)


def test_a_class_of_one_row_is_learned_though_it_can_not_be_held_out():
    X, y = _blobs(3)
    y = np.where(np.arange(len(y)) == 7, 9, y)
    tempered = Tempered(LogisticRegression()).fit(X, y)
    assert 7 not in tempered.held_out_rows_
    assert tempered.predict_proba(X).shape == (400, 4)


def test_groups_of_another_length_are_refused():
    X, y = _blobs(4)
    with pytest.raises(ValueError, match="3 groups given for 400 rows"):
        Tempered(LogisticRegression()).fit(X, y, groups=[1, 2, 3])
