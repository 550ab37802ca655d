"""Novelty is the share of learned objects that lie nearer, each of them judged without itself."""

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from temwatch.recognition.kernel_machine import squared_distances
from temwatch.recognition.novelty import (
    _spread_without_itself,
    fit_novelty,
    mahalanobis_distance,
    neighbour_distance,
)


@pytest.fixture(scope="module")
def learned():
    random = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [80, 60, 40])
    rows = random.normal(0.0, 1.0, (180, 5)) @ random.normal(0.0, 1.0, (5, 5)) + 4.0 * codes[:, None]
    return rows, codes


def _novelty(rows, codes, new, groups=None):
    groups = np.arange(len(rows)) if groups is None else groups
    radii = fit_novelty(rows, codes, squared_distances(rows, rows), groups)
    return radii.novelty(new, squared_distances(new, rows))


def _new(seed, n=400):
    """More objects of the same three kinds."""
    random = np.random.default_rng(0)
    mixing = np.random.default_rng(0)
    mixing.normal(0.0, 1.0, (180, 5))
    matrix = mixing.normal(0.0, 1.0, (5, 5))
    random = np.random.default_rng(seed)
    codes = random.choice(3, n, p=[80 / 180, 60 / 180, 40 / 180])
    return random.normal(0.0, 1.0, (n, 5)) @ matrix + 4.0 * codes[:, None]


def test_new_objects_of_the_learned_kinds_spread_evenly_over_zero_to_one(learned):
    novelty = _novelty(*learned, _new(1))
    assert np.mean(novelty) == pytest.approx(0.5, abs=0.06)
    assert np.mean(novelty > 0.9) == pytest.approx(0.1, abs=0.05)


def test_what_lies_far_from_everything_has_the_novelty_one(learned):
    assert _novelty(*learned, np.full((1, 5), 1e3)).tolist() == [1.0]


def test_an_object_between_the_learned_kinds_is_more_unusual_than_their_middles(learned):
    rows, codes = learned
    middles = np.array([rows[codes == c].mean(axis=0) for c in range(3)])
    novelty = _novelty(rows, codes, np.vstack([middles, (middles[:1] + 9 * middles[2:]) / 5]))
    assert novelty[3] == 1.0
    assert novelty[:3].max() < 0.5


def test_copies_in_one_group_do_not_vouch_for_each_other(learned):
    rows, codes = learned
    twice, double = np.vstack([rows, rows]), np.hstack([codes, codes])
    same = np.tile(np.arange(len(rows)), 2)
    radii = fit_novelty(twice, double, squared_distances(twice, twice), same)
    alone = fit_novelty(twice, double, squared_distances(twice, twice), np.arange(len(twice)))
    assert np.median(radii.neighbour) > np.median(alone.neighbour)


def test_the_whitened_distance_is_the_ledoit_wolf_mahalanobis_distance(learned):
    rows, codes = learned
    radii = fit_novelty(rows, codes, squared_distances(rows, rows), np.arange(len(rows)))
    centred = rows - radii.means[codes]
    covariance = LedoitWolf(assume_centered=True).fit(centred).covariance_
    off = rows[:, None] - radii.means[None]
    expected = np.sqrt(np.einsum("ncp,pq,ncq->nc", off, np.linalg.inv(covariance), off).min(axis=1))
    np.testing.assert_allclose(mahalanobis_distance(rows, radii.means, radii.whitening), expected, rtol=1e-6)


def test_the_distance_of_a_row_without_itself_equals_computing_all_anew_without_it(learned):
    rows, codes = learned
    means = np.array([rows[codes == c].mean(axis=0) for c in range(3)])
    centred = rows - means[codes]
    shrinkage, target = 0.1, 2.0
    ours = _spread_without_itself(rows, codes, means, centred.T @ centred, shrinkage, target)
    for row in range(0, 180, 17):
        kept = np.delete(np.arange(180), row)
        left = np.array([rows[kept][codes[kept] == c].mean(axis=0) for c in range(3)])
        around = rows[kept] - left[codes[kept]]
        covariance = (1 - shrinkage) * around.T @ around / 179 + shrinkage * target * np.eye(5)
        off = rows[row] - left
        expected = np.sqrt(np.einsum("cp,pq,cq->c", off, np.linalg.inv(covariance), off).min())
        assert ours[row] == pytest.approx(expected, rel=1e-9)


def test_a_class_of_one_row_and_constant_columns_are_survived():
    rows = np.column_stack([np.arange(12.0), np.zeros(12)])
    codes = np.array([0] * 11 + [1])
    novelty = _novelty(rows, codes, rows)
    assert np.isfinite(novelty).all()


def test_the_neighbour_distance_is_that_of_the_fifth_or_the_farthest_of_fewer():
    distances = np.array([[9.0, 1.0, 4.0, 16.0, 25.0, 36.0]])
    assert neighbour_distance(distances).tolist() == [5.0]
    assert neighbour_distance(distances[:, :3]).tolist() == [3.0]
