"""A comparison as text of fixed width and as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

from temwatch.learn.comparison import Comparison, Result
from temwatch.recognition.evaluation import Share
from temwatch.recognition.intervals import Interval, paired, unpaired

# What the daemon uses unless told otherwise; the others are set against it.
DEFAULT = "kernel_elm"

_SPLITS = {"random": "random, stratified by class", "group": "whole groups held out"}


def as_text(comparison: Comparison) -> str:
    """Return methods, differences, recall and coverage by class, the confusion of the default and of the best."""
    return "\n".join(
        (
            *_heading(comparison),
            *_methods(comparison),
            *_beside_default(comparison),
            "",
            *_recalls(comparison),
            *_coverage(comparison),
            "",
            *_confusions(comparison),
        )
    )


def leakage(at_random: Comparison, by_group: Comparison) -> str:
    """Return, method by method, how much a random split flatters beside a split by group."""
    lines = [
        "random split minus split by group, points of accuracy (what leaks between rows of one group), 95 % interval:"
    ]
    for left, right in zip(at_random.results, by_group.results, strict=True):
        gap = unpaired(left.by_repeat, right.by_repeat, _ratio(at_random))
        lines.append(
            f"  {left.title:<40} {100 * left.accuracy[0]:5.1f} - {100 * right.accuracy[0]:5.1f} = {_points(gap)}"
        )
    return "\n".join(lines)


def leakage_values(at_random: Comparison, by_group: Comparison) -> dict[str, Any]:
    """Return the same as values JSON knows, by method; shares, not points."""
    return {
        left.method: _interval(unpaired(left.by_repeat, right.by_repeat, _ratio(at_random)))
        for left, right in zip(at_random.results, by_group.results, strict=True)
    }


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
        "methods": [
            {**_method_values(result, comparison.classes), **_beside_values(comparison, result)}
            for result in comparison.results
        ],
    }


def _beside_values(comparison: Comparison, result: Result) -> dict[str, Any]:
    default = _default(comparison)
    if default is None or default is result:
        return {}
    gap = paired(result.by_repeat, default.by_repeat, _ratio(comparison))
    return {f"accuracy_minus_{DEFAULT}": _interval(gap)}


def _method_values(result: Result, classes: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "method": result.method,
        "title": result.title,
        "accuracy_mean": result.accuracy[0],
        "accuracy_sd": _number(result.accuracy[1]),
        "accuracy_over_distinct_rows": _share(result.overall),
        "macro_f1_mean": result.macro_f1[0],
        "macro_f1_sd": _number(result.macro_f1[1]),
        "ece": result.ece,
        "reliability": [
            {"confidence": sure, "right": right, "n": n} for sure, right, n in result.reliability
        ],
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


def _interval(gap: Interval) -> dict[str, float | None]:
    return {"value": gap.value, "low_95": _number(gap.low), "high_95": _number(gap.high)}


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
    lines = [
        f"{'':<40} {'accuracy %':>13} {'Wilson 95 %':>13} {'macro-F1 %':>13} {'ECE %':>6} {'log-loss':>9}"
    ]
    for result in comparison.results:
        lines.append(
            f"{result.title:<40} {_spread(result.accuracy):>13} {_wilson(result.overall):>13} "
            f"{_spread(result.macro_f1):>13} "
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


def _wilson(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _default(comparison: Comparison) -> Result | None:
    return next((result for result in comparison.results if result.method == DEFAULT), None)


def _ratio(comparison: Comparison) -> float:
    """Return rows held out over rows learned from."""
    return sum(comparison.test) / sum(comparison.train)


def _beside_default(comparison: Comparison) -> list[str]:
    default = _default(comparison)
    others = [result for result in comparison.results if result is not default]
    if default is None or not others:
        return []
    lines = ["", f"minus {default.title}, points of accuracy on the same hold-outs, 95 % interval:"]
    for result in others:
        gap = paired(result.by_repeat, default.by_repeat, _ratio(comparison))
        lines.append(f"  {result.title:<40} {_points(gap)}")
    return lines


def _points(gap: Interval) -> str:
    said = f"{100 * gap.value:+5.1f}"
    return said if gap.low != gap.low else f"{said} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"


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


def _confusions(comparison: Comparison) -> list[str]:
    best = max(comparison.results, key=lambda result: result.accuracy[0])
    default = _default(comparison)
    lines = []
    if default is not None and default is not best:
        lines = [*_confusion(comparison, default, "the default"), ""]
    return lines + _confusion(comparison, best, "highest accuracy of these, and favoured by being picked")


def _confusion(comparison: Comparison, result: Result, why: str) -> list[str]:
    width = max(len(name) for name in comparison.classes)
    cell = max(7, width) + 1
    lines = [
        f"confusion of {result.title} ({why}), rows = true, summed over {comparison.repeats} repeats:",
        f"  {'':<{width}}" + "".join(f"{name:>{cell}}" for name in comparison.classes),
    ]
    for name, row in zip(comparison.classes, result.confusion.tolist(), strict=True):
        lines.append(f"  {name:<{width}}" + "".join(f"{count:>{cell}}" for count in row))
    return lines
