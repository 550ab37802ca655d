"""Methods side by side on one atlas: repeated hold-outs, at random and by group, with what belongs to such figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import AtlasRefused
from temwatch.learn.atlas import Atlas
from temwatch.learn.holdouts import Codes, Split, hold_out
from temwatch.recognition.calibration import conformal_thresholds, prediction_sets, reliability
from temwatch.recognition.evaluation import Share, score
from temwatch.recognition.methods import METHODS, paper_chain
from temwatch.recognition.recognizer import fit_scaler
from temwatch.recognition.selection import first_of_each, row_hashes
from temwatch.vision.features import BASIC_NAMES

Array = NDArray[np.float64]

_CONFIDENCE = 0.9  # of the prediction sets


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """How far the class-conditional prediction sets of a method keep their promise on held-out rows.

    Attributes
    ----------
    confidence : float
    coverage : tuple of Share
        By class: the true class is in the set; over distinct rows, as `Result.recall`.
    single, empty : float
        Share of sets with one class, and with none, over all held-out rows.
    """

    confidence: float
    coverage: tuple[Share, ...]
    single: float
    empty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one method did under one split.

    Attributes
    ----------
    method, title : str
    by_repeat : tuple of float
        Accuracy of each hold-out.
    accuracy, macro_f1 : (mean, sd)
        Over repeats. Repeats share rows, so sd over the root of their number is no standard error.
    overall : Share
        Rows named right, over distinct rows, as `recall`.
    recall : tuple of Share
        By class, over distinct rows: a row held out several times counts as its mean. The interval says how far
        other rows of the same kind would vary, not other training rows.
    ece, log_loss : float
        Expected calibration error (15 bins of equal mass) and log-loss, over the held-out rows of all repeats. A
        single row that got a probability of zero (trees give such) costs 690 before averaging.
    reliability : tuple of (float, float, int)
        What the ECE is made of: mean confidence, share right and number of rows of each bin.
    confusion : ndarray of int, shape (C, C)
        Rows are the truth; summed over repeats.
    optimistic : (mean, sd) or None
        Accuracy with (s, d) chosen by the very rows it is judged on. Never to be quoted by itself.
    sets : Sets or None
        For methods whose probabilities of rows left out come with the fit.
    """

    method: str
    title: str
    by_repeat: tuple[float, ...]
    accuracy: tuple[float, float]
    macro_f1: tuple[float, float]
    overall: Share
    recall: tuple[Share, ...]
    ece: float
    reliability: tuple[tuple[float, float, int], ...]
    log_loss: float
    confusion: NDArray[np.int64]
    optimistic: tuple[float, float] | None
    sets: Sets | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Results of several methods on the same hold-outs.

    Attributes
    ----------
    atlas, digest : str
    split : "random" or "group"
    rows, groups, repeats : int
    train, test : (fewest, most)
        Rows over the repeats.
    classes : tuple of str
    rows_by_class : mapping of str to int
    results : tuple of Result
    notes : tuple of str
    """

    atlas: str
    digest: str
    split: Split
    rows: int
    groups: int
    repeats: int
    train: tuple[int, int]
    test: tuple[int, int]
    classes: tuple[str, ...]
    rows_by_class: dict[str, int]
    results: tuple[Result, ...]
    notes: tuple[str, ...]


def compare(
    atlas: Atlas,
    *,
    methods: Sequence[str],
    split: Split,
    train: int = 120,
    test: int = 60,
    repeats: int = 25,
    seed: int = 1,
    progress: Callable[[int, int], Any] = lambda _done, _of: None,
) -> Comparison:
    """Judge methods on repeated hold-outs of an atlas; every method sees the same ones.

    Scaling, selection and every choice are learned from the training rows alone. Rows that equal an earlier one
    are left out first.

    Parameters
    ----------
    atlas : Atlas
    methods : sequence of str
        Keys of `METHODS`.
    split : "random" or "group"
        Stratified at random, or with whole groups (specimens) held out.
    train, test : int
        Rows wanted; with fewer rows in the atlas, all of them in the same proportion.
    repeats : int
    seed : int
    progress : callable
        Told fits done and fits in all.

    Raises
    ------
    AtlasRefused
        An unknown method; too few classes, rows or groups (see `hold_out`).
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise AtlasRefused(
            f"unknown method {', '.join(unknown) or '(none given)'}",
            next_step=f"choose among {', '.join(METHODS)}",
        )
    distinct = first_of_each(row_hashes(atlas.features))
    table = atlas.features[distinct]
    classes, codes = np.unique(np.array(atlas.classes)[distinct], return_inverse=True)
    groups = np.unique(np.array(atlas.groups)[distinct], return_inverse=True)[1]
    names = tuple(str(name) for name in classes)
    cut = hold_out(
        codes,
        groups,
        names,
        atlas=atlas.name,
        split=split,
        train=train,
        test=test,
        repeats=repeats,
        seed=seed,
    )
    results = []
    for number, name in enumerate(methods):
        tell = _counter(progress, number * repeats, len(methods) * repeats)
        results.append(
            _judged(name, table, codes, groups, names, cut, atlas.feature_names, split, seed, tell)
        )
    return Comparison(
        atlas=atlas.name,
        digest=atlas.digest,
        split=split,
        rows=len(table),
        groups=int(groups.max()) + 1,
        repeats=repeats,
        train=_range(len(part) for part, _ in cut),
        test=_range(len(part) for _, part in cut),
        classes=names,
        rows_by_class={name: int((codes == code).sum()) for code, name in enumerate(names)},
        results=tuple(results),
        notes=atlas.notes + _notes(atlas, distinct),
    )


