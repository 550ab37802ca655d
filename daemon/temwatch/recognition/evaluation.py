"""How well a recognizer does on objects it has not seen, with the intervals that belong to such numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from temwatch.recognition.calibration import expected_calibration_error, log_loss

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# Two-sided 95 % point of the normal distribution.
Z95 = 1.959963984540054
_CORNER = "true / recognised"


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % score interval of a share of n (E. B. Wilson, *JASA* 22, 1927); NaN for n = 0.

    n need not be whole: a weighted share is worth so many equal terms.
    """
    if not n:
        return float("nan"), float("nan")
    z2 = Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * (share * (1 - share) / n + z2 / (4 * n**2)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n`, with the Wilson 95 % interval; all NaN for n = 0."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson score interval."""
        return wilson(self.value, self.n)

    def __str__(self) -> str:
        if not self.n:
            return "none"
        low, high = self.interval
        return f"{100 * self.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}] ({self.hits}/{self.n})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How probabilities and truth compare.

    Attributes
    ----------
    classes : tuple of str
    confusion : ndarray of int, shape (C, C)
        Rows are the truth, columns what was recognised.
    accuracy : Share
    recall : tuple of Share
        Per true class.
    precision : tuple of Share
        Per recognised class.
    macro_f1 : float
        Mean of the F1 of the classes that occur, as truth or as recognised.
    log_loss, ece : float
        Expected calibration error over 15 bins of equal mass.
    """

    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    accuracy: Share
    recall: tuple[Share, ...]
    precision: tuple[Share, ...]
    macro_f1: float
    log_loss: float
    ece: float

    def table(self) -> str:
        """Return the scores as text of fixed width."""
        width = max(len(name) for name in (*self.classes, _CORNER))
        cell = max(8, *(len(name) for name in self.classes)) + 1
        lines = [f"{_CORNER:<{width}}" + "".join(f"{name:>{cell}}" for name in self.classes) + "  recall"]
        for name, row, recall in zip(self.classes, self.confusion.tolist(), self.recall, strict=True):
            lines.append(f"{name:<{width}}" + "".join(f"{count:>{cell}}" for count in row) + f"  {recall}")
        lines.append(
            f"accuracy {self.accuracy}; macro-F1 {100 * self.macro_f1:.1f} %; "
            f"log-loss {self.log_loss:.3f}; ECE {100 * self.ece:.1f} %"
        )
        return "\n".join(lines)


def score(probability: Array, codes: Codes, classes: Sequence[str]) -> Scores:
    """Compare probabilities with the truth.

    Parameters
    ----------
    probability : ndarray of float64, shape (n, C)
        Of rows that were not learned from.
    codes : ndarray of int, shape (n,)
        Column of the true class.
    classes : sequence of str
        Names of the C columns.
    """
    n_classes = len(classes)
    best = probability.argmax(axis=1) if len(codes) else np.empty(0, dtype=np.intp)
    confusion = np.bincount(codes * n_classes + best, minlength=n_classes**2).reshape(n_classes, n_classes)
    right = np.diag(confusion)
    truth, named = confusion.sum(axis=1), confusion.sum(axis=0)
    occurring = truth + named > 0
    f1 = 2 * right[occurring] / (truth + named)[occurring]
    return Scores(
        classes=tuple(classes),
        confusion=confusion,
        accuracy=Share(int(right.sum()), len(codes)),
        recall=tuple(Share(int(hits), int(n)) for hits, n in zip(right, truth, strict=True)),
        precision=tuple(Share(int(hits), int(n)) for hits, n in zip(right, named, strict=True)),
        macro_f1=float(f1.mean()) if len(f1) else float("nan"),
        log_loss=log_loss(probability, codes) if len(codes) else float("nan"),
        ece=expected_calibration_error(probability, codes),
    )
