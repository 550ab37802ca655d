"""Frames with known truth: foil and defects, seen by the microscope, counted by the detector."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float, smooth, stream
from temwatch.sim.defects import Defect
from temwatch.sim.foil import Foil, lay_foil
from temwatch.sim.physics import intensity
from temwatch.sim.placing import Placed, crop, place_defects
from temwatch.sim.specimen import Specimen
from temwatch.sim.truth import Scene, TrueObject

# What an eye, or a finder, smooths by before it decides (METHOD.md, section 3: Gaussian 1.4).
_EYE_PX = 1.4
_AROUND_PX = 12
_WIDE_PX = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A frame before electrons are counted. Arrays have the frame's shape (row, col).

    Attributes
    ----------
    electrons : ndarray of float32
        Expected number per pixel.
    without_defects : ndarray of float32
        The same for the same foil in the same light.
    placed : tuple of Placed
    """

    electrons: NDArray[np.float32]
    without_defects: NDArray[np.float32]
    placed: tuple[Placed, ...]


def render(
    specimen: Specimen,
    frame_seed: int,
    *,
    shape: tuple[int, int] = (1024, 1024),
    objects: int | tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
    touching: float = 0.0,
) -> Scene:
    """Return frame number `frame_seed` of a specimen; the same arguments give the same pixels.

    Parameters
    ----------
    specimen : Specimen
    frame_seed : int
        Not negative.
    shape : tuple of int
        (row, col)
    objects : int, or (lowest, highest), optional
        How many to place; fewer where there is no room. Absent: 7 to 13 in each 1024 x 1024 px.
    classes : sequence of str, optional
        Only these, equally likely. Absent: all, as often as the specimen has them.
    touching : float
        Share of objects that are laid against another one, in [0, 1]. All others keep 10 px distance.

    Raises
    ------
    CannotSimulate
        For an unknown class.
    """
    expected = expose(specimen, frame_seed, shape=shape, objects=objects, classes=classes, touching=touching)
    image = detect(stream("detector", specimen.seed, frame_seed), specimen, expected.electrons)
    return Scene(
        image=image,
        mode=specimen.mode,
        nm_per_px=specimen.nm_per_px,
        defocus_nm=specimen.defocus_nm,
        specimen_id=specimen.specimen_id,
        truth=_truth(specimen, expected, image),
    )


def expose(
    specimen: Specimen,
    frame_seed: int,
    *,
    shape: tuple[int, int] = (1024, 1024),
    objects: int | tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
    touching: float = 0.0,
) -> Expected:
    """Return the noise-free frame that `render` would count; parameters are those of `render`."""
    foil = lay_foil(stream("foil", specimen.seed, frame_seed), specimen, shape)
    rng = stream("defects", specimen.seed, frame_seed)
    area = shape[0] * shape[1] / 1024**2
    wanted = (round(7 * area), round(13 * area)) if objects is None else objects
    count = wanted if isinstance(wanted, int) else int(rng.integers(wanted[0], wanted[1] + 1))
    placed = place_defects(rng, specimen, foil.solid, count, classes=classes, touching=touching)
    return Expected(
        electrons=_expected(specimen, foil, placed),
        without_defects=_expected(specimen, foil, ()),
        placed=placed,
    )


def _expected(specimen: Specimen, foil: Foil, placed: Sequence[Placed]) -> NDArray[np.float32]:
    """Return the expected electrons per pixel of this foil with these defects."""
    mass, diffraction = foil.mass_nm, foil.diffraction
    if placed:
        mass, diffraction = mass.copy(), diffraction.copy()
        for item in placed:
            _put(item.defect, item, mass, diffraction)
        np.maximum(mass, 0, out=mass)
    seen = intensity(specimen, mass, diffraction) * foil.light
    return smooth(as_float(seen), specimen.blur_px) * np.float32(specimen.dose_e_px)


