"""Compact objects of a training crop: particles, pores, loops and slag of every shape, apart, touching or packed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float, band_noise, log_uniform, smooth
from temwatch.sim.shapes import blob, facets, placed

Grey = NDArray[np.float32]
Labels = NDArray[np.int32]
Points = NDArray[np.float64]

_PROFILES = ("flat", "dome", "ring", "dot", "soft", "core", "bean", "grainy", "rim")
_PROFILE_SHARES = (0.18, 0.18, 0.16, 0.13, 0.1, 0.05, 0.05, 0.07, 0.08)
_SHAPES = ("blob", "ellipse", "ellipse", "blob", "polygon", "rod")
_LARGEST_PX = 70.0
_SMALLEST_PX = 2.3
_MOST = 140
_FINE = 4  # sub-pixels an outline is filled on


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Objects of one kind: what they have in common.

    Contrast grows with the radius to the power of `thickening`: 0 for platelets, 1 for spheres.
    """

    radius_px: float
    spread: float
    shape: str
    profile: str
    ragged: float
    aspect: float
    edge_px: float
    fringe: float
    ring_width: float
    fill: float
    overlap: float
    thickening: float

    @property
    def is_ring(self) -> bool:
        """Whether only the outline shows, as with dislocation loops."""
        return self.profile == "ring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One object as drawn, before any light falls on it.

    Attributes
    ----------
    rows, cols : slice
        Where in the crop.
    inside : ndarray of bool
    tone : ndarray of float32
        About 1 where the object is strongest.
    """

    rows: slice
    cols: slice
    inside: NDArray[np.bool_]
    tone: Grey


def population(
    rng: np.random.Generator, *, packed: bool, profile: str | None = None, widest: float = 0.5
) -> Population:
    """Return a random kind of object; `packed` ones are nearly equal, round and large enough to tell apart.

    `widest` is the largest spread of ln radius.
    """
    profile = profile or str(rng.choice(_PROFILES, p=_PROFILE_SHARES))
    thin = profile == "dot"
    return Population(
        radius_px=log_uniform(rng, 4, 32) if packed else log_uniform(rng, 2.6, 9 if thin else 45),
        spread=rng.uniform(0.02, 0.12) if packed else rng.uniform(0.05, widest),
        shape=str(rng.choice(("blob", "ellipse", "polygon") if packed else _SHAPES)),
        profile=profile,
        ragged=rng.uniform(0.0, 0.06) if packed else rng.uniform(0.02, 0.22),
        aspect=rng.uniform(0.85, 1) if packed or rng.random() < 0.5 else rng.uniform(0.3, 1),
        edge_px=log_uniform(rng, 0.5, 2.2) if rng.random() < 0.8 else log_uniform(rng, 2, 5),
        fringe=rng.normal(0, 0.5) if rng.random() < 0.4 else 0.0,
        ring_width=rng.uniform(0.12, 0.4),
        fill=rng.uniform(-0.1, 0.45),
        overlap=0.12 if packed else rng.uniform(0, 0.25),
        thickening=rng.uniform(0, 1) if rng.random() < 0.5 else 0.0,
    )


def places(
    rng: np.random.Generator, kind: Population, matter: Grey, *, packed: bool
) -> tuple[Points, NDArray[np.float64]]:
    """Return centres (n, 2) and radii (n,) of a population, on matter where there is any."""
    side = matter.shape[0]
    if packed:
        centres = _lattice(rng, kind.radius_px, side)
        return centres, _radii(rng, kind, len(centres))
    cover = log_uniform(rng, 0.004, 0.35)
    count = int(np.clip(cover * side**2 / (np.pi * kind.radius_px**2), 1, _MOST))
    radii = _radii(rng, kind, count)
    touching = 0.7 if rng.random() < 0.35 else 0.0
    on_matter = rng.random() < 0.8
    centres = np.zeros((count, 2))
    for i in range(count):
        if i and rng.random() < touching:
            other = int(rng.integers(i))
            turn = rng.uniform(0, 2 * np.pi)
            reach = (radii[other] + radii[i]) * rng.uniform(0.8, 1.15)
            centres[i] = centres[other] + reach * np.array([np.sin(turn), np.cos(turn)])
        else:
            centres[i] = _spot(rng, radii[i], matter, on_matter=on_matter)
    return centres, radii


def _radii(rng: np.random.Generator, kind: Population, count: int) -> NDArray[np.float64]:
    return np.clip(kind.radius_px * np.exp(rng.normal(0, kind.spread, count)), _SMALLEST_PX, _LARGEST_PX)


def _spot(rng: np.random.Generator, radius_px: float, matter: Grey, *, on_matter: bool) -> Points:
    side = matter.shape[0]
    at = rng.uniform(-0.3 * radius_px, side + 0.3 * radius_px, 2)
    for _ in range(8 if on_matter else 0):
        row, col = np.clip(at, 0, side - 1).astype(int)
        if matter[row, col] > 0.5:
            break
        at = rng.uniform(-0.3 * radius_px, side + 0.3 * radius_px, 2)
    return at


def _lattice(rng: np.random.Generator, radius_px: float, side: int) -> Points:
    """Return the points of a hexagonal packing with vacancies, sometimes ending at a straight edge."""
    pitch = 2 * radius_px * rng.uniform(0.98, 1.25)
    reach = int(side / pitch) + 3
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    flat = np.stack([(i + 0.5 * j).ravel(), (np.sqrt(0.75) * j).ravel()], 1) * pitch
    turn = rng.uniform(0, np.pi)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = flat @ spin + side / 2 + rng.normal(0, rng.uniform(0, 0.12) * radius_px, flat.shape)
    points = points[((points > -radius_px) & (points < side + radius_px)).all(axis=1)]
    if rng.random() < 0.5:
        cut = rng.uniform(0, 2 * np.pi)
        beyond = (points - side / 2) @ np.array([np.sin(cut), np.cos(cut)])
        points = points[beyond > rng.uniform(-0.5, 0.2) * side]
    return np.asarray(points[rng.random(len(points)) > rng.uniform(0, 0.15)], np.float64)


def draw(
    rng: np.random.Generator, kind: Population, centre: Points, radius_px: float, side: int
) -> Drawn | None:
    """Return one object of a population, or None where nothing of it falls into the crop."""
    outline = _outline(rng, kind, radius_px) + centre
    margin = int(radius_px * 0.5) + 8
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - margin, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + margin, side)
    if (high - low < 3).any():
        return None
    # OpenCV also fills the pixels an outline runs through: at four times the size that is an eighth of a pixel.
    fine = np.zeros((high - low) * _FINE, np.uint8)
    fixed = np.round((((outline - low) + 0.5) * _FINE - 0.5)[:, ::-1] * 16).astype(np.int32)
    cv2.fillPoly(fine, [fixed], 255, cv2.LINE_8, 4)
    size = (int(high[1] - low[1]), int(high[0] - low[0]))
    mask = (np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA)) > 127).astype(np.uint8)
    if int(mask.sum()) < 5:
        return None
    tone = _tone(rng, kind, mask, centre - low, radius_px)
    return Drawn(
        rows=slice(int(low[0]), int(high[0])),
        cols=slice(int(low[1]), int(high[1])),
        inside=mask.astype(bool),
        tone=tone,
    )


def _outline(rng: np.random.Generator, kind: Population, radius_px: float) -> Points:
    aspect = float(np.clip(kind.aspect * np.exp(rng.normal(0, 0.15)), 0.22, 1))
    match kind.shape:
        case "blob":
            return blob(rng, radius_px, ragged=kind.ragged, aspect=aspect, harmonics=6, decay=1.2)
        case "polygon":
            corners = int(rng.integers(3, 9))
            return facets(rng, radius_px, corners=corners, aspect=aspect, jitter=0.08, rounding=0.2)
        case "rod":
            return _rod(rng, radius_px, min(aspect, 0.7))
        case _:
            return blob(rng, radius_px, ragged=0.0, aspect=aspect, harmonics=2, decay=1.2)


def _rod(rng: np.random.Generator, radius_px: float, aspect: float) -> Points:
    """Return a super-ellipse: |x/a|^(2/p) + |y/b|^(2/p) = 1 with p from 0.25 (nearly a box) to 0.8."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    power = rng.uniform(0.25, 0.8)
    sin, cos = np.sin(turn), np.cos(turn)
    outline = np.stack(
        [
            np.sign(sin) * np.abs(sin) ** power * np.sqrt(aspect),
            np.sign(cos) * np.abs(cos) ** power / np.sqrt(aspect),
        ],
        1,
    )
    return placed(rng, outline, radius_px)


