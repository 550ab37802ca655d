"""`temwatch model`: look at recognizers, change which is in use, rebuild those that come with temwatch."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from temwatch.cli.options import address_options, config_option, daemon_at
from temwatch.store.shelf import load, save, starter

METHODS = ("kernel_elm", "seeded_kmeans")


@click.group()
def model() -> None:
    """Look at recognizers, change which is in use, and rebuild those that come with temwatch."""


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


def _ask(
    ctx: click.Context, config: str | None, at: tuple[str | None, str | None], cmd: str, **args: Any
) -> Any:
    with daemon_at(ctx, config, *at).commands(timeout_s=60.0) as daemon:
        return daemon.ask(cmd, **args).result


@model.command("list")
@click.option(
    "--with-label", type=click.IntRange(min=1), metavar="LABEL", help="Only those that learned from it."
)
@click.option("--json", "as_json", is_flag=True)
@config_option()
@address_options
@click.pass_context
def list_(
    ctx: click.Context,
    *,
    with_label: int | None,
    as_json: bool,
    config: str | None,
    events: str | None,
    commands: str | None,
) -> int:
    """List the recognizers of the running daemon, the one in use, and how it came to be."""
    said = _ask(ctx, config, (events, commands), "model.list", label_id=with_label)
    if as_json:
        click.echo(json.dumps(said))
        return 0
    known = [
        (row["model_id"], row["made_at"], "; ".join(filter(None, (_origin(row["training"]), row["shadow"]))))
        for row in said["models"]
    ]
    for model_id, at, origin in [*known, (said["starter"], "", "came with temwatch")]:
        mark = "*" if model_id == said["in_use"] else " "
        click.echo(f"{mark} {model_id[:12]}  {at[:19]:<19}  {origin}")
    for one in said["promotions"][:5]:
        click.echo(
            f"  {one['at'][:19]} {one['why']}: {one['model_id'][:12]} by {one['by']}; {one['sentence']}"
        )
    if said["shadow"] is not None:
        click.echo(
            f"  in the shadow: {said['shadow']['model_id'][:12]}, until {said['shadow']['wanted']} labels compare"
        )
    if said["frozen"] is not None:
        click.echo(f"  frozen: {said['frozen']}")
    return 0


def _origin(training: dict[str, Any]) -> str:
    return f"{training['labels']} labels of {training['frames']} files, {training['recipe_in_words']}"


@model.command("promote")
@click.argument("model_id")
@config_option()
@address_options
@click.pass_context
def promote(
    ctx: click.Context, *, model_id: str, config: str | None, events: str | None, commands: str | None
) -> int:
    """Have findings named by MODEL_ID (first letters do) from the next frame on."""
    said = _ask(ctx, config, (events, commands), "model.promote", model_id=model_id)
    click.echo(f"{said['model_id'][:12]} is in use, {said['before_id'][:12]} was")
    return 0


@model.command("rollback")
@config_option()
@address_options
@click.pass_context
def rollback(ctx: click.Context, *, config: str | None, events: str | None, commands: str | None) -> int:
    """Go back to the recognizer that was in use before the last promotion."""
    said = _ask(ctx, config, (events, commands), "model.rollback")
    click.echo(f"{said['model_id'][:12]} is in use again, {said['before_id'][:12]} was")
    return 0


@model.command("freeze")
@click.argument("reason")
@config_option()
@address_options
@click.pass_context
def freeze(
    ctx: click.Context, *, reason: str, config: str | None, events: str | None, commands: str | None
) -> int:
    """Keep the recognizer in use as it is, and say REASON in every report."""
    said = _ask(ctx, config, (events, commands), "model.freeze", reason=reason)
    click.echo(f"{said['model_id'][:12]} is frozen: {said['reason']}")
    return 0


@model.command("unfreeze")
@config_option()
@address_options
@click.pass_context
def unfreeze(ctx: click.Context, *, config: str | None, events: str | None, commands: str | None) -> int:
    """Let promotions change the recognizer again."""
    said = _ask(ctx, config, (events, commands), "model.unfreeze")
    click.echo(f"{said['model_id'][:12]} is no longer frozen")
    return 0


@model.command("diff")
@click.argument("model_id", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@config_option()
@address_options
@click.pass_context
def diff(
    ctx: click.Context,
    *,
    model_id: str | None,
    limit: int,
    as_json: bool,
    config: str | None,
    events: str | None,
    commands: str | None,
) -> int:
    """List the frames of before in which MODEL_ID (default: the one in use) changed a class or the verdict."""
    wanted: dict[str, Any] = {"limit": limit, **({"model_id": model_id} if model_id else {})}
    said = _ask(ctx, config, (events, commands), "model.diff", **wanted)
    if as_json:
        click.echo(json.dumps(said))
        return 0
    for one in said["changed"]:
        against = f", {one['contradicts']} against labels" if one["contradicts"] else ""
        click.echo(
            f"{one['before']:>6} -> {one['after']:<6} {one['root']}/{one['path']}"
            f"  ({one['renamed']} renamed{against})"
        )
    click.echo(f"{len(said['changed'])} frames changed; {said['waiting']} wait to be looked at", err=True)
    return 0
