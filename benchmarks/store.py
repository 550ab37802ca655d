"""What the store costs per frame, with a million frames stored against a thousand.

Run as ``python benchmarks/store.py [FOLDER]``. Every figure is CPU time of this process, and the last column a ratio
within one run. A frame goes the whole way: notice, accept, lease, finish with a report of 500 findings (about 200 kB
of JSON), 110 kB of features and its contours. The rows it is added to have small bodies; their number is what
matters to an index.
"""

import json
import random
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from temwatch.model.sighting import Noticed, Sighted, Stamp
from temwatch.store import outbox, results
from temwatch.store.database import Database
from temwatch.store.results import Inspected
from temwatch.store.store import Store

FEW, MANY, FRAMES, FINDINGS = 1_000, 1_000_000, 150, 500
NOW = datetime(2026, 3, 1, tzinfo=UTC)
_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
_STORED = (
    (
        "INSERT INTO file (id, root_id, relpath, size, mtime_ns, ctime_ns, inode, held) "
        "SELECT i, 1, CAST('s' || (i / 500) || '/' || i || '.dm4' AS BLOB), 1, i, i, i, 0 FROM n"
    ),
    (
        "INSERT INTO frame (id, frame_id, file_id, section, sections, revision, fingerprint, state, ends, accepted_at, ended_at) "
        "SELECT i, lower(hex(randomblob(10))), i, 0, 1, 1, i, 'done', 1, '2026-01-01T', '2026-01-01T' FROM n"
    ),
    (
        "INSERT INTO result (id, frame_pk, model_id, decision, findings, body, created_at) "
        "SELECT i, i, 'm', 'accept', 0, x'00', '2026-01-01T' FROM n"
    ),
    "INSERT INTO measurement SELECT i, 'f', 0, x'', x'' FROM n",
    (
        "INSERT INTO outbox (seq, id, topic, topic_class, prev, type, at, result_id) "
        "SELECT i, 'm:' || i, 'tw1/result/titan/', 'tw1/result/', i - 1, 'frame.inspected', '2026-01-01T', i FROM n"
    ),
)


def report_json() -> bytes:
    """Return a report as long as one of 500 findings, with numbers that compress like real ones."""
    draw = random.Random(7)
    finding = {
        "finding_id": "0" * 20,
        "class": "pore",
        "prediction_set": ["pore"],
        "grade": "II",
        "zone": "B1",
    }
    numbers = (
        "row",
        "col",
        "length_px",
        "width_px",
        "area_nm2",
        "novelty",
        "score",
        "pore",
        "crack",
        "slag",
        "loose",
    )
    findings = [{**finding, **{name: draw.uniform(0, 4096) for name in numbers}} for _ in range(FINDINGS)]
    return json.dumps({"findings": findings}, separators=(",", ":")).encode()


def inspected() -> Inspected:
    """Return what a worker brings home."""
    draw = random.Random(8)
    points = [value + 1 for value in range(FINDINGS * 80)]
    return Inspected(
        report_json=report_json(),
        model_id="m",
        decision="refer",
        findings=FINDINGS,
        feature_set="f",
        features=draw.randbytes(110_000),
        contours=struct.pack(f"<{len(points)}i", *points),
        preview=b"",
    )


def stored(folder: Path, count: int) -> Store:
    """Return a store that holds `count` inspected frames."""
    database = Database(folder)
    database.open()
    store = Store(database, instance="benchmark")
    store.open_root("titan")
    connection = database.connection()
    connection.execute("PRAGMA synchronous = OFF")
    for sql in _STORED:
        into, select = sql.split(" SELECT", 1)
        with database.transaction() as tx:
            tx.execute(f"{into} {_NUMBERS} SELECT{select}", {"count": count})
    with database.transaction() as tx:
        tx.execute("INSERT INTO topic_head VALUES ('tw1/result/', ?)", (count,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA synchronous = FULL")
    return store


def one_frame(store: Store, number: int, brought: Inspected) -> None:
    """Take one frame the whole way."""
    relpath = f"new/{number}.dm4".encode()
    stamp = Stamp(size=1, mtime_ns=1, ctime_ns=1, inode=number)
    store.notice([Noticed(root="titan", relpath=relpath, stamp=stamp)])
    store.accept(
        Sighted(root="titan", relpath=relpath, stamp=stamp, format="dm4", fingerprint="f", sections=None),
        at=NOW,
    )
    claimed = store.lease(until_s=1e9)
    assert claimed is not None
    assert store.finish(claimed[0].job_id, claimed[0].attempt, brought, at=NOW) is not None


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the CPU milliseconds of one call."""
    before = time.process_time()
    work()
    return 1000 * (time.process_time() - before)


def questions(store: Store) -> dict[str, Callable[[], object]]:
    """Return what is asked all the time."""
    connection = store.database.connection()
    return {
        "ledgers": store.ledgers,
        "last_frame_at": lambda: results.last_frame_at(connection),
        "head, heads, oldest": lambda: (
            outbox.head(connection),
            outbox.heads(connection),
            outbox.oldest(connection),
        ),
        "page after the head": lambda: outbox.page(connection, since=outbox.head(connection) - 2, limit=200),
        "page of a rare class": lambda: outbox.page(connection, since=0, limit=200, topic="tw1/label/"),
        "nothing due, nothing ready": lambda: (store.wake(now_s=0.0), store.has_ready(), store.next_due_s()),
    }


def main() -> None:
    """Measure both, a frame of each in turn, so that a busy machine slows both alike."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=folder, prefix="temwatch-benchmark-") as made:
        few, many = stored(Path(made) / "few", FEW), stored(Path(made) / "many", MANY)
        brought = inspected()
        print(
            f"report {len(brought.report_json) / 1000:.0f} kB, features {len(brought.features) / 1000:.0f} kB"
        )
        took: list[tuple[float, float]] = []
        for number in range(FRAMES + 10):
            pair = [cpu_ms(lambda s=store, n=number: one_frame(s, n, brought)) for store in (few, many)]
            took.append((pair[0], pair[1]))
        _say(
            "a frame, the whole way", *(statistics.median(column) for column in zip(*took[10:], strict=True))
        )
        _say("a frame, mean", *(statistics.fmean(column) for column in zip(*took[10:], strict=True)))
        for (name, small), large in zip(questions(few).items(), questions(many).values(), strict=True):
            repeats = [(cpu_ms(small), cpu_ms(large)) for _ in range(200)]
            _say(name, *(statistics.fmean(column) for column in zip(*repeats, strict=True)))
        few.database.close()
        many.database.close()


def _say(what: str, few_ms: float, many_ms: float) -> None:
    print(
        f"{what:28} {few_ms:8.3f} ms with {FEW:,}  {many_ms:8.3f} ms with {MANY:,}  ratio {many_ms / few_ms:5.2f}"
    )


if __name__ == "__main__":
    main()
