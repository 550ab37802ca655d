"""`review.*` over real sockets: what is offered, what is hidden, and what comes of labels given blind."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.publish.conftest import Station
from temwatch.cli import main
from temwatch.client import CommandRefused, Commands
from temwatch.learn.queue import is_control
from unit.store.labelled import again, frame, square


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    running = Station(tmp_path / "state", labels=True)
    running.start()
    yield running
    running.stop()


SQUARES = [square(20 * (k // 20), 20 * (k % 20)) for k in range(200)]


@pytest.fixture
def findings(station: Station) -> list[str]:
    there = station.call(lambda: frame(station.store, *SQUARES))
    return [f"{there.frame_id}.{k}" for k in range(len(SQUARES))]


@pytest.fixture
def as_(station: Station) -> Iterator[Callable[[str], Commands]]:
    opened: dict[str, Commands] = {}

    def person(name: str) -> Commands:
        if name not in opened:
            opened[name] = Commands(station.commands, operator=name).__enter__()
        return opened[name]

    yield person
    for daemon in opened.values():
        daemon.__exit__(None, None, None)


Person = Callable[[str], Commands]


def items(daemon: Commands, **args: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.ask("review.next", **args).result["items"]
    return found


def say(daemon: Commands, item: dict[str, Any], class_: str, **more: Any) -> dict[str, Any]:
    args: dict[str, Any] = {
        "finding_id": item["finding_id"],
        "class": class_,
        "blind": item["blind"],
        "expect_revision": item["revision"],
        **more,
    }
    label: dict[str, Any] = daemon.ask("label.set", **args).result
    return label


def test_blind_items_carry_nothing_of_the_machines_verdict(findings: list[str], as_: Person) -> None:
    answer = as_("anna").ask("review.next", limit=20).result
    assert (answer["waiting"], answer["labelled"], len(answer["items"])) == (200, 0, 20)
    blind = [item for item in answer["items"] if item["blind"]]
    assert len(blind) == 2
    for item in blind:
        assert item["why"] == "control"
        assert is_control(item["finding_id"])
        verdict = ("class", "probability", "prediction_set", "novelty", "revision", "said")
        assert {item[name] for name in verdict} == {None}
    for item in answer["items"]:
        assert item["blind"] or (item["class"] == "pore" and item["probability"]["pore"] == 0.7)
        assert item["blind"] or not is_control(item["finding_id"])


def test_what_was_labelled_is_not_offered_again(findings: list[str], as_: Person) -> None:
    first = items(as_("anna"), limit=50)
    for item in first:
        say(as_("anna"), item, "pore")
    second = items(as_("anna"), limit=50)
    assert not {item["finding_id"] for item in first} & {
        item["finding_id"] for item in second if not item["blind"]
    }


def test_what_was_taken_back_is_offered_with_the_revision_the_next_label_needs(
    findings: list[str], as_: Person
) -> None:
    anna = as_("anna")
    offered = next(item for item in anna.ask("review.next", limit=20).result["items"] if not item["blind"])
    finding_id = offered["finding_id"]
    label = anna.ask("label.set", finding_id=finding_id, **{"class": "crack"}).result
    anna.ask("label.undo", label_id=label["label_id"])
    items = anna.ask("review.next", limit=200).result["items"]
    again = next(item for item in items if item["finding_id"] == finding_id)
    anna.ask("label.set", finding_id=finding_id, expect_revision=again["revision"], **{"class": "crack"})


def test_asked_for_one_class_or_root_nothing_else_and_nothing_blind_comes(
    findings: list[str], as_: Person
) -> None:
    assert items(as_("anna"), **{"class": "crack"}) == []
    assert {item["blind"] for item in items(as_("anna"), **{"class": "pore"})} == {False}
    assert items(as_("anna"), root="elsewhere") == []
    assert len(items(as_("anna"), root="titan", limit=7)) == 7


def test_only_what_was_shown_blind_may_be_called_blind(findings: list[str], as_: Person) -> None:
    seen = next(finding for finding in findings if not is_control(finding))
    with pytest.raises(CommandRefused) as caught:
        as_("anna").ask("label.set", finding_id=seen, blind=True, **{"class": "pore"})
    assert caught.value.code == "not_blind"


def test_blind_labels_of_two_people_give_three_kappas(findings: list[str], as_: Person) -> None:
    blind = [finding for finding in findings if is_control(finding)]
    for k, finding in enumerate(blind):
        for name, class_ in (("anna", "pore" if k % 2 else "crack"), ("ben", "pore" if k % 4 else "crack")):
            as_(name).ask("label.set", finding_id=finding, blind=True, **{"class": class_})
    for finding in blind[:5]:
        as_("anna").ask("label.set", finding_id=finding, blind=True, **{"class": "pore"})
    rows = as_("carl").ask("review.agreement").result["agreements"]
    found = {(row["between"], *row["who"]): row for row in rows}
    assert found["operator and machine", "anna"]["n"] == len(blind)
    assert found["operator and operator", "anna", "ben"]["n"] == len(blind)
    assert found["operator and self", "anna"]["n"] == 5
    assert found["operator and operator", "anna", "ben"]["kappa"] > 0


def test_a_contradicted_label_is_offered_for_another_look_and_still_stands(
    findings: list[str], as_: Person
) -> None:
    blind = next(finding for finding in findings if is_control(finding))
    as_("anna").ask("label.set", finding_id=blind, blind=True, **{"class": "crack"})
    as_("ben").ask("label.set", finding_id=blind, blind=True, **{"class": "pore"})
    (item,) = [item for item in items(as_("carl")) if item["why"] == "disagreement"]
    assert (item["finding_id"], item["said"]["class"], item["said"]["by"]) == (blind, "crack", "anna")
    assert say(as_("carl"), item, "crack")["revision"] == 2


def test_the_doubtful_and_those_that_lost_their_finding_come_first(
    station: Station, findings: list[str], as_: Person
) -> None:
    seen = [finding for finding in findings if not is_control(finding)]
    number = int(seen[1].rpartition(".")[2])
    as_("anna").ask("label.set", finding_id=seen[0], state="doubtful", **{"class": "pore"})
    as_("anna").ask("label.set", finding_id=seen[1], **{"class": "crack"})
    station.call(lambda: again(station.store, *[one for k, one in enumerate(SQUARES) if k != number]))
    first, second = items(as_("ben"), limit=10)[:2]
    assert (first["why"], first["finding_id"], first["said"]["class"]) == ("anchor", seen[1], "crack")
    assert (second["why"], second["said"]["state"]) == ("doubtful", "doubtful")
    say(as_("ben"), first, "artefact")
    assert "anchor" not in {item["why"] for item in items(as_("ben"))}


def test_accuracy_is_that_of_the_first_verdict_against_what_stands(findings: list[str], as_: Person) -> None:
    seen = [finding for finding in findings if not is_control(finding)][:10]
    for k, finding in enumerate(seen):
        as_("anna").ask("label.set", finding_id=finding, **{"class": "pore" if k < 6 else "crack"})
    as_("anna").ask("label.set", finding_id=seen[9], **{"class": "pore"})  # corrected herself
    as_("anna").ask("label.set", finding_id=seen[8], state="doubtful", **{"class": "crack"})
    report = as_("ben").ask("review.accuracy").result
    assert [(row["of"], row["n"], row["right"]) for row in report["classes"]] == [
        ("all", 9, 7),
        ("crack", 2, 0),
        ("pore", 7, 7),
    ]
    assert report["models"][0]["of"] == "m1"


def test_accuracy_also_says_where_the_frames_became_unlike_what_was_learned(
    station: Station, as_: Person
) -> None:
    def inspected() -> list[str]:
        return [
            frame(
                station.store,
                *SQUARES[:6],
                name=f"{number}.tif".encode(),
                fingerprint=f"{number}",
                novelty=0.6 if number < 40 else 0.99,
            ).frame_id
            for number in range(70)
        ]

    frame_ids = station.call(inspected)
    (found,) = as_("anna").ask("review.accuracy").result["unfamiliar"]
    assert (found["root"], found["before"]) == ("titan", pytest.approx(0.63, abs=0.03))
    assert found["frame_id"] in frame_ids[40:55]


def test_the_review_command_prints_each_of_the_three(
    station: Station,
    findings: list[str],
    as_: Person,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    where = ("--events", station.events, "--commands", station.commands, "--operator", "anna")
    assert main.run(["review", "--limit", "10", "--json", *where]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(item["blind"] for item in told) == 1
    for item in told:
        say(as_("anna"), item, "pore")
    for args, word in (
        ((), "(blind)"),
        (("--agreement",), "operator and machine"),
        (("--accuracy",), "100.0%"),
    ):
        assert main.run(["review", *args, *where]) == 0
        assert word in capsys.readouterr().out
    assert main.run(["review", "--agreement", "--accuracy", *where]) == 2
