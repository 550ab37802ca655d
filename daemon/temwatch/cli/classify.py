"""`temwatch classify`: one-shot, without a daemon; one report a line for every image of every file."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from temwatch.cli.main import FAILED, OK
from temwatch.cli.options import config_path, settings_of
from temwatch.config import AcceptanceSection, FinderSection, RecognizerSection, Settings
from temwatch.errors import TemwatchError
from temwatch.model.frame import Frame
from temwatch.model.naming import FrameName
from temwatch.model.report import Report


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--overlay", type=click.Path(path_type=Path, file_okay=False), help="Draw the findings into PNGs here."
)
@click.option(
    "--nm-per-px", type=click.FloatRange(min=0, min_open=True), help="Overrides what the files say."
)
@click.option(
    "--mode",
    type=click.Choice(["BF", "DF", "HAADF", "HRTEM", "diffraction", "SEM"]),
    help="Overrides the files.",
)
@click.option(
    "-c", "--config", type=click.Path(), default=None, help="Finder and acceptance rules as configured."
)
@click.pass_context
def classify(
    ctx: click.Context,
    files: tuple[Path, ...],
    as_json: bool,
    overlay: Path | None,
    nm_per_px: float | None,
    mode: str | None,
    config: str | None,
) -> int:
    """Inspect FILES and print what is in them. Exit 1 when one could not be inspected."""
    settings = settings_of(ctx, config) if config_path(ctx, config) else None
    failed = False
    for line in _lines(files, settings, nm_per_px, mode, overlay):
        failed |= "error" in line
        click.echo(json.dumps(line) if as_json else _sentence(line))
    return FAILED if failed else OK


def _lines(
    files: tuple[Path, ...],
    settings: Settings | None,
    nm_per_px: float | None,
    mode: str | None,
    overlay: Path | None,
) -> Iterator[dict[str, Any]]:
    from temwatch.model.frame import ImagingMode
    from temwatch.reading.reader import Overrides, read_frames
    from temwatch.store.shelf import starter
    from temwatch.work.task import bench_of
    from temwatch.work.task_settings import task_settings

    finder = settings.finder if settings else FinderSection()
    acceptance = settings.acceptance if settings else AcceptanceSection()
    state = settings.state.dir if settings else None
    recognizer = settings.recognizer if settings else RecognizerSection()
    model = starter(finder.method, recognizer.method)
    bench = bench_of(task_settings(finder, acceptance, recognizer, model=model, state=state))
    overrides = Overrides(nm_per_px=nm_per_px, imaging_mode=ImagingMode(mode) if mode else None)
    for file in files:
        try:
            begun = time.perf_counter()
            for frame in read_frames(file.resolve(), overrides=overrides):
                read_ms = 1000 * (time.perf_counter() - begun)
                yield _inspected(bench, file, frame, read_ms, overlay)
                begun = time.perf_counter()
        except TemwatchError as error:
            yield {
                "path": str(file),
                "error": {
                    "code": type(error).__name__,
                    "message": error.message,
                    "next_step": error.next_step,
                },
            }


def _inspected(bench: Any, file: Path, frame: Frame, read_ms: float, overlay: Path | None) -> dict[str, Any]:
    from temwatch.wire import messages
    from temwatch.work.bench import Hints

    name = FrameName(frame_id=f"{frame.sha256[:16]}{frame.section:04x}", root="", path=str(file), revision=1)
    made = bench.inspect(frame, name, zone="B1", hints=Hints(), read_ms=read_ms)
    if overlay is not None:
        _draw(overlay, file, frame, made.report, made.measured.contours)
    report: dict[str, Any] = json.loads(messages.to_json(made.report))
    return report


def _draw(folder: Path, file: Path, frame: Frame, report: Report, contours: Any) -> None:
    import cv2

    from temwatch.vision.overlay import overlay

    folder.mkdir(parents=True, exist_ok=True)
    section = f"_{frame.section}" if frame.sections > 1 else ""
    picture = overlay(
        frame.image,
        classes=[finding.class_ for finding in report.findings],
        rectangles=[finding.rectangle for finding in report.findings],
        contours=contours,
        nm_per_px=report.calibration.nm_per_px,
    )
    cv2.imwrite(str(folder / f"{file.name}{section}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _sentence(line: dict[str, Any]) -> str:
    where = line["path"] + (f" [{line['z']}]" if line.get("z") is not None else "")
    if "error" in line:
        error = line["error"]
        return f"{where}: {error['code']}: {error['message']}" + (
            f". {error['next_step']}" if error["next_step"] else ""
        )
    counts = (
        ", ".join(f"{n} {name}" for name, n in line["summary"]["count_by_class"].items()) or "nothing found"
    )
    scale = line["calibration"]["nm_per_px"]
    size = f"{scale:.4g} nm/px" if scale else "pixel size unknown"
    mode = line["imaging_mode"]["value"] or "mode unknown"
    reasons = "; ".join(line["verdict"]["reasons"])
    return f"{where}: {line['verdict']['decision']} ({reasons or 'nothing against it'}): {counts} [{mode}, {size}]"
