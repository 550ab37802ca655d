"""What each kind of defect does to the foil: removes matter, replaces it, or lies on it."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.sim.chance import as_float, band_noise, log_uniform
from temwatch.sim.physics import Material
from temwatch.sim.shapes import Points, blob, clump, crack, facets, filled
from temwatch.sim.specimen import CannotSimulate, Specimen

# Sizes in nm; diameters are those of the circle of equal area.
PORE_NM = (22.0, 125.0)
SLAG_NM = (35.0, 190.0)
CRACK_LENGTH_NM = (170.0, 800.0)
CRACK_WIDTH_NM = (7.0, 38.0)
MICRO_PORE_NM = (8.0, 28.0)
CLUSTER_RADIUS_NM = (45.0, 125.0)
FLAKE_NM = (305.0, 410.0)

# Share of slag that scatters less than the matrix.
LIGHT_SLAG = 0.12

# Share of flakes that scatter less than the matrix they are embedded in.
LIGHT_FLAKES = 0.25

# Thickness from one dark contour to the next in a two-beam case, for oxides at 300 kV: some tens of nm.
_EXTINCTION_NM = (35.0, 70.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """A defect before it has a place in a frame. All arrays have one shape, (row, col), with an empty rim.

    Attributes
    ----------
    class_ : str
    coverage : ndarray of float32
        Share of each pixel inside, in [0, 1].
    mass_nm : ndarray of float32
        What it adds to the thickness, in matrix nm (negative where matter is missing).
    crystal_lost : ndarray of float32
        Share of the matrix's diffraction contrast that is gone, in [0, 1].
    """

    class_: str
    coverage: NDArray[np.float32]
    mass_nm: NDArray[np.float32]
    crystal_lost: NDArray[np.float32]


def draw_defect(rng: np.random.Generator, class_: str, specimen: Specimen) -> Defect:
    """Return a new defect of this class, as this specimen has them.

    Raises
    ------
    CannotSimulate
        For a class that is not in `temwatch.sim.specimen.CLASSES`.
    """
    try:
        draw = _DRAW[class_]
    except KeyError:
        raise CannotSimulate(
            f"no simulation of class {class_!r}", next_step=f"Choose from {', '.join(_DRAW)}."
        ) from None
    return draw(rng, specimen)


def _sized(rng: np.random.Generator, specimen: Specimen, limits_nm: tuple[float, float]) -> float:
    """Return a diameter in px, log-uniform, shifted by the specimen's habit, within the limits."""
    low, high = limits_nm
    return float(np.clip(log_uniform(rng, low, high) * specimen.habits.size, low, high)) / specimen.nm_per_px


def _depth_nm(rng: np.random.Generator, specimen: Specimen, *, at_most_nm: float) -> float:
    """Return how much of the foil a compact defect replaces; small ones can't be deep."""
    drawn = specimen.foil_nm * log_uniform(rng, 0.13, 0.50) * specimen.habits.depth
    return float(min(drawn, at_most_nm, 0.9 * specimen.foil_nm))


