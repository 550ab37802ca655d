"""`temwatch listen`: the live stream, one JSON object a line."""

import json
import time
from typing import Any

import click
from rich.console import Console

from temwatch.cli.options import address_options, config_option, daemon_at
from temwatch.client import Received
from temwatch.wire import messages, topics


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line (the default where output is piped)."
)
@click.option("--since", type=click.IntRange(min=0), help="Begin after this seq; 0: with everything kept.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many messages.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), help="Stop after so many seconds."
)
@click.option(
    "--topic",
    default="",
    help="Only topics that begin so, e.g. tw1/result/titan/; label stands for tw1/label/.",
)
@address_options
@config_option()
@click.pass_context
def listen(
    ctx: click.Context,
    as_json: bool,
    since: int | None,
    count: int | None,
    timeout_s: float | None,
    topic: str,
    events: str | None,
    commands: str | None,
    config: str | None,
) -> int:
    """Print what the daemon publishes.

    Messages missed by this listener, or published while it or the daemon was away, are fetched: within a topic
    class none is lost, doubled or out of order. Heartbeats are shown only where --topic asks for them.
    """
    daemon = daemon_at(ctx, config, events, commands)
    topic = f"tw{messages.PROTOCOL}/{topic}/" if topic.isalpha() else topic
    console = Console()
    as_json = as_json or not console.is_terminal
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    shown = 0
    with daemon.subscription(since=since, topic=topic, timeout_s=timeout_s) as subscription:
        for received in subscription.messages():
            if _wanted(received, topic):
                if as_json:
                    click.echo(as_line(received))
                else:
                    console.print(_sentence(received), soft_wrap=True, highlight=False)
                shown += 1
            if (count and shown >= count) or (deadline and time.monotonic() >= deadline):
                break
    return 0


def as_line(received: Received) -> str:
    """Return a message as one line of JSON."""
    return json.dumps(
        {"topic": received.topic, "header": received.header.model_dump(), "body": received.body},
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _wanted(received: Received, topic: str) -> bool:
    return received.header.stored or topic.startswith((topics.HEARTBEAT, topics.STATUS))


def _sentence(received: Received) -> str:
    body, header = received.body, received.header
    if header.type.startswith("label."):
        return f"{header.seq:>7} [cyan]{header.type.removeprefix('label.'):<7}[/] {_plain(_label(body))}"
    where = f"{body.get('root', '')}/{body.get('path', '')}"
    if body.get("z") is not None:
        where += f" [{body['z']}]"
    match header.type:
        case "frame.inspected":
            counts = (
                ", ".join(f"{n} {name}" for name, n in body["summary"]["count_by_class"].items())
                or "nothing found"
            )
            decision = body["verdict"]["decision"]
            colour = {"accept": "green", "refer": "yellow", "reject": "red"}[decision]
            return f"{header.seq:>7} [{colour}]{decision:<7}[/] {_plain(where)}: {counts}"
        case "frame.set_aside":
            return f"{header.seq:>7} [magenta]aside  [/] {_plain(where)}: {_plain(body['reason'])}"
        case "frame.gone":
            return f"{header.seq:>7} [dim]gone   [/] {_plain(where)}"
        case "frame.accepted":
            return f"{header.seq:>7} [dim]queued [/] {_plain(where)}"
        case _:
            return f"{header.seq:>7} {header.type}"


def _label(body: dict[str, Any]) -> str:
    where = f"{body['finding_id']} in {body['root']}/{body['path']}"
    if body["class"] is None:
        return f"{where}: no label any more, says {body['undo']['by']}"
    return f"{where}: {body['class']} ({body['state']}), says {body['by']}"


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
