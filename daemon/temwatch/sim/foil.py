"""The sound material of one frame, and the light on it: what the defects have to be found against."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float, band_noise, smooth
from temwatch.sim.specimen import Specimen

_UNEVEN_NM = 700.0  # width of the swells in the foil's thickness and of its bending


@dataclass(frozen=True, slots=True, kw_only=True)
class Foil:
    """The foil of one frame without defects. All arrays have the frame's shape (row, col).

    Attributes
    ----------
    mass_nm : ndarray of float32
        Thickness; 0 in the hole beside the foil.
    diffraction : ndarray of float32
        Electrons lost to Bragg beams, as a natural logarithm; negative for grains off every zone axis.
    light : ndarray of float32
        Illumination over its mean.
    solid : ndarray of bool
        Where the foil is thick enough to have defects.
    """

    mass_nm: NDArray[np.float32]
    diffraction: NDArray[np.float32]
    light: NDArray[np.float32]
    solid: NDArray[np.bool_]


def lay_foil(rng: np.random.Generator, specimen: Specimen, shape: tuple[int, int]) -> Foil:
    """Return the foil of one frame of this specimen; `shape` is (row, col)."""
    thickness = _thickness(rng, specimen, shape)
    diffraction = _grains(rng, specimen, shape)
    diffraction += _dislocations(rng, specimen, shape)
    inside = _edge(rng, specimen, shape) if rng.random() < specimen.foil_edge else None
    solid = np.ones(shape, bool)
    if inside is not None:
        thickness *= inside
        diffraction *= inside
        solid = inside > 0.7
    return Foil(
        mass_nm=np.maximum(thickness, 0),
        diffraction=diffraction,
        light=_light(rng, specimen, shape),
        solid=solid,
    )


def _ramp(shape: tuple[int, int], per_row: float, per_col: float) -> NDArray[np.float32]:
    """Return a plane, 0 in the middle, with these differences from border to border."""
    rows = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None]
    cols = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None, :]
    return rows * np.float32(per_row) + cols * np.float32(per_col)


def _thickness(rng: np.random.Generator, specimen: Specimen, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return wedge, swells, milling stripes and rough amorphous surfaces."""
    wedge = _ramp(shape, rng.normal(0, 0.12), rng.normal(0, 0.12))
    swells = band_noise(rng, shape, _UNEVEN_NM / specimen.nm_per_px) * np.float32(0.05)
    relative = 1 + wedge + swells
    if specimen.curtain:
        relative += _curtain(rng, specimen, shape)
    rough = band_noise(rng, shape, float(rng.uniform(0.8, 1.7))) * np.float32(specimen.speckle_nm)
    return relative * np.float32(specimen.foil_nm) + rough


