"""`temwatch status` and `temwatch top`: one word for how the daemon is doing, and why."""

import json
import sys
import time
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from temwatch.cli.main import DEGRADED, OK
from temwatch.cli.options import address_options, config_option, daemon_at
from temwatch.errors import DaemonUnreachable

_WELL = ("ready", "starting", "draining", "stopping")
_COLOURS = {"ready": "green", "starting": "cyan", "draining": "cyan", "stopping": "cyan"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@address_options
@config_option()
@click.pass_context
def status(
    ctx: click.Context, as_json: bool, events: str | None, commands: str | None, config: str | None
) -> int:
    """Say how the daemon is doing: exit 0 when well, 4 when degraded, 3 when it is not running."""
    with daemon_at(ctx, config, events, commands).commands(timeout_s=3.0) as daemon:
        state = daemon.ask("status").result
    if as_json:
        click.echo(json.dumps(state))
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(picture(state))
    return OK if state["state"] in _WELL else DEGRADED


@click.command()
@click.option(
    "--every", "every_s", type=click.FloatRange(min=0.2), default=1.0, show_default=True, help="Seconds."
)
@address_options
@config_option()
@click.pass_context
def top(
    ctx: click.Context, every_s: float, events: str | None, commands: str | None, config: str | None
) -> int:
    """Show the daemon's state live; Ctrl-C ends it."""
    asked = daemon_at(ctx, config, events, commands)
    with asked.commands(timeout_s=3.0) as daemon, Live(refresh_per_second=4, screen=True) as live:
        while True:
            try:
                live.update(picture(daemon.ask("status").result))
            except DaemonUnreachable as error:
                live.update(Text(str(error), style="bold red"))
            time.sleep(every_s)


def picture(state: dict[str, Any]) -> Group:
    """Return a daemon's state for people."""
    word = Text(state["state"].upper(), style=f"bold {_COLOURS.get(state['state'], 'red')}")
    if state["reason"]:
        word.append(f"  {state['reason']}", style="default")
    facts = Text(
        f"temwatch {state['version']}  process {state['pid']}  since {state['started_at']}\n"
        f"model {state['model']}  finder {state['finder']}"
        f" ({state['sensitivity']:g})  head {state['head']}"
        f"  disk {state['disk_free_bytes'] / 1e9:.1f} GB free",
        style="dim",
    )
    notes = [Text(f"note: {note}", style="yellow") for note in state["notes"]]
    return Group(word, facts, *notes, _roots(state), _workers(state))


def _roots(state: dict[str, Any]) -> Table:
    table = Table(
        "root", "state", "by", "files", "seen", "done", "queued", "held", "aside", "gone", "last frame"
    )
    for name, root in state["roots"].items():
        ledger = state["ledger"].get(name, {})
        counts = [str(ledger.get(key, 0)) for key in ("seen", "done", "queued", "held", "set_aside", "gone")]
        said = root["state"] + (f": {root['reason']}" if root["reason"] else "")
        style = "" if root["state"] == "online" else "yellow"
        table.add_row(
            name,
            Text(said, style=style),
            root["discovery"],
            str(root["files"]),
            *counts,
            root["last_frame_at"] or "-",
        )
    return table


def _workers(state: dict[str, Any]) -> Table:
    table = Table("worker", "state", "doing", "for", "done")
    for worker in state["workers"]:
        table.add_row(
            worker["name"],
            worker["state"],
            worker["doing"],
            f"{worker['for_s']:.1f} s",
            str(worker["jobs_done"]),
        )
    return table
