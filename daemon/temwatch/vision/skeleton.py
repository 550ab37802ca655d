"""The one pixel wide middle line of a mask."""

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize


def thinned(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the skeleton of a mask, both of 0 and 1 and shape (row, col).

    Notes
    -----
    Zhang and Suen, CACM 27 (1984) 236.
    """
    lines: NDArray[np.bool_] = skeletonize(mask.view(bool))  # type: ignore[no-untyped-call]
    return lines.view(np.uint8)
