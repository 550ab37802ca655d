"""A sheet of training crops to look at beside real frames."""

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.crops import Crop, crop

_OBJECT, _LINE, _IGNORED = (0, 255, 255), (255, 0, 255), (0, 0, 255)  # BGR


def sheet(seed: int, *, rows: int = 3, cols: int = 8) -> NDArray[np.uint8]:
    """Return crops 0, 1, ... of a seed in a grid, each above its labels.

    Objects are outlined in yellow, lines are magenta, what is too faint to be asked for is red.

    Returns
    -------
    ndarray of uint8, shape (row, col, 3), BGR
    """
    pairs = [_pair(crop(seed, index)) for index in range(rows * cols)]
    lines = [np.hstack(pairs[row * cols : (row + 1) * cols]) for row in range(rows)]
    return np.asarray(np.vstack(lines), np.uint8)


def _pair(made: Crop) -> NDArray[np.uint8]:
    picture = np.asarray(cv2.cvtColor(made.image, cv2.COLOR_GRAY2BGR), np.uint8)
    labelled = picture.copy()
    labels = made.objects
    edge = (labels != np.roll(labels, 1, 0)) | (labels != np.roll(labels, 1, 1))
    labelled[made.lines] = _LINE
    labelled[edge] = _OBJECT
    labelled[made.ignored & (edge | made.lines)] = _IGNORED
    return np.vstack([picture, labelled])
