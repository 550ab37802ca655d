"""What the network is shown: every pixel over the contrast of its surroundings, never over noise alone."""

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]

_COARSE = 8  # surroundings are measured at an eighth of the size
_REACH = 6.0  # coarse px: 48 px of the network's own
_FRAME_SHARE = 0.25  # of the frame's standard deviation: in empty areas nothing is enlarged beyond that
_CLIP = 4.0
_GAIN = 1.5


def normalised(image: Grey, *, frame_sd: float | None = None) -> Grey:
    """Return an image with its local level taken off, over its local contrast.

    Parameters
    ----------
    image : ndarray of float32, shape (row, col)
        Finite, at the scale of the network.
    frame_sd : float, optional
        Standard deviation of the whole frame; default that of `image`.

    Returns
    -------
    ndarray of float32, shape (row, col)
        Within ±4; all 0 where the image is constant. It does not change when the image is multiplied by a
        positive number or a constant is added.

    Notes
    -----
    The divisor is the local standard deviation plus the larger of a quarter of the frame's and the frame's
    pixel noise, so that read-out noise in vacuum stays small.
    """
    height, width = image.shape
    coarse = max(width // _COARSE, 1), max(height // _COARSE, 1)
    middle = float(np.float32(image.mean()))
    centred = image - np.float32(middle)
    spread = float(centred.std()) if frame_sd is None else frame_sd
    if spread <= 1e-6 * max(abs(middle), 1e-30):
        return np.zeros_like(centred)
    level = _surroundings(cv2.resize(centred, coarse, interpolation=cv2.INTER_AREA))
    power = _surroundings(cv2.resize(centred * centred, coarse, interpolation=cv2.INTER_AREA))
    local = np.sqrt(np.maximum(power - level * level, 0))
    local += np.float32(max(_FRAME_SHARE * spread, pixel_noise(centred)))
    centred -= cv2.resize(level, (width, height), interpolation=cv2.INTER_LINEAR)
    centred /= cv2.resize(local * np.float32(_GAIN), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(centred, -_CLIP, _CLIP, out=centred)


def pixel_noise(image: Grey) -> float:
    """Return the standard deviation of what is uncorrelated from pixel to pixel.

    Notes
    -----
    The mixed second difference a - b - c + d of a 2 x 2 block has twice the standard deviation of the noise;
    taken robustly (1.4826 times the median absolute value) after Donoho and Johnstone, Biometrika 81 (1994)
    425, who use the finest wavelet coefficients in the same way.
    """
    step = max(1, int(np.sqrt(image.size / 65536)))
    block = image[::step], image[1::step]
    rows = min(len(block[0]), len(block[1]))
    if rows == 0 or image.shape[1] < 2:
        return 0.0
    down = block[0][:rows] - block[1][:rows]
    mixed = down[:, :-1] - down[:, 1:]
    return float(1.4826 * np.median(np.abs(mixed)) / 2)


def _surroundings(coarse: NDArray[np.floating]) -> Grey:
    return np.asarray(
        cv2.GaussianBlur(coarse, (0, 0), _REACH, borderType=cv2.BORDER_REFLECT), np.float32
    )
