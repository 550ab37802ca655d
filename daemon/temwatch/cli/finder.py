"""`temwatch finder`: what finds the objects; how well it does on marked frames; how it is made."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from temwatch.errors import ModelRefused, PermanentError

if TYPE_CHECKING:
    from temwatch.learn.marked_frames import MarkedFrame
    from temwatch.vision.finder.base import Finder

_SETS = ("tem_defects", "tem_loops", "stem_particles", "magnetic_tile")


@click.group()
def finder() -> None:
    """Show, judge and train what finds the objects."""


@finder.command("show")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
def show(folder: Path | None) -> int:
    """Print the card of finder weights (default: those that come with temwatch)."""
    from temwatch.store.weights import card_of, load_weights, shipped_finder

    where = folder or shipped_finder()
    load_weights(where)
    click.echo(json.dumps({"id": where.name, **card_of(where)}, indent=2))
    return 0


@finder.command("evaluate")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--set", "set_name", type=click.Choice(_SETS), help="How FOLDER is laid out; default: its name."
)
@click.option("--method", type=click.Choice(["learned", "threshold"]), default="learned", show_default=True)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Default: the shipped ones.",
)
@click.option("--precision", type=click.Choice(["int8", "fp32"]), default="int8", show_default=True)
@click.option("--sensitivity", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option(
    "--lines/--no-lines", default=True, show_default=True, help="Count cracks and dislocations too."
)
@click.option("--overlay", type=click.Path(path_type=Path, file_okay=False), help="Draw PNGs here.")
def evaluate(
    folder: Path,
    set_name: str | None,
    method: str,
    weights: Path | None,
    precision: str,
    sensitivity: float,
    lines: bool,
    overlay: Path | None,
) -> int:
    """Judge a finder on FOLDER of marked frames and print the figures as JSON."""
    from temwatch.learn.finder_evaluation import judged, summary

    chosen = _finder(method, weights, precision, sensitivity, lines)
    scores = []
    for frame in _frames(folder, set_name):
        score, regions = judged(chosen, frame)
        scores.append(score)
        click.echo(f"{frame.name}: {score.hits} of {score.marked} found, {score.found} proposed", err=True)
        if overlay is not None:
            _draw(overlay, frame, regions, score)
    if not scores:
        raise PermanentError(f"{folder}: no marked frames", next_step="check --set and the folder's layout")
    click.echo(json.dumps({"set": set_name or folder.name, "method": method, **summary(scores)}, indent=2))
    return 0


@finder.command("train")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=4000, show_default=True)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Takes the place of --steps.")
@click.option("--bfloat16", "short", is_flag=True, help="Nearly twice as fast where the processor has it.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Shelf for the result."
)
def train(seed: int, steps: int, minutes: float | None, short: bool, out: Path) -> int:
    """Train the network from nothing, on simulated pictures alone, on one core; print the new folder."""
    try:
        from temwatch.learn.finder_training.course import build
        from temwatch.learn.finder_training.training import Course
    except ImportError as error:
        raise ModelRefused(
            f"training needs PyTorch and onnx ({error})", next_step="pip install 'temwatch[train]'"
        ) from error
    course = Course(seed=seed, steps=steps, minutes=minutes, short=short)
    click.echo(str(build(course, out, say=lambda said: click.echo(said, err=True))))
    return 0


@finder.command("gallery")
@click.argument("picture", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def gallery(picture: Path, seed: int) -> int:
    """Write a sheet of training crops, with their labels below, to PICTURE (a PNG)."""
    import cv2

    from temwatch.learn.crop_gallery import sheet

    if not cv2.imwrite(str(picture), sheet(seed)):
        raise PermanentError(f"{picture}: can't be written", next_step="name a .png in a folder that exists")
    return 0


def _finder(method: str, weights: Path | None, precision: Any, sensitivity: float, lines: bool) -> "Finder":
    from temwatch.store.weights import load_weights, shipped_finder
    from temwatch.vision.finder.learned import LearnedFinder
    from temwatch.vision.finder.threshold import ThresholdFinder

    if method == "threshold":
        return ThresholdFinder(sensitivity=sensitivity)
    content = load_weights(weights or shipped_finder(), precision)
    return LearnedFinder(content, sensitivity=sensitivity, with_lines=lines)


def _frames(folder: Path, set_name: str | None) -> "Iterator[MarkedFrame]":
    from temwatch.learn.marked_frames import SETS

    name = set_name or folder.name
    if name not in SETS:
        raise PermanentError(
            f"{folder}: no set is called {name!r}", next_step=f"pass --set, one of {', '.join(SETS)}"
        )
    return SETS[name](folder)


def _draw(folder: Path, frame: "MarkedFrame", regions: Any, score: Any) -> None:
    import cv2

    from temwatch.learn.finder_evaluation import overlay

    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{frame.name}.png"), overlay(frame, regions, score))
