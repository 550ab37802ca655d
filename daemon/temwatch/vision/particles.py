"""Sizes of particles in nm, with error bars; particles cut by the frame's edge don't count."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from temwatch.model.report import SizeStatistics
from temwatch.vision.outline import Outlines
from temwatch.vision.rectangle import feret_diameters

_FEWEST_FOR_SPREAD = 2
_FEWEST_FOR_DECILES = 10


def size_statistics(
    diameter_px: NDArray[np.float64], touches_edge: NDArray[np.bool_], *, nm_per_px: float | None
) -> SizeStatistics:
    """Return count, mean, spread and percentiles of the equivalent diameters.

    Parameters
    ----------
    diameter_px : ndarray of float64, shape (n,)
    touches_edge : ndarray of bool, shape (n,)
        Those are left out: how large they are nobody saw.
    nm_per_px : float or None
        With None only the count is given.

    Returns
    -------
    SizeStatistics
        P10 and P90 from 10 particles on, sd and the 95 % interval of the mean (Student's t) from 2 on.
    """
    whole = np.asarray(diameter_px, np.float64)[~np.asarray(touches_edge, bool)]
    count = len(whole)
    if nm_per_px is None or count == 0:
        return SizeStatistics(n=count)
    sizes = whole * nm_per_px
    mean, middle = float(sizes.mean()), float(np.median(sizes))
    sd = interval = p10 = p90 = None
    if count >= _FEWEST_FOR_SPREAD:
        sd = float(sizes.std(ddof=1))
        half = float(student.ppf(0.975, count - 1)) * sd / count**0.5
        interval = (mean - half, mean + half)
    if count >= _FEWEST_FOR_DECILES:
        p10, p90 = (float(v) for v in np.percentile(sizes, (10, 90)))
    return SizeStatistics(n=count, mean=mean, sd=sd, p10=p10, p50=middle, p90=p90, mean_ci95=interval)


def feret_px(outlines: Outlines) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and largest caliper diameter of every region, in px, each of shape (n,)."""
    return feret_diameters(outlines.hulls, directions=180)
