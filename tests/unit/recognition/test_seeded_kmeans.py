"""The clustering recognizer is a proper estimator; seeds, votes, probabilities and rejection do what they say."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine, make_blobs
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from temwatch.recognition.clusters import grow, lloyd, seed_centres
from temwatch.recognition.folds import folds
from temwatch.recognition.seeded_kmeans import SeededKMeans


@parametrize_with_checks(
    [SeededKMeans(), SeededKMeans(mode="free", clusters_per_class=3), SeededKMeans(mode="classwise")]
)
def test_scikit_learn_accepts_it_as_its_own(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def _clusters(X, y, **settings):
    usual = {"per_class": 3, "mode": "free", "criterion": "J_1", "restarts": 3}
    return grow(X, y, n_classes=y.max() + 1, random=np.random.RandomState(0), **(usual | settings))


@pytest.mark.parametrize("mode", ["free", "classwise", "auto"])
def test_wines_are_told_apart(wine, mode):
    X, y = wine
    fitted = SeededKMeans(mode=mode).fit(X[::2], y[::2])
    assert fitted.score(X[1::2], y[1::2]) > 0.9


def test_clusters_of_one_class_hold_rows_of_it_alone_when_classwise():
    X, y = load_iris(return_X_y=True)
    made = _clusters(X, y, mode="classwise")
    # With the prior added, a pure cluster of n rows votes (n + 1/3) / (n + 1) for its class, 1/3 / (n + 1) else.
    sizes = np.rint(made.shares * len(y))
    expected = (sizes + 1 / 3) / (sizes + 1)
    np.testing.assert_allclose(made.votes.max(axis=1), expected)


def test_rows_cross_to_clusters_of_other_classes_when_free():
    X, y = load_iris(return_X_y=True)
    made = _clusters(X, y, mode="free")
    sizes = np.rint(made.shares * len(y))
    assert (made.votes.max(axis=1) < (sizes + 1 / 3) / (sizes + 1) - 1e-6).any()


def test_a_class_of_five_rows_gets_one_cluster():
    X, y = make_blobs([40, 5], centers=[[0, 0], [9, 9]], random_state=0)
    made = _clusters(X, y, mode="classwise", per_class=5)
    assert (made.centres[:, 0] > 4.5).sum() == 1


def test_an_outlier_is_seeded_no_more_often_than_the_far_rows_are():
    rows = np.r_[np.linspace(0, 1, 99), 1e4][:, None]
    drawn = [seed_centres(rows, 2, np.random.RandomState(seed)).max() for seed in range(60)]
    assert np.mean(np.array(drawn) > 100) < 0.35  # without the clip: nearly always


def test_seeds_are_distinct_even_where_rows_are_not():
    rows = np.array([[0.0], [0.0], [0.0], [1.0]])
    seeds = seed_centres(rows, 3, np.random.RandomState(0))
    assert sorted(seeds.ravel().tolist()) == [0.0, 1.0]


def test_a_cluster_that_lost_its_rows_starts_again_at_the_farthest():
    rows = np.array([[0.0], [1.0], [10.0]])
    labels = lloyd(rows, np.array([[0.4], [0.5], [99.0]]))
    assert len(set(labels.tolist())) == 3


def test_probabilities_are_the_votes_of_the_nearest_cluster_for_a_small_tau(wine):
    X, y = wine
    made = _clusters(X, y)
    away = made.distances(X)
    np.testing.assert_allclose(made.probability(away, 1e-3), made.votes[away.argmin(axis=1)], atol=1e-9)


def test_probabilities_follow_cluster_sizes_for_a_large_tau(wine):
    X, y = wine
    made = _clusters(X, y)
    np.testing.assert_allclose(
        made.probability(made.distances(X[:1]), 1e6)[0], made.shares @ made.votes, atol=1e-6
    )


def test_what_lies_outside_every_cluster_is_unknown_and_nearly_no_learned_row_is(wine):
    X, y = wine
    fitted = SeededKMeans().fit(X, y)
    assert fitted.is_unknown(X).mean() < 0.03
    assert fitted.is_unknown(np.full((1, 13), 20.0)).all()


def test_the_radius_is_the_far_percentile_inflated_for_the_row_having_pulled():
    X, y = np.array([[0.0], [2.0], [50.0], [52.0]]), np.array([0, 0, 1, 1])
    made = _clusters(X, y, per_class=1)
    np.testing.assert_allclose(made.radii, [2.0, 2.0])


def test_the_same_seed_gives_the_same_clusters(wine):
    X, y = wine
    first, second = SeededKMeans(random_state=4).fit(X, y), SeededKMeans(random_state=4).fit(X, y)
    np.testing.assert_array_equal(first.cluster_centers_, second.cluster_centers_)


def test_more_clusters_are_chosen_where_a_class_is_in_two_places():
    X, _ = make_blobs(200, centers=[[0, 0], [10, 0], [20, 0], [30, 0]], random_state=0)
    y = np.rint(X[:, 0] / 10).astype(int) % 2
    fitted = SeededKMeans().fit(X, y)
    assert fitted.clusters_per_class_ >= 2
    assert fitted.score(X, y) == 1.0


def test_with_nothing_to_hold_out_it_falls_back_and_says_so():
    fitted = SeededKMeans().fit([[0.0], [1.0]], [0, 1])
    assert np.isnan(fitted.held_out_accuracy_)
    assert (fitted.mode_, fitted.clusters_per_class_) == ("free", 3)


def test_groups_are_never_on_both_sides():
    groups = np.repeat(np.arange(12), 5)
    codes = np.arange(60) % 3
    for train, test in folds(codes, groups, count=5, seed=0):
        assert not set(groups[train]) & set(groups[test])


def test_a_row_alone_in_its_class_is_learned_from_and_not_held_out():
    codes = np.array([0] * 10 + [1] * 10 + [2])
    parts = folds(codes, None, count=5, seed=0)
    assert len(parts) == 5
    assert all(20 not in test for _, test in parts)


@pytest.mark.parametrize(
    "setting", [{"mode": "loose"}, {"criterion": "J_2"}, {"n_restarts": 0}, {"clusters_per_class": 0}]
)
def test_settings_that_mean_nothing_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        SeededKMeans(**setting).fit([[0.0], [1.0]], [0, 1])


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class"):
        SeededKMeans().fit([[0.0], [1.0]], ["pore", "pore"])
