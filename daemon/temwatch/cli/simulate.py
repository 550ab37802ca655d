"""`temwatch simulate`: a microscope that writes frames with known truth."""

import time
from pathlib import Path

import click

from temwatch.sim.microscope import Microscope, Session, steady_wait
from temwatch.sim.truth import write_truth
from temwatch.sim.writing import WriteStyle


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--frames", type=click.IntRange(min=1), required=True, help="How many frames to write.")
@click.option(
    "--rate", "rate_hz", type=click.FloatRange(min=0, min_open=True), default=1.0, help="Frames a second."
)
@click.option("--format", "format_", type=click.Choice(["tif", "mrc"]), default="tif", show_default=True)
@click.option(
    "--style",
    type=click.Choice([style.value for style in WriteStyle]),
    default="pieces",
    show_default=True,
    help="How the files come to be.",
)
@click.option(
    "--shape", type=click.IntRange(min=64, max=16384), default=1024, show_default=True, help="Edge in px."
)
@click.option(
    "--objects", type=click.IntRange(min=0), help="Objects a frame; default: as the specimen has them."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--truth", type=click.Path(path_type=Path, dir_okay=False), help="Write what is really in the frames."
)
def simulate(
    folder: Path,
    frames: int,
    rate_hz: float,
    format_: str,
    style: str,
    shape: int,
    objects: int | None,
    seed: int,
    truth: Path | None,
) -> int:
    """Write simulated frames into FOLDER the way a microscope does. The same seed writes the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    session = Session(
        seed=seed,
        format=format_,
        style=WriteStyle(style),
        shape=(shape, shape),
        objects=objects,
        rate_hz=rate_hz,
    )
    microscope = Microscope(folder, session, wait=steady_wait(time.monotonic, time.sleep))
    written = []
    for exposure in microscope.frames(frames):
        written.append(exposure.truth)
        section = "" if exposure.section is None else f" [{exposure.section}]"
        click.echo(f"{exposure.path.name}{section}", err=True)
    if truth is not None:
        write_truth(truth, written)
        click.echo(f"truth: {truth}", err=True)
    return 0
