"""Texture: on a crop of 64 x 64 turned along the region's rectangle and scaled to its length."""

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.vision.features.grey import Surroundings
from temwatch.vision.features.sheet import Sheet
from temwatch.vision.outline import Outlines

NAMES = (
    "glcm_contrast",
    "glcm_homogeneity",
    "glcm_energy",
    "glcm_correlation",
    "glcm_entropy",
    "lbp_flat",
    "lbp_edge",
    "lbp_entropy",
    "gradient_anisotropy",
    "lacunarity",
    "fine_over_noise",
    "slope_over_noise",
)

CROP = 64
GREY_LEVELS = 16
_MARGIN_PX = 3.0  # surroundings kept on the crop at both ends of the rectangle, in sheet px
_FILL_WINDOW = 9


def measure(
    sheet: Sheet,
    outlines: Outlines,
    members: NDArray[np.intp],
    direction_deg: NDArray[np.float64],
    around: Surroundings,
) -> NDArray[np.float64]:
    """Return the texture features, shape (n, 12).

    Parameters
    ----------
    direction_deg : ndarray of float64, shape (n,)
        Of the long axis of every member, see `outline.long_axis_degrees`.
    around : Surroundings
        Sets the grey range: 16 levels span the ring's median ± (2 |contrast| + 3 noise), in the direction of
        the contrast.
    """
    crops, half = normalised_crops(sheet, outlines, members, direction_deg)
    span = 2 * np.abs(around.contrast) + 3 * around.noise
    gain = (around.direction / span * (GREY_LEVELS / 2)).astype(np.float32)
    grey = (crops - around.level.astype(np.float32)[:, None, None]) * gain[:, None, None]
    grey += GREY_LEVELS / 2
    levels = np.clip(grey, 0, GREY_LEVELS - 1, out=grey).astype(np.uint8)
    inside = sheet.inside
    window = (_FILL_WINDOW, _FILL_WINDOW)
    fill = inside.take(np.asarray(cv2.blur(sheet.mask.astype(np.float32), window), np.float32))
    mean_fill = inside.mean(fill)
    smooth = np.asarray(cv2.GaussianBlur(sheet.values, (9, 9), 1.0), np.float32)
    fine = inside.take(sheet.values - smooth)
    fine_spread = inside.std(fine, inside.mean(fine))
    slope = inside.mean(inside.take(sheet.slope))
    return np.column_stack(
        [
            cooccurrence(levels, half),
            binary_patterns(levels, half),
            _anisotropy(crops, half),
            inside.std(fill, mean_fill) / mean_fill,
            np.log(fine_spread / around.noise + 1e-6),
            np.log(slope / around.noise + 1e-6),
        ]
    )


