"""`temwatch replay`: old files through the running daemon, with a progress bar."""

import hashlib
import os
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from temwatch.cli.main import FAILED, OK
from temwatch.cli.options import address_options, config_option, daemon_at
from temwatch.client import Commands

_ENDS = ("frame.inspected", "frame.set_aside", "frame.gone")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@address_options
@config_option()
@click.pass_context
def replay(
    ctx: click.Context, folder: Path, events: str | None, commands: str | None, config: str | None
) -> int:
    """Put the files of FOLDER through the running daemon. The folder is only read.

    It is watched as a root of its own (replay-…) until every file in it has come to an end. Files that went
    through before, unchanged, are not done again. Exit 1 when some were set aside.
    """
    asked = daemon_at(ctx, config, events, commands)
    path = folder.resolve()
    root = f"replay-{hashlib.blake2b(os.fsencode(path), digest_size=4).hexdigest()}"
    with (
        asked.commands() as daemon,
        asked.subscription(topic="tw1/", timeout_s=1.0) as stream,
        _bar() as bar,
    ):
        line = bar.add_task(str(folder), total=None, aside=0)
        messages = stream.messages()
        daemon.ask("root.add", root=root, path=str(path))
        try:
            aside = 0
            while True:
                for received in messages:
                    if received.body.get("root") == root and received.header.type in _ENDS:
                        aside += received.header.type == "frame.set_aside"
                    if received.topic.startswith("tw1/heartbeat/"):
                        break
                else:
                    messages = stream.messages()
                ledger, scanned = _where(daemon, root)
                ended = ledger["done"] + ledger["set_aside"] + ledger["gone"]
                bar.update(line, total=ledger["seen"], completed=ended, aside=aside)
                if scanned and ended == ledger["seen"]:
                    break
        finally:
            daemon.ask("root.remove", root=root)
    click.echo(f"{ended} frames ended, {aside} of them set aside now", err=True)
    return FAILED if aside else OK


def _where(daemon: Commands, root: str) -> tuple[dict[str, int], bool]:
    state = daemon.ask("status").result
    health = state["roots"].get(root, {})
    return state["ledger"].get(root, {}), health.get("scan_s", 0) > 0


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("[magenta]{task.fields[aside]} aside"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
