"""Scores are those of the textbook, and carry their intervals."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from temwatch.recognition.evaluation import Share, score


def test_the_wilson_interval_of_53_out_of_60_is_that_of_the_method():
    low, high = Share(53, 60).interval
    assert (round(100 * low, 1), round(100 * high, 1)) == (77.8, 94.2)


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (1, 1)])
def test_intervals_stay_between_zero_and_one(hits, n):
    low, high = Share(hits, n).interval
    assert 0.0 <= low <= hits / n <= high <= 1.0
    assert high - low > 0.1


def test_a_share_of_nothing_is_not_a_number_and_says_none():
    assert np.isnan(Share(0, 0).value)
    assert str(Share(0, 0)) == "none"


@pytest.fixture
def judged():
    random = np.random.default_rng(0)
    codes = random.integers(0, 3, 200)
    raw = random.random((200, 3)) + np.eye(3)[codes]
    return raw / raw.sum(axis=1, keepdims=True), codes


def test_the_confusion_matrix_has_the_truth_in_rows(judged):
    probability, codes = judged
    scores = score(probability, codes, ("a", "b", "c"))
    np.testing.assert_array_equal(scores.confusion, confusion_matrix(codes, probability.argmax(1)))


def test_recall_precision_and_f1_are_those_of_scikit_learn(judged):
    probability, codes = judged
    scores = score(probability, codes, ("a", "b", "c"))
    assert scores.macro_f1 == pytest.approx(f1_score(codes, probability.argmax(1), average="macro"))
    assert scores.recall[0].n == np.sum(codes == 0)
    assert scores.precision[0].n == np.sum(probability.argmax(1) == 0)


def test_a_class_that_never_occurs_does_not_lower_the_macro_f1():
    probability = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    assert score(probability, np.array([0, 1]), ("a", "b", "never")).macro_f1 == 1.0


def test_scores_of_nothing_are_not_numbers():
    scores = score(np.empty((0, 2)), np.empty(0, dtype=int), ("a", "b"))
    assert np.isnan([scores.macro_f1, scores.log_loss, scores.ece, scores.accuracy.value]).all()


def test_the_table_names_every_class_with_its_recall(judged):
    table = score(*judged, ("pore", "crack", "slag")).table()
    lines = table.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["pore", "crack", "slag"]
    assert all("[" in line for line in lines[1:])
