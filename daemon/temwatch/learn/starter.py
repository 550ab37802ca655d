"""The recognizer of the first day: learned from simulated specimens alone, and named so in every report."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from temwatch.learn.simulated import KNOWLEDGE, Knowledge, Studied, study_specimens
from temwatch.learn.training_set import TrainingSet
from temwatch.recognition.fitting import fit_recognizer
from temwatch.recognition.recognizer import Recognizer
from temwatch.vision.features import FEATURE_NAMES, FEATURE_SET
from temwatch.vision.finder.base import Finder

PROVENANCE = "starter: simulated specimens only, not your material"

# So many rows keep the shipped file near 1 MB and the fit below half a minute.
ROWS = 2400
# For every three regions one more row, measured as if mode, pixel size or both were unknown, in these shares.
_UNKNOWN_SHARE = 1 / 3
_UNKNOWN: dict[Knowledge, float] = {"no mode": 0.5, "no scale": 0.25, "neither": 0.25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Labelled rows to learn from.

    Attributes
    ----------
    features : ndarray of float64, shape (n, p)
    classes, specimens, objects : list of str, length n
        What each row shows, of which specimen, and which region it measures (some are measured twice).
    nm_per_px_range : (lowest, highest)
        Pixel sizes of their frames.
    """

    features: NDArray[np.float64]
    classes: list[str]
    specimens: list[str]
    objects: list[str]
    nm_per_px_range: tuple[float, float]


def build_starter(
    seed: int,
    *,
    finder: Finder,
    specimens: int = 240,
    frames_each: int = 3,
    rows: int = ROWS,
    method: str = "kernel_elm",
    confidence: float = 0.90,
    progress: Callable[[int, int], Any] = lambda _done, _of: None,
) -> Recognizer:
    """Learn a recognizer from the simulated microscope. The same arguments give the same bytes on one machine.

    Parameters
    ----------
    method : str
        See `fit_recognizer`.
    confidence : float
        Of the prediction sets.
    seed, finder, specimens, frames_each, rows, progress
        See `starter_material`.
    """
    material = starter_material(
        seed, finder=finder, specimens=specimens, frames_each=frames_each, rows=rows, progress=progress
    )
    return fit_starter(material, method=method, confidence=confidence)


def starter_material(
    seed: int,
    *,
    finder: Finder,
    specimens: int = 240,
    frames_each: int = 3,
    rows: int = ROWS,
    progress: Callable[[int, int], Any] = lambda _done, _of: None,
) -> Material:
    """Simulate, find and measure what a starter learns from.

    Parameters
    ----------
    seed : int
        Specimens are numbered from ``1000 * seed``; those of `starter_evaluation` never coincide with them.
    finder : Finder
        The one the daemon will use: what its regions look like is part of what is learned.
    specimens, frames_each : int
        How much is simulated; every fourth specimen is an easy one, modes are mixed.
    rows : int
        Training rows kept, as even over the classes as the material allows.
    progress : callable
        Told frames done and frames in all.
    """
    # Sums over several threads come out in another order each time, and with them the last digits.
    with threadpool_limits(limits=1):
        frames = study_specimens(
            range(1000 * seed, 1000 * seed + specimens),
            finder=finder,
            frames_each=frames_each,
            easy_every=4,
            knowledge=KNOWLEDGE,
        )
        return choose_rows(_counted(frames, specimens * frames_each, progress), seed=seed, rows=rows)


def starter_rows(material: Material) -> TrainingSet:
    """Return a starter's material as rows to learn from beside operators' labels."""
    return TrainingSet(
        features=material.features.astype(np.float32),
        classes=tuple(material.classes),
        groups=tuple(material.specimens),
        objects=tuple(material.objects),
        operators=("",) * len(material.classes),
        label_ids=np.zeros(len(material.classes), np.int64),
        feature_names=tuple(FEATURE_NAMES),
        feature_set=FEATURE_SET,
        nm_per_px_range=material.nm_per_px_range,
    )


def fit_starter(material: Material, *, method: str, confidence: float = 0.90) -> Recognizer:
    """Learn a starter by one method from material; see `build_starter`."""
    with threadpool_limits(limits=1):
        return fit_recognizer(
            material.features,
            material.classes,
            FEATURE_NAMES,
            groups=material.specimens,
            objects=material.objects,
            method=method,
            confidence=confidence,
            provenance=PROVENANCE,
            feature_set=FEATURE_SET,
            nm_per_px_range=material.nm_per_px_range,
        )


def choose_rows(frames: Iterable[Studied], *, seed: int, rows: int) -> Material:
    """Draw training rows from studied frames.

    Every class gives the same number of regions; where one has fewer, the others give more. Of every three
    regions one gives a second row, with less knowledge of its frame.
    """
    random = np.random.default_rng(seed)
    pool = [
        (frame, number) for frame in frames for number, name in enumerate(frame.classes) if name is not None
    ]
    names = np.array([frame.classes[number] for frame, number in pool])
    chosen = _even_draw(names, int(rows / (1 + _UNKNOWN_SHARE)), random)
    features, taken = [], []
    for index in chosen.tolist():
        frame, number = pool[index]
        features.append(frame.features["all"][number])
        taken.append(index)
    again = random.permutation(chosen)[: max(0, rows - len(chosen))]
    states = random.choice(list(_UNKNOWN), size=len(again), p=list(_UNKNOWN.values()))
    for index, known in zip(again.tolist(), states.tolist(), strict=True):
        frame, number = pool[index]
        features.append(frame.features[known][number])
        taken.append(index)
    scales = [pool[index][0].nm_per_px for index in taken]
    return Material(
        features=np.array(features, dtype=np.float64),
        classes=[str(names[index]) for index in taken],
        specimens=[pool[index][0].specimen_id for index in taken],
        objects=[str(index) for index in taken],
        nm_per_px_range=(min(scales), max(scales)),
    )


def _even_draw(names: NDArray[np.str_], wanted: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Return ascending numbers of `wanted` entries, each name as often as the others while it lasts."""
    shuffled = random.permutation(len(names))
    turn = np.empty(len(names), dtype=np.intp)
    for name in np.unique(names):
        mine = shuffled[names[shuffled] == name]
        turn[mine] = np.arange(len(mine))
    return np.sort(shuffled[np.argsort(turn[shuffled], kind="stable")][:wanted])


def _counted(frames: Iterable[Studied], of: int, progress: Callable[[int, int], Any]) -> Iterable[Studied]:
    for done, frame in enumerate(frames, start=1):
        progress(done, of)
        yield frame
