"""`temwatch finder evaluate`: one finder or several side by side on marked frames, as a table or as JSON."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from temwatch.errors import PermanentError

if TYPE_CHECKING:
    from temwatch.learn.marked_frames import MarkedFrame
    from temwatch.vision.finder.base import Finder

SETS = ("tem_defects", "tem_loops", "stem_particles", "magnetic_tile")
_SENSITIVITIES = (0.1, 0.3, 0.5, 0.7, 0.9)
_ROWS = (
    ("recall", "recall"),
    ("precision", "precision"),
    ("f1", "F1"),
    ("size_error", "radius off by (median of |ln ratio|)"),
    ("size_bias", "radius too large by (median of ln ratio)"),
    ("density_error", "count off by (median over frames)"),
    ("mean_iou", "overlap of hits (IoU)"),
    ("crack_px_recall", "crack pixels found (within 3 px)"),
    ("crack_px_precision", "line pixels right (within 3 px)"),
    ("found", "proposed"),
)


@click.command("evaluate")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--set", "set_name", type=click.Choice(SETS), help="How FOLDER is laid out; default: its name.")
@click.option("--method", type=click.Choice(["learned", "threshold"]), default="learned", show_default=True)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Default: the shipped ones.",
)
@click.option(
    "--against",
    multiple=True,
    help='Another finder to put beside it: "threshold", "learned", or a folder of weights. May be repeated.',
)
@click.option("--precision", type=click.Choice(["int8", "fp32"]), default="int8", show_default=True)
@click.option("--sensitivity", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option(
    "--lines/--no-lines", default=True, show_default=True, help="Count cracks and dislocations too."
)
@click.option(
    "--curve",
    is_flag=True,
    help="Also at five sensitivities; the best of them flatters, and costs five runs.",
)
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON object.")
@click.option("--overlay", type=click.Path(path_type=Path, file_okay=False), help="Draw PNGs here.")
def evaluate(
    folder: Path,
    set_name: str | None,
    method: str,
    weights: Path | None,
    against: tuple[str, ...],
    precision: str,
    sensitivity: float,
    lines: bool,
    curve: bool,
    as_json: bool,
    overlay: Path | None,
) -> int:
    """Judge a finder on FOLDER of marked frames: recall, precision, F1 with 95 % intervals by specimen."""
    chosen = [(str(weights or method), method, weights)]
    chosen += [(name, *_named(name)) for name in against]
    frames = list(_frames(folder, set_name))
    if not frames:
        raise PermanentError(f"{folder}: no marked frames", next_step="check --set and the folder's layout")
    results: list[dict[str, Any]] = []
    for name, how, where in chosen:

        def at(value: float, how: str = how, where: Path | None = where) -> "Finder":
            return _finder(how, where, precision, value, lines)

        figures = _judged(name, at(sensitivity), frames, None if results else overlay)
        if curve and all(frame.complete for frame in frames):
            from temwatch.learn.finder_evaluation import curve as sensitivities

            figures["curve_optimistic"] = sensitivities({s: at(s) for s in _SENSITIVITIES}, frames)
        results.append({"finder": name, "method": how, **figures})
    title = set_name or folder.name
    if as_json:
        click.echo(json.dumps({"set": title, **results[0], "against": results[1:]}, indent=2))
    else:
        _show(title, results)
    return 0


def _judged(
    name: str, finder: "Finder", frames: "Sequence[MarkedFrame]", overlays: Path | None
) -> dict[str, Any]:
    from temwatch.learn.finder_evaluation import judged, summary

    scores = []
    for frame in frames:
        score, regions = judged(finder, frame)
        scores.append(score)
        click.echo(
            f"{name}, {frame.name}: {score.hits} of {score.marked} found, {score.found} proposed", err=True
        )
        if overlays is not None:
            _draw(overlays, frame, regions, score)
    return summary(scores)


def _show(title: str, results: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    first = results[0]
    console = Console()
    table = Table(
        title=f"{title}: {first['frames']} frames of {first['specimens']} specimens, {first['marked']} objects",
        caption=f"95 % intervals by drawing {first['intervals_by']}s with replacement",
    )
    table.add_column("")
    for result in results:
        table.add_column(_short(result["finder"]), justify="right")
    for key, name in _ROWS:
        if any(key in result for result in results):
            table.add_row(name, *(_cell(result, key) for result in results))
    for group, what in (("recall_by_size", "recall"), ("recall_by_kind", "recall")):
        table.add_section()
        for name in first[group]:
            table.add_row(
                f"{what}, {name} ({first[group][name][1]})", *(_part(r, group, name) for r in results)
            )
    table.add_section()
    for name, row in first.get("by_specimen", {}).items():
        key = "f1" if "f1" in row else "recall"
        cells = (f"{result['by_specimen'][name][key]:.2f}" for result in results)
        table.add_row(
            f"{key.replace('f1', 'F1')}, {escape(name)} ({row['frames']}, {row['marked']} objects)", *cells
        )
    console.print(table)
    if "curve_optimistic" in first:
        console.print(_curves(results))


def _curves(results: Sequence[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(
        title="recall / precision / F1 by sensitivity",
        caption="the best row is chosen on the frames it is judged by: expect less elsewhere",
    )
    table.add_column("sensitivity")
    for result in results:
        table.add_column(_short(result["finder"]), justify="right")
    for number, row in enumerate(results[0]["curve_optimistic"]):
        cells = []
        for result in results:
            one = result["curve_optimistic"][number]
            cells.append(f"{one['recall']:.2f} / {one['precision']:.2f} / {one['f1']:.2f}")
        table.add_row(f"{row['sensitivity']:g}", *cells)
    return table


def _cell(result: dict[str, Any], key: str) -> str:
    if key not in result:
        return "–"
    if f"{key}_95" not in result:
        return f"{result[key]}"
    low, high = result[f"{key}_95"]
    return f"{result[key]:.2f} [{low:.2f}, {high:.2f}]"


def _part(result: dict[str, Any], group: str, name: str) -> str:
    return f"{result[group][name][0]:.2f}"


def _short(name: str) -> str:
    return Path(name).name[:12] if "/" in name else name


def _named(name: str) -> tuple[str, Path | None]:
    if name in ("threshold", "learned"):
        return name, None
    if not Path(name).is_dir():
        raise PermanentError(
            f"--against {name}: neither a finder nor a folder of weights",
            next_step='say "threshold", "learned" or a folder',
        )
    return "learned", Path(name)


def _finder(method: str, weights: Path | None, precision: Any, sensitivity: float, lines: bool) -> "Finder":
    from temwatch.store.weights import load_weights, shipped_finder
    from temwatch.vision.finder.learned import LearnedFinder
    from temwatch.vision.finder.threshold import ThresholdFinder

    if method == "threshold":
        return ThresholdFinder(sensitivity=sensitivity)
    content = load_weights(weights or shipped_finder(), precision)
    return LearnedFinder(content, sensitivity=sensitivity, with_lines=lines)


def _frames(folder: Path, set_name: str | None) -> "Iterator[MarkedFrame]":
    from temwatch.learn.marked_frames import SETS as KNOWN

    name = set_name or folder.name
    if name not in KNOWN:
        raise PermanentError(
            f"{folder}: no set is called {name!r}", next_step=f"pass --set, one of {', '.join(KNOWN)}"
        )
    return KNOWN[name](folder)


def _draw(folder: Path, frame: "MarkedFrame", regions: Any, score: Any) -> None:
    import cv2

    from temwatch.learn.finder_overlay import overlay

    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{frame.name}.png"), overlay(frame, regions, score))
