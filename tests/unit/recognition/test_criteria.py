"""The criteria equal what the equations say, summed over rows and over pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from temwatch.recognition.criteria import error_sum_of_squares, squared_errors, weighted_mean_scatter


def _over_pairs(rows, clusters):
    total = 0.0
    for cluster in np.unique(clusters):
        own = rows[clusters == cluster]
        count = len(own)
        squares = ((own[:, None] - own[None]) ** 2).sum(axis=-1)
        if count > 1:
            total += count / len(rows) * 2 / (count * (count - 1)) * squares[np.triu_indices(count, 1)].sum()
    return total


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 9), st.floats(0, 1e3))
def test_the_short_forms_equal_the_sums_over_rows_and_over_pairs(seed, n, k, offset):
    random = np.random.default_rng(seed)
    rows, clusters = random.normal(offset, 1, (n, 4)), random.integers(0, k, n)
    direct = sum(
        ((rows[clusters == c] - rows[clusters == c].mean(axis=0)) ** 2).sum() for c in np.unique(clusters)
    )
    assert error_sum_of_squares(rows, clusters) == pytest.approx(direct, rel=1e-9, abs=1e-9)
    assert weighted_mean_scatter(rows, clusters) == pytest.approx(
        _over_pairs(rows, clusters), rel=1e-9, abs=1e-9
    )


def test_two_points_two_apart_are_worked_out_by_hand():
    rows, clusters = np.array([[0.0], [2.0]]), np.array([0, 0])
    assert error_sum_of_squares(rows, clusters) == 2.0
    assert weighted_mean_scatter(rows, clusters) == 4.0


def test_rows_alone_in_their_cluster_cost_nothing():
    rows = np.array([[0.0], [5.0], [9.0]])
    assert weighted_mean_scatter(rows, np.arange(3)) == 0.0
    assert error_sum_of_squares(rows, np.arange(3)) == 0.0


def test_a_cluster_without_rows_has_no_error():
    errors, counts = squared_errors(np.array([[0.0], [2.0]]), np.array([2, 2]))
    assert errors.tolist() == [0.0, 0.0, 2.0]
    assert counts.tolist() == [0, 0, 2]