def _tone(
    rng: np.random.Generator, kind: Population, mask: NDArray[np.uint8], centre: Points, radius_px: float
) -> Grey:
    """Return the grey profile of an object: projected thickness, walls, speckle; sharpened by its fringe."""
    rimmed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = as_float(cv2.distanceTransform(rimmed, cv2.DIST_L2, 3)[1:-1, 1:-1])
    inside = mask.astype(np.float32)
    tone = _profile(rng, kind, inside, depth, centre, radius_px)
    if rng.random() < 0.3:
        tone = tone * (1 + rng.uniform(0, 0.5) * _along(rng, mask.shape, centre) / np.float32(radius_px))
    tone = smooth(as_float(tone), kind.edge_px)
    if kind.fringe:
        # Out of focus, the phase adds the second derivative of the thickness (transport of intensity).
        tone = tone - np.float32(1.5 * kind.fringe) * as_float(cv2.Laplacian(smooth(inside, 1.3), cv2.CV_32F))
    return as_float(tone)


def _profile(
    rng: np.random.Generator, kind: Population, inside: Grey, depth: Grey, centre: Points, radius_px: float
) -> Grey:
    relative = depth / max(float(depth.max()), 1e-3)
    match kind.profile:
        case "dome":
            return as_float(np.sqrt(np.clip(1 - (1 - relative) ** 2, 0, 1)))
        case "ring":
            wall = (depth > 0) & (depth <= max(kind.ring_width * radius_px, 1.3))
            if rng.random() < 0.3:  # part of a loop's wall is often out of contrast
                wall &= _along(rng, depth.shape, centre) > -rng.uniform(0.3, 1) * radius_px
            return wall.astype(np.float32) + np.float32(kind.fill) * inside
        case "soft":
            return as_float(np.exp(-2.0 * (1 - relative) ** 2) * inside)
        case "dot":
            return as_float(relative**0.7)
        case "core":
            return as_float(0.6 * inside + 0.6 * (relative > 0.6))
        case "rim":
            wall = np.exp(-depth / max(rng.uniform(0.08, 0.2) * radius_px, 0.8))
            return as_float(inside * (rng.uniform(0.2, 0.7) + 0.8 * wall))
        case "bean":
            lobes = _along(rng, depth.shape, centre) * np.float32(1.6 / radius_px)
            return as_float(inside * np.clip(lobes if rng.random() < 0.3 else np.abs(lobes), -1, 1))
        case "grainy":
            speckle = band_noise(rng, (inside.shape[0], inside.shape[1]), log_uniform(rng, 0.8, 3))
            return as_float(inside * np.clip(1 + 0.5 * speckle, 0, 2.5))
        case _:
            return inside


def _along(rng: np.random.Generator, shape: tuple[int, ...], centre: Points) -> Grey:
    """Return the distance of every pixel from the centre along a random direction, in px."""
    turn = rng.uniform(0, 2 * np.pi)
    row = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(centre[0])
    col = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(centre[1])
    return as_float(row * np.float32(np.sin(turn)) + col * np.float32(np.cos(turn)))
