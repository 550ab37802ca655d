"""Who ordered what is written down once, and stays as it was written."""

import contextlib
import sqlite3
from dataclasses import replace

import pytest

from temwatch.model.caller import Caller
from temwatch.store import audit
from temwatch.store.audit import CommandIdUsed
from temwatch.store.store import Store
from unit.store import facts

ANNA = Caller(
    name="anna", role="admin", known="key", key="f" * 16, cmd="drain", cmd_id="c" * 8, request_sha256="a" * 64
)


def other(**values: str) -> Caller:
    return replace(ANNA, **values)  # type: ignore[arg-type]  # names of fields


def noted(store: Store, caller: Caller, outcome: str | None = None, reply: bytes | None = None) -> None:
    with store.database.transaction() as tx:
        audit.note(tx, caller, {"root": "titan"}, at=facts.AT, outcome=outcome, reply=reply)


def orders(store: Store) -> list[audit.Order]:
    return list(store.database.ask(audit.page))


def test_a_row_says_who_what_when_and_how_that_is_known(store: Store) -> None:
    noted(store, ANNA)
    (row,) = orders(store)
    assert (row.name, row.known, row.role, row.key, row.cmd) == ("anna", "key", "admin", "f" * 16, "drain")
    assert (row.at, row.args, row.outcome) == ("2026-03-01T12:00:00.000Z", '{"root": "titan"}', None)


def test_an_outcome_is_filled_in_once(store: Store) -> None:
    noted(store, ANNA)
    for outcome in ("done", "not_found"):
        with store.database.transaction() as tx:
            audit.settle(tx, ANNA.cmd_id, outcome)
    assert [row.outcome for row in orders(store)] == ["done"]


def test_an_order_sent_again_is_the_same_row_with_its_old_reply(store: Store) -> None:
    noted(store, ANNA, audit.DONE, b"7")
    noted(store, ANNA, "not_found")
    assert store.database.ask(lambda tx: audit.earlier(tx, ANNA)) == audit.Earlier("done", b"7")
    assert len(orders(store)) == 1


@pytest.mark.parametrize(
    "thief",
    [
        other(name="eve"),
        other(known="declared"),
        other(key="e" * 16),
        other(request_sha256="b" * 64),
    ],
)
def test_an_id_belongs_to_its_first_order(store: Store, thief: Caller) -> None:
    noted(store, ANNA)
    with pytest.raises(CommandIdUsed, match="new cmd_id"):
        noted(store, thief, audit.DONE)
    assert [(row.name, row.outcome) for row in orders(store)] == [("anna", None)]


def test_nothing_is_said_of_an_order_never_seen(store: Store) -> None:
    assert store.database.ask(lambda tx: audit.earlier(tx, ANNA)) is None


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM audit",
        "UPDATE audit SET name = 'eve'",
        "UPDATE audit SET at = ''",
        "UPDATE audit SET args = NULL",
        "UPDATE audit SET cmd = 'hello', outcome = 'done'",
        "UPDATE audit SET key = '', known = 'declared'",
    ],
)
def test_the_database_itself_keeps_rows_as_they_are(store: Store, sql: str) -> None:
    noted(store, ANNA)
    with pytest.raises(sqlite3.IntegrityError, match="only added to"), store.database.transaction() as tx:
        tx.execute(sql)
    assert [(row.name, row.outcome) for row in orders(store)] == [("anna", None)]


def test_a_settled_row_can_not_be_settled_anew(store: Store) -> None:
    noted(store, ANNA, audit.DONE)
    with pytest.raises(sqlite3.IntegrityError), store.database.transaction() as tx:
        tx.execute("UPDATE audit SET outcome = 'refused'")


def test_long_arguments_are_told_by_their_digest_alone(store: Store) -> None:
    with store.database.transaction() as tx:
        audit.note(tx, ANNA, {"x": "y" * 5000}, at=facts.AT, outcome=audit.DONE, reply=b"z" * 20_000)
    (row,) = orders(store)
    assert (row.args, row.request_sha256) == (None, "a" * 64)
    assert store.database.ask(lambda tx: audit.earlier(tx, ANNA)) == audit.Earlier("done", None)


def test_pages_come_newest_first_and_join_without_a_hole(store: Store) -> None:
    for k in range(7):
        noted(store, other(cmd_id=f"order-{k}"))
    first = store.database.ask(lambda tx: audit.page(tx, limit=4))
    rest = store.database.ask(lambda tx: audit.page(tx, before=first[-1].id, limit=4))
    assert [row.cmd_id for row in (*first, *rest)] == [f"order-{k}" for k in (6, 5, 4, 3, 2, 1, 0)]


def test_a_row_is_not_there_if_the_transaction_it_belongs_to_failed(store: Store) -> None:
    with contextlib.suppress(ZeroDivisionError), store.database.transaction() as tx:
        audit.note(tx, ANNA, {}, at=facts.AT, outcome=audit.DONE)
        raise ZeroDivisionError
    assert orders(store) == []