def _curtain(rng: np.random.Generator, specimen: Specimen, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return stripes that ion milling leaves, all in one direction, fading in and out along it."""
    tilt = rng.normal(0, 0.15)
    length = shape[1] + int(abs(tilt) * shape[0]) + 2
    profile = sum(
        band_noise(rng, (int(8 * sigma), length), sigma)[0] * np.float32(share)
        for sigma, share in ((1.5, 0.5), (6.0, 0.8))
    )
    start = (np.arange(shape[0]) * tilt - min(0.0, tilt) * shape[0]).astype(int)
    stripes = np.asarray(profile)[start[:, None] + np.arange(shape[1])[None, :]]
    fading = np.clip(0.6 + 0.5 * band_noise(rng, shape, 90), 0, 1.5)
    return as_float(stripes * fading * np.float32(specimen.curtain))


def _wobble(rng: np.random.Generator, shape: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Return column and row of the place each pixel looks at, so that straight boundaries become wavy."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    cols = np.arange(shape[1], dtype=np.float32)[None, :]
    shifts = [band_noise(rng, shape, 40) * np.float32(9) + band_noise(rng, shape, 9) * 2 for _ in range(2)]
    return [as_float(cols + shifts[0]), as_float(rows + shifts[1])]


def _grain_numbers(
    rng: np.random.Generator, specimen: Specimen, shape: tuple[int, int]
) -> tuple[NDArray[np.uint16], int]:
    """Return the grain each pixel belongs to (wavy Voronoi cells) and one more than the highest number."""
    area_nm2 = shape[0] * shape[1] * specimen.nm_per_px**2
    count = int(np.clip(area_nm2 / (0.8 * specimen.grain_nm**2), 2, 20_000))
    seeds = np.ones(shape, np.uint8)
    seeds[rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)] = 0
    _, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    cols, rows = _wobble(rng, shape)
    cells16 = cv2.remap(
        cells.astype(np.uint16), cols, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cells16, np.uint16), count + 1


def _grains(rng: np.random.Generator, specimen: Specimen, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return grains that scatter differently, boundaries between them, and bend contours running through them."""
    cells, count = _grain_numbers(rng, specimen, shape)
    strong = rng.gamma(1.3, 1 / 1.3, count)
    grains = (specimen.grain_contrast * (strong - 1)).astype(np.float32)[cells]
    if specimen.boundary_contrast:
        border = np.zeros(shape, np.float32)
        border[:, 1:] = cells[:, 1:] != cells[:, :-1]
        border[1:] += cells[1:] != cells[:-1]
        grains += border * np.float32(specimen.boundary_contrast)
    grains = _inclined(rng, grains)
    bending = band_noise(rng, shape, _UNEVEN_NM / specimen.nm_per_px / 1.5) * np.float32(
        rng.uniform(0.6, 1.4)
    )
    bending += _ramp(shape, rng.normal(0, 1.5), rng.normal(0, 1.5))
    bending += rng.normal(0, 0.8, count).astype(np.float32)[cells]
    on_zone = rng.uniform(0, 1, count).astype(np.float32)[cells] ** 2
    strain = band_noise(rng, shape, 28) * np.float32(0.25) + band_noise(rng, shape, 2.2) * np.float32(0.35)
    grains += strain * (on_zone + np.float32(0.15)) * np.float32(specimen.grain_contrast)
    sharp = float(rng.uniform(0.06, 0.16))
    contours = sum(
        np.float32(height) / (1 + ((bending - np.float32(at)) * np.float32(1 / sharp)) ** 2)
        for at, height in ((-0.4, 1.0), (0.4, 1.0), (0.8, 0.4))
    )
    return as_float(grains + np.float32(specimen.bend_contrast) * on_zone * contours)


def _inclined(rng: np.random.Generator, grains: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `grains` with boundaries that stand upright (sharp) here and lie inclined (soft) there."""
    soft = np.clip(0.5 + 0.8 * band_noise(rng, grains.shape, 70), 0, 1)
    sharp = smooth(grains, 0.8)
    return as_float(sharp + soft * (smooth(grains, float(rng.uniform(3, 9))) - sharp))


def _dislocations(
    rng: np.random.Generator, specimen: Specimen, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return thin dark lines that are no cracks."""
    area_um2 = shape[0] * shape[1] * specimen.nm_per_px**2 * 1e-6
    canvas = np.zeros(shape, np.uint8)
    for _ in range(rng.poisson(specimen.dislocations_per_um2 * area_um2)):
        steps = int(rng.integers(8, 50))
        headings = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, rng.uniform(0.03, 0.3), steps))
        path = np.cumsum(np.stack([np.cos(headings), np.sin(headings)], 1) * 5, axis=0)
        path += rng.uniform(0, 1, 2) * (shape[1], shape[0])
        fixed = np.round(path * 16).astype(np.int32)
        cv2.polylines(canvas, [fixed], False, int(rng.integers(90, 256)), 1, cv2.LINE_AA, 4)
    if not canvas.any():
        return np.zeros(shape, np.float32)
    return smooth(canvas.astype(np.float32), 1.0) * np.float32(0.45 / 255)


def _edge(rng: np.random.Generator, specimen: Specimen, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the share of full thickness near the foil's edge: 0 in the hole, 1 well inside."""
    direction = rng.uniform(0, 2 * np.pi)
    away = _ramp(shape, np.sin(direction) * shape[0], np.cos(direction) * shape[1])
    for bump_px, height_px in ((120, 25.0), (45, 7.0), (14, 2.0), (5, 0.8)):
        away += band_noise(rng, shape, bump_px) * np.float32(height_px * rng.uniform(0.3, 1.2))
    away += np.float32(rng.uniform(0.15, 0.4) * min(shape))
    wedge_px = np.float32(rng.uniform(60, 400) / specimen.nm_per_px)
    edge = np.clip(away, 0, 1) * (0.25 + 0.75 * np.clip(away / wedge_px, 0, 1))
    return as_float(edge)


def _light(rng: np.random.Generator, specimen: Specimen, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a beam that is off centre and falls off towards the corners."""
    slope = _ramp(shape, rng.normal(0, 0.7), rng.normal(0, 0.7))
    rows = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None]
    cols = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None, :]
    falling = (rows**2 + cols**2) * np.float32(2 * rng.uniform(0, 1.2))
    return np.maximum(1 + np.float32(specimen.illumination) * (slope - falling), np.float32(0.05))
