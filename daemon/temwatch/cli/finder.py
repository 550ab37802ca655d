"""`temwatch finder`: what finds the objects; how well it does on marked frames; how it is made."""

import json
from pathlib import Path

import click

from temwatch.cli.finder_evaluate import evaluate
from temwatch.cli.finder_tune import list_, tune, use
from temwatch.cli.options import address_options, config_option, daemon_at
from temwatch.errors import ModelRefused, PermanentError


@click.group()
def finder() -> None:
    """Show, judge, train and tune what finds the objects."""


@finder.command("show")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
def show(folder: Path | None) -> int:
    """Print the card of finder weights (default: those that come with temwatch)."""
    from temwatch.store.weights import card_of, load_weights, shipped_finder

    where = folder or shipped_finder()
    load_weights(where)
    click.echo(json.dumps({"id": where.name, **card_of(where)}, indent=2))
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


@finder.command("sensitivity")
@click.argument("value", required=False, type=click.FloatRange(0, 1))
@click.option("--as-configured", is_flag=True, help="What [finder] says again.")
@config_option()
@address_options
@click.pass_context
def sensitivity(
    ctx: click.Context,
    *,
    value: float | None,
    as_configured: bool,
    config: str | None,
    events: str | None,
    commands: str | None,
) -> int:
    """Have the running daemon find more from the next frame on (VALUE near 1), or less (near 0); no VALUE: say it."""
    if as_configured and value is not None:
        raise click.UsageError("either VALUE or --as-configured")
    with daemon_at(ctx, config, events, commands).commands(timeout_s=60.0) as daemon:
        if as_configured or value is not None:
            daemon.ask("finder.sensitivity", value=value)
        state = daemon.ask("status").result
    by = f"set by {state['sensitivity_by']}" if state["sensitivity_by"] else "as configured"
    click.echo(f"sensitivity {state['sensitivity']:g}, {by}")
    return 0


finder.add_command(evaluate)
finder.add_command(tune)
finder.add_command(list_)
finder.add_command(use)
