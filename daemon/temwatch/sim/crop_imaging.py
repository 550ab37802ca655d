"""From the specimen of a training crop to grey values: lens, light, dose, scan, file. Burnt-in writing too."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float, band_noise, log_uniform, smooth

Grey = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_WRITING = ("50 nm", "(a)", "200 nm", "HV 20", "B", "1 um", "x500k")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A crop after the lens, and what the detector adds.

    Attributes
    ----------
    clean : ndarray of float32, shape (row, col)
        Without noise.
    noise : ndarray of float32, shape (row, col)
        To be added to `clean`.
    sigma : ndarray of float32, shape (row, col)
        Local standard deviation of the noise.
    """

    clean: Grey
    noise: Grey
    sigma: Grey


def expose(
    rng: np.random.Generator, tone: Grey, matter: Grey, *, blur_px: float, structure: float
) -> Exposed:
    """Return a specimen seen through a lens at a random dose.

    Parameters
    ----------
    rng : numpy Generator
    tone, matter : ndarray of float32, shape (row, col)
    blur_px : float
        Standard deviation of the point spread.
    structure : float
        Contrast of the fine structure; noise is a random part of it.
    """
    clean = smooth(tone, blur_px)
    side = clean.shape[0]
    ramp = np.linspace(-0.5, 0.5, side, dtype=np.float32)
    light = (
        1 + np.float32(0.4 * rng.normal()) * ramp[:, None] + np.float32(0.4 * rng.normal()) * ramp[None, :]
    )
    clean = clean * np.clip(light, 0.4, 2)
    clean += np.float32(2 * structure) * (rng.normal() * ramp[:, None] + rng.normal() * ramp[None, :])
    grain = band_noise(rng, (side, side), log_uniform(rng, 0.3, 1.6)) if rng.random() < 0.6 else None
    noise = rng.standard_normal((side, side), dtype=np.float32) if grain is None else grain
    sigma = np.full((side, side), structure * log_uniform(rng, 0.05, 1.0), np.float32)
    if rng.random() < 0.5:
        # Poisson: the variance grows with the signal.
        signal = (clean - clean.min()) / (np.ptp(clean) + 1e-6)
        sigma = as_float(sigma * np.sqrt(0.2 + 1.6 * signal))
    quiet = rng.uniform(0.1, 1.0)
    sigma = as_float(sigma * (quiet + (1 - quiet) * matter))
    return Exposed(clean=as_float(clean), noise=as_float(noise / (noise.std() + 1e-6) * sigma), sigma=sigma)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneCurve:
    """How grey values follow from the signal: clipped at both ends, bent by gamma, perhaps inverted."""

    low: float
    high: float
    gamma: float
    inverted: bool
    start: float
    levels: float

    def grey(self, signal: Grey) -> Grey:
        """Return the grey value of every pixel, not rounded."""
        tone = np.clip((signal - self.low) / (self.high - self.low + 1e-6), 0, 1) ** np.float32(self.gamma)
        return as_float(self.start + self.levels * (1 - tone if self.inverted else tone))


def recorded(rng: np.random.Generator, exposed: Exposed, *, structure: float) -> tuple[Bytes, ToneCurve]:
    """Return the picture as a file holds it, and its tone curve.

    Scan errors come first, then the tone curve, writing and compression.
    """
    picture = _scanned(rng, exposed.clean + exposed.noise, structure)
    low, high = np.percentile(picture, [rng.uniform(0, 1), 100 - rng.uniform(0, 1)])
    levels = 255.0 if rng.random() < 0.75 else rng.uniform(40, 200)
    curve = ToneCurve(
        low=float(low),
        high=float(high),
        gamma=log_uniform(rng, 0.6, 1.7),
        inverted=bool(rng.random() < 0.5),
        start=rng.uniform(0, 255 - levels),
        levels=levels,
    )
    grey = np.round(curve.grey(picture)).astype(np.uint8)
    if rng.random() < 0.2:
        _burn_in(rng, grey)
    if rng.random() < 0.35:
        quality = int(rng.integers(40, 95))
        coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        grey = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return grey, curve


def _scanned(rng: np.random.Generator, picture: Grey, structure: float) -> Grey:
    """Return a picture with what scanning and resampling do to it, each rarely."""
    side = picture.shape[0]
    if rng.random() < 0.08:
        picture = picture + rng.normal(0, 0.3 * structure, (side, 1)).astype(np.float32)
    if rng.random() < 0.08:
        # Scan lines start a little early or late.
        late = rng.normal(0, rng.uniform(0.2, 1.0), (side, 1)).astype(np.float32)
        col = np.arange(side, dtype=np.float32)[None, :] + late
        row = np.repeat(np.arange(side, dtype=np.float32)[:, None], side, 1)
        picture = as_float(cv2.remap(picture, col, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    if rng.random() < 0.2:
        # Enlarged after recording, as published and exported frames often are.
        small = int(side / rng.uniform(1.2, 2.2))
        little = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        picture = as_float(cv2.resize(little, (side, side), interpolation=cv2.INTER_CUBIC))
    elif rng.random() < 0.15:
        picture = smooth(as_float(picture), rng.uniform(0.5, 1.2))
    return as_float(picture)


def _burn_in(rng: np.random.Generator, grey: Bytes) -> None:
    """Write a label and a scale bar into the picture."""
    side = grey.shape[0]
    ink = 255 * int(rng.integers(2))
    at = (int(rng.integers(0, side // 2)), int(rng.integers(20, side)))
    size, weight = rng.uniform(0.4, 1.2), int(rng.integers(1, 4))
    cv2.putText(grey, str(rng.choice(_WRITING)), at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, weight)
    left, top = (int(n) for n in rng.integers(5, side - 20, 2))
    right, bottom = left + int(rng.integers(20, 90)), top + int(rng.integers(2, 7))
    cv2.rectangle(grey, (left, top), (right, bottom), ink, -1)
