"""`temwatch review`: what is most worth a label, how far people agree, how right the machine was."""

import json
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from temwatch.cli.main import OK
from temwatch.cli.options import address_options, config_option, daemon_at

_SURE_FROM = 30  # labels below which an interval is so wide that the table says so


@click.command()
@click.option(
    "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many findings."
)
@click.option("--class", "class_", help="Only findings the machine calls so; none are blind then.")
@click.option("--root", help="Only of this root.")
@click.option("--operator", help="Whose queue, where there are no keys; default: your user name.")
@click.option(
    "--agreement", is_flag=True, help="How far people agree with the machine, each other, themselves."
)
@click.option(
    "--accuracy", is_flag=True, help="How right the machine was, by labels that came after its verdict."
)
@click.option("--advice", is_flag=True, help="Whether more labels would be worth the work, class by class.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@address_options
@config_option()
@click.pass_context
def review(
    ctx: click.Context,
    limit: int,
    class_: str | None,
    root: str | None,
    operator: str | None,
    agreement: bool,
    accuracy: bool,
    advice: bool,
    as_json: bool,
    events: str | None,
    commands: str | None,
    config: str | None,
) -> int:
    """Show the findings most worth a label, the most worth first.

    Of ten, one is a random control without the machine's verdict: label those too, from them comes --agreement.
    """
    if agreement + accuracy + advice > 1:
        raise click.UsageError("--agreement, --accuracy or --advice, one at a time")
    console = Console(soft_wrap=True)
    with daemon_at(ctx, config, events, commands).commands(timeout_s=30.0, operator=operator) as daemon:
        if agreement:
            rows = daemon.ask("review.agreement").result["agreements"]
            return _shown(rows, as_json, lambda: console.print(_agreements(rows)))
        if accuracy:
            said = daemon.ask("review.accuracy").result
            return _shown([said], as_json, lambda: _print_accuracy(console, said))
        if advice:
            rows = _newest_advice(daemon.ask("retrain.status", limit=200).result["attempts"])
            return _shown(rows, as_json, lambda: _print_advice(rows))
        wanted: dict[str, Any] = {"limit": limit, "class": class_, "root": root}
        answer = daemon.ask("review.next", **wanted).result
    if not as_json:
        click.echo(f"{answer['waiting']} findings wait, {answer['labelled']} are labelled", err=True)
    return _shown(answer["items"], as_json, lambda: console.print(_items(answer["items"])))


def _newest_advice(attempts: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return next((list(one["advice"]) for one in attempts if one["advice"]), [])


def _print_advice(rows: list[Mapping[str, Any]]) -> None:
    if not rows:
        click.echo("nothing was learned from labels yet: `temwatch retrain --now`")
    for row in rows:
        click.echo(row["sentence"])


def _shown(rows: list[Mapping[str, Any]], as_json: bool, show: Any) -> int:
    if not as_json:
        show()
        return OK
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False))
    return OK


def _items(items: list[Mapping[str, Any]]) -> Table:
    table = Table("finding", "why", "machine", "said", "where", show_edge=False)
    for item in items:
        sure = "" if item["probability"] is None else f" {item['probability'].get(item['class'], 0):.0%}"
        verdict = "(blind)" if item["blind"] else f"{item['class'] or 'nothing'}{sure}"
        said = item["said"]
        at = f"{item['root']}/{item['path']} row {item['rectangle']['row']:.0f} col {item['rectangle']['col']:.0f}"
        table.add_row(
            item["finding_id"], item["why"], verdict, f"{said['class']} ({said['by']})" if said else "", at
        )
    return table


def _agreements(rows: list[Mapping[str, Any]]) -> Table:
    table = Table("between", "who", "findings", "alike", "kappa (95 %)", show_edge=False)
    for row in rows:
        interval = _interval(row["kappa"], row["low"], row["high"], "{:.2f}")
        alike = "" if row["agreed"] is None else f"{row['agreed']:.0%}"
        table.add_row(row["between"], " and ".join(row["who"]), str(row["n"]), alike, interval)
    return table


def _print_accuracy(console: Console, said: Mapping[str, Any]) -> None:
    for title, rows in (
        ("by what people say", said["classes"]),
        ("of blind labels alone", said["blind"]),
        ("by model", said["models"]),
    ):
        table = Table(title, "labels", "right (95 %)", "lately (95 %)", show_edge=False)
        for row in rows:
            few = "" if row["n"] >= _SURE_FROM else " (few)"
            ever = _interval(row["accuracy"], row["low"], row["high"], "{:.1%}")
            lately = _interval(row["recent"], row["recent_low"], row["recent_high"], "{:.1%}")
            table.add_row(row["of"], f"{row['n']}{few}", ever, lately)
        if rows:
            console.print(table)
    for alarm in said["alarms"]:
        console.print(
            f"since label {alarm['label_id']} ({alarm['at']}) the machine errs more often than before:"
            f" {alarm['error_before']:.0%} over {alarm['n']} labels"
        )
    for one in said["unfamiliar"]:
        console.print(
            f"noticed at {one['root']}/{one['path']}: the material has become less like what the recognizer learned than in"
            f" the {one['n']} frames until then; label some of it"
        )
    if not said["classes"]:
        console.print("no label yet")


def _interval(value: float | None, low: float | None, high: float | None, form: str) -> str:
    if value is None or low is None or high is None:
        return "not defined"
    return f"{form.format(value)} [{form.format(low)}, {form.format(high)}]"
