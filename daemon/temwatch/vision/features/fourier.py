"""Fourier series of closed outlines (the paper's equations 7 to 10, corrected), for many outlines at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

POINTS = 128


def resample(outlines: Sequence[NDArray[np.int32]], points: int = POINTS) -> NDArray[np.float64]:
    """Return outlines as points equally spaced in arc length, the first one of each outline first.

    Parameters
    ----------
    outlines : sequence of ndarray, shape (m, 2)
        Closed: the last point is joined to the first.

    Returns
    -------
    ndarray of float64, shape (n, points, 2)
        All points equal for an outline of length zero.
    """
    closed = [np.concatenate([outline, outline[:1]]) for outline in outlines]
    counts = np.array([len(outline) for outline in closed])
    nodes = np.concatenate(closed).astype(np.float64)
    first = np.cumsum(counts) - counts
    step = np.zeros(len(nodes))
    step[1:] = np.linalg.norm(np.diff(nodes, axis=0), axis=1)
    # One long axis for all outlines: the jump from one to the next counts 1, so that positions ascend.
    step[first] = 1.0
    along = np.cumsum(step)
    start = along[first]
    length = along[first + counts - 1] - start
    wanted = start[:, None] + np.arange(points) / points * length[:, None]
    return np.stack([np.interp(wanted, along, nodes[:, axis]) for axis in (0, 1)], axis=2)


def series(
    samples: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the real Fourier series of periodic samples.

    ``x(t) = constant + sum over k of a_k cos(k w t) + b_k sin(k w t)``, k from 1 to N / 2, with
    ``a_k = 2 Re C_k`` and ``b_k = -2 Im C_k`` (equations 8 and 9); for even N the last term counts half.

    Parameters
    ----------
    samples : ndarray of float64, shape (..., N)

    Returns
    -------
    constant : ndarray, shape (...)
    a, b : ndarray, shape (..., N // 2)
        Entry k - 1 belongs to harmonic k.
    """
    count = samples.shape[-1]
    c = np.fft.rfft(samples, axis=-1) / count
    a, b = 2 * c[..., 1:].real, -2 * c[..., 1:].imag
    if count % 2 == 0:
        a[..., -1] /= 2
        b[..., -1] = 0
    return c[..., 0].real, a, b


def reconstruct(
    constant: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return the N samples of a series, shape (..., N); equation 7."""
    k = np.arange(1, a.shape[-1] + 1)
    phase = 2 * np.pi / count * k[:, None] * np.arange(count)
    return constant[..., None] + a @ np.cos(phase) + b @ np.sin(phase)


def harmonic_power(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the power of every elliptic harmonic, ``a² + b² + c² + d²``.

    Does not depend on where the outline starts, which way it runs, nor on rotation or shift (Kuhl and
    Giardina, Computer Graphics and Image Processing 18 (1982) 236).

    Parameters
    ----------
    samples : ndarray of float64, shape (n, N, 2)

    Returns
    -------
    ndarray of float64, shape (n, N // 2)
    """
    _, a, b = series(np.moveaxis(samples, 2, 1))
    power: NDArray[np.float64] = (a**2 + b**2).sum(axis=1)
    return power
