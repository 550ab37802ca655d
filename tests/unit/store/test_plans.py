"""What the daemon asks all the time is looked up, never searched for."""

import sqlite3

import pytest

from temwatch.store import drawn, files, frames, jobs, labels, ledger, outbox, results, review
from temwatch.store.store import Store
from unit.store import facts, labelled


@pytest.fixture
def plans(store: Store) -> list[str]:
    """The plans of every query made while a frame goes through the store and people ask."""
    asked: list[str] = []
    connection = store.database.connection()
    connection.set_trace_callback(asked.append)
    _a_day(store)
    connection.set_trace_callback(None)
    found = []
    for sql in dict.fromkeys(asked):
        if sql.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")):
            found += [f"{row['detail']} <- {sql}" for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    return found


def _a_day(store: Store) -> None:
    store.notice([facts.noticed(b"a")])
    store.hold(facts.held(b"a", "empty"))
    store.accept(facts.sighted(b"a"), at=facts.AT)
    store.accept(facts.sighted(b"b"), at=facts.AT)
    store.accept(facts.sighted(b"s", sections=("1", "2")), at=facts.AT)
    for _ in range(2):
        claimed = store.lease(until_s=5.0)
        assert claimed is not None
        store.finish(claimed[0].job_id, claimed[0].attempt, facts.inspected(), at=facts.AT)
    claimed = store.lease(until_s=5.0)
    assert claimed is not None
    store.try_again(claimed[0], until_s=6.0, error="e")
    store.wake(now_s=7.0)
    store.has_ready()
    store.next_due_s()
    claimed = store.lease(until_s=9.0)
    assert claimed is not None
    aside = store.set_aside(claimed[0], reason="r", next_step="n", at=facts.AT)
    assert aside is not None
    store.reinject(aside.frame_id)
    store.vanish(facts.vanished(b"b"), at=facts.AT)
    store.unfit(facts.unfit(b"u"), at=facts.AT)
    store.ledgers()
    list(store.known("titan"))
    _people_ask(store, store.database.connection())
    _people_label(store, store.database.connection())


def _people_label(store: Store, connection: sqlite3.Connection) -> None:
    there = labelled.frame(store, labelled.square(10, 10), name=b"l.tif")
    finding = f"{there.frame_id}.0"
    label = labelled.say(store, finding, "crack")
    labelled.say(store, finding, "pore", labelled.BEN, blind=True)
    labelled.draw(store, there, labelled.square(90, 90), "crack")
    labelled.take_back(store, label.label_id)
    there = labelled.again(store, labelled.square(10, 10), name=b"l.tif")
    labels.standing(connection, finding)
    labels.of_frame(connection, there.pk)
    labels.to_look_at(connection, limit=10)
    labels.page(connection, after=0, limit=10)
    labels.newest_id(connection)
    labels.added_since(connection, 0)
    drawn.next_waiting(connection)
    review.blind_opinions(connection)
    review.given_by(connection, "anna")


def _people_ask(store: Store, connection: sqlite3.Connection) -> None:
    for topic in ("", "tw1/label/", "tw1/frame/titan/", "tw1/fr"):
        outbox.page(connection, since=0, limit=10, topic=topic)
    outbox.head(connection)
    outbox.heads(connection)
    outbox.oldest(connection)
    results.page(connection, before=None, limit=10)
    results.last_frame_at(connection)
    frames.in_state(connection, "queued")
    frames.in_state(connection, "set_aside")
    with store.database.transaction() as tx:
        outbox.prune(tx, now=facts.AT, keep_days=1.0, keep_rows=100_000)


SMALL = ("SCAN l", "SCAN topic_head", "SCAN sqlite_sequence", "SCAN CONSTANT ROW", "SCAN oldest")


def test_no_query_searches_a_table_that_grows(plans: list[str]) -> None:
    assert len(plans) > 50
    searched = [
        plan
        for plan in plans
        if plan.startswith("SCAN") and "INDEX" not in plan.split("<-")[0] and not plan.startswith(SMALL)
    ]
    # 1. In order of its key and with a limit, a scan ends after a page. 2. The plan of a new result names the table
    # that refers to results, but SQLite looks there only while a broken reference is outstanding, and none ever is.
    searched = [plan for plan in searched if not ("ORDER BY" in plan and "LIMIT" in plan)]
    assert [plan for plan in searched if not plan.startswith("SCAN outbox <- INSERT INTO result")] == []


def test_no_query_of_the_queue_sorts(plans: list[str]) -> None:
    assert [plan for plan in plans if "TEMP B-TREE" in plan and "FROM job" in plan.split("<-")[1]] == []


def test_a_rare_class_is_looked_up_by_its_index(plans: list[str]) -> None:
    assert any("outbox_by_class (topic_class=? AND seq>?)" in plan for plan in plans)


def test_the_next_rank_is_looked_up(plans: list[str]) -> None:
    assert any("job_by_rank" in plan for plan in plans)


def test_a_recount_agrees_with_the_ledger_after_that(store: Store) -> None:
    _a_day(store)
    connection = store.database.connection()
    assert ledger.kept(connection) == ledger.recounted(connection)
    assert sum(jobs.counts(connection).values()) == store.ledgers()["titan"].queued
    root = files.root_id(connection, "titan")
    assert files.find(connection, root, b"never seen") is None
