"""The kernel machine of many rows: all of them teach, a few of them (landmarks) carry the kernel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from temwatch.recognition.calibration import fit_temperature, log_loss, softmax
from temwatch.recognition.kernel_machine import squared_distances
from temwatch.recognition.leave_one_out import gram

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

_PORTION = 2048  # rows looked at together: memory stays at this many times the landmarks
_RANK = 1e-12  # directions of the landmarks' kernel below this share of the largest are rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """A machine on landmarks, at the regularisation with the lowest held-out log-loss.

    Attributes
    ----------
    weights : ndarray of float64, shape (m, C)
        ``f(x) = k(x, landmarks) weights``.
    held_out : ndarray of float64, shape (n, C)
        Scores each row gets from the machine fitted without it (or its group), the landmarks being the same.
    regularisation : float
    losses : ndarray of float64, shape (regularisations,)
    """

    weights: Array
    held_out: Array
    regularisation: float
    losses: Array


def fit_reduced(
    rows: Array,
    landmarks: Array,
    targets: Array,
    codes: Codes,
    *,
    gamma: float,
    regularisations: Sequence[float],
    importance: Array,
    parts: list[Codes] | None,
) -> Reduced:
    """Fit a kernel machine whose kernel is that of the landmarks, and choose C by exact held-out scores.

    The weights minimise ``sum_i w_i |t_i - k_i b|^2 + tr(b^T K b) / C``, k_i being the kernel of row i and the
    landmarks and K that among the landmarks: Nystroem's approximation of the kernel (Williams and Seeger, *Using
    the Nystroem method to speed up kernel machines*, NIPS 13, 2001), solved in the landmarks' span. With every row
    a landmark it is the machine of `leave_one_out.solve`. Time goes with n m^2, memory with n C + m^2.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, p)
    landmarks : ndarray of float64, shape (m, p)
    targets : ndarray of float64, shape (n, C)
        +1 for the row's class, -1 for the others.
    codes : ndarray of int, shape (n,)
    gamma : float
    regularisations : sequence of float
        Grid for C; ties go to the smaller.
    importance : ndarray of float64, shape (n,)
        How much each row's error counts, greater than zero.
    parts : list of ndarray of int, optional
        Row numbers to hold out together; each row alone where None.
    """
    to_span = _whitening(landmarks, gamma)
    across, right = np.zeros((to_span.shape[1],) * 2), np.zeros((to_span.shape[1], targets.shape[1]))
    for first in range(0, len(rows), _PORTION):
        next_ones = slice(first, first + _PORTION)
        seen = gram(squared_distances(rows[next_ones], landmarks), gamma) @ to_span
        weighted = seen * importance[next_ones, None]
        across += weighted.T @ seen
        right += weighted.T @ targets[next_ones]
    values, turn = eigh(across, overwrite_a=True, check_finite=False, driver="evd")
    to_axes, along = to_span @ turn, turn.T @ right
    inverses = [1.0 / (np.maximum(values, 0.0) + 1.0 / c) for c in regularisations]
    held_out = np.empty((len(regularisations), *targets.shape))
    for some, cuts in _portions(len(rows), parts):
        seen = gram(squared_distances(rows[some], landmarks), gamma) @ to_axes
        for scores, inverse in zip(held_out, inverses, strict=True):
            errors = targets[some] - seen @ (inverse[:, None] * along)
            scores[some] = targets[some] - _errors_without(seen, importance[some], inverse, errors, cuts)
    losses = np.array([_loss(scores, codes, importance) for scores in held_out])
    best = min(range(len(losses)), key=lambda k: (losses[k], regularisations[k]))
    return Reduced(
        weights=to_axes @ (inverses[best][:, None] * along),
        held_out=held_out[best].copy(),
        regularisation=regularisations[best],
        losses=losses,
    )


def _whitening(landmarks: Array, gamma: float) -> Array:
    """Return R, shape (m, r), with ``R^T K R = I`` on the landmarks' span."""
    values, vectors = eigh(gram(squared_distances(landmarks, landmarks), gamma), check_finite=False)
    kept = values > _RANK * values[-1]
    spanned: Array = vectors[:, kept] / np.sqrt(values[kept])
    return spanned


def _portions(n: int, parts: list[Codes] | None) -> Iterator[tuple[Codes, list[slice] | None]]:
    """Yield row numbers, whole groups together, and where each group lies among them."""
    if parts is None:
        for first in range(0, n, _PORTION):
            yield np.arange(first, min(first + _PORTION, n)), None
        return
    waiting: list[Codes] = []
    for number, part in enumerate(parts, start=1):
        waiting.append(part)
        if number == len(parts) or sum(map(len, waiting)) >= _PORTION:
            ends = np.cumsum([len(some) for some in waiting]).tolist()
            yield (
                np.concatenate(waiting),
                [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)],
            )
            waiting = []


def _errors_without(
    seen: Array, importance: Array, inverse: Array, errors: Array, cuts: list[slice] | None
) -> Array:
    """Return the errors of rows, each by the machine without it or its group: ``(I - H_GG)^-1 e_G``.

    ``H = U D U^T W`` maps targets to scores; for a group larger than U is wide the same is
    ``e + U (D^-1 - U^T W U)^-1 U^T W e``.
    """
    if cuts is None:
        leverage = importance * (np.square(seen) @ inverse)
        alone: Array = errors / (1.0 - leverage)[:, None]
        return alone
    without = np.empty_like(errors)
    for cut in cuts:
        own, weight, error = seen[cut], importance[cut], errors[cut]
        if len(own) <= own.shape[1]:
            left = np.eye(len(own)) - (own * inverse) @ (own.T * weight)
            without[cut] = np.linalg.solve(left, error)
        else:
            rest = np.diag(1.0 / inverse) - (own.T * weight) @ own
            without[cut] = error + own @ np.linalg.solve(rest, (own.T * weight) @ error)
    return without


def _loss(scores: Array, codes: Codes, importance: Array) -> float:
    return log_loss(softmax(scores, fit_temperature(scores, codes, importance)), codes, importance)
