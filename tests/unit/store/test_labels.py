"""A label is said once, stands until another or an undo, and keeps what was known when it was said."""

import json
import sqlite3

import numpy as np
import pytest

from temwatch.store import anchors, labels, outbox, results
from temwatch.store.findings import FindingUnknown
from temwatch.store.labelling import LabelConflict, LabelUnknown, bulk
from temwatch.store.results import Inspected
from temwatch.store.store import Store
from unit.store import facts
from unit.store.labelled import ANNA, BEN, again, draw, frame, known, person, report, say, square, take_back


def stands(store: Store, finding_id: str) -> str | None:
    label = store.database.ask(lambda c: labels.standing(c, finding_id))
    return None if label is None else label.class_


def test_a_label_keeps_who_said_it_and_what_the_machine_said_before(store: Store) -> None:
    there = frame(store, square(5, 5), square(50, 50))
    label = say(store, f"{there.frame_id}.1", "crack", note="a thin one")
    assert (label.by, label.known, label.at) == ("anna", "declared", "2026-03-01T12:00:00.000Z")
    assert (label.root, label.path, label.note) == ("titan", "a.tif", "a thin one")
    assert label.predicted.class_ == "pore"
    assert label.predicted.probability == {"pore": 0.7, "crack": 0.3}
    assert (label.predicted.model_id, label.rectangle) == ("m1", square(50, 50))
    assert (label.revision, label.previous, label.stands) == (1, None, True)


@pytest.mark.parametrize(
    ("class_", "doubtful", "state"),
    [
        ("pore", False, "confirmed"),
        ("crack", False, "corrected"),
        ("artefact", False, "rejected"),
        ("pore", True, "doubtful"),
    ],
)
def test_the_state_follows_from_what_was_predicted(
    store: Store, class_: str, doubtful: bool, state: str
) -> None:
    there = frame(store, square(5, 5))
    assert say(store, f"{there.frame_id}.0", class_, doubtful=doubtful).state == state


def test_a_correction_stands_and_names_what_stood_before(store: Store) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    first = say(store, finding, "crack")
    second = say(store, finding, "pore", BEN)
    assert (second.revision, second.previous.label_id, second.previous.by) == (2, first.label_id, "anna")
    assert stands(store, finding) == "pore"


def test_who_knows_an_older_revision_is_told_what_stands(store: Store) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    say(store, finding, "crack", expect_revision=0)
    with pytest.raises(LabelConflict, match="anna called it crack") as caught:
        say(store, finding, "pore", BEN, expect_revision=0)
    assert caught.value.current is not None
    assert (caught.value.current.class_, caught.value.current.revision) == ("crack", 1)
    assert stands(store, finding) == "crack"
    say(store, finding, "pore", BEN, expect_revision=1)
    with pytest.raises(LabelConflict, match="revision 2"):
        say(store, finding, "crack", expect_revision=1)


def test_taking_back_brings_back_what_stood_before_until_nothing_does(store: Store) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    first, second = say(store, finding, "crack"), say(store, finding, "slag")
    left = take_back(store, second.label_id, BEN)
    assert (left.label_id, left.class_, left.revision) == (first.label_id, "crack", 3)
    assert (left.undo.label_id, left.undo.by) == (second.label_id, "ben")
    nothing = take_back(store, first.label_id)
    assert (nothing.label_id, nothing.class_, nothing.state, nothing.revision) == (None, None, "predicted", 4)
    assert stands(store, finding) is None
    assert say(store, finding, "pore", expect_revision=4).revision == 5


def test_taking_back_an_older_label_leaves_what_stands(store: Store) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    first, second = say(store, finding, "crack"), say(store, finding, "slag")
    assert take_back(store, first.label_id).label_id == second.label_id
    assert take_back(store, second.label_id).class_ is None


def test_a_label_is_taken_back_once_and_only_if_it_was_given(store: Store) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    label = say(store, finding, "crack")
    take_back(store, label.label_id)
    with pytest.raises(LabelConflict, match="was taken back by anna"):
        take_back(store, label.label_id, BEN)
    for number in (label.label_id + 1, 99):  # an undo has a number too, but is no label
        with pytest.raises(LabelUnknown):
            take_back(store, number)


def test_the_history_shows_everything_in_order_and_who_took_it_back(store: Store) -> None:
    there = frame(store, square(5, 5))
    finding = f"{there.frame_id}.0"
    first = say(store, finding, "crack")
    say(store, finding, "slag", BEN)
    take_back(store, first.label_id, BEN)
    number = store.database.ask(lambda c: labels.object_of(c, finding, there.pk))
    assert number is not None
    past = store.database.ask(lambda c: labels.history(c, number))
    assert [(label.class_, label.undone, label.stands) for label in past] == [
        ("crack", True, False),
        ("slag", False, True),
    ]
    assert past[0].undo is not None
    assert past[0].undo.by == "ben"


