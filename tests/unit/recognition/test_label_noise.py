"""Labels that held-out rows contradict are found, as cleanlab finds them, and right ones are mostly left alone."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.metrics import roc_auc_score

from temwatch.recognition.kernel_elm import KernelELM
from temwatch.recognition.label_noise import (
    confident_class,
    confident_joint,
    doubtful_labels,
    label_confidence,
)


@pytest.fixture(scope="module")
def noisy():
    """Held-out probabilities, labels of which one in ten is flipped, and which are."""
    X, y = load_wine(return_X_y=True)
    random = np.random.default_rng(0)
    flipped = random.random(len(y)) < 0.1
    labels = np.where(flipped, (y + random.integers(1, 3, len(y))) % 3, y)
    rows = (X - X.mean(axis=0)) / X.std(axis=0)
    return KernelELM().fit(rows, labels).loo_proba_, labels, flipped


def _drawn(seed):
    random = np.random.default_rng(seed)
    probability = random.dirichlet(np.full(4, 0.4), 300)
    codes = (probability.cumsum(axis=1) > random.random((300, 1))).argmax(axis=1)
    return probability, np.where(random.random(300) < 0.15, random.integers(0, 4, 300), codes)


def test_flipped_labels_are_found_and_few_others(noisy):
    probability, labels, flipped = noisy
    found = doubtful_labels(probability, labels)
    assert flipped[found].sum() > 0.75 * flipped.sum()
    assert flipped[found].mean() > 0.75
    assert roc_auc_score(flipped, -label_confidence(probability, labels)) > 0.95


def test_the_least_confident_label_comes_first(noisy):
    probability, labels, _ = noisy
    own = label_confidence(probability, labels)[doubtful_labels(probability, labels)]
    assert (np.diff(own) >= 0).all()


def test_a_label_that_is_the_most_probable_class_is_never_doubted():
    probability, codes = _drawn(0)
    found = doubtful_labels(probability, codes)
    assert (probability[found].argmax(axis=1) != codes[found]).all()


def test_a_class_that_no_label_names_is_nobodys_true_class():
    probability = np.array([[0.2, 0.1, 0.7], [0.1, 0.2, 0.7], [0.4, 0.5, 0.1]])
    assert 2 not in confident_class(probability, np.array([0, 1, 1]))
    assert confident_joint(probability, np.array([0, 1, 1]))[:, 2].sum() == 0


@pytest.mark.parametrize("seed", range(6))
def test_it_agrees_with_cleanlab(seed):
    count = pytest.importorskip("cleanlab.count", reason="cleanlab is not installed (extra oracles)")
    filters, rank = pytest.importorskip("cleanlab.filter"), pytest.importorskip("cleanlab.rank")
    probability, codes = _drawn(seed)
    np.testing.assert_array_equal(
        confident_joint(probability, codes),
        count.compute_confident_joint(codes, probability, calibrate=False),
    )
    np.testing.assert_array_equal(
        doubtful_labels(probability, codes),
        filters.find_label_issues(
            codes, probability, filter_by="confident_learning", return_indices_ranked_by="self_confidence"
        ),
    )
    np.testing.assert_allclose(
        label_confidence(probability, codes),
        rank.get_label_quality_scores(codes, probability, method="self_confidence"),
    )
