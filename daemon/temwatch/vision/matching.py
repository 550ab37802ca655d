"""Which found object is which true one: one to one, nearest pairs first."""

import numpy as np
from numpy.typing import NDArray

MIN_RADIUS_PX = 6.0  # small objects may be off by so much and still count as found


def match(
    found: NDArray[np.float64], true: NDArray[np.float64], true_radius_px: NDArray[np.float64]
) -> list[tuple[int, int]]:
    """Return pairs (index of found, index of true), each index at most once.

    A pair counts when the centres are no further apart than the larger of the true object's radius and 6 px, the
    rule of the published comparisons of defect finders in TEM frames (Mask R-CNN on FeCrAl, arXiv 2110.08244,
    matches by overlap; centres suit objects without masks).

    Parameters
    ----------
    found : ndarray, shape (n, 2)
        Centres (row, col) in px.
    true : ndarray, shape (m, 2)
    true_radius_px : ndarray, shape (m,)
        Radius of each true object; for elongated ones half their length.
    """
    if not len(found) or not len(true):
        return []
    distance = np.linalg.norm(found[:, None, :] - true[None, :, :], axis=2)
    allowed = distance <= np.maximum(true_radius_px, MIN_RADIUS_PX)[None, :]
    order = np.argsort(np.where(allowed, distance, np.inf), axis=None, kind="stable")
    pairs: list[tuple[int, int]] = []
    used_found: set[int] = set()
    used_true: set[int] = set()
    for flat in order[: int(allowed.sum())]:
        f, t = (int(index) for index in np.unravel_index(flat, distance.shape))
        if f not in used_found and t not in used_true:
            used_found.add(f)
            used_true.add(t)
            pairs.append((f, t))
    return pairs
