"""`temwatch label`, `temwatch export labels` and `temwatch listen --topic label`, against real sockets."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.publish.conftest import Station
from temwatch.cli import main
from temwatch.client import Commands
from temwatch.learn.queue import is_control
from unit.store.labelled import frame, square


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    running = Station(tmp_path / "state", labels=True)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def findings(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    there = station.call(lambda: frame(station.store, *(square(20 * k, 5) for k in range(4))))
    return [f"{there.frame_id}.{k}" for k in range(4)]


class Shell:
    """Runs temwatch commands against a station."""

    def __init__(self, station: Station, capsys: pytest.CaptureFixture[str]) -> None:
        self.station = station
        self.capsys = capsys

    def __call__(self, *args: str) -> tuple[int, str]:
        addresses = ("--events", self.station.events, "--commands", self.station.commands)
        code = main.run([*args, *addresses])
        said = self.capsys.readouterr()
        self.err = said.err
        return code, said.out

    def json(self, *args: str) -> list[Any]:
        code, out = self(*args)
        assert code == 0, self.err
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def shell(station: Station, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(station, capsys)


def test_a_label_is_said_corrected_taken_back_and_told(shell: Shell, findings: list[str]) -> None:
    code, out = shell("label", findings[0], "crack", "--operator", "anna", "--note", "thin")
    assert code == 0
    assert out.startswith(f"label 1: {findings[0]} (titan/a.tif) is crack, says anna (corrected")
    shell("label", findings[0], "pore", "--operator", "ben", "--doubtful")
    code, out = shell("label", "--undo", "2", "--operator", "anna")
    assert "is crack, says anna" in out
    assert "2 was taken back by anna" in out
    past = shell.json("label", "--history", findings[0], "--json")
    assert [(one["class"], one["state"], one["by"], one["undone"]) for one in past] == [
        ("crack", "corrected", "anna", False),
        ("pore", "doubtful", "ben", True),
    ]


def test_a_conflict_ends_with_a_sentence_that_names_who_and_what(shell: Shell, findings: list[str]) -> None:
    shell("label", findings[0], "crack", "--operator", "anna")
    code, out = shell("label", findings[0], "pore", "--operator", "ben", "--expect-revision", "0")
    assert (code, out) == (1, "")
    assert "anna called it crack" in shell.err


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("x.1",),
        ("x.1", "pore", "--undo", "3"),
        ("--undo", "3", "--dry-run"),
        ("--undo", "0"),
        ("--undo-all-of", "x", "--undo", "1"),
    ],
)
def test_half_an_order_is_a_matter_of_usage(shell: Shell, findings: list[str], args: tuple[str, ...]) -> None:
    assert shell("label", *args)[0] == 2


def test_a_table_says_first_what_it_would_change(shell: Shell, findings: list[str], tmp_path: Path) -> None:
    shell("label", findings[3], "pore", "--operator", "ben")
    table = tmp_path / "t.csv"
    rows = [
        ("finding_id", "class", "note"),
        (findings[0], "crack", ""),
        (findings[1], "crack", "look again"),
        (findings[2], "pore", ""),
        (findings[3], "crack", ""),
    ]
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    code, out = shell("label", "--from-csv", str(table), "--dry-run", "--operator", "anna")
    assert (code, out) == (1, "3 would change, 0 said already, 1 left\n")
    assert findings[3] in shell.err
    code, out = shell("label", "--from-csv", str(table), "--operator", "anna")
    assert (code, out) == (1, "3 changed, 0 said already, 1 left\n")
    noted = shell.json("label", "--history", findings[1], "--json")
    assert [(one["class"], one["note"]) for one in noted] == [("crack", "look again")]
    code, out = shell("label", "--from-csv", str(table), "--dry-run", "--operator", "anna")
    assert out == "0 would change, 3 said already, 1 left\n"


def test_a_table_without_its_columns_is_refused_by_name(
    shell: Shell, findings: list[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("finding,class\nx,y\n")
    assert shell("label", "--from-csv", str(tmp_path / "t.csv"))[0] == 1
    assert "no column finding_id" in shell.err


def test_the_export_holds_every_label_and_goes_back_in_as_a_table(
    shell: Shell, findings: list[str], tmp_path: Path
) -> None:
    for finding, class_ in zip(findings, ("crack", "pore", "crack", "artefact"), strict=True):
        shell("label", finding, class_, "--operator", "anna", "--note", "=1+1")
    shell("label", "--undo", "1")
    _, out = shell("export", "labels")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["class"], row["stands"], row["undone"]) for row in rows][:2] == [
        ("crack", "false", "true"),
        ("pore", "true", "false"),
    ]
    assert rows[0]["predicted_class"] == "pore"
    assert float(rows[0]["predicted_probability"]) == 0.7
    assert {row["note"] for row in rows} == {"'=1+1"}
    assert [one["label_id"] for one in shell.json("export", "labels", "--format", "json")] == [1, 2, 3, 4]
    (tmp_path / "back.csv").write_text(out)
    _, out = shell("label", "--from-csv", str(tmp_path / "back.csv"), "--dry-run", "--operator", "anna")
    assert out == "0 would change, 3 said already, 0 left\n"


def test_listening_to_labels_shows_them_and_nothing_else(shell: Shell, findings: list[str]) -> None:
    with Commands(shell.station.commands, operator="anna") as daemon:
        daemon.ask("label.set", finding_id=findings[0], **{"class": "crack"})
        daemon.ask("label.undo", label_id=1)
    heard = shell.json(
        "listen", "--topic", "label", "--since", "0", "--count", "2", "--timeout", "10", "--json"
    )
    assert [(m["header"]["type"], m["body"]["class"]) for m in heard] == [
        ("label.set", "crack"),
        ("label.undone", None),
    ]


def test_everything_a_person_said_is_taken_back_after_a_look_at_how_much_it_is(
    shell: Shell, findings: list[str]
) -> None:
    shell("label", findings[0], "pore", "--operator", "ben")
    for finding in findings:
        shell("label", finding, "crack", "--operator", "anna")
    mine = ("label", "--undo-all-of", "anna", "--operator", "carl")
    assert shell(*mine, "--dry-run") == (0, "4 labels of anna would be taken back\n")
    assert shell(*mine, "--until", "2020-01-01") == (0, "0 labels of anna taken back\n")
    assert shell(*mine, "--since", "2020-01-01") == (0, "4 labels of anna taken back\n")
    assert shell(*mine) == (0, "0 labels of anna taken back\n")
    standing = [one for one in shell.json("export", "labels", "--format", "json") if one["stands"]]
    assert [(one["finding_id"], one["class"], one["by"]) for one in standing] == [
        (findings[0], "pore", "ben")
    ]


def test_what_review_offered_blind_is_said_blind(shell: Shell, findings: list[str]) -> None:
    squares = [square(20 * k, 5) for k in range(60)]
    there = shell.station.call(lambda: frame(shell.station.store, *squares, name=b"b.tif"))
    blind = next(one for k in range(60) if is_control(one := f"{there.frame_id}.{k}"))
    (label,) = shell.json("label", blind, "crack", "--blind", "--json")
    assert label["blind"]
