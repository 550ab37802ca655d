"""What the network is to answer for a training crop, at half its resolution."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from temwatch.sim.crops import Crop

STRIDE = 2


def targets(crop: Crop) -> NDArray[np.float16]:
    """Return the truth of a crop.

    Returns
    -------
    ndarray of float16, shape (5, row / 2, col / 2)
        Object, core (depth inside the object over its largest depth), line, log of the equivalent radius in
        px of the crop, weight (0 where the crop asks no answer).
    """
    labels = np.ascontiguousarray(crop.objects[::STRIDE, ::STRIDE])
    core = np.zeros(labels.shape, np.float32)
    radius = np.zeros(labels.shape, np.float32)
    areas = np.bincount(crop.objects.ravel())
    for number, box in enumerate(find_objects(labels), 1):
        if box is None:
            continue
        mine = labels[box] == number
        depth = _depth(mine, box, labels.shape)
        core[box][mine] = (depth / max(float(depth.max()), 1e-3))[mine]
        radius[box][mine] = np.log(max(np.sqrt(areas[number] / np.pi), 1.0))
    objects = labels > 0
    line = _any_of_four(crop.lines) & ~objects
    weight = ~_any_of_four(crop.ignored)
    return np.stack([objects, core, line, radius, weight]).astype(np.float16)


def _depth(mine: NDArray[np.bool_], box: tuple[slice, ...], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the distance to the outside; the crop's own border counts as inside, the object may go on there."""
    rows, cols = box
    padded = cv2.copyMakeBorder(mine.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    padded[0] *= rows.start == 0
    padded[-1] *= rows.stop == shape[0]
    padded[:, 0] *= cols.start == 0
    padded[:, -1] *= cols.stop == shape[1]
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1], np.float32)


def _any_of_four(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return mask[::2, ::2] | mask[1::2, ::2] | mask[::2, 1::2] | mask[1::2, 1::2]
