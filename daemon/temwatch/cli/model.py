"""`temwatch model`: look at recognizers, and rebuild the one that comes with temwatch."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from temwatch.store.shelf import load, save, starter

METHODS = ("kernel_elm", "seeded_kmeans")


@click.group()
def model() -> None:
    """Look at recognizers, and rebuild the one that comes with temwatch."""


@model.command("show")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--finder", type=click.Choice(["threshold", "learned"]), default="learned", show_default=True)
@click.option("--method", type=click.Choice(METHODS), default=METHODS[0], show_default=True)
def show(folder: Path | None, finder: str, method: str) -> int:
    """Print the card of the recognizer in FOLDER (default: the shipped one for the finder)."""
    where = folder or starter(finder, method)
    click.echo(json.dumps({"id": where.name, **asdict(load(where).card)}, indent=2))
    return 0


@model.command("build-starter")
@click.argument("shelf", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--specimens", type=click.IntRange(min=8), default=240, show_default=True)
@click.option("--frames-each", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--sensitivity", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of the finder."
)
@click.option("--finder", type=click.Choice(["threshold", "learned"]), default="learned", show_default=True)
@click.option(
    "--method",
    "methods",
    type=click.Choice(METHODS),
    multiple=True,
    default=METHODS,
    show_default=True,
    help="Repeatable.",
)
@click.option(
    "--rows",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the rows they learned from, for retraining beside labels.",
)
def build_starter(
    shelf: Path,
    seed: int,
    specimens: int,
    frames_each: int,
    sensitivity: float,
    finder: str,
    methods: tuple[str, ...],
    rows: Path | None,
) -> int:
    """Build the starter recognizers from the simulator into SHELF. The same seed gives the same recognizers."""
    from temwatch.learn.starter import fit_starter, starter_material, starter_rows
    from temwatch.learn.training_set import packed
    from temwatch.work.task import finder_of

    with Progress(console=Console(stderr=True)) as bar:
        line = bar.add_task("simulated frames", total=None)
        material = starter_material(
            seed,
            finder=finder_of({"method": finder, "sensitivity": sensitivity}),
            specimens=specimens,
            frames_each=frames_each,
            progress=lambda done, of: bar.update(line, completed=done, total=of),
        )
        for method in methods:
            click.echo(save(fit_starter(material, method=method), shelf))
    if rows:
        rows.write_bytes(packed(starter_rows(material)))
    return 0


@model.command("evaluate-starter")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--specimens", type=click.IntRange(min=1), default=60, show_default=True)
@click.option("--frames-each", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--mode", type=click.Choice(["BF", "DF", "HAADF"]), help="Default: mixed.")
@click.option(
    "--sensitivity", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of the finder."
)
@click.option("--finder", type=click.Choice(["threshold", "learned"]), default="learned", show_default=True)
@click.option("--method", type=click.Choice(METHODS), default=METHODS[0], show_default=True)
@click.option(
    "--known",
    type=click.Choice(["all", "no mode", "no scale", "neither"]),
    default="all",
    show_default=True,
    help="What the recognizer is told of each frame beside its pixels.",
)
def evaluate_starter(
    folder: Path | None,
    specimens: int,
    frames_each: int,
    mode: str | None,
    sensitivity: float,
    finder: str,
    method: str,
    known: Any,
) -> int:
    """Judge a recognizer on simulated specimens it has not seen: detection, confusion, prediction sets."""
    from temwatch.learn import starter_evaluation
    from temwatch.model.frame import ImagingMode
    from temwatch.work.task import finder_of

    where = folder or starter(finder, method)
    scores = starter_evaluation.evaluate_starter(
        load(where),
        finder=finder_of({"method": finder, "sensitivity": sensitivity}),
        title=f"{where.name[:12]}, {mode or 'mixed modes'}, known: {known}",
        specimens=specimens,
        frames_each=frames_each,
        mode=ImagingMode(mode) if mode else None,
        known=known,
    )
    click.echo(scores.table())
    return 0
