"""Folds never ask for more than the rows can give, and never hold out what could not be learned."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from temwatch.recognition.folds import folds


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=40),
    st.booleans(),
    st.integers(1, 6),
)
def test_groups_stay_together_and_every_class_held_out_was_learned(rows, grouped, count):
    table = np.array(rows)
    codes = np.unique(table[:, 0], return_inverse=True)[1]
    groups = table[:, 1] if grouped else None
    held = []
    for train, test in folds(codes, groups, count=count, seed=0):
        assert not set(train) & set(test)
        assert set(codes[test]) <= set(codes[train])
        assert len(np.unique(codes[train])) > 1
        if groups is not None:
            assert not set(groups[train]) & set(groups[test])
        held += test.tolist()
    assert len(held) == len(set(held))


def test_one_row_of_each_class_leaves_nothing_to_hold_out_whatever_the_groups():
    assert folds(np.arange(3), None, count=5, seed=0) == []
    assert folds(np.arange(3), np.arange(3), count=5, seed=0) == []