def test_a_blind_second_opinion_is_written_down_but_changes_nothing(store: Store) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    say(store, finding, "crack", blind=True)
    check = say(store, finding, "pore", BEN, blind=True, expect_revision=0)
    assert (check.stands, check.previous, check.blind) == (False, None, True)
    label = store.database.ask(lambda c: labels.standing(c, finding))
    assert label is not None
    assert (label.class_, label.revision) == ("crack", 1)
    left = take_back(store, check.label_id, BEN)
    assert (left.class_, left.revision) == ("crack", 1)


def test_a_bulk_order_leaves_what_others_say_and_counts_what_is_said_already(store: Store) -> None:
    there = frame(store, *(square(20 * k, 5) for k in range(4)))
    ids = [f"{there.frame_id}.{k}" for k in range(4)]
    say(store, ids[0], "crack", BEN)
    say(store, ids[1], "slag", BEN)
    say(store, ids[2], "slag", ANNA)
    about = [known(store, finding) for finding in ids]
    for dry_run in (True, False):
        with store.database.transaction() as tx:
            done = bulk(tx, about, "crack", ANNA, at=facts.AT, dry_run=dry_run)
        assert (done.would_change, done.same) == (2, 1)
        assert [label.finding_id for label in done.conflicts] == [ids[1]]
        assert len(done.labels) == (0 if dry_run else 2)
    assert [stands(store, finding) for finding in ids] == ["crack", "slag", "crack", "crack"]


@pytest.mark.parametrize(
    "finding", [".0", "x.0", ".1", "{}.", "{}.-1", "{}.1", "{}.00x", "{}.00", "{}.d1", "{}.d0"]
)
def test_a_finding_that_is_not_there_is_unknown(store: Store, finding: str) -> None:
    there = frame(store, square(5, 5))
    with pytest.raises(FindingUnknown):
        known(store, finding.format(there.frame_id))


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM label",
        "UPDATE label SET class = 'pore'",
        "UPDATE label SET name = 'eve'",
        "UPDATE label SET at = ''",
    ],
)
def test_the_database_itself_keeps_labels_as_they_are(store: Store, sql: str) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    say(store, finding, "crack")
    with pytest.raises(sqlite3.IntegrityError), store.database.transaction() as tx:
        tx.execute(sql)
    assert stands(store, finding) == "crack"


def test_each_statement_is_published_with_it(store: Store) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    label = say(store, finding, "crack")
    say(store, finding, "crack", BEN, blind=True)
    take_back(store, label.label_id)
    told = store.database.ask(lambda c: outbox.page(c, since=0, limit=100, topic="tw1/label/"))
    assert [message.type for message in told] == ["label.set", "label.checked", "label.undone"]
    bodies = [json.loads(message.json_body) for message in told]
    assert (bodies[0]["class"], bodies[0]["by"], bodies[2]["class"]) == ("crack", "anna", None)


def test_training_gets_what_stands_with_its_features_without_any_result(store: Store) -> None:
    there = frame(store, *(square(20 * k, 5) for k in range(4)))
    ids = [f"{there.frame_id}.{k}" for k in range(4)]
    say(store, ids[1], "slag")
    kept = say(store, ids[1], "crack", BEN)
    say(store, ids[2], "pore", doubtful=True)
    gone = say(store, ids[3], "crack")
    take_back(store, gone.label_id)
    draw(store, there, square(200, 200), "crack")  # not measured yet
    with store.database.transaction() as tx:
        tx.execute("UPDATE measurement SET n = 0, features = x''")
        tx.execute("UPDATE result SET body = x''")
    (row,) = store.database.ask(labels.for_training)
    assert (row.label_id, row.finding_id, row.class_, row.by) == (kept.label_id, ids[1], "crack", "ben")
    assert (row.fingerprint, row.sha256, row.root, row.path) == ("f", "sha of f", "titan", "a.tif")
    assert (row.predicted, row.model_id, row.feature_set) == ("pore", "m1", "f1")
    np.testing.assert_array_equal(row.features, np.float32([1, 1, 1]))


def test_labels_corrections_and_undos_are_counted_since_a_mark(store: Store) -> None:
    finding = f"{frame(store, square(5, 5)).frame_id}.0"
    assert store.database.ask(labels.newest_id) == 0
    first = say(store, finding, "crack")
    mark = store.database.ask(labels.newest_id)
    assert mark == first.label_id
    say(store, finding, "slag")
    say(store, finding, "slag", BEN, blind=True)  # an opinion that changes nothing
    take_back(store, first.label_id)
    assert store.database.ask(lambda c: labels.added_since(c, mark)) == 2


# --- a frame segmented anew ----------------------------------------------------------------------------------------------


def test_a_label_moves_to_the_finding_that_overlaps_most_in_the_new_revision(store: Store) -> None:
    old = frame(store, square(10, 10), square(100, 100))
    label = say(store, f"{old.frame_id}.1", "crack")
    new = again(store, square(13, 13), square(60, 60), square(101, 100))
    (moved,) = store.database.ask(lambda c: labels.of_frame(c, new.pk))
    assert (moved.label_id, moved.finding_id) == (label.label_id, f"{new.frame_id}.2")
    assert (moved.said_of, moved.frame_id) == (f"{old.frame_id}.1", new.frame_id)
    assert store.database.ask(lambda c: labels.of_frame(c, old.pk)) == []
    told = store.database.ask(lambda c: outbox.page(c, since=0, limit=100, topic="tw1/label/"))
    assert [message.type for message in told] == ["label.set", "label.moved"]