def _notes(atlas: Atlas, distinct: Codes) -> tuple[str, ...]:
    """Return what was done to the rows before any method saw them."""
    notes = []
    hashes = row_hashes(atlas.features)
    if dropped := len(hashes) - len(distinct):
        first = {hashes[row]: atlas.classes[row] for row in distinct.tolist()}
        torn = sum(first[value] != name for value, name in zip(hashes, atlas.classes, strict=True))
        said = f", {torn} of them of another class than the first: labels that contradict" if torn else ""
        notes.append(f"{dropped} row(s) left out: equal to others{said}")
    table = atlas.features[distinct]
    if gaps := int(np.count_nonzero(~np.isfinite(table))):
        notes.append(f"{gaps} value(s) missing or not finite: the median of the rows learned from stands in")
    useless = fit_scaler(table).inverse_sd == 0
    constant = [name for name, alike in zip(atlas.feature_names, useless.tolist(), strict=True) if alike]
    if constant:
        notes.append(f"the same in all rows, so of no use: {', '.join(constant)}")
    return tuple(notes)


def _judged(
    name: str,
    table: Array,
    codes: Codes,
    groups: Codes,
    classes: tuple[str, ...],
    cut: Sequence[tuple[Codes, Codes]],
    feature_names: tuple[str, ...],
    split: Split,
    seed: int,
    tell: Callable[[int], Any],
) -> Result:
    method = METHODS[name]
    columns = [feature_names.index(column) for column in BASIC_NAMES] if method.basic_only else slice(None)
    scores, tuned, said = [], [], []
    right, times, covered = np.zeros(len(codes)), np.zeros(len(codes)), np.zeros(len(codes))
    sizes: list[int] = []
    for repeat, (learned, held) in enumerate(cut):
        scaler = fit_scaler(table[learned][:, columns])
        rows, others = (scaler.standardise(table[part][:, columns]) for part in (learned, held))
        extra = {"groups": groups[learned]} if method.takes_groups and split == "group" else {}
        fitted = method.make(seed + repeat).fit(rows, codes[learned], **extra)
        probability = np.zeros((len(held), len(classes)))
        probability[:, fitted.classes_] = fitted.predict_proba(others)
        scores.append(score(probability, codes[held], classes))
        said.append(probability)
        right[held] += probability.argmax(axis=1) == codes[held]
        times[held] += 1
        sets = _sets(fitted, codes[learned], probability)
        if sets is not None:
            covered[held] += sets[np.arange(len(held)), codes[held]]
            sizes += sets.sum(axis=1).tolist()
        if name == "paper":
            grid = paper_chain(seed + repeat).accuracies(rows, codes[learned], others, codes[held], **extra)
            tuned.append(max(grid.values()))
        tell(repeat + 1)
    truth = codes[np.concatenate([held for _, held in cut])]
    pooled = score(np.vstack(said), truth, classes)
    return Result(
        method=name,
        title=method.title,
        by_repeat=tuple(one.accuracy.value for one in scores),
        accuracy=_spread([one.accuracy.value for one in scores]),
        macro_f1=_spread([one.macro_f1 for one in scores]),
        overall=_mean_share((right / np.maximum(times, 1))[times > 0]),
        recall=_by_class(right, times, codes),
        ece=pooled.ece,
        reliability=reliability(np.vstack(said), truth),
        log_loss=pooled.log_loss,
        confusion=pooled.confusion,
        optimistic=_spread(tuned) if tuned else None,
        sets=Sets(
            confidence=_CONFIDENCE,
            coverage=_by_class(covered, times, codes),
            single=float(np.mean(np.equal(sizes, 1))),
            empty=float(np.mean(np.equal(sizes, 0))),
        )
        if sizes
        else None,
    )


def _sets(fitted: Any, codes: Codes, probability: Array) -> NDArray[np.bool_] | None:
    """Return which classes are in the set of every row, shape (n, C); None where no row was held out in the fit."""
    if hasattr(fitted, "loo_proba_"):
        rows, held_out = fitted.kept_rows_, fitted.loo_proba_
    elif hasattr(fitted, "held_out_proba_"):
        rows, held_out = fitted.held_out_rows_, fitted.held_out_proba_
    else:
        return None
    if held_out.shape[1] < probability.shape[1]:
        return None
    thresholds = conformal_thresholds(held_out, codes[rows], confidence=_CONFIDENCE)
    names = tuple(str(code) for code in range(probability.shape[1]))
    chosen = prediction_sets(probability, thresholds, names)
    return np.array([[name in one for name in names] for one in chosen])


def _by_class(hits: Array, times: Array, codes: Codes) -> tuple[Share, ...]:
    """Return for each class the mean share of hits over the distinct rows that were held out."""
    seen = times > 0
    means = np.divide(hits, times, out=np.zeros_like(hits), where=seen)
    return tuple(_mean_share(means[seen & (codes == code)]) for code in range(int(codes.max()) + 1))


def _mean_share(means: Array) -> Share:
    return Share(round(float(means.sum())), len(means))


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _range(counts: Any) -> tuple[int, int]:
    told = list(counts)
    return min(told), max(told)


def _counter(progress: Callable[[int, int], Any], before: int, of: int) -> Callable[[int], Any]:
    return lambda done: progress(before + done, of)
