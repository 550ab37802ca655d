"""Finds a text strip burnt in by the instrument at the bottom or top of an image. When in doubt, there is none.

A strip is many neighbouring rows that are almost all one grey level with a few others (letters), while the rows
next to it are an image. It may lie one or two pixels inside the edge.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import DataBar

LEVELS = 16
"""A row of a strip has at most this many grey levels: paper, ink and what smooths the letters."""
PAPER_SHARE = 0.4
"""At least this share of a row is the strip's paper; text of the largest size covers about half."""
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
    start = next((k for k in range(MARGIN_ROWS + 1) if _paper(rows[k]) is not None), None)
    if start is None:
        return 0
    end = start
    papers = []
    while end <= most and (paper := _paper(rows[end])) is not None:
        papers.append(paper)
        end += 1
    # Frame lines have another level than the paper, so the strip's paper is the one most rows have.
    if not MIN_ROWS <= len(papers) <= most or not _has_letters(rows[start:end], _most_common(papers)):
        return 0
    return end if _is_image(rows[end : end + MIN_ROWS]) else 0


def _paper(row: NDArray[Any]) -> Any:
    """Return the one grey level that fills the row, None where the row is an image's."""
    levels, counts = np.unique(row, return_counts=True)
    if len(levels) > LEVELS or counts.max() < PAPER_SHARE * row.size:
        return None
    return levels[counts.argmax()]


def _most_common(papers: list[Any]) -> Any:
    levels, counts = np.unique(papers, return_counts=True)
    return levels[counts.argmax()]


def _has_letters(strip: NDArray[Any], paper: Any) -> bool:
    changes = np.count_nonzero(np.diff(strip == paper, axis=1), axis=1)
    return np.count_nonzero(changes >= LETTER_EDGES) >= LETTER_ROWS


def _is_image(rows: NDArray[Any]) -> bool:
    """Whether none of the rows could belong to a strip."""
    return len(rows) > 0 and all(_paper(row) is None for row in rows)
