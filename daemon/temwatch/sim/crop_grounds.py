"""What lies behind the objects of a training crop: foil, support or worn surface, and vacuum beside it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float, band_noise, log_uniform, smooth

Grey = NDArray[np.float32]

_SPECIMENS = ("foil", "support", "surface")
_SHARES = (0.45, 0.3, 0.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A background without objects.

    Attributes
    ----------
    specimen : str
        ``"foil"`` (crystal with grains and bend contours), ``"support"`` (agglomerate beside vacuum) or
        ``"surface"`` (worn or polished).
    tone : ndarray of float32, shape (row, col)
        Grey level; 1 is about the contrast of a strong structure.
    matter : ndarray of float32, shape (row, col)
        1 where there is specimen, 0 in vacuum.
    """

    specimen: str
    tone: Grey
    matter: Grey


def ground(rng: np.random.Generator, side: int) -> Ground:
    """Return a random background of `side` x `side` px."""
    specimen = str(rng.choice(_SPECIMENS, p=_SHARES))
    tone = np.zeros((side, side), np.float32)
    strength = log_uniform(rng, 0.12, 1.5)
    for _ in range(int(rng.integers(1, 4))):
        tone += strength * rng.uniform(0.1, 0.8) * band_noise(rng, tone.shape, log_uniform(rng, 1, 40))
    matter = np.ones_like(tone)
    if specimen == "foil":
        tone += _crystal(rng, side)
        if rng.random() < 0.2:
            tone, matter = _foil_edge(rng, tone)
    elif specimen == "support":
        shape = _SUPPORTS[rng.choice(len(_SUPPORTS), p=_SUPPORT_SHARES)](rng, side)
        tone += shape * log_uniform(rng, 0.5, 4)
        if rng.random() < 0.6:
            matter = _present(rng, shape)
            tone = tone * matter
    else:
        if rng.random() < 0.5:
            tone += rng.uniform(0.2, 1.5) * _stripes(rng, side)
        if rng.random() < 0.25:
            tone += _agglomerate(rng, side) * log_uniform(rng, 0.3, 2)
        if rng.random() < 0.3:
            tone += _grains(rng, side)
    return Ground(specimen=specimen, tone=tone.astype(np.float32), matter=matter)


def coordinates(side: int) -> tuple[Grey, Grey]:
    """Return row and column of every pixel, over the side, from -0.5 to 0.5."""
    axis = np.arange(side, dtype=np.float32) / side - 0.5
    return np.repeat(axis[:, None], side, 1), np.repeat(axis[None, :], side, 0)


def _crystal(rng: np.random.Generator, side: int) -> Grey:
    """Return grains, bend contours and a wedge of thickness, each sometimes."""
    row, col = coordinates(side)
    tone = np.zeros((side, side), np.float32)
    if rng.random() < 0.4:
        tone += _grains(rng, side)
    if rng.random() < 0.35:
        # A bend contour: the phase of the diffracted beam runs with the local tilt of the foil.
        phase = band_noise(rng, tone.shape, log_uniform(rng, 15, 50)) * rng.uniform(0.5, 3)
        phase += row * rng.uniform(-30, 30) + col * rng.uniform(-30, 30)
        reach = np.clip(0.5 + band_noise(rng, tone.shape, 40), 0, 1)
        tone += as_float(rng.uniform(0.1, 0.9) * np.sin(phase) * reach)
    if rng.random() < 0.1:
        tone += rng.uniform(0.2, 0.8) * _stripes(rng, side)
    return tone


def _grains(rng: np.random.Generator, side: int) -> Grey:
    """Return a grey level for each cell of a wobbly Voronoi tessellation."""
    row, col = np.mgrid[0:side, 0:side].astype(np.float32)
    wobble = rng.uniform(0, 9)
    row += wobble * band_noise(rng, row.shape, 15)
    col += wobble * band_noise(rng, row.shape, 15)
    seeds = rng.uniform(-20, side + 20, (int(rng.integers(3, 14)), 2))
    nearest = np.argmin([(row - r) ** 2 + (col - c) ** 2 for r, c in seeds], axis=0)
    levels = rng.normal(0, log_uniform(rng, 0.2, 1.5), len(seeds)).astype(np.float32)
    return smooth(levels[nearest], log_uniform(rng, 0.6, 3))


def _stripes(rng: np.random.Generator, side: int) -> Grey:
    """Return grinding marks or curtains: noise stretched along one axis."""
    noise = rng.standard_normal((side, side), dtype=np.float32)
    across, along = log_uniform(rng, 0.6, 4), log_uniform(rng, 15, 60)
    stretched = as_float(cv2.GaussianBlur(noise, (0, 0), sigmaX=across, sigmaY=along))
    stretched /= stretched.std()
    return np.ascontiguousarray(stretched.T) if rng.random() < 0.5 else stretched


