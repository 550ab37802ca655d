"""Finds a text strip burnt in by the instrument at the bottom or top of an image. When in doubt, there is none.

A strip is many neighbouring rows of paper (one grey level) with letters in another. It begins and ends with blank
rows, and where it ends an image begins from one row to the next. It may lie one or two pixels inside the edge.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import DataBar

PAPER_SHARE = 0.4
"""At least this share of a row of the strip is one level; text of the largest size covers about half."""
BLANK_SHARE = 0.9
"""At least this share of its first and its last row is one level."""
IMAGE_SHARE = 0.2
"""Less than this share of any row of the image next to it is one level."""
BETWEEN_SHARE = 0.25
"""At most this share of the strip is neither paper nor ink: what smooths the letters."""
MARGIN_ROWS = 2
MIN_ROWS = 10
MAX_SHARE = 0.25
LETTER_ROWS = 5
"""At least so many rows change between paper and ink ten times or more: that is text, not an empty border."""
LETTER_EDGES = 10


def find_data_bar(image: NDArray[Any]) -> DataBar | None:
    """Return the strip at the bottom, else at the top, else None.

    Parameters
    ----------
    image : ndarray, shape (row, col)
        Detectors give integers; images of floating point are results of processing and have no strip.
    """
    if image.dtype.kind not in "ui" or image.shape[0] < 4 * MIN_ROWS or image.shape[1] < 64:
        return None
    for edge, rows in (("bottom", image[::-1]), ("top", image)):
        depth = _depth(rows)
        if depth:
            return DataBar(edge=edge, rows=depth)
    return None


def without_data_bar(image: NDArray[Any], bar: DataBar | None) -> NDArray[Any]:
    """Return the image without the strip (a view)."""
    if bar is None:
        return image
    return image[: -bar.rows] if bar.edge == "bottom" else image[bar.rows :]


def _depth(rows: NDArray[Any]) -> int:
    """Return how many rows, counted from the edge, the strip and its margin take; 0 without a strip."""
    most = int(MAX_SHARE * len(rows))
    start = next((k for k in range(MARGIN_ROWS + 1) if _share(rows[k]) >= BLANK_SHARE), None)
    if start is None:
        return 0
    end = start
    while end <= most and _share(rows[end]) >= PAPER_SHARE:
        end += 1
    strip, image = rows[start:end], rows[end : end + MIN_ROWS]
    if not MIN_ROWS <= len(strip) <= most or _share(strip[-1]) < BLANK_SHARE:
        return 0
    if any(_share(row) >= IMAGE_SHARE for row in image):
        return 0
    return end if _is_text(strip) else 0


def _share(row: NDArray[Any]) -> float:
    """Return which share of the row its most common level has."""
    _, counts = np.unique(row, return_counts=True)
    return float(counts.max() / row.size)


def _is_text(strip: NDArray[Any]) -> bool:
    levels, counts = np.unique(strip, return_counts=True)
    if len(levels) < 2:
        return False
    order = np.argsort(counts)
    changes = np.count_nonzero(np.diff(strip == levels[order[-1]], axis=1), axis=1)
    letters = int(np.count_nonzero(changes >= LETTER_EDGES))
    return letters >= LETTER_ROWS and counts[order[:-2]].sum() <= BETWEEN_SHARE * strip.size
