"""`temwatch retrain`: learn from the labels now, and say what the gate made of it."""

import json
import time
from typing import Any

import click

from temwatch.cli.options import address_options, config_option, daemon_at

_LOOK_S = 0.5


@click.command()
@click.option("--now", is_flag=True, help="Begin; without it only the state is told.")
@click.option(
    "--wait", is_flag=True, help="Return when the attempt has ended; exit code 0 if the gate passed it."
)
@click.option("--cancel", is_flag=True, help="End the attempt that is under way.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option()
@address_options
@click.pass_context
def retrain(
    ctx: click.Context,
    *,
    now: bool,
    wait: bool,
    cancel: bool,
    as_json: bool,
    config: str | None,
    events: str | None,
    commands: str | None,
) -> int:
    """Learn from the labels of now (--now), or tell how the last attempts ended."""
    with daemon_at(ctx, config, events, commands).commands() as daemon:
        if cancel:
            daemon.ask("retrain.cancel")
            return 0
        if now:
            begun = daemon.ask("retrain").result["attempt"]
            said = daemon.ask("retrain.status", attempt=begun).result
        else:
            said = daemon.ask("retrain.status", limit=5).result
        while wait and said["attempts"] and said["attempts"][0]["state"] == "running":
            time.sleep(_LOOK_S)
            said = daemon.ask("retrain.status", attempt=said["attempts"][0]["attempt"]).result
    click.echo(json.dumps(said) if as_json else "\n".join(_lines(said)))
    ended = said["attempts"][0]["state"] if said["attempts"] else ""
    return 1 if wait and ended != "passed" else 0


def _lines(said: dict[str, Any]) -> list[str]:
    lines = []
    for one in said["attempts"]:
        lines.append(f"attempt {one['attempt']} ({one['why']}, {one['begun_at']}): {one['state']}")
        if one["sentence"]:
            lines.append(f"  {one['sentence']}")
        lines += [
            f"  {name:<16} {now['after']:>5} of {now['n']:<5} right, {now['before']} before"
            for name, now in sorted(one["recall"].items())
        ]
        if one["model_id"]:
            lines.append(f"  model {one['model_id'][:12]}, {one['labels']} labels, {one['took_s']} s")
    if not lines:
        lines.append("nothing was ever learned here")
    lines.append(f"next by the timetable: {said['next_at'] or 'never'}")
    return lines
