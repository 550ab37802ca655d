"""Which rows are learned from and which are held out: at random, or by whole groups, and never silently too few."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from temwatch.errors import AtlasRefused

Codes = NDArray[np.intp]
Split = Literal["random", "group"]

# With fewer, a class can't be in both halves and in the folds of an inner choice.
FEWEST_ROWS, FEWEST_GROUPS = 6, 3
# Rows of every class to learn from, and draws among which the most even is taken: few, so that repeats differ.
FEWEST_LEARNED, _DRAWS = 3, 20


def hold_out(
    codes: Codes,
    groups: Codes,
    classes: Sequence[str],
    *,
    atlas: str,
    split: Split,
    train: int,
    test: int,
    repeats: int,
    seed: int,
) -> list[tuple[Codes, Codes]]:
    """Return (rows learned from, rows held out) of every repeat, ascending row numbers.

    Parameters
    ----------
    codes, groups : ndarray of int, shape (n,)
        Class and group of every row, 0 onwards without gaps.
    classes : sequence of str
        Names of the classes.
    atlas : str
        For messages.
    split : "random" or "group"
        Stratified at random, or with whole groups held out.
    train, test : int
        Rows wanted; where there are fewer, all of them in the same proportion.
    repeats, seed : int

    Raises
    ------
    AtlasRefused
        One class only, a class with fewer than `FEWEST_ROWS` rows, or fewer than `FEWEST_LEARNED` of them to learn
        from; fewer than `FEWEST_GROUPS` groups to split by.
    """
    _check(atlas, classes, codes, groups, split, train, test)
    cut = [_cut(codes, groups, split, train, test, seed + repeat) for repeat in range(repeats)]
    for learned, _ in cut:
        counts = np.bincount(codes[learned], minlength=len(classes))
        if counts.min() < FEWEST_LEARNED:
            thin = int(counts.argmin())
            raise AtlasRefused(
                f"{atlas}: {counts[thin]} row(s) of {classes[thin]} among {len(learned)} to learn from, "
                f"{FEWEST_LEARNED} are needed",
                next_step="learn from more rows (--train), label more, or leave the class out with --classes",
            )
    return cut


def _check(
    name: str, classes: Sequence[str], codes: Codes, groups: Codes, split: Split, train: int, test: int
) -> None:
    if len(classes) < 2:
        raise AtlasRefused(
            f"{name}: one class only ({classes[0]})", next_step="add labelled objects of another class"
        )
    if int(test * min(1.0, len(codes) / (train + test))) < len(classes):
        raise AtlasRefused(
            f"{name}: {test} of {train + test} rows held out can't show {len(classes)} classes",
            next_step="hold out more rows (--test), label more, or leave classes out with --classes",
        )
    for code, class_ in enumerate(classes):
        count = int((codes == code).sum())
        if count < FEWEST_ROWS:
            raise AtlasRefused(
                f"{name}: {count} row(s) of {class_}, {FEWEST_ROWS} are needed",
                next_step="label more, or leave the class out with --classes",
            )
        own = len(np.unique(groups[codes == code]))
        if split == "group" and own < FEWEST_GROUPS:
            raise AtlasRefused(
                f"{name}: {class_} comes from {own} group(s), {FEWEST_GROUPS} are needed to hold groups out",
                next_step="use --split random, knowing that it flatters, or label other specimens",
            )


def _cut(codes: Codes, groups: Codes, split: Split, train: int, test: int, seed: int) -> tuple[Codes, Codes]:
    """Return training and held-out rows of one repeat."""
    everything = np.arange(len(codes))
    share = min(1.0, len(codes) / (train + test))
    if split == "random":
        wanted = {"train_size": int(train * share), "test_size": int(test * share)}
        learned, held = train_test_split(everything, stratify=codes, random_state=seed, **wanted)
        return np.sort(learned), np.sort(held)
    learned, held = _whole_groups(codes, groups, test / (train + test), seed)
    return _thinned(learned, codes, train, seed), _thinned(held, codes, test, seed)


def _whole_groups(codes: Codes, groups: Codes, share: float, seed: int) -> tuple[Codes, Codes]:
    """Return rows to learn from and rows of other groups, about `share` of all, drawn anew for every seed.

    Of many draws the one whose class shares are most even between the two is taken. (scikit-learn's stratified
    folds by group hardly change with the seed where groups differ in size.)
    """
    random = np.random.default_rng(seed)
    everything = np.bincount(codes)
    best: tuple[float, NDArray[np.bool_]] | None = None
    for _ in range(_DRAWS):
        order = random.permutation(int(groups.max()) + 1)
        sizes = np.cumsum(np.bincount(groups)[order])
        held = np.isin(groups, order[: 1 + int(np.argmin(np.abs(sizes[:-1] - share * len(codes))))])
        counts = np.bincount(codes[held], minlength=len(everything))
        if counts.min() < 1 or (everything - counts).min() < FEWEST_LEARNED:
            continue
        uneven = float(np.abs(counts / everything - share).max())
        if best is None or uneven < best[0]:
            best = (uneven, held)
    if best is None:
        raise AtlasRefused(
            "no draw of groups leaves every class on both sides",
            next_step="label more specimens, or leave the thinnest class out with --classes",
        )
    return np.flatnonzero(~best[1]), np.flatnonzero(best[1])


def _thinned(rows: Codes, codes: Codes, wanted: int, seed: int) -> Codes:
    """Return `wanted` of the rows, each class with its share and at least one."""
    if len(rows) <= wanted:
        return rows
    random = np.random.default_rng(seed)
    position = np.empty(len(rows))
    for code in np.unique(codes[rows]):
        members = random.permutation(np.flatnonzero(codes[rows] == code))
        position[members] = np.arange(len(members)) / len(members)
    return np.sort(rows[np.argsort(position, kind="stable")[:wanted]])
