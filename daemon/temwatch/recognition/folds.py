"""Rows to learn from and rows to judge by: every class in both where it can be, a group never in both."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

Codes = NDArray[np.intp]


def folds(
    codes: Codes, groups: NDArray[np.generic] | None, *, count: int, seed: int
) -> list[tuple[Codes, Codes]]:
    """Return (training rows, held-out rows) of every fold, each row held out once at most.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Class of every row.
    groups : ndarray, shape (n,), or None
        Rows of one group stay together.
    count : int
        Folds; fewer where there are fewer groups, or fewer rows in every class.
    seed : int
        Of the shuffling.

    Returns
    -------
    list of (ndarray of int, ndarray of int)
        A row whose class would be missing from the training rows is not held out; a fold without any held-out row,
        or with one class to learn from, is left out. So the list may be empty.
    """
    # scikit-learn refuses more folds than the largest class has rows, and more than there are groups.
    wanted = min(count, int(np.bincount(codes).max()))
    if groups is not None:
        wanted = min(wanted, len(np.unique(groups)))
    if wanted < 2:
        return []
    maker = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = maker(n_splits=wanted, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is expected here, and dealt with below.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        pairs = list(splitter.split(codes, codes, groups))
    kept = [(train, test[np.isin(codes[test], codes[train])]) for train, test in pairs]
    return [(train, test) for train, test in kept if len(test) and len(train) and np.ptp(codes[train])]
