"""Numbers that describe a region: shape, grey, texture, contour.

All are dimensionless or logarithms, and do not change when the object is moved, turned or the frame is multiplied
by a number. Two describe what is known rather than what is seen: where the imaging mode is unknown, the signed
features are 0 and ``mode_known`` is 0; where the pixel size is unknown, ``log_diameter_nm`` is 0 and
``scale_known`` is 0. So a recognizer can learn from frames with and without, and no number is made up.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from temwatch.model.region import Region
from temwatch.vision.features import contour, grey, shape, texture
from temwatch.vision.features.sheet import lay_out
from temwatch.vision.outline import Outlines, long_axis_degrees
from temwatch.vision.view import View

FEATURE_SET = "shape-grey-texture-contour/1"
BASIC_NAMES = shape.BASIC
FEATURE_NAMES = shape.NAMES + grey.NAMES + texture.NAMES + contour.NAMES + ("mode_known", "scale_known")

__all__ = ["BASIC_NAMES", "FEATURE_NAMES", "FEATURE_SET", "measure"]


def measure(view: View, regions: Sequence[Region], outlines: Outlines) -> NDArray[np.float32]:
    """Measure all regions of a frame.

    Parameters
    ----------
    view : View
    regions : sequence of Region
        Inside the frame, at least one pixel each.
    outlines : Outlines
        Of the same regions, in the same order.

    Returns
    -------
    ndarray of float32, shape (n, len(FEATURE_NAMES))
        All finite.
    """
    features = np.zeros((len(regions), len(FEATURE_NAMES)), np.float32)
    if not regions:
        return features
    direction = long_axis_degrees(outlines)
    for members, sheet in lay_out(view, regions):
        around = grey.surroundings(sheet)
        outer, perimeter = shape.measure(sheet, outlines, members, view.nm_per_px)
        features[members, :-2] = np.hstack(
            [
                outer,
                grey.measure(sheet, around, view.mode),
                texture.measure(sheet, outlines, members, direction, around),
                contour.measure(sheet, outlines, members, perimeter, around),
            ]
        )
    features[:, -2] = float(grey.mode_sign(view.mode) != 0)
    features[:, -1] = float(view.nm_per_px is not None)
    return features