def normalised_crops(
    sheet: Sheet, outlines: Outlines, members: NDArray[np.intp], direction_deg: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return crops with the long axis along the rows, and how many rows around the middle matter.

    Returns
    -------
    crops : ndarray of float32, shape (n, 64, 64)
    half : ndarray of int, shape (n,)
        Rows 32 - half to 32 + half hold the rectangle; between 6 and 32.
    """
    crops = np.empty((len(members), CROP, CROP), np.float32)
    half = np.empty(len(members), np.intp)
    for k, (tile, member) in enumerate(zip(sheet.tiles, members, strict=True)):
        rectangle = outlines.rectangles[member]
        length = rectangle.length_px * tile.scale
        zoom = CROP / (length + 2 * _MARGIN_PX)
        centre = (
            (rectangle.col - tile.frame_col) * tile.scale,
            (rectangle.row - tile.frame_row) * tile.scale,
        )
        matrix = cv2.getRotationMatrix2D(centre, direction_deg[member], zoom)
        matrix[:, 2] = matrix[:, 2] + (CROP / 2 - 0.5 - np.array(centre))
        source = sheet.values[tile.box]
        if zoom < 0.5:  # otherwise the bilinear look-up would skip pixels
            source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.4 / zoom), np.float32)
        cv2.warpAffine(
            source, matrix, (CROP, CROP), dst=crops[k], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        ratio = rectangle.width_px / rectangle.length_px
        half[k] = np.clip(np.ceil(CROP / 2 * ratio) + _MARGIN_PX, 6, CROP // 2)
    return crops, half


def cooccurrence(levels: NDArray[np.uint8], half: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return contrast, homogeneity, energy, correlation and entropy of grey level pairs; shape (n, 5).

    Pairs 1 and 3 px apart, along and across the long axis, counted both ways; the first four are means over
    the four kinds of pair, the entropy (nats) is that of their mean matrix (Haralick, IEEE Trans. SMC-3
    (1973) 610; energy is the root of the sum of squares).

    Parameters
    ----------
    levels : ndarray of uint8, shape (n, 64, 64)
        Grey levels 0 to 15.
    half : ndarray of int, shape (n,)
    """
    high = levels << 4
    counts = np.empty((len(levels), 4, GREY_LEVELS * GREY_LEVELS), np.float32)
    for kind, (down, across) in enumerate(((0, 1), (0, 3), (1, 0), (3, 0))):
        codes = high[:, : CROP - down, : CROP - across] | levels[:, down:, across:]
        for k, rows in enumerate(half):
            band = np.ascontiguousarray(codes[k, CROP // 2 - rows : CROP // 2 + rows - down])
            counts[k, kind] = cv2.calcHist([band], [0], None, [256], [0, 256]).ravel()
    share = counts.reshape(-1, 4, GREY_LEVELS, GREY_LEVELS)
    share = share + share.transpose(0, 1, 3, 2)
    share /= share.sum(axis=(2, 3), keepdims=True)
    flat = share.reshape(len(levels), 4, -1)
    i, j = np.indices((GREY_LEVELS, GREY_LEVELS)).astype(np.float32).reshape(2, -1)
    mean = flat @ i
    variance = flat @ (i * i) - mean**2
    covariance = flat @ (i * j) - mean**2
    # A single grey level has no variance; it predicts its neighbour perfectly.
    correlation = np.where(variance > 1e-6, covariance / np.maximum(variance, 1e-6), 1.0)
    pooled = flat.mean(axis=1)
    return np.column_stack(
        [
            (flat @ ((i - j) ** 2)).mean(axis=1),
            (flat @ (1 / (1 + (i - j) ** 2))).mean(axis=1),
            np.sqrt((flat**2).sum(axis=2)).mean(axis=1),
            correlation.mean(axis=1),
            -(pooled * np.log(np.maximum(pooled, 1e-12))).sum(axis=1),
        ]
    ).astype(np.float64)


def _uniform_table() -> NDArray[np.uint8]:
    """Return, for every ring of 8 bits, its number of ones if it has at most two changes, else 9."""
    code = np.arange(256)
    bits = code[:, None] >> np.arange(8) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), 9).astype(np.uint8)


_UNIFORM = _uniform_table()


def pattern_image(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the uniform local binary pattern of 8 neighbours at radius 1.

    0 to 8 counts the neighbours that are not darker, 9 is "not uniform" (Ojala, Pietikäinen and Mäenpää, IEEE
    Trans. PAMI 24 (2002) 971). Diagonal neighbours are interpolated on the circle.

    Parameters
    ----------
    levels : ndarray of uint8, shape (n, row, col)
        Grey levels 0 to 15.

    Returns
    -------
    ndarray of uint8, shape (n, row - 2, col - 2)
        The outermost pixels have no full ring.
    """
    q = levels.astype(np.int16)
    middle = q[:, 1:-1, 1:-1]
    size = (q.shape[1] - 2, q.shape[2] - 2)

    def neighbour(down: int, across: int) -> NDArray[np.int16]:
        shifted: NDArray[np.int16] = q[:, 1 + down : 1 + down + size[0], 1 + across : 1 + across + size[1]]
        return shifted - middle

    ring = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
    axial = {step: neighbour(*step) for step in ring if 0 in step}
    code = np.zeros(middle.shape, np.uint8)
    for bit, (down, across) in enumerate(ring):
        if 0 in (down, across):
            brighter = axial[down, across] >= 0
        else:
            # Bilinear weights at 45° are 0.5 for the diagonal pixel and 0.2071 for each axial one: a ratio of
            # 1 + sqrt(2), here 70 / 29, which decides all differences of 16 levels as the root would.
            beside = axial[down, 0] + axial[0, across]
            brighter = 29 * beside + 70 * neighbour(down, across) >= 0
        code |= brighter.view(np.uint8) << np.uint8(bit)
    return _UNIFORM[code]


def binary_patterns(levels: NDArray[np.uint8], half: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the shares of flat and of edge patterns and the entropy (nats) of all ten; shape (n, 3)."""
    patterns = pattern_image(levels)
    counts = np.empty((len(levels), 10))
    for k, rows in enumerate(half):
        band = patterns[k, max(CROP // 2 - rows - 1, 0) : CROP // 2 + rows - 1]
        counts[k] = cv2.calcHist([np.ascontiguousarray(band)], [0], None, [10], [0, 10]).ravel()
    share = counts / counts.sum(axis=1, keepdims=True)
    entropy = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1)
    return np.column_stack([share[:, 8], share[:, 3:6].sum(axis=1), entropy])


def _anisotropy(crops: NDArray[np.float32], half: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return ln of the gradient energy along over that across the long axis, shape (n,)."""
    along = ((crops[:, :, 2:] - crops[:, :, :-2]) ** 2).sum(axis=2)
    across = ((crops[:, 2:] - crops[:, :-2]) ** 2).sum(axis=2)
    row = np.arange(CROP)
    band = np.abs(row - (CROP - 1) / 2) < half[:, None]
    energy_along = (along * band).sum(axis=1, dtype=np.float64)
    energy_across = (across * band[:, 1:-1]).sum(axis=1, dtype=np.float64)
    # Both are sums of squares of relative contrast: a floor far below any noise.
    return np.asarray(np.log((energy_along + 1e-12) / (energy_across + 1e-12)))
