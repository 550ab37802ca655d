"""`temwatch label`: say what a finding is, take it back, see what was said."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from temwatch.cli.main import FAILED, OK
from temwatch.cli.options import address_options, config_option, daemon_at
from temwatch.client import CommandRefused, Commands

_AT_ONCE = 1000  # findings in one order


@click.command()
@click.argument("finding", required=False)
@click.argument("class_", metavar="CLASS", required=False)
@click.option("--operator", help="Who says so, where there are no keys; default: your user name.")
@click.option("--doubtful", is_flag=True, help="You are not sure; nothing is learned from it.")
@click.option(
    "--expect-revision", type=click.IntRange(min=0), help="Only if the label is still of this revision."
)
@click.option("--note", default="", help="A remark that stays with the label.")
@click.option(
    "--undo", "undo_id", type=click.IntRange(min=1), metavar="LABEL", help="Take a label back, by its number."
)
@click.option(
    "--undo-all-of",
    "revert",
    metavar="NAME",
    help="Take back what somebody said; others' needs the role admin.",
)
@click.option("--since", type=click.DateTime(), help="With --undo-all-of: from then on (local time).")
@click.option("--until", type=click.DateTime(), help="With --undo-all-of: before then (local time).")
@click.option("--blind", is_flag=True, help="`temwatch review` offered it blind, and you saw no verdict.")
@click.option("--history", "history_of", metavar="FINDING", help="Show everything said of a finding.")
@click.option(
    "--from-csv",
    "table",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Label as a table says: columns finding_id and class, and if you like note and doubtful.",
)
@click.option("--dry-run", is_flag=True, help="With --from-csv or --undo-all-of: only say what would change.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@address_options
@config_option()
@click.pass_context
def label(
    ctx: click.Context,
    finding: str | None,
    class_: str | None,
    operator: str | None,
    doubtful: bool,
    expect_revision: int | None,
    note: str,
    undo_id: int | None,
    revert: str | None,
    since: datetime | None,
    until: datetime | None,
    blind: bool,
    history_of: str | None,
    table: Path | None,
    dry_run: bool,
    as_json: bool,
    events: str | None,
    commands: str | None,
    config: str | None,
) -> int:
    """Say that FINDING is of CLASS ("artefact": it is no object).

    What was said before stays in the history, and `--undo` brings it back.
    """
    ways = [
        (finding, class_) != (None, None),
        *(one is not None for one in (undo_id, revert, history_of, table)),
    ]
    if sum(ways) != 1 or (ways[0] and class_ is None):
        raise click.UsageError(
            "give FINDING and CLASS, or one of --undo, --undo-all-of, --history, --from-csv"
        )
    if dry_run and table is None and revert is None:
        raise click.UsageError("--dry-run goes with --from-csv or --undo-all-of")
    show = _as_json if as_json else _as_sentence
    with daemon_at(ctx, config, events, commands).commands(timeout_s=30.0, operator=operator) as daemon:
        if table is not None:
            return _from_table(daemon, table, dry_run=dry_run)
        if revert is not None:
            return _revert(daemon, revert, since, until, dry_run=dry_run)
        if history_of is not None:
            for one in daemon.ask("label.history", finding_id=history_of).result["labels"]:
                show(one)
            return OK
        if undo_id is not None:
            show(daemon.ask("label.undo", label_id=undo_id).result)
            return OK
        said: dict[str, Any] = {"finding_id": finding, "class": class_, "note": note, "blind": blind}
        said |= {"state": "doubtful"} if doubtful else {}
        said |= {} if expect_revision is None else {"expect_revision": expect_revision}
        show(daemon.ask("label.set", **said).result)
    return OK


def _revert(
    daemon: Commands, name: str, since: datetime | None, until: datetime | None, *, dry_run: bool
) -> int:
    """Take back what somebody said, as many orders as it takes, and tell how much."""
    args: dict[str, Any] = {"by": name, "dry_run": dry_run}
    # What is said from now on is meant to stay, however long this takes.
    args["until"] = (until or datetime.now()).astimezone(UTC).isoformat()  # noqa: DTZ005  local, as the user's
    args |= {"since": since.astimezone(UTC).isoformat()} if since else {}
    done, undone = daemon.ask("label.revert", **args).result, 0
    if dry_run:
        click.echo(f"{done['would_undo']} labels of {name} would be taken back")
        return OK
    while done["label_ids"]:
        undone += len(done["label_ids"])
        done = daemon.ask("label.revert", **args).result
    click.echo(f"{undone} labels of {name} taken back")
    return OK


@dataclass(frozen=True, slots=True)
class _Row:
    finding_id: str
    class_: str
    note: str
    doubtful: bool

    @property
    def plain(self) -> bool:
        return not self.note and not self.doubtful


def _from_table(daemon: Commands, path: Path, *, dry_run: bool) -> int:
    """Label as a table says, and tell how much changed; rows without remarks go in one order a class."""
    rows = list(_rows(path))
    changed = same = 0
    conflicts: list[Mapping[str, Any]] = []
    alike = sorted((row for row in rows if dry_run or row.plain), key=lambda row: row.class_)
    for class_, group in groupby(alike, key=lambda row: row.class_):
        ids = [row.finding_id for row in group]
        for start in range(0, len(ids), _AT_ONCE):
            args = {"finding_ids": ids[start : start + _AT_ONCE], "class": class_, "dry_run": dry_run}
            done = daemon.ask("label.bulk", **args).result
            changed, same = changed + done["would_change"], same + done["same"]
            conflicts += done["conflicts"]
    for row in (row for row in rows if not (dry_run or row.plain)):
        said: dict[str, Any] = {"finding_id": row.finding_id, "class": row.class_, "note": row.note}
        said |= {"state": "doubtful"} if row.doubtful else {}
        daemon.ask("label.set", **said)
        changed += 1
    click.echo(
        f"{changed} {'would change' if dry_run else 'changed'}, {same} said already, {len(conflicts)} left"
    )
    for one in conflicts:
        click.echo(f"left: {_sentence(one)}", err=True)
    return FAILED if conflicts else OK


def _rows(path: Path) -> Iterator[_Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = {"finding_id", "class"} - set(reader.fieldnames or ())
        if missing:
            raise CommandRefused("bad_table", f"{path}: no column {', '.join(sorted(missing))}")
        for row in reader:
            if not row["finding_id"] or not row["class"]:
                raise CommandRefused(
                    "bad_table", f"{path}:{reader.line_num}: a finding_id and a class are needed"
                )
            if row.get("stands") == "false":  # of an export: it was replaced or taken back
                continue
            doubtful = (row.get("doubtful") or "").lower() in ("1", "true", "yes")
            yield _Row(row["finding_id"].strip(), row["class"].strip(), row.get("note") or "", doubtful)


def _as_json(one: Mapping[str, Any]) -> None:
    click.echo(json.dumps(one, ensure_ascii=False))


def _as_sentence(one: Mapping[str, Any]) -> None:
    click.echo(_sentence(one))


def _sentence(one: Mapping[str, Any]) -> str:
    where = f"{one['finding_id']} ({one['root']}/{one['path']})"
    undo = one["undo"]
    if one["class"] is None:
        return f"{where}: no label stands; {undo['label_id']} was taken back by {undo['by']}"
    text = (
        f"label {one['label_id']}: {where} is {one['class']}, says {one['by']} ({one['state']}, {one['at']})"
    )
    if undo is not None and undo["label_id"] != one["label_id"]:
        return f"{text}; stands again, since {undo['label_id']} was taken back by {undo['by']}"
    if undo is not None:
        return f"{text}; taken back by {undo['by']} on {undo['at']}"
    if one["predicted"] is not None and one["predicted"]["class"] != one["class"]:
        text += f"; the machine said {one['predicted']['class']}"
    return text
