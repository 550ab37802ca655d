"""A region: a connected (or deliberately grouped) set of pixels that a finder proposes as one object."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One proposed object, as a small mask and where it lies.

    Attributes
    ----------
    row, col : int
        Frame coordinates of the mask's top left pixel.
    mask : ndarray of bool, shape (height, width)
        True inside. The bounding box is tight: every outer row and column holds a True.
    score : float
        How sure the finder is, in [0, 1]; 1.0 where the finder has no opinion.
    """

    row: int
    col: int
    mask: NDArray[np.bool_]
    score: float = 1.0