def test_a_label_without_a_partner_is_kept_and_listed_until_somebody_looks(store: Store) -> None:
    old = frame(store, square(10, 10))
    label = say(store, f"{old.frame_id}.0", "crack")
    again(store, square(300, 300), square(13, 13))  # the second overlaps by a third
    (lost,) = store.database.ask(lambda c: labels.to_look_at(c, limit=10))
    assert (lost.label_id, lost.finding_id) == (label.label_id, f"{old.frame_id}.0")
    assert [row.label_id for row in store.database.ask(labels.for_training)] == [label.label_id]
    say(store, lost.finding_id, "pore", BEN, expect_revision=1)
    assert store.database.ask(lambda c: labels.to_look_at(c, limit=10)) == []


def test_other_bytes_under_the_same_name_take_no_labels_over(store: Store) -> None:
    old = frame(store, square(10, 10))
    say(store, f"{old.frame_id}.0", "crack")
    new = frame(store, square(10, 10), fingerprint="other")
    assert store.database.ask(lambda c: labels.of_frame(c, new.pk)) == []
    assert len(store.database.ask(lambda c: labels.of_frame(c, old.pk))) == 1


def test_two_labels_never_go_to_one_finding_and_may_change_places(store: Store) -> None:
    old = frame(store, square(10, 10), square(12, 10), square(200, 200))
    for k, class_ in enumerate(("crack", "slag", "pore")):
        say(store, f"{old.frame_id}.{k}", class_)
    new = again(store, square(200, 200), square(12, 10), square(10, 10))
    now = {
        label.finding_id: label.class_ for label in store.database.ask(lambda c: labels.of_frame(c, new.pk))
    }
    assert now == {f"{new.frame_id}.{k}": class_ for k, class_ in enumerate(("pore", "slag", "crack"))}


def test_a_new_report_of_the_same_frame_moves_labels_among_its_own_findings(store: Store) -> None:
    there = frame(store, square(10, 10), square(100, 100), square(200, 200))
    for k, class_ in enumerate(("crack", "slag", "pore")):
        say(store, f"{there.frame_id}.{k}", class_)
    brought = Inspected(
        report_json=report(there, [square(100, 100), square(10, 10), square(300, 300)], model_id="m2"),
        model_id="m2",
        decision="accept",
        findings=3,
        feature_set="f1",
        features=bytes(36),
        contours=b"",
        preview=b"",
    )
    with store.database.transaction() as tx:
        results.insert(tx, there.pk, brought, at=facts.AT)
        anchors.follow(tx, there, at=facts.AT)
    assert [stands(store, f"{there.frame_id}.{k}") for k in range(3)] == ["slag", "crack", None]
    assert [one.class_ for one in store.database.ask(lambda c: labels.to_look_at(c, limit=9))] == ["pore"]
    # The number belongs to another object now: a label for it is a first one.
    assert say(store, f"{there.frame_id}.2", "particle", expect_revision=0).revision == 1


def test_the_same_findings_again_move_nothing(store: Store) -> None:
    there = frame(store, square(10, 10), square(100, 100))
    say(store, f"{there.frame_id}.1", "crack")
    with store.database.transaction() as tx:
        anchors.follow(tx, there, at=facts.AT)
    assert store.database.read("SELECT COUNT(*) FROM label_move")[0][0] == 0


def test_a_finding_of_the_old_revision_still_names_the_object_that_moved(store: Store) -> None:
    old = frame(store, square(10, 10))
    say(store, f"{old.frame_id}.0", "crack")
    new = again(store, square(300, 300), square(10, 10))
    label = say(store, f"{old.frame_id}.0", "pore", BEN, expect_revision=1)
    assert (label.finding_id, label.revision) == (f"{new.frame_id}.1", 2)
    assert len(store.database.ask(labels.for_training)) == 1


def test_what_was_drawn_stays_where_it_was_drawn_and_is_found_in_the_new_revision(store: Store) -> None:
    old = frame(store, square(10, 10))
    label = draw(store, old, square(200, 200), "crack")
    assert (label.drawn, label.predicted, label.measured, label.state) == (True, None, "waiting", "corrected")
    new = again(store, square(10, 10))
    (there,) = store.database.ask(lambda c: labels.of_frame(c, new.pk))
    assert (there.finding_id, there.drawn) == (f"{old.frame_id}.d1", True)
    last = again(store, square(10, 10), square(201, 200))  # now the machine finds it too
    (there,) = store.database.ask(lambda c: labels.of_frame(c, last.pk))
    assert there.finding_id == f"{last.frame_id}.1"


def test_objects_drawn_in_a_frame_are_numbered(store: Store) -> None:
    there = frame(store, square(10, 10))
    ids = [
        draw(store, there, square(50, 50 + 60 * k), "crack", person("anna", k)).finding_id for k in range(3)
    ]
    assert ids == [f"{there.frame_id}.d{k}" for k in (1, 2, 3)]
