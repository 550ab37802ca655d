"""Contour: edge, outline, moments and skeleton."""

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.vision.features.fourier import harmonic_power, resample
from temwatch.vision.features.grey import Surroundings
from temwatch.vision.features.sheet import Sheet
from temwatch.vision.outline import MOMENTS, Outlines
from temwatch.vision.rectangle import hull_perimeters

NAMES = (
    "edge_slope",
    "edge_variation",
    "roughness",
    "fourier_2",
    "fourier_3",
    "fourier_4",
    "fourier_rest",
    "bending",
    "hu_1",
    "hu_2",
    "hu_3",
    "hu_4",
    "log_skeleton_in_lengths",
    "log_skeleton_ends",
    "deepest_in_diameters",
    "skeleton_width",
    "skeleton_width_variation",
)

_EDGE_PX = 1.5
_LAST_HARMONIC = 23
_BENDING_SMOOTHING = 2.0  # in samples of the outline, of which there are 128


def measure(
    sheet: Sheet,
    outlines: Outlines,
    members: NDArray[np.intp],
    perimeter: NDArray[np.float64],
    around: Surroundings,
) -> NDArray[np.float64]:
    """Return the contour features, shape (n, 17).

    Parameters
    ----------
    perimeter : ndarray of float64, shape (n,)
        In frame px.
    """
    edge = sheet.inside.where(sheet.inside.take(sheet.depth) <= _EDGE_PX)
    slope = edge.take(sheet.slope)
    mean_slope = edge.mean(slope)
    samples = resample(_main_outlines(sheet))
    return np.column_stack(
        [
            np.log(mean_slope / around.noise + 1e-6),
            edge.std(slope, mean_slope) / (mean_slope + 1e-9),
            perimeter / hull_perimeters([outlines.hulls[k] for k in members]),
            fourier_features(samples),
            bending(samples),
            hu_moments(outlines.moments[members]),
            _skeleton_features(sheet, outlines, members),
        ]
    )


def _main_outlines(sheet: Sheet) -> list[NDArray[np.int32]]:
    """Return the longest outline of every tile, hairline gaps closed, as (row, col)."""
    closed = cv2.morphologyEx(sheet.mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    found, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest: list[NDArray[np.int32]] = [np.zeros((1, 2), np.int32)] * len(sheet.tiles)
    for outline in sorted(found, key=len):
        col, row = outline[0, 0]
        longest[sheet.owner[row, col]] = outline[:, 0, ::-1]
    return longest


def fourier_features(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ln of the power of harmonics 2, 3, 4 and of 5 to 23 together over that of the first; (n, 4)."""
    power = harmonic_power(samples)
    first = power[:, :1] + 1e-12
    rest = power[:, 4:_LAST_HARMONIC].sum(axis=1, keepdims=True)
    return np.log(np.hstack([power[:, 1:4], rest]) / first + 1e-6)


def bending(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ln of the sum of squared turning angles along smoothed outlines, shape (n, 128, 2) to (n,).

    A circle, the least bent closed outline, has ``(2 pi)² / 128``.
    """
    z = samples[:, :, 0] + 1j * samples[:, :, 1]
    count = z.shape[1]
    frequency = np.fft.fftfreq(count)
    smoothing = np.exp(-2 * (np.pi * frequency * _BENDING_SMOOTHING) ** 2)
    # Smoothed and differentiated in one go: a derivative is a factor in the spectrum.
    tangent = np.fft.ifft(np.fft.fft(z, axis=1) * smoothing * 2j * np.pi * frequency, axis=1)
    turn = np.angle(np.roll(tangent, -1, axis=1) * np.conj(tangent))
    return np.asarray(np.log((turn**2).sum(axis=1) + 1e-6))


def hu_moments(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sign * log10 of the first four of Hu's moment invariants, shape (n, 4).

    Hu, IRE Trans. IT-8 (1962) 179.

    Parameters
    ----------
    moments : ndarray of float64, shape (n, 10)
        As named in `outline.MOMENTS`.
    """
    named = dict(zip(MOMENTS, moments.T, strict=True))
    second, third = named["m00"] ** 2, named["m00"] ** 2.5
    n20, n02, n11 = named["mu20"] / second, named["mu02"] / second, named["mu11"] / second
    n30, n21, n12, n03 = (named[name] / third for name in ("mu30", "mu21", "mu12", "mu03"))
    hu = np.column_stack(
        [
            n20 + n02,
            (n20 - n02) ** 2 + 4 * n11**2,
            (n30 - 3 * n12) ** 2 + (3 * n21 - n03) ** 2,
            (n30 + n12) ** 2 + (n21 + n03) ** 2,
        ]
    )
    return np.log10(hu + 1e-12)


def _skeleton_features(sheet: Sheet, outlines: Outlines, members: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return length, ends, deepest point, mean and variation of width of the skeletons; shape (n, 5)."""
    lines = sheet.skeleton
    neighbours = cv2.boxFilter(lines, cv2.CV_8U, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    skeleton = sheet.pixels(lines.view(bool))
    width = skeleton.take(sheet.depth)
    mean_width = skeleton.mean(width)
    ends = skeleton.where(neighbours.ravel()[skeleton.index] == 2)
    inside = sheet.inside
    radius = np.sqrt(inside.count / np.pi)
    length = np.array([outlines.rectangles[k].length_px for k in members]) * sheet.scale
    return np.column_stack(
        [
            np.log(skeleton.count / length + 1e-3),
            np.log1p(ends.count),
            inside.largest(inside.take(sheet.depth)) / radius,
            mean_width / radius,
            skeleton.std(width, mean_width) / np.maximum(mean_width, 1e-9),
        ]
    )
