"""Labels over real sockets: one order, one effect, whatever is repeated; a conflict names what stands."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from integration.publish.conftest import Station
from temwatch.client import CommandForbidden, CommandRefused, Commands, Subscription
from temwatch.store import audit, labels
from unit.store.labelled import frame, square


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    running = Station(tmp_path / "state", labels=True)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def guarded(tmp_path: Path, keys_folder: Path) -> Iterator[Station]:
    running = Station(tmp_path / "state", keys_in=keys_folder, labels=True)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def findings(station: Station) -> list[str]:
    """Four findings in one frame."""
    there = station.call(lambda: frame(station.store, *(square(20 * k, 5) for k in range(4))))
    station.call(station.publisher.poke)
    return [f"{there.frame_id}.{k}" for k in range(4)]


@pytest.fixture
def anna(station: Station) -> Iterator[Commands]:
    with Commands(station.commands, operator="anna") as daemon:
        yield daemon


def raw(station: Station, cmd: str, args: dict[str, Any], cmd_id: str, operator: str = "anna") -> Any:
    """Send one command with an id of our own, as a client does that repeats itself."""
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(station.commands)
        said = {"v": 1, "cmd_id": cmd_id, "cmd": cmd, "args": args, "operator": operator}
        socket.send(json.dumps(said).encode())
        assert socket.poll(10_000)
        return json.loads(socket.recv())


def statements(station: Station) -> int:
    return int(station.call(lambda: station.database.read("SELECT COUNT(*) FROM label")[0][0]))


def test_a_label_is_answered_with_everything_and_heard_by_whoever_listens(
    station: Station, findings: list[str], anna: Commands
) -> None:
    label = anna.ask("label.set", finding_id=findings[1], **{"class": "crack"}, expect_revision=0).result
    assert (label["class"], label["state"], label["by"], label["known"]) == (
        "crack",
        "corrected",
        "anna",
        "declared",
    )
    assert label["predicted"]["probability"] == {"pore": 0.7, "crack": 0.3}
    with Subscription(station.events, station.commands, since=0, topic="tw1/label/", timeout_s=5) as stream:
        received = next(m for m in stream.messages() if m.header.stored)
    assert (received.header.type, received.body) == ("label.set", label)


def test_the_operator_may_be_named_in_the_arguments(station: Station, findings: list[str]) -> None:
    with Commands(station.commands) as daemon:
        label = daemon.ask("label.set", finding_id=findings[0], operator="ben", **{"class": "pore"}).result
    assert label["by"] == "ben"


def test_an_order_sent_again_has_one_effect_and_the_same_answer(
    station: Station, findings: list[str]
) -> None:
    cmd_id = str(uuid.uuid4())
    args = {"finding_id": findings[0], "class": "crack"}
    first = raw(station, "label.set", args, cmd_id)
    assert raw(station, "label.set", args, cmd_id) == first
    other = raw(station, "label.set", {**args, "class": "pore"}, cmd_id)
    assert other["error"]["code"] == "CommandIdUsed"
    assert raw(station, "label.set", args, cmd_id, "eve")["error"]["code"] == "CommandIdUsed"
    assert statements(station) == 1


def test_a_conflict_carries_what_stands_and_stays_a_conflict_when_repeated(
    station: Station, findings: list[str], anna: Commands
) -> None:
    anna.ask("label.set", finding_id=findings[0], **{"class": "crack"})
    args = {"finding_id": findings[0], "class": "pore", "expect_revision": 0}
    refused = raw(station, "label.set", args, "again-and-again", "ben")["error"]
    assert refused["code"] == "conflict"
    assert (refused["current"]["class"], refused["current"]["by"]) == ("crack", "anna")
    assert "anna" in refused["message"]
    assert raw(station, "label.set", args, "again-and-again", "ben")["error"]["code"] == "conflict"
    with pytest.raises(CommandRefused) as caught:
        anna.ask("label.set", **args)
    assert caught.value.current["revision"] == 1
    assert statements(station) == 1


def test_each_order_leaves_one_row_in_the_audit_refused_ones_too(
    station: Station, findings: list[str], anna: Commands
) -> None:
    label = anna.ask("label.set", finding_id=findings[0], **{"class": "crack"}).result
    for cmd, args in (
        ("label.undo", {"label_id": label["label_id"]}),
        ("label.undo", {"label_id": label["label_id"]}),
        ("label.undo", {"label_id": 999}),
        ("label.set", {"finding_id": "x.1", "class": "crack"}),
        ("label.set", {"finding_id": findings[0], "class": "No Class"}),
    ):
        raw(station, cmd, args, str(uuid.uuid4()))
    rows = station.call(lambda: station.database.ask(audit.page))
    assert [(row.cmd, row.outcome) for row in reversed(rows)] == [
        ("label.set", "done"),
        ("label.undo", "done"),
        ("label.undo", "conflict"),
        ("label.undo", "not_found"),
        ("label.set", "not_found"),
        ("label.set", "bad_message"),
    ]


def test_undo_history_and_list_tell_the_same_story(
    station: Station, findings: list[str], anna: Commands
) -> None:
    first = anna.ask("label.set", finding_id=findings[0], **{"class": "crack"}).result
    second = anna.ask("label.set", finding_id=findings[0], **{"class": "slag_inclusion"}).result
    left = anna.ask("label.undo", label_id=second["label_id"]).result
    assert (left["label_id"], left["revision"], left["undo"]["label_id"]) == (
        first["label_id"],
        3,
        second["label_id"],
    )
    past = anna.ask("label.history", finding_id=findings[0]).result["labels"]
    assert [(label["class"], label["undone"]) for label in past] == [
        ("crack", False),
        ("slag_inclusion", True),
    ]
    frame_id = findings[0].rpartition(".")[0]
    now = anna.ask("label.list", frame_id=frame_id).result
    assert [label["label_id"] for label in now["labels"]] == [first["label_id"]]
    assert now["drawn"] == []


def test_a_long_bulk_answer_is_repeated_whole(station: Station) -> None:
    there = station.call(
        lambda: frame(station.store, *(square(20 * k, 5) for k in range(120)), name=b"b.tif")
    )
    args = {
        "finding_ids": [f"{there.frame_id}.{k}" for k in range(120)],
        "class": "crack",
        "dry_run": False,
    }
    first = raw(station, "label.bulk", args, "a-long-order")
    assert len(first["result"]["labels"]) == 120
    assert raw(station, "label.bulk", args, "a-long-order") == first
    assert statements(station) == 120
    dry = raw(station, "label.bulk", {**args, "class": "pore", "dry_run": True}, "a-dry-order")["result"]
    assert (dry["would_change"], dry["same"], dry["labels"]) == (120, 0, [])
    assert statements(station) == 120


def test_a_bulk_order_with_one_unknown_finding_changes_nothing(
    station: Station, findings: list[str], anna: Commands
) -> None:
    with pytest.raises(CommandRefused) as caught:
        anna.ask("label.bulk", finding_ids=[*findings, "x.0"], **{"class": "pore"}, dry_run=False)
    assert caught.value.code == "not_found"
    assert statements(station) == 0


def test_a_rectangle_is_a_new_finding_that_waits_to_be_measured(
    station: Station, findings: list[str], anna: Commands
) -> None:
    frame_id = findings[0].rpartition(".")[0]
    rectangle = {"row": 100.0, "col": 90.0, "length_px": 30.0, "width_px": 4.0, "angle_deg": 45.0}
    label = anna.ask("label.add", frame_id=frame_id, rectangle=rectangle, **{"class": "crack"}).result
    assert (label["finding_id"], label["drawn"], label["measured"]) == (f"{frame_id}.d1", True, "waiting")
    assert label["predicted"] is None
    assert anna.ask("label.list", frame_id=frame_id).result["drawn"] == [label]
    changed = anna.ask("label.set", finding_id=label["finding_id"], **{"class": "pore"}).result
    assert (changed["revision"], changed["drawn"]) == (2, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"row": 5000.0},
        {"width_px": 40.0},
        {"width_px": 0.5},
        {"angle_deg": -90.0},
        {"length_px": 1e9},
    ],
)
def test_a_rectangle_that_can_not_be_is_refused(
    station: Station, findings: list[str], anna: Commands, wrong: dict[str, float]
) -> None:
    rectangle = {"row": 100.0, "col": 90.0, "length_px": 30.0, "width_px": 4.0, "angle_deg": 45.0, **wrong}
    with pytest.raises(CommandRefused) as caught:
        anna.ask(
            "label.add", frame_id=findings[0].rpartition(".")[0], rectangle=rectangle, **{"class": "crack"}
        )
    assert caught.value.code == "bad_rectangle"
    assert statements(station) == 0


def test_pages_hold_every_label_once(station: Station, findings: list[str], anna: Commands) -> None:
    given = [
        anna.ask("label.set", finding_id=finding, **{"class": name}).result["label_id"]
        for finding in findings
        for name in ("crack", "pore")
    ]
    anna.ask("label.undo", label_id=given[3])
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = anna.ask("label.page", after=after, limit=3).result
        seen += [label["label_id"] for label in page["labels"]]
        after = page["next_after"]
    assert seen == given


def test_with_keys_the_name_is_the_keys_and_a_viewer_may_only_look(
    guarded: Station, keys_folder: Path
) -> None:
    there = guarded.call(lambda: frame(guarded.store, square(5, 5)))
    finding = f"{there.frame_id}.0"
    with Commands(guarded.commands, keys=keys_folder / "labeller.key", operator="eve") as daemon:
        label = daemon.ask("label.set", finding_id=finding, operator="eve", **{"class": "crack"}).result
    assert (label["by"], label["known"]) == ("labeller", "key")
    with Commands(guarded.commands, keys=keys_folder / "viewer.key") as daemon:
        assert daemon.ask("label.history", finding_id=finding).result["labels"][0]["by"] == "labeller"
        with pytest.raises(CommandForbidden):
            daemon.ask("label.set", finding_id=finding, **{"class": "pore"})


def test_an_order_that_fails_half_way_leaves_neither_label_nor_audit_nor_message(
    station: Station, findings: list[str], anna: Commands
) -> None:
    # The last of the three writes fails.
    def block() -> None:
        with station.database.transaction() as tx:
            tx.execute(
                "CREATE TEMP TRIGGER no_row BEFORE INSERT ON main.audit WHEN NEW.outcome = 'done'"
                " BEGIN SELECT RAISE(ABORT, 'no'); END"
            )

    station.call(block)
    reply = raw(station, "label.set", {"finding_id": findings[0], "class": "crack"}, str(uuid.uuid4()))
    assert not reply["ok"]
    assert statements(station) == 0
    assert station.call(lambda: station.database.ask(labels.newest_id)) == 0
    assert station.call(lambda: station.database.read("SELECT 1 FROM outbox WHERE type = 'label.set'")) == []


def test_only_an_admin_takes_back_everything_somebody_else_said(guarded: Station, keys_folder: Path) -> None:
    there = guarded.call(lambda: frame(guarded.store, square(5, 5)))
    for name in ("labeller", "admin"):
        with Commands(guarded.commands, keys=keys_folder / f"{name}.key") as daemon:
            daemon.ask("label.set", finding_id=f"{there.frame_id}.0", **{"class": "crack"})
    with Commands(guarded.commands, keys=keys_folder / "labeller.key") as daemon:
        with pytest.raises(CommandForbidden):
            daemon.ask("label.revert", by="admin", dry_run=True)
        assert daemon.ask("label.revert", by="labeller", dry_run=False).result["label_ids"] == [1]
    with Commands(guarded.commands, keys=keys_folder / "admin.key") as daemon:
        done = daemon.ask("label.revert", by="admin", dry_run=False).result
    assert (done["would_undo"], done["labels"][0]["class"]) == (1, None)
