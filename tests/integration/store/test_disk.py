"""A disk that is full or fails: nothing half-written, nothing acknowledged lost, and it goes on by itself."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from integration.store.conftest import opened
from temwatch.errors import StoreFull, StoreRefused
from temwatch.store import previews
from temwatch.store.database import Database, StoreTrouble
from temwatch.store.store import Store
from unit.store import facts, sound

HERE = Path(__file__).resolve()
BIG = os.urandom(150_000)
BALLAST = 400_000


def fill(store: Store) -> None:
    """Inspect frames until the disk is full."""
    known = len(list(store.known("titan")))
    for number in range(known, known + 200):
        store.accept(facts.sighted(b"%d.mrc" % number), at=facts.AT)
        claimed = store.lease(until_s=1e9)
        assert claimed is not None
        store.finish(claimed[0].job_id, claimed[0].attempt, facts.inspected(report_json=BIG), at=facts.AT)
    raise AssertionError("the disk was never full")


def test_a_full_disk_says_so_writes_nothing_half_and_gives_up_its_reserve(small_disk: Path) -> None:
    store = opened(small_disk, ballast_bytes=BALLAST)
    assert (small_disk / "ballast").stat().st_size == BALLAST
    with pytest.raises(StoreFull) as caught:
        fill(store)
    assert "make room" in caught.value.next_step
    assert not (small_disk / "ballast").exists()
    sound.check(store)
    # With the reserve given up, what was begun can end.
    store.accept(facts.sighted(b"last.mrc"), at=facts.AT)
    sound.check(store)
    store.database.close()


def fill_up(disk: Path) -> Path:
    """Write a file until not a byte more goes in, and return it."""
    hog = disk / "hog"
    with hog.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return hog


def test_a_first_start_on_a_full_disk_waits_for_room_and_bars_no_later_one(small_disk: Path) -> None:
    hog = fill_up(small_disk)
    database = Database(small_disk, ballast_bytes=0)
    with pytest.raises(StoreFull):
        database.open()
    hog.unlink()
    database.open()
    sound.check(Store(database, instance="test"))
    database.close()


def test_after_room_is_made_it_goes_on_by_itself_and_makes_the_reserve_again(small_disk: Path) -> None:
    hog = small_disk / "hog"
    hog.write_bytes(b"\0" * 2_000_000)
    store = opened(small_disk, ballast_bytes=100_000)
    for _ in range(2):  # again after the reserve is used up
        with pytest.raises(StoreFull):
            fill(store)
    before = store.ledgers()["titan"].done
    hog.unlink()
    store.accept(facts.sighted(b"after.mrc"), at=facts.AT)
    claimed = store.lease(until_s=1e9)
    assert claimed is not None
    assert store.finish(claimed[0].job_id, claimed[0].attempt, facts.inspected(), at=facts.AT) is not None
    assert store.ledgers()["titan"].done == before + 1
    assert (small_disk / "ballast").stat().st_size == 100_000
    sound.check(store)
    store.database.close()


def test_what_was_committed_before_the_disk_was_full_is_there_after_a_restart(small_disk: Path) -> None:
    store = opened(small_disk, ballast_bytes=BALLAST)
    with pytest.raises(StoreFull):
        fill(store)
    before = store.ledgers()
    store.database.close()
    again = opened(small_disk, ballast_bytes=BALLAST)
    assert again.ledgers() == before
    sound.check(again)
    again.database.close()


def test_a_disk_too_small_for_a_database_is_full_not_damaged(small_disk: Path) -> None:
    (small_disk / "hog").write_bytes(b"\0" * (os.statvfs(small_disk).f_bavail * 4096 - 8192))
    with pytest.raises(StoreFull):
        Database(small_disk).open()
    (small_disk / "hog").unlink()
    opened(small_disk).database.close()


def test_a_preview_that_does_not_fit_leaves_nothing_behind(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        previews.write(small_disk, "ab" * 10, b"x" * 5_000_000)
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


def test_a_backup_that_does_not_fit_leaves_nothing_behind(store: Store, small_disk: Path) -> None:
    for number in range(25):
        store.accept(facts.sighted(b"%d.mrc" % number), at=facts.AT)
        claimed = store.lease(until_s=1e9)
        assert claimed is not None
        store.finish(claimed[0].job_id, claimed[0].attempt, facts.inspected(report_json=BIG), at=facts.AT)
    with pytest.raises(StoreFull):
        store.database.backup(small_disk / "backup")
    assert list(small_disk.iterdir()) == []


def test_a_backup_is_whole_sound_and_one_file(store: Store, tmp_path: Path) -> None:
    store.accept(facts.sighted(b"a.mrc"), at=facts.AT)
    store.database.backup(tmp_path / "backup")
    store.accept(facts.sighted(b"b.mrc"), at=facts.AT)
    with sqlite3.connect(tmp_path / "backup") as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert copy.execute("SELECT COUNT(*) FROM frame").fetchone()[0] == 1
    assert {path.name for path in tmp_path.iterdir()} == {"state", "backup"}


def test_a_backup_never_overwrites(store: Store, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("precious")
    with pytest.raises(StoreRefused):
        store.database.backup(tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "precious"


def test_the_log_is_emptied_unless_somebody_reads(store: Store) -> None:
    for number in range(20):
        store.accept(facts.sighted(b"%d.mrc" % number), at=facts.AT)
    assert store.database.wal_bytes() > 0
    done = store.database.checkpoint()
    assert done.log_pages == done.moved_pages > 0
    reader = store.database.reader()
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM frame").fetchone()
    for number in range(20, 40):
        store.accept(facts.sighted(b"%d.mrc" % number), at=facts.AT)
    stuck = store.database.checkpoint()
    assert stuck.moved_pages < stuck.log_pages
    reader.close()
    done = store.database.checkpoint()
    assert done.moved_pages == done.log_pages


def test_a_reader_can_not_write(store: Store) -> None:
    reader = store.database.reader()
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("DELETE FROM outbox")
    reader.close()


def test_a_program_that_writes_the_database_is_in_the_way_for_a_while_only(store: Store) -> None:
    store.database.connection().execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(store.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreTrouble, match="no other program"):
        store.accept(facts.sighted(b"a.mrc"), at=facts.AT)
    other.execute("ROLLBACK")
    other.close()
    store.accept(facts.sighted(b"a.mrc"), at=facts.AT)
    sound.check(store)


def test_an_error_in_the_middle_leaves_nothing(store: Store) -> None:
    def fails() -> None:
        with store.database.transaction() as tx:
            tx.execute("INSERT INTO root (name) VALUES ('half')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert store.ledgers() == {}


def test_a_transaction_inside_another_is_refused_and_the_outer_one_lives(store: Store) -> None:
    with store.database.transaction() as tx:
        tx.execute("INSERT INTO root (name) VALUES ('outer')")
        with pytest.raises(RuntimeError, match="inside a transaction"):
            store.open_root("inner")
    assert set(store.ledgers()) == {"outer"}


# --- system calls that fail, and power that goes -------------------------------------------------------------------------


def scenario(strace: str, folder: Path, inject: str, mode: str = "run") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[3] / "daemon"), str(HERE.parents[2])]),
    }
    python = [sys.executable, "-m", "integration.store.scenario", str(folder), mode]
    return subprocess.run(
        [strace, "-qq", "-f", "-o", "/dev/null", "-e", f"inject={inject}", *python],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )


def after_restart(folder: Path, said: list[str]) -> None:
    store = opened(folder, ballast_bytes=0)
    sound.check(store)
    there = {str(row[0]) for row in store.database.read("SELECT seq FROM outbox")}
    assert set(said) - {"0"} <= there, "what was acknowledged is lost"
    # And it works on.
    store.accept(facts.sighted(b"fresh.mrc"), at=facts.AT)
    while (claimed := store.lease(until_s=1e9)) is not None:
        store.finish(claimed[0].job_id, claimed[0].attempt, facts.inspected(), at=facts.AT)
    ledger = store.ledgers()["titan"]
    assert (ledger.queued, ledger.balanced) == (0, True)
    sound.check(store)
    store.database.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64", "unlink", "ftruncate"])
def test_killed_at_any_system_call_that_writes_nothing_acknowledged_is_lost(
    strace: str, tmp_path: Path, call: str
) -> None:
    killed, number, stride = 0, 1, {"fdatasync": 3, "pwrite64": 13}.get(call, 1)
    while True:
        folder = tmp_path / f"{call} {number}"
        ended = scenario(strace, folder, f"{call}:signal=SIGKILL:when={number}")
        if "end" in ended.stdout.split():
            break
        assert ended.returncode in (-9, 137), ended.stderr
        killed += 1
        after_restart(folder, ended.stdout.split())
        number += stride
        if number > 200:
            break
    assert killed > 0, f"the scenario makes no {call}: nothing was tested"


@pytest.mark.parametrize("number", [5, 9, 15, 20])
def test_an_fsync_that_fails_is_trouble_and_state_is_read_again(
    strace: str, tmp_path: Path, number: int
) -> None:
    ended = scenario(strace, tmp_path / "state", f"fdatasync:error=EIO:when={number}", "ride")
    assert ended.returncode == 0, ended.stderr
    assert "StoreTrouble" in ended.stderr, "the fault was not met"
    said = ended.stdout.split()
    assert said[-1] == "end"
    after_restart(tmp_path / "state", said[:-1])


def test_while_fsync_goes_on_failing_it_stays_trouble_and_never_becomes_refusal(
    strace: str, tmp_path: Path
) -> None:
    ended = scenario(strace, tmp_path / "state", "fdatasync:error=EIO:when=13..19", "ride")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("StoreTrouble") >= 2
    after_restart(tmp_path / "state", ended.stdout.split()[:-1])


def test_a_disk_that_fills_under_a_write_is_full(strace: str, tmp_path: Path) -> None:
    ended = scenario(strace, tmp_path / "state", "pwrite64:error=ENOSPC:when=68..69", "ride")
    assert ended.returncode == 0, ended.stderr
    assert "StoreFull" in ended.stderr
    after_restart(tmp_path / "state", ended.stdout.split()[:-1])
