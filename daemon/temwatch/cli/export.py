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


def _orders(daemon: Commands) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        page = daemon.ask("audit.recent", before=before, limit=1000).result
        yield from page["orders"]
        before = page["next_before"]
        if before is None:
            return


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