def _agglomerate(rng: np.random.Generator, side: int) -> Grey:
    """Return the projected thickness of a heap of spheres, over its standard deviation.

    They lie so thick on each other that none stands alone: one that did would be an object without a label.
    """
    row, col = coordinates(side)
    heap = np.zeros((side, side), np.float32)
    centre, width = rng.uniform(-0.5, 0.5, 2), rng.uniform(0.15, 0.45)
    share = log_uniform(rng, 0.14, 0.5)
    typical = share * width * side
    for _ in range(int(np.clip(rng.uniform(3, 7) / share**2, 14, 220))):
        radius = typical * log_uniform(rng, 0.5, 1.6) / side
        at = centre + width * np.clip(rng.normal(0, 1, 2), -1.4, 1.4)
        depth = 1 - ((row - at[0]) ** 2 + (col - at[1]) ** 2) / np.float32(radius**2)
        heap += np.float32(radius) * np.sqrt(np.clip(depth, 0, 1))
    heap = smooth(heap, log_uniform(rng, 1.5, 5))
    return as_float(heap / (heap.std() + 1e-6))


def _cloud(rng: np.random.Generator, side: int) -> Grey:
    """Return a porous support whose thickness varies on every scale alike, over its standard deviation."""
    finest, roughness = log_uniform(rng, 3, 12), rng.uniform(0.5, 1.1)
    heap = np.zeros((side, side), np.float32)
    scale_px = finest
    while scale_px < 80:
        heap += np.float32((scale_px / finest) ** roughness) * band_noise(rng, heap.shape, scale_px)
        scale_px *= 1.7
    heap = as_float(np.exp(rng.uniform(0.3, 0.8) * heap / (heap.std() + 1e-6)))
    return as_float(heap / (heap.std() + 1e-6))


def _flakes(rng: np.random.Generator, side: int) -> Grey:
    """Return many overlapping angular plates as large as the crop, over their standard deviation."""
    heap = np.zeros((side, side), np.float32)
    for _ in range(int(rng.integers(8, 25))):
        corners = int(rng.integers(4, 8))
        turn = np.sort(rng.uniform(0, 2 * np.pi, corners))
        reach = log_uniform(rng, 60, 200) * np.array([1.0, rng.uniform(0.3, 1)])
        points = rng.uniform(0, side, 2) + np.stack([np.sin(turn), np.cos(turn)], 1) * reach
        plate = np.zeros((side, side), np.float32)
        cv2.fillPoly(plate, [np.round(points[:, ::-1]).astype(np.int32)], 1.0)
        heap += plate * np.float32(rng.uniform(0.3, 1))
    heap = smooth(heap, log_uniform(rng, 0.7, 4))
    return as_float(heap / (heap.std() + 1e-6))


def _present(rng: np.random.Generator, shape: Grey) -> Grey:
    """Return where an agglomerate is thick enough to be called matter; vacuum takes at most half."""
    level = float(np.percentile(shape, rng.uniform(0, 50)))
    return smooth((shape > level).astype(np.float32), log_uniform(rng, 0.7, 4))


def _foil_edge(rng: np.random.Generator, tone: Grey) -> tuple[Grey, Grey]:
    """Return the tone with vacuum beyond an edge that carries Fresnel fringes, and where matter is."""
    side = tone.shape[0]
    row, col = coordinates(side)
    turn = rng.uniform(0, 2 * np.pi)
    distance = row * np.sin(turn) + col * np.cos(turn) - rng.uniform(0.0, 0.45)
    distance = (distance + 0.02 * band_noise(rng, tone.shape, 20)) * side  # px, positive in vacuum
    outside = 1 / (1 + np.exp(-np.clip(distance / log_uniform(rng, 0.7, 4), -30, 30)))
    tone = tone * (1 - 0.9 * outside) + rng.normal(0, 3) * outside
    if rng.random() < 0.6:
        width = log_uniform(rng, 2, 8)
        # Fringes of a straight edge: their spacing falls with distance; the envelope is partial coherence.
        phase = np.pi * (distance / width) ** 2
        tone = tone + rng.normal(0, 0.5) * np.cos(phase) * np.exp(-np.abs(distance) / (2 * width))
    return as_float(tone), as_float(1 - outside)


_SUPPORTS = (_agglomerate, _cloud, _flakes)
_SUPPORT_SHARES = (0.5, 0.35, 0.15)
