"""Messages are numbered without gaps, found again by topic, and let go from the oldest end only."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from temwatch.store import outbox, results
from temwatch.store.store import Store
from unit.store import facts

DAY_S = 86_400.0


def append(store: Store, topic: str, id_: str, at_s: float = 0.0) -> int:
    with store.database.transaction() as tx:
        return outbox.append(tx, id=id_, topic=topic, type="t", at=facts.at(at_s), body=b"{}")


def page(store: Store, topic: str = "", since: int = 0, limit: int = 1000) -> list[int]:
    with store.database.reading() as connection:
        return [m.seq for m in outbox.page(connection, since=since, limit=limit, topic=topic)]


def prune(store: Store, **keep: float) -> int:
    with store.database.transaction() as tx:
        return outbox.prune(tx, now=facts.at(10 * DAY_S), **{"keep_days": 3.0, **keep})


def test_a_message_knows_the_one_before_it_on_its_class(store: Store) -> None:
    for number, topic in enumerate(["tw1/frame/a/", "tw1/label/", "tw1/frame/b/"]):
        append(store, topic, str(number))
    messages = outbox.page(store.database.connection(), since=0, limit=10)
    assert [(m.seq, m.prev) for m in messages] == [(1, 0), (2, 0), (3, 1)]
    assert outbox.heads(store.database.connection()) == {"tw1/frame/": 3, "tw1/label/": 2}


def test_a_prefix_of_a_topic_finds_whole_names_and_classes(store: Store) -> None:
    topics = ["tw1/frame/a/", "tw1/frame/ab/", "tw1/label/", "tw1/frame/\U0010fffe/"]
    for number, topic in enumerate(topics):
        append(store, topic, str(number))
    assert page(store) == [1, 2, 3, 4]
    assert page(store, "tw1/frame/") == [1, 2, 4]
    assert page(store, "tw1/frame/a/") == [1]
    assert page(store, "tw1/frame/a") == [1, 2]
    assert page(store, "tw1/") == [1, 2, 3, 4]
    assert page(store, "tw1/fr") == [1, 2, 4]
    assert page(store, "tw1/frame/", since=1, limit=1) == [2]
    assert page(store, "tw2/") == []


def test_a_number_is_never_used_again_even_after_all_but_the_last_are_gone(store: Store) -> None:
    for number in range(5):
        append(store, "tw1/label/", str(number))
    assert prune(store) == 4
    assert outbox.oldest(store.database.connection()) == outbox.head(store.database.connection()) == 5
    assert append(store, "tw1/label/", "more") == 6


def test_only_the_old_go_a_batch_at_a_time(store: Store) -> None:
    for day in range(10):
        append(store, "tw1/label/", str(day), at_s=day * DAY_S)
    assert prune(store, at_most=5) == 5
    assert prune(store, at_most=5) == 2
    assert prune(store, at_most=5) == 0
    assert page(store) == [8, 9, 10]


def test_more_rows_than_are_kept_go_however_young(store: Store) -> None:
    for number in range(10):
        append(store, "tw1/label/", str(number), at_s=10 * DAY_S)
    assert prune(store) == 0
    assert prune(store, keep_rows=4) == 6
    assert page(store) == [7, 8, 9, 10]


def test_results_outlive_their_messages(store: Store) -> None:
    store.accept(facts.sighted(b"a"), at=facts.AT)
    claimed = store.lease(until_s=1.0)
    assert claimed is not None
    done = store.finish(
        claimed[0].job_id, claimed[0].attempt, facts.inspected(report_json=b'{"x":1}'), at=facts.AT
    )
    append(store, "tw1/label/", "last")
    assert prune(store) == 2
    assert done is not None
    assert results.newest(store.database.connection(), done.pk) == b'{"x":1}'


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(st.integers(-3000, 3000), min_size=1, max_size=12),
    keep_rows=st.none() | st.integers(0, 12),
    at_most=st.integers(1, 12),
)
def test_what_is_left_has_no_gap_whatever_the_wall_clock_did(
    store: Store, days: list[int], keep_rows: int | None, at_most: int
) -> None:
    with store.database.transaction() as tx:
        tx.execute("DELETE FROM outbox")
        tx.execute("DELETE FROM topic_head")
        tx.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
    for number, day in enumerate(days):
        append(store, "tw1/label/", str(number), at_s=day * DAY_S)
    went = prune(store, keep_rows=keep_rows, at_most=at_most)
    assert page(store) == list(range(went + 1, len(days) + 1))
    assert went < len(days)
    assert went <= at_most
    young = [
        n for n, day in enumerate(days) if day >= 7 and (keep_rows is None or n >= len(days) - keep_rows)
    ]
    assert all(n >= went for n in young), "a message that is to be kept went"
    first_young = min(young, default=len(days) - 1)
    assert went == min(at_most, first_young, len(days) - 1)


def test_the_newest_frame_of_a_root_is_remembered_however_many_others_came_since(store: Store) -> None:
    store.open_root("idle")
    store.accept(facts.sighted(b"a", root="talos"), at=facts.at(1))
    store.accept(
        facts.sighted(b"s", sections=tuple(map(str, range(1200)))), at=facts.at(2) + timedelta(days=1)
    )
    assert results.last_frame_at(store.database.connection()) == {
        "talos": "2026-03-01T12:00:01.000Z",
        "titan": "2026-03-02T12:00:02.000Z",
    }
