"""`temwatch export audit`: who ordered what, as a table or as JSON."""

import csv
import io
import json
from pathlib import Path

import pytest

from integration.publish.conftest import Station
from temwatch.cli import main
from temwatch.client import Commands


def exported(station: Station, *args: str) -> int:
    return main.run(["export", "audit", "--events", station.events, "--commands", station.commands, *args])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_a_spreadsheet_would_carry_out_is_only_text_in_a_table(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("=HYPERLINK(1)", "+1", "-1", "@x", "anna"):
        with Commands(station.commands, operator=name) as daemon:
            daemon.ask("root.pause", root='a, "quoted" name')
    assert exported(station) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["name"] for row in rows] == ["anna", "'@x", "'-1", "'+1", "'=HYPERLINK(1)"]
    assert json.loads(rows[0]["args"]) == {"root": 'a, "quoted" name'}


def test_json_gives_every_order_as_it_was_written(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    with Commands(station.commands, operator="=anna") as daemon:
        daemon.ask("drain")
    assert exported(station, "--format", "json") == 0
    (order,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (order["name"], order["known"], order["cmd"], order["outcome"]) == (
        "=anna",
        "declared",
        "drain",
        "done",
    )


def test_an_empty_audit_is_a_table_without_rows(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    assert exported(station) == 0
    assert capsys.readouterr().out.startswith("id,at,name,")
