"""What a finder and the measures are shown of a frame: its pixels as they are, and flattened on demand."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import FrameDeclined
from temwatch.model.frame import ImagingMode
from temwatch.vision.background import Background, fit_background

Polarity = Literal["bright", "dark"]


@dataclass(frozen=True, kw_only=True)
class View:
    """A frame as finders see it.

    Attributes
    ----------
    image : ndarray, shape (row, col)
        The raw pixels, any integer or float dtype; may hold NaN and infinities.
    background : Background
    nm_per_px : float or None
        Edge of a pixel at the specimen, in nm; None where nobody knows.
    mode : ImagingMode or None
    object_size_nm : float or None
        The operator's hint: how large the objects usually are.
    polarity : "bright", "dark" or None
        The operator's hint: objects are brighter or darker than their surroundings; None for either.
    """

    image: NDArray[np.generic]
    background: Background
    nm_per_px: float | None = None
    mode: ImagingMode | None = None
    object_size_nm: float | None = None
    polarity: Polarity | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(row, col)."""
        return (self.image.shape[0], self.image.shape[1])

    @property
    def object_size_px(self) -> float | None:
        """The hinted object size in pixels, where both it and the pixel size are known."""
        if self.object_size_nm is None or self.nm_per_px is None:
            return None
        return self.object_size_nm / self.nm_per_px

    def window(self, rows: slice, cols: slice) -> NDArray[np.float32]:
        """Return a flattened window, ``image / background - 1``; non-finite pixels are 0.

        Parameters
        ----------
        rows, cols : slice
            Inside the frame, with explicit start and stop.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            pixels = self.image[rows, cols].astype(np.float32)
            return self.background.flatten(pixels, rows, cols)

    @cached_property
    def flattened(self) -> NDArray[np.float32]:
        """The whole frame flattened; 4 bytes a pixel, kept as long as the view lives."""
        return self.window(slice(0, self.shape[0]), slice(0, self.shape[1]))


def look_at(
    image: NDArray[np.generic],
    *,
    nm_per_px: float | None = None,
    mode: ImagingMode | None = None,
    object_size_nm: float | None = None,
    polarity: Polarity | None = None,
) -> View:
    """Fit the background and return the view of a frame.

    Raises
    ------
    FrameDeclined
        The array is not a grey image: not two-dimensional, empty, or not of real numbers.
    """
    if image.ndim != 2 or image.size == 0 or image.dtype.kind not in "buif":
        raise FrameDeclined(
            f"an array of shape {image.shape} and type {image.dtype} is no grey image",
            next_step="Pass one two-dimensional image of integers or real numbers.",
        )
    return View(
        image=image,
        background=fit_background(image),
        nm_per_px=nm_per_px,
        mode=mode,
        object_size_nm=object_size_nm,
        polarity=polarity,
    )
