"""`temwatch model`: the recognizers."""

import json
from pathlib import Path

import click

from temwatch.store.shelf import load
from temwatch.wiring import starter_model


@click.group()
def model() -> None:
    """Show recognizers, and rebuild the one that comes with temwatch."""


@model.command("show")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
def show(folder: Path | None) -> int:
    """Print the card of a recognizer (default: the one in use)."""
    from dataclasses import asdict

    where = folder or starter_model()
    click.echo(json.dumps({"id": where.name, **asdict(load(where).card)}, indent=2))
    return 0
