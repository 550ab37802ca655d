"""Intervals are as wide as shared rows and small numbers make them."""

import numpy as np
import pytest

from temwatch.recognition.evaluation import Share
from temwatch.recognition.intervals import difference, of_repeats, paired, unpaired


def test_repeats_that_share_rows_get_a_wider_interval_than_independent_ones():
    left, right = [0.9, 0.8, 0.9, 0.8], [0.8, 0.8, 0.7, 0.8]
    mean, low, high = paired(left, right, 0.5)
    assert low < mean < high
    assert high - low > paired(left, right, 0.0)[2] - paired(left, right, 0.0)[1]


def test_the_interval_of_a_difference_of_shares_is_newcombes():
    # Newcombe 1998, table II, 56/70 against 48/80, method 10.
    gap, low, high = difference(Share(56, 70), Share(48, 80))
    assert (round(gap, 4), round(low, 4), round(high, 4)) == (0.2, 0.0524, 0.3339)


def test_the_interval_of_repeats_holds_the_truth_where_the_plain_one_does_not():
    # Hold-outs of 60 out of one pool of 180 whose rows are right by chance 0.8: the pool's luck is shared by all.
    random = np.random.default_rng(0)
    wide = plain = 0
    for _ in range(200):
        right = random.random(180) < 0.8
        values = [right[random.choice(180, 60, replace=False)].mean() for _ in range(25)]
        _, low, high = of_repeats(values, 0.5)
        wide += low <= 0.8 <= high
        _, low, high = of_repeats(values, 0.0)
        plain += low <= 0.8 <= high
    assert wide >= 180
    assert plain < 120


def test_one_repeat_has_no_interval():
    value, low, high = of_repeats([0.8], 0.5)
    assert value == 0.8
    assert np.isnan([low, high]).all()
    assert np.isnan(unpaired([0.8], [0.7], 0.5)[1:]).all()


def test_independent_figures_differ_less_surely_than_paired_ones():
    random = np.random.default_rng(1)
    base = random.normal(0.8, 0.05, 20)
    left, right = base + 0.03, base + random.normal(0, 0.005, 20)
    tight, loose = paired(left, right, 0.5), unpaired(left, right, 0.5)
    assert tight.value == pytest.approx(loose.value)
    assert tight.low > 0 > loose.low


def test_figures_without_spread_differ_exactly():
    assert unpaired([0.9, 0.9], [0.8, 0.8], 0.5) == pytest.approx((0.1, 0.1, 0.1))