def _inward(coverage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance to the outline over its maximum, in [0, 1]."""
    inside = (coverage > 0.02).astype(np.uint8)
    distance = as_float(cv2.distanceTransform(inside, cv2.DIST_L2, 5))
    return distance / max(float(distance.max()), 1e-6)


def _pore(rng: np.random.Generator, specimen: Specimen) -> Defect:
    """Return missing matter: a bubble, a negative crystal with facets, or pores that grew together."""
    diameter_px = _sized(rng, specimen, PORE_NM)
    coverage = filled([_pore_outline(rng, specimen, diameter_px / 2)])
    inward = _inward(coverage)
    if rng.random() < 0.6:
        profile = np.sqrt(np.clip(1 - (1 - inward) ** 2, 0, 1))
    else:
        profile = np.clip(inward / rng.uniform(0.15, 0.6), 0, 1)
    depth = _depth_nm(rng, specimen, at_most_nm=1.6 * diameter_px * specimen.nm_per_px)
    gap = as_float(profile * coverage * depth)
    filling = _filling(rng, specimen.habits.filled_pores)
    return _defect("pore", coverage, gap * np.float32(filling - 1), gap / np.float32(specimen.foil_nm))


def _pore_outline(rng: np.random.Generator, specimen: Specimen, radius_px: float) -> Points:
    aspect = float(rng.uniform(0.68, 1.0)) if rng.random() < 0.75 else float(rng.uniform(0.35, 0.68))
    if rng.random() < specimen.habits.faceted:
        corners = int(rng.integers(5, 9))
        return facets(rng, radius_px, corners=corners, aspect=aspect, jitter=0.09, rounding=0.35)
    ragged = float(rng.uniform(0, 0.09)) if rng.random() < 0.75 else float(rng.uniform(0.09, 0.2))
    return blob(rng, radius_px, ragged=ragged, aspect=aspect, harmonics=5, decay=1.2)


def _filling(rng: np.random.Generator, share: float) -> float:
    """Return what stands in a gap, in nm of matrix for each nm: mostly nothing, in `share` of them residue."""
    return float(rng.uniform(1.3, 2.0)) if rng.random() < share else 0.0


def _crack(rng: np.random.Generator, specimen: Specimen) -> Defect:
    """Return a gap of uneven depth that may close here and there; some are filled."""
    length_px = log_uniform(rng, *CRACK_LENGTH_NM) / specimen.nm_per_px
    width_px = log_uniform(rng, *CRACK_WIDTH_NM) / specimen.nm_per_px
    coverage = crack(rng, length_px, width_px, wander=specimen.habits.wander)
    depth = specimen.foil_nm * log_uniform(rng, 0.2, 0.8) * specimen.habits.depth
    uneven = np.clip(1 + rng.uniform(0.1, 0.6) * band_noise(rng, coverage.shape, 12), 0.1, 1.8)
    gap = as_float(np.minimum(coverage * uneven * depth, 0.95 * specimen.foil_nm))
    filling = _filling(rng, specimen.habits.filled_cracks)
    return _defect("crack", coverage, gap * np.float32(filling - 1), gap / np.float32(specimen.foil_nm))


def _slag(rng: np.random.Generator, specimen: Specimen) -> Defect:
    """Return other matter in place of matrix, with a texture of its own; mostly denser."""
    diameter_px = _sized(rng, specimen, SLAG_NM)
    coverage = filled(_scaled_to(_slag_outlines(rng, specimen, diameter_px / 2), diameter_px))
    if rng.random() < LIGHT_SLAG:
        material = Material(density_ratio=float(rng.uniform(0.4, 0.7)), z_ratio=float(rng.uniform(0.5, 0.9)))
    else:
        material = Material(density_ratio=float(rng.uniform(1.3, 1.9)), z_ratio=float(rng.uniform(1.2, 1.9)))
    depth = 1.8 * _depth_nm(rng, specimen, at_most_nm=0.55 * diameter_px * specimen.nm_per_px)
    profile = np.clip(_inward(coverage) / rng.uniform(0.1, 0.7), 0, 1) * coverage
    texture = 1 + rng.uniform(0.02, 0.4) * band_noise(rng, coverage.shape, float(rng.uniform(1.2, 5)))
    added = profile * depth * (material.scattering_ratio(specimen.mode) - 1) * np.clip(texture, 0, 2)
    glassy = rng.uniform(0.3, 1.0)
    return _defect("slag_inclusion", coverage, as_float(added), as_float(coverage * glassy))


def _slag_outlines(rng: np.random.Generator, specimen: Specimen, radius_px: float) -> list[Points]:
    """Return angular clumps, droplets that were molten, stringers, or ragged pieces."""
    kind = rng.random()
    if kind < 0.3:
        return clump(rng, 0.8 * radius_px, parts=int(rng.integers(1, 5)), aspect=float(rng.uniform(0.4, 1)))
    if kind < 0.55:
        round_, aspect = float(rng.uniform(0, 0.08)), float(rng.uniform(0.65, 1))
        return [blob(rng, radius_px, ragged=round_, aspect=aspect, harmonics=5, decay=1.2)]
    if kind < 0.68:
        long_, aspect = float(rng.uniform(0.05, 0.15)), float(rng.uniform(0.12, 0.35))
        return [blob(rng, radius_px, ragged=long_, aspect=aspect, harmonics=8, decay=1.0)]
    ragged, aspect = specimen.habits.ragged * float(rng.uniform(0.3, 1.2)), float(rng.uniform(0.4, 1.0))
    return [blob(rng, radius_px, ragged=ragged, aspect=aspect, harmonics=12, decay=0.9)]


def _scaled_to(outlines: list[Points], diameter_px: float) -> list[Points]:
    """Return `outlines` enlarged or shrunk so that what they cover has the area of a circle."""
    area_px = float(filled(outlines).sum())
    scale = diameter_px / 2 * np.sqrt(np.pi / area_px)
    return [outline * scale for outline in outlines]


def _looseness(rng: np.random.Generator, specimen: Specimen) -> Defect:
    """Return a cluster of micro-pores: one defect."""
    radius_px = float(rng.uniform(*CLUSTER_RADIUS_NM)) / specimen.nm_per_px
    squash = np.array([rng.uniform(0.5, 1), 1.0])
    turn = rng.uniform(0, np.pi)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    spread = radius_px * rng.uniform(0.4, 0.6)
    outlines = []
    for _ in range(int(rng.integers(8, 35))):
        at = np.clip(rng.normal(0, spread, 2), -2 * spread, 2 * spread) * squash @ turned
        radius = max(float(rng.uniform(*MICRO_PORE_NM)) / specimen.nm_per_px, 2.4) / 2
        outlines.append(
            at + blob(rng, radius, ragged=0.04, aspect=float(rng.uniform(0.6, 1)), harmonics=3, decay=1.2)
        )
    coverage = filled(outlines)
    depth = _depth_nm(rng, specimen, at_most_nm=45.0)
    missing = as_float(coverage * depth)
    return _defect("looseness", coverage, -missing, missing / np.float32(specimen.foil_nm))


def _flake(rng: np.random.Generator, specimen: Specimen) -> Defect:
    """Return a hexagonal platelet, mostly on the foil, with thickness contours where it is crystalline."""
    diameter_px = float(rng.uniform(*FLAKE_NM)) / specimen.nm_per_px
    corners = 6 if rng.random() < 0.85 else int(rng.integers(5, 9))
    aspect = float(rng.uniform(0.8, 1.0))
    rounding = float(rng.uniform(0.02, 0.35))
    outline = facets(rng, diameter_px / 2, corners=corners, aspect=aspect, jitter=0.045, rounding=rounding)
    coverage = filled([outline])
    thick_nm = float(rng.uniform(15, 55))
    rows, cols = np.mgrid[: coverage.shape[0], : coverage.shape[1]].astype(np.float32)
    direction = rng.uniform(0, 2 * np.pi)
    along = (
        (rows - rows.mean()) * np.sin(direction) + (cols - cols.mean()) * np.cos(direction)
    ) / diameter_px
    local_nm = thick_nm * np.clip(1 + rng.uniform(0, 0.9) * along, 0.2, None)
    rim = np.clip(_inward(coverage) / rng.uniform(0.03, 0.2), 0, 1)
    local_nm = local_nm * rim * coverage * (1 + 0.06 * band_noise(rng, coverage.shape, 9))
    added = local_nm * (-0.7 if rng.random() < LIGHT_FLAKES else rng.uniform(0.7, 1.4))
    if specimen.mode is not ImagingMode.HAADF:
        phase = np.pi * local_nm * rng.uniform(1, 2.5) / rng.uniform(*_EXTINCTION_NM)
        added = added + specimen.free_path_nm * rng.uniform(0.02, 0.22) * coverage * np.sin(phase) ** 2
    return _defect("particle", coverage, as_float(added), np.zeros_like(coverage))


def _defect(
    class_: str,
    coverage: NDArray[np.float32],
    mass_nm: NDArray[np.float32],
    crystal_lost: NDArray[np.float32],
) -> Defect:
    return Defect(class_=class_, coverage=coverage, mass_nm=mass_nm, crystal_lost=np.clip(crystal_lost, 0, 1))


_DRAW: dict[str, Callable[[np.random.Generator, Specimen], Defect]] = {
    "pore": _pore,
    "crack": _crack,
    "slag_inclusion": _slag,
    "looseness": _looseness,
    "particle": _flake,
}
