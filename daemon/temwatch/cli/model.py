"""`temwatch model`: look at recognizers, and rebuild the one that comes with temwatch."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from temwatch.store.shelf import load, save, starter


@click.group()
def model() -> None:
    """Look at recognizers, and rebuild the one that comes with temwatch."""


@model.command("show")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--finder", "method", type=click.Choice(["threshold", "learned"]), default="learned")
def show(folder: Path | None, method: str) -> int:
    """Print the card of the recognizer in FOLDER (default: the shipped one for the finder)."""
    where = folder or starter(method)
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
@click.option(
    "--finder", "method", type=click.Choice(["threshold", "learned"]), default="learned", show_default=True
)
def build_starter(
    shelf: Path, seed: int, specimens: int, frames_each: int, sensitivity: float, method: str
) -> int:
    """Build the starter recognizer from the simulator into SHELF. The same seed gives the same recognizer."""
    from temwatch.learn.starter import build_starter as build
    from temwatch.work.task import finder_of

    with Progress(console=Console(stderr=True)) as bar:
        line = bar.add_task("simulated frames", total=None)
        made = build(
            seed,
            finder=finder_of({"method": method, "sensitivity": sensitivity}),
            specimens=specimens,
            frames_each=frames_each,
            progress=lambda done, of: bar.update(line, completed=done, total=of),
        )
    click.echo(save(made, shelf))
    return 0


@model.command("evaluate-starter")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--specimens", type=click.IntRange(min=1), default=60, show_default=True)
@click.option("--frames-each", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--mode", type=click.Choice(["BF", "DF", "HAADF"]), help="Default: mixed.")
@click.option(
    "--sensitivity", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of the finder."
)
@click.option(
    "--finder", "method", type=click.Choice(["threshold", "learned"]), default="learned", show_default=True
)
def evaluate_starter(
    folder: Path | None, specimens: int, frames_each: int, mode: str | None, sensitivity: float, method: str
) -> int:
    """Judge a recognizer on simulated specimens it has not seen: detection, confusion, prediction sets."""
    from temwatch.learn import starter_evaluation
    from temwatch.model.frame import ImagingMode
    from temwatch.work.task import finder_of

    where = folder or starter(method)
    scores = starter_evaluation.evaluate_starter(
        load(where),
        finder=finder_of({"method": method, "sensitivity": sensitivity}),
        title=f"{where.name[:12]}, {mode or 'mixed modes'}",
        specimens=specimens,
        frames_each=frames_each,
        mode=ImagingMode(mode) if mode else None,
    )
    click.echo(scores.table())
    return 0