def _put(defect: Defect, item: Placed, mass: NDArray[np.float32], diffraction: NDArray[np.float32]) -> None:
    there, part = crop(item.row, item.col, defect.coverage.shape, mass.shape)
    mass[there] += defect.mass_nm[part]
    diffraction[there] *= 1 - defect.crystal_lost[part]


def detect(
    rng: np.random.Generator, specimen: Specimen, electrons: NDArray[np.float32]
) -> NDArray[np.uint16]:
    """Return counts: Poisson electrons, crosstalk between pixels, scan line jitter, gain, offset, stray X-rays.

    Parameters
    ----------
    rng : numpy Generator
    specimen : Specimen
    electrons : ndarray of float32, shape (row, col)
        Expected number per pixel.
    """
    counted = smooth(rng.poisson(np.maximum(electrons, 0)).astype(np.float32), specimen.crosstalk_px)
    if specimen.row_noise:
        jitter = rng.normal(0, specimen.row_noise, (electrons.shape[0], 1)).astype(np.float32)
        counted *= 1 + jitter
    else:
        hits = rng.poisson(3e-6 * electrons.size)
        struck = rng.integers(0, electrons.size, hits)
        counted.reshape(-1)[struck] += specimen.dose_e_px * rng.uniform(0.5, 3, hits).astype(np.float32)
    counts = counted * np.float32(specimen.counts_per_electron) + np.float32(specimen.offset_counts)
    return np.asarray(np.clip(counts + 0.5, 0, 65535), np.uint16)


def _truth(specimen: Specimen, expected: Expected, image: NDArray[np.uint16]) -> tuple[TrueObject, ...]:
    change = expected.electrons - expected.without_defects
    counted = (image - np.float32(specimen.offset_counts)) / np.float32(specimen.counts_per_electron)
    noise = _fine_detail(smooth(as_float(counted) - change, _EYE_PX))
    change = smooth(change, _EYE_PX)
    found = (_true_object(specimen, item, change, noise) for item in expected.placed)
    return tuple(item for item in found if item is not None)


def _fine_detail(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `image` without what is wider than about `_WIDE_PX`: light, swells and the inside of grains."""
    coarse = (max(image.shape[1] // 4, 1), max(image.shape[0] // 4, 1))
    wide = smooth(as_float(cv2.resize(image, coarse, interpolation=cv2.INTER_AREA)), _WIDE_PX / 4)
    return image - as_float(cv2.resize(wide, image.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _true_object(
    specimen: Specimen, item: Placed, change: NDArray[np.float32], noise: NDArray[np.float32]
) -> TrueObject | None:
    there, part = crop(item.row, item.col, item.mask.shape, change.shape)
    mask = item.mask[part]
    if not mask.any():
        return None
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    row, col = there[0].start + int(rows[0]), there[1].start + int(cols[0])
    tight = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    bottom, right = row + tight.shape[0], col + tight.shape[1]
    area = int(tight.sum())
    contrast = abs(float(change[row:bottom, col:right][tight].mean()))
    return TrueObject(
        class_=item.defect.class_,
        row=row,
        col=col,
        mask=tight,
        area_px=area,
        equivalent_diameter_nm=2 * float(np.sqrt(area / np.pi)) * specimen.nm_per_px,
        contrast_to_noise=contrast / _noise_around(row, col, tight, noise),
        touches_edge=row == 0 or col == 0 or bottom == change.shape[0] or right == change.shape[1],
    )


def _noise_around(row: int, col: int, mask: NDArray[np.bool_], noise: NDArray[np.float32]) -> float:
    """Return the robust standard deviation (1.4826 MAD) of `noise` in and around an object."""
    wide = np.pad(mask.astype(np.uint8), _AROUND_PX)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _AROUND_PX + 1, 2 * _AROUND_PX + 1))
    there, part = crop(row - _AROUND_PX, col - _AROUND_PX, wide.shape, noise.shape)
    values = noise[there][np.asarray(cv2.dilate(wide, kernel))[part] > 0]
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return max(spread, 1e-6)
