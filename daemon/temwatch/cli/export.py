"""`temwatch export`: what the daemon knows, as files for other programs."""

import csv
import json
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

import click

from temwatch.cli.main import OK
from temwatch.cli.options import address_options, config_option, daemon_at
from temwatch.client import Commands

_COLUMNS = ("id", "at", "name", "known", "role", "key", "cmd", "args", "outcome", "cmd_id", "request_sha256")
_OF_LABEL = (
    *("label_id", "finding_id", "frame_id", "root", "path", "class", "state", "stands", "undone", "revision"),
    *("by", "known", "at", "note", "blind", "drawn"),
)
_PREDICTED = ("predicted_class", "predicted_probability", "model_id")
_SIDES = ("row", "col", "length_px", "width_px", "angle_deg")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would carry these out


@click.group()
def export() -> None:
    """Write out what the daemon knows."""


@export.command("audit")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@address_options
@config_option()
@click.pass_context
def audit(ctx: click.Context, form: str, events: str | None, commands: str | None, config: str | None) -> int:
    """Print who ordered what, how that is known, and what came of it; newest first. Needs the role admin.

    JSON is one object a line. An empty outcome stands for an order that may or may not have been carried out.
    """
    with daemon_at(ctx, config, events, commands).commands(timeout_s=10.0) as daemon:
        if form == "json":
            for order in _orders(daemon):
                click.echo(json.dumps(order, ensure_ascii=False))
            return OK
        table = csv.writer(sys.stdout, lineterminator="\n")
        rows = ([_cell(order[name]) for name in _COLUMNS] for order in _orders(daemon))
        first = next(rows, None)  # before anything is printed: the daemon may say no
        table.writerow(_COLUMNS)
        table.writerows(rows if first is None else chain([first], rows))
    return OK


@export.command("labels")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@address_options
@config_option()
@click.pass_context
def labels(
    ctx: click.Context, form: str, events: str | None, commands: str | None, config: str | None
) -> int:
    """Print every label ever given, oldest first; those that were taken back or replaced too (see `stands`).

    JSON is one object a line.
    """
    with daemon_at(ctx, config, events, commands).commands(timeout_s=10.0) as daemon:
        if form == "json":
            for label in _labels(daemon):
                click.echo(json.dumps(label, ensure_ascii=False))
            return OK
        table = csv.writer(sys.stdout, lineterminator="\n")
        table.writerow([*_OF_LABEL, *_PREDICTED, *_SIDES])
        for label in _labels(daemon):
            table.writerow([_cell(value) for value in _row(label)])
    return OK


def _row(label: dict[str, Any]) -> Iterator[Any]:
    yield from (label[name] for name in _OF_LABEL)
    machine = label["predicted"] or {"class": None, "probability": {}, "model_id": None}
    yield from (machine["class"], machine["probability"].get(machine["class"]), machine["model_id"])
    yield from (label["rectangle"][name] for name in _SIDES)


def _labels(daemon: Commands) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        page = daemon.ask("label.page", after=after, limit=1000).result
        yield from page["labels"]
        after = page["next_after"]


def _orders(daemon: Commands) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        page = daemon.ask("audit.recent", before=before, limit=1000).result
        yield from page["orders"]
        before = page["next_before"]
        if before is None:
            return


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value)
    if isinstance(value, int | float):
        return text
    return f"'{text}" if text.startswith(_FORMULA) else text
