"""What must hold of a store's rows at any moment, whatever happened before."""

from collections import Counter, defaultdict

from temwatch.store import outbox
from temwatch.store.store import Store


def check(store: Store) -> None:
    """Fail where the books do not balance."""
    read = store.database.read
    ledgers = store.ledgers()
    assert ledgers == store.recount()
    assert all(ledger.balanced for ledger in ledgers.values())

    messages = read("SELECT * FROM outbox ORDER BY seq")
    head = outbox.head(store.database.connection())
    oldest = outbox.oldest(store.database.connection())
    assert [m["seq"] for m in messages] == list(range(oldest, head + 1)) if messages else head == 0, (
        "seq has gaps"
    )
    newest: dict[str, int] = {}
    for message in messages:
        if message["topic_class"] in newest or oldest == 1:
            assert message["prev"] == newest.get(message["topic_class"], 0), "the chain of a class is broken"
        newest[message["topic_class"]] = message["seq"]
    if oldest == 1:
        assert newest == outbox.heads(store.database.connection())

    frames = read("SELECT * FROM frame")
    jobs = Counter(row["frame_pk"] for row in read("SELECT frame_pk FROM job"))
    results = defaultdict(Counter)
    for row in read("SELECT frame_pk, model_id FROM result"):
        results[row["frame_pk"]][row["model_id"]] += 1
    ended = Counter(m["id"] for m in messages)
    queued = Counter((f["file_id"], f["section"]) for f in frames if f["state"] == "queued")
    assert all(n == 1 for n in queued.values()), "two contents of one section are queued"
    for frame in frames:
        assert jobs[frame["id"]] == (frame["state"] == "queued")
        assert bool(results[frame["id"]]) == (frame["state"] == "done")
        assert all(n == 1 for n in results[frame["id"]].values())
        if oldest == 1:
            ends = [n for n in range(1, 20) if ended[f"{frame['frame_id']}:end:{n}"]]
            assert ends == list(range(1, frame["ends"] + 1)), (
                "an end without its message, or a message too many"
            )
    assert all(n == 1 for n in ended.values())
    assert read("PRAGMA foreign_key_check") == []
    assert len(read("SELECT 1 FROM result")) == len(read("SELECT 1 FROM measurement"))
    _check_labels(store)


def _check_labels(store: Store) -> None:
    read = store.database.read
    taken_back = {row["undoes"] for row in read("SELECT undoes FROM label WHERE undoes IS NOT NULL")}
    said = defaultdict(list)
    for row in read("SELECT id, object_id FROM label WHERE act = 'set' ORDER BY id"):
        said[row["object_id"]].append(row["id"])
    for thing in read("SELECT * FROM labelled"):
        left = [number for number in said[thing["id"]] if number not in taken_back]
        assert thing["label_id"] == (left[-1] if left else None), "another label stands than was said last"
        changes = len(said[thing["id"]]) + sum(number in taken_back for number in said[thing["id"]])
        assert thing["revision"] == changes
    told = read("SELECT COUNT(*) FROM outbox WHERE id LIKE 'label:%'")[0][0]
    if outbox.oldest(store.database.connection()) == 1:
        assert told == read("SELECT COUNT(*) FROM label")[0][0], "a statement without its message"
