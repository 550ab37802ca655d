"""From labelled features to a recognizer. Everything it promises is measured on rows held out, by group where it can."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from temwatch import __version__
from temwatch.errors import ModelRefused
from temwatch.model.recognizer import HIGHEST_SCALE, LOWEST_SCALE, RecognizerCard
from temwatch.recognition.calibration import nonconformity, prediction_sets, thresholds_at
from temwatch.recognition.evaluation import score
from temwatch.recognition.machines import MACHINES
from temwatch.recognition.novelty import fit_novelty
from temwatch.recognition.recognizer import Golden, Recognizer, fit_scaler

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

METHODS = tuple(MACHINES)
GOLDEN_ROWS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folds:
    """What is held out together: a code per row, what that is called, and what had to be given up."""

    codes: Codes
    held_out: str
    groups: int
    notes: tuple[str, ...]


def fit_recognizer(
    features: ArrayLike,
    classes: Sequence[str],
    feature_names: Sequence[str],
    *,
    groups: Sequence[object] | None,
    objects: Sequence[object] | None = None,
    method: str = "kernel_elm",
    confidence: float = 0.90,
    class_weight: str | None = None,
    provenance: str,
    feature_set: str = "",
    nm_per_px_range: tuple[float, float] | None = None,
) -> Recognizer:
    """Learn a recognizer.

    Parameters
    ----------
    features : array-like of float, shape (n, p)
        Gaps (anything not finite) are filled with the column's median.
    classes : sequence of str, length n
        The label of every row.
    feature_names : sequence of str, length p
    groups : sequence, length n, or None
        Where each row comes from: specimen, else frame. Choice, calibration and prediction sets then rest on
        groups held out whole. With fewer than three groups, or a class seen in one group alone, rows are held
        out instead, and the card says so.
    objects : sequence, length n, or None
        Which object each row measures, where an object has several rows (measured again as if the imaging mode
        were unknown, say). They are never held out apart, or they would vouch for each other.
    method : str
        One of `METHODS`: "kernel_elm", or "seeded_kmeans" for the paper's ReliefF, PCA and clusters.
    confidence : float
        In (0, 1): share of prediction sets that are to hold the true class.
    class_weight : "balanced" or None
        See `KernelELM`; for it alone.
    provenance, feature_set : str
        For the card.
    nm_per_px_range : (lowest, highest) or None
        Pixel sizes of the frames learned from, for the card: far outside it the recognizer only guesses.

    Raises
    ------
    ModelRefused
        When the material can't make a recognizer: one class only, lengths that differ, an unknown method.
    """
    table, labels = np.asarray(features, dtype=np.float64), np.asarray(classes, dtype=str)
    _check_settings(method, confidence)
    _check_material(table, labels, feature_names, groups, objects)
    names, codes = np.unique(labels, return_inverse=True)
    class_names = tuple(str(name) for name in names)
    folds = _folds(labels, groups, objects)
    scaler = fit_scaler(table)
    fitted = MACHINES[method](scaler.fill(table), scaler, codes, folds.codes, class_weight)
    kept, held = fitted.kept, fitted.held_out
    scores = nonconformity(fitted.probability, codes[held])
    thresholds = thresholds_at(scores, confidence)
    folds = replace(folds, notes=(*folds.notes, *_left_out(len(kept), len(held), len(table))))
    card = RecognizerCard(
        method=method,
        provenance=provenance,
        feature_set=feature_set,
        classes=class_names,
        feature_names=tuple(feature_names),
        confidence=confidence,
        rows_by_class=dict(sorted(Counter(labels.tolist()).items())),
        groups=folds.groups,
        held_out=folds.held_out,
        settings={
            **fitted.settings,
            "temperature": fitted.temperature,
            **_scale_settings(nm_per_px_range),
        },
        scores=_held_out_scores(fitted.probability, codes[held], class_names, thresholds),
        notes=(*folds.notes, *_thin_classes(thresholds, class_names, confidence)),
        software=f"temwatch {__version__}",
    )
    machine = fitted.machine
    unproven = Recognizer(
        card=card,
        scaler=scaler,
        machine=machine,
        temperature=fitted.temperature,
        thresholds=thresholds,
        nonconformity=scores,
        radii=fit_novelty(machine.rows, codes[kept], machine.distances(machine.rows), folds.codes[kept]),
        golden=Golden(features=np.empty((0, 0)), probability=np.empty((0, 0)), novelty=np.empty(0)),
    )
    return _with_golden(unproven, table[kept])


def _check_settings(method: str, confidence: float) -> None:
    if method not in METHODS:
        raise ModelRefused(f"unknown method {method!r}", next_step=f"choose one of: {', '.join(METHODS)}")
    if not 0 < confidence < 1:
        raise ModelRefused(f"confidence {confidence} is not between 0 and 1", next_step="0.9 is usual")


def _check_material(
    table: Array,
    labels: NDArray[np.str_],
    feature_names: Sequence[str],
    groups: Sequence[object] | None,
    objects: Sequence[object] | None,
) -> None:
    if table.shape != (len(labels), len(feature_names)):
        raise ModelRefused(
            f"features of shape {table.shape} don't fit {len(labels)} labels and {len(feature_names)} names",
            next_step="give a row per label and a column per feature name",
        )
    if len(set(feature_names)) < len(feature_names):
        raise ModelRefused("two features have the same name", next_step="give every column its own name")
    for what, given in (("groups", groups), ("objects", objects)):
        if given is not None and len(given) != len(labels):
            raise ModelRefused(
                f"{len(given)} {what} for {len(labels)} rows", next_step="give one for every row, or None"
            )
    found = sorted(set(labels.tolist()))
    if len(found) < 2:
        raise ModelRefused(
            f"labels of {len(found)} class given ({', '.join(found) or 'none'}), at least two are needed",
            next_step="label objects of another class, artefacts for example",
        )


def _folds(
    labels: NDArray[np.str_], groups: Sequence[object] | None, objects: Sequence[object] | None
) -> _Folds:
    alone = np.arange(len(labels)) if objects is None else _codes(objects)
    if groups is None:
        return _Folds(codes=alone, held_out="object", groups=0, notes=())
    codes = _codes(groups)
    count = int(codes.max()) + 1
    if count < 3:
        note = (
            f"objects come from {count} group(s), three are needed to hold groups out: objects were held out"
        )
        return _Folds(codes=alone, held_out="object", groups=count, notes=(note,))
    single = [str(name) for name in np.unique(labels) if len(np.unique(codes[labels == name])) < 2]
    if single:
        note = f"only one group shows {', '.join(single)}: objects were held out, not groups"
        return _Folds(codes=alone, held_out="object", groups=count, notes=(note,))
    return _Folds(codes=codes, held_out="group", groups=count, notes=())


def _codes(names: Sequence[object]) -> Codes:
    return np.unique(np.array([str(name) for name in names]), return_inverse=True)[1]


def _held_out_scores(
    probability: Array, codes: Codes, classes: tuple[str, ...], thresholds: Array
) -> dict[str, float]:
    scores = score(probability, codes, classes)
    sets = prediction_sets(probability, thresholds, classes)
    return {
        "accuracy": scores.accuracy.value,
        "macro_f1": scores.macro_f1,
        "log_loss": scores.log_loss,
        "ece": scores.ece,
        "mean_set_size": float(np.mean([len(chosen) for chosen in sets])),
        "single_class_share": float(np.mean([len(chosen) == 1 for chosen in sets])),
        "empty_set_share": float(np.mean([len(chosen) == 0 for chosen in sets])),
    }


def _left_out(kept: int, held: int, rows: int) -> tuple[str, ...]:
    notes = []
    if kept < rows:
        notes.append(f"learned from all {rows} rows; {kept} of them are kept, the same share of every class")
    if held < rows:
        notes.append(f"{held} of {rows} rows could be held out: the others are alone in their class")
    return tuple(notes)


def _thin_classes(thresholds: Array, classes: tuple[str, ...], confidence: float) -> tuple[str, ...]:
    thin = [name for name, threshold in zip(classes, thresholds, strict=True) if threshold >= 1.0]
    if not thin:
        return ()
    return (f"too few rows to rule out {', '.join(thin)} at {confidence:.0%}: always in the prediction set",)


def _with_golden(recognizer: Recognizer, table: Array) -> Recognizer:
    chosen = np.unique(np.linspace(0, len(table) - 1, min(GOLDEN_ROWS, len(table))).astype(int))
    # A gap among the golden inputs makes loading prove the filling too.
    features = table[chosen].copy()
    features[0, 0] = np.nan
    expected = recognizer.recognise(features, recognizer.feature_names)
    golden = Golden(features=features, probability=expected.probability, novelty=expected.novelty)
    return replace(recognizer, golden=golden)


def _scale_settings(nm_per_px_range: tuple[float, float] | None) -> dict[str, float]:
    if nm_per_px_range is None:
        return {}
    lowest, highest = nm_per_px_range
    return {LOWEST_SCALE: float(lowest), HIGHEST_SCALE: float(highest)}
