"""ReliefF is a proper transformer, agrees with its definition written out, and weighs classes by their share."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification
from sklearn.utils.estimator_checks import parametrize_with_checks

from temwatch.recognition.relieff import ReliefF


@parametrize_with_checks([ReliefF(), ReliefF(n_features_to_select=1)])
def test_scikit_learn_accepts_it_as_its_own(estimator, check):
    check(estimator)


def _by_definition(X, y, k, share_of):
    """Each sum written out; `share_of` gives the weight of a miss class for a row of another class."""
    extent = np.ptp(X, axis=0)
    unit = (X - X.min(axis=0)) / np.where(extent > 0, extent, 1)
    weights = np.zeros(X.shape[1])
    for i in range(len(X)):
        for c in np.unique(y):
            others = np.flatnonzero((y == c) & (np.arange(len(X)) != i))
            if not len(others):
                continue
            distance = np.abs(unit[others] - unit[i]).sum(axis=1)
            near = others[np.argsort(distance, kind="stable")[:k]]
            mean = np.abs(unit[near] - unit[i]).mean(axis=0)
            weights += -mean if c == y[i] else share_of(y, c, y[i]) * mean
    return weights / len(X)


def _prior_share(y, miss, own):
    return (y == miss).mean() / (1 - (y == own).mean())


def _even_share(y, miss, own):
    return 1 / (len(np.unique(y)) - 1)


def _unbalanced_iris():
    X, y = load_iris(return_X_y=True)
    kept = np.r_[0:50, 50:80, 100:115]
    return X[kept], y[kept]


def test_iris_gets_the_weights_two_independent_programs_agree_on():
    X, y = load_iris(return_X_y=True)
    weights = ReliefF(n_neighbors=10).fit(X, y).feature_importances_
    np.testing.assert_allclose(weights, [0.139907, 0.122625, 0.358989, 0.375375], atol=1e-6)


def test_unbalanced_classes_count_by_their_share_and_not_alike():
    X, y = _unbalanced_iris()
    # Equal distances in Iris are broken either way, which moves weights by up to 1.3e-4.
    weights = ReliefF().fit(X, y).feature_importances_
    np.testing.assert_allclose(weights, _by_definition(X, y, 10, _prior_share), atol=1.5e-4)
    assert np.abs(weights - _by_definition(X, y, 10, _even_share)).max() > 0.005


def test_without_equal_distances_it_agrees_with_the_definition_to_rounding():
    X, y = make_classification(
        150, 12, n_informative=6, n_classes=4, weights=[0.6, 0.25, 0.12], random_state=3
    )
    np.testing.assert_allclose(
        ReliefF(n_neighbors=7).fit(X, y).feature_importances_,
        _by_definition(X, y, 7, _prior_share),
        atol=1e-12,
    )


def test_a_class_with_fewer_rows_than_neighbours_gives_those_it_has():
    X, y = make_classification(60, 6, n_informative=4, random_state=1)
    y[:3], y[3] = 7, 8
    np.testing.assert_allclose(
        ReliefF().fit(X, y).feature_importances_, _by_definition(X, y, 10, _prior_share), atol=1e-12
    )


def test_a_row_with_many_twins_still_has_only_k_hits():
    X, y = make_classification(60, 6, n_informative=4, random_state=1)
    X[:20], y[:20] = X[0], 0
    np.testing.assert_allclose(
        ReliefF(n_neighbors=5).fit(X, y).feature_importances_,
        _by_definition(X, y, 5, _prior_share),
        atol=1e-12,
    )


def test_a_constant_feature_weighs_nothing():
    X, y = load_iris(return_X_y=True)
    weights = ReliefF().fit(np.c_[X, np.full(150, 3.7)], y).feature_importances_
    assert weights[4] == 0


def test_anchors_rank_like_all_rows():
    X, y = make_classification(3000, 12, n_informative=6, n_classes=3, shuffle=False, random_state=0)
    exact = ReliefF().fit(X, y).feature_importances_
    sampled = ReliefF(max_exact=1000, n_anchors=800).fit(X, y).feature_importances_
    assert np.abs(exact - sampled).max() < 0.02
    assert not np.array_equal(exact, sampled)
    again = ReliefF(max_exact=1000, n_anchors=800).fit(X, y).feature_importances_
    np.testing.assert_array_equal(sampled, again)


def test_it_keeps_the_heaviest_columns_in_their_order():
    X, y = load_iris(return_X_y=True)
    fitted = ReliefF(n_features_to_select=2).fit(X, y)
    np.testing.assert_array_equal(fitted.transform(X), X[:, 2:])
    assert fitted.ranking_.tolist() == [3, 2, 0, 1]


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class"):
        ReliefF().fit([[1.0], [2.0]], ["pore", "pore"])


def test_gaps_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        ReliefF().fit([[1.0], [np.nan], [3.0]], [0, 1, 1])


@pytest.mark.parametrize(
    "setting", [{"n_neighbors": 0}, {"n_features_to_select": 0}, {"n_anchors": 0}, {"max_exact": 0}]
)
def test_settings_below_one_are_refused(setting):
    with pytest.raises(ValueError, match="at least 1"):
        ReliefF(**setting).fit([[1.0], [2.0], [3.0]], [0, 1, 1])


def test_skrebate_agrees_where_classes_are_even_and_weighs_wrongly_where_they_are_not():
    skrebate = pytest.importorskip("skrebate", reason="skrebate is not installed (extra oracles)")

    def theirs(X, y):
        return skrebate.ReliefF(n_neighbors=10, n_features_to_select=4).fit(X, y).feature_importances_

    X, y = load_iris(return_X_y=True)
    np.testing.assert_allclose(ReliefF().fit(X, y).feature_importances_, theirs(X, y), atol=5e-5)
    X, y = _unbalanced_iris()
    ours = ReliefF().fit(X, y).feature_importances_
    assert np.abs(ours - theirs(X, y)).max() > 0.005
    assert np.argmax(ours) != np.argmax(theirs(X, y))
