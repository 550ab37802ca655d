"""A comparison as text of fixed width and as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

from temwatch.learn.comparison import Comparison, Result
from temwatch.recognition.evaluation import Share

_SPLITS = {"random": "random, stratified by class", "group": "whole groups held out"}


def as_text(comparison: Comparison) -> str:
    """Return the table of methods, the recall of every class, and the confusion of the best method."""
    best = max(comparison.results, key=lambda result: result.accuracy[0])
    return "\n".join(
        (
            *_heading(comparison),
            *_methods(comparison),
            "",
            *_recalls(comparison),
            *_coverage(comparison),
            "",
            *_confusion(comparison, best),
        )
    )


def leakage(at_random: Comparison, by_group: Comparison) -> str:
    """Return, method by method, how much a random split flatters beside a split by group."""
    lines = ["random split minus split by group, points of accuracy (what leaks between rows of one group):"]
    for left, right in zip(at_random.results, by_group.results, strict=True):
        gap = 100 * (left.accuracy[0] - right.accuracy[0])
        lines.append(
            f"  {left.title:<40} {100 * left.accuracy[0]:5.1f} - {100 * right.accuracy[0]:5.1f} = {gap:+5.1f}"
        )
    return "\n".join(lines)


def as_values(comparison: Comparison) -> dict[str, Any]:
    """Return everything as values JSON knows; shares are in [0, 1]."""
    return {
        "atlas": comparison.atlas,
        "atlas_sha256": comparison.digest,
        "split": comparison.split,
        "rows": comparison.rows,
        "groups": comparison.groups,
        "repeats": comparison.repeats,
        "train_rows": list(comparison.train),
        "test_rows": list(comparison.test),
        "rows_by_class": comparison.rows_by_class,
        "notes": list(comparison.notes),
        "methods": [_method_values(result, comparison.classes) for result in comparison.results],
    }


def _method_values(result: Result, classes: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "method": result.method,
        "title": result.title,
        "accuracy_mean": result.accuracy[0],
        "accuracy_sd": _number(result.accuracy[1]),
        "macro_f1_mean": result.macro_f1[0],
        "macro_f1_sd": _number(result.macro_f1[1]),
        "ece": result.ece,
        "log_loss": result.log_loss,
        "recall": {name: _share(share) for name, share in zip(classes, result.recall, strict=True)},
        "confusion_rows_are_true": result.confusion.tolist(),
    }
    if result.sets is not None:
        values["prediction_sets"] = {
            "confidence": result.sets.confidence,
            "coverage": {
                name: _share(share) for name, share in zip(classes, result.sets.coverage, strict=True)
            },
            "single": result.sets.single,
            "empty": result.sets.empty,
        }
    if result.optimistic is not None:
        values["optimistic_accuracy_tuned_on_test_rows"] = result.optimistic[0]
    return values


def _number(value: float) -> float | None:
    """JSON has no NaN: the sd of a single repeat is null."""
    return None if value != value else value


def _share(share: Share) -> dict[str, Any]:
    if not share.n:
        return {"value": None, "wilson_95": None, "hits": 0, "n": 0}
    return {"value": share.value, "wilson_95": list(share.interval), "hits": share.hits, "n": share.n}


def _heading(comparison: Comparison) -> list[str]:
    counts = ", ".join(f"{name} {count}" for name, count in comparison.rows_by_class.items())
    return [
        (
            f"{comparison.atlas}: {comparison.rows} rows ({counts}) of {comparison.groups} groups; "
            f"atlas {comparison.digest[:16]}"
        ),
        (
            f"split: {_SPLITS[comparison.split]}; {comparison.repeats} repeats; "
            f"{_counts(comparison.train)} rows learned from, {_counts(comparison.test)} held out"
        ),
        *(f"note: {note}" for note in comparison.notes),
    ]


def _counts(bounds: tuple[int, int]) -> str:
    return str(bounds[0]) if bounds[0] == bounds[1] else f"{bounds[0]} to {bounds[1]}"


def _methods(comparison: Comparison) -> list[str]:
    lines = [f"{'':<40} {'accuracy %':>13} {'macro-F1 %':>13} {'ECE %':>6} {'log-loss':>9}"]
    for result in comparison.results:
        lines.append(
            f"{result.title:<40} {_spread(result.accuracy):>13} {_spread(result.macro_f1):>13} "
            f"{100 * result.ece:6.1f} {result.log_loss:9.3f}"
        )
        if result.optimistic is not None:
            lines.append(
                f"{'  optimistic: (s, d) tuned on test rows':<40} {_spread(result.optimistic):>13} "
                f"(+{100 * (result.optimistic[0] - result.accuracy[0]):.1f} over the nested figure above)"
            )
    return lines


def _spread(pair: tuple[float, float]) -> str:
    mean, sd = pair
    return f"{100 * mean:.1f}" if sd != sd else f"{100 * mean:.1f} ± {100 * sd:.1f}"


def _recalls(comparison: Comparison) -> list[str]:
    lines = ["recall by class, Wilson 95 % over distinct rows:"]
    for result in comparison.results:
        said = "; ".join(
            f"{name} {share}" for name, share in zip(comparison.classes, result.recall, strict=True)
        )
        lines.append(f"  {result.title:<40} {said}")
    return lines


def _coverage(comparison: Comparison) -> list[str]:
    lines = []
    for result in comparison.results:
        if result.sets is None:
            continue
        said = "; ".join(
            f"{name} {share}" for name, share in zip(comparison.classes, result.sets.coverage, strict=True)
        )
        lines += [
            "",
            f"truth in the {100 * result.sets.confidence:.0f} % prediction sets of {result.title}, by class: {said}",
            f"  one class in the set {100 * result.sets.single:.1f} %, none {100 * result.sets.empty:.1f} %",
        ]
    return lines


def _confusion(comparison: Comparison, best: Result) -> list[str]:
    width = max(len(name) for name in comparison.classes)
    cell = max(7, width) + 1
    lines = [
        f"confusion of {best.title} (highest accuracy), rows = true, summed over {comparison.repeats} repeats:",
        f"  {'':<{width}}" + "".join(f"{name:>{cell}}" for name in comparison.classes),
    ]
    for name, row in zip(comparison.classes, best.confusion.tolist(), strict=True):
        lines.append(f"  {name:<{width}}" + "".join(f"{count:>{cell}}" for count in row))
    return lines
