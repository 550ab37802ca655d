"""What is refused at the start, and why; what is refused stays as it was."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from integration.store.conftest import opened
from temwatch.errors import StoreRefused
from temwatch.store.database import Database, examine_file
from temwatch.store.migrate import APPLICATION_ID, Migration, in_order, migrate, migrations
from temwatch.store.store import Store
from unit.store import facts, sound

ON_NFS = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / {} rw - nfs4 server:/export rw\n"


def refusal(folder: Path, **options: object) -> str:
    database = Database(folder, **options)
    with pytest.raises(StoreRefused) as caught:
        database.open()
    assert caught.value.next_step
    return str(caught.value)


def closed_store(folder: Path) -> Path:
    store = opened(folder, ballast_bytes=0)
    store.accept(facts.sighted(b"a.mrc"), at=facts.AT)
    store.database.close()
    return folder / "temwatch.sqlite"


def test_a_second_daemon_is_told_who_holds_the_folder(store: Store) -> None:
    assert f"process {os.getpid()}" in refusal(store.database.folder)


def test_a_refused_second_daemon_takes_nothing_from_the_first(store: Store) -> None:
    refusal(store.database.folder)
    refusal(store.database.folder)
    store.accept(facts.sighted(b"a.mrc"), at=facts.AT)
    sound.check(store)


def test_the_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from temwatch.store.database import Database;"
        "Database(Path(sys.argv[1])).open(); os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path / "state")], env=_environment())
    assert ended.returncode == -9
    opened(tmp_path / "state").database.close()


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = closed_store(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    assert "schema 999" in refusal(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("statement", ["PRAGMA application_id = 7", "CREATE TABLE other (x)"])
def test_a_database_of_another_program_is_refused_byte_for_byte_as_it_was(
    tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "temwatch.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
    before = path.read_bytes()
    assert "no temwatch database" in refusal(tmp_path)
    assert path.read_bytes() == before


def test_an_empty_database_is_refused_instead_of_started_afresh(tmp_path: Path) -> None:
    (tmp_path / "temwatch.sqlite").touch()
    assert "empty" in refusal(tmp_path)
    assert (tmp_path / "temwatch.sqlite").stat().st_size == 0


@pytest.mark.parametrize("left", ["temwatch.sqlite-wal", "previews"])
def test_a_missing_database_is_refused_where_its_remains_are_there(tmp_path: Path, left: str) -> None:
    (tmp_path / left).mkdir()
    assert "missing" in refusal(tmp_path)
    assert not (tmp_path / "temwatch.sqlite").exists()


def test_garbage_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "temwatch.sqlite"
    path.write_bytes(b"not a database at all " * 500)
    before = path.read_bytes()
    assert "can't be used" in refusal(tmp_path)
    assert path.read_bytes() == before


def test_a_damaged_page_is_refused(tmp_path: Path) -> None:
    path = closed_store(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[8192:12288] = b"\xa5" * 4096
    path.write_bytes(whole)
    assert "can't be used" in refusal(tmp_path)
    assert examine_file(path)


def test_a_sound_file_has_no_faults(tmp_path: Path) -> None:
    assert examine_file(closed_store(tmp_path)) == []


def test_a_ledger_that_does_not_add_up_is_a_fault(tmp_path: Path) -> None:
    path = closed_store(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE ledger SET queued = 7")
    assert any("ledger of titan" in fault for fault in examine_file(path))


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("here")
    assert "can't be made" in refusal(tmp_path / "state")


def test_a_folder_nobody_may_write_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert "can't be locked" in refusal(small_disk)


def test_a_network_file_system_is_refused(tmp_path: Path) -> None:
    assert "nfs4" in refusal(tmp_path / "state", mountinfo=ON_NFS.format(tmp_path))


def test_a_network_file_system_behind_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "share")
    assert "nfs4" in refusal(tmp_path / "link", mountinfo=ON_NFS.format(tmp_path / "share"))


def test_the_state_is_for_its_owner_only(store: Store) -> None:
    folder = store.database.folder
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert modes["temwatch.sqlite"] == modes["temwatch.sqlite-wal"] == modes["lock"] == 0o600


def test_commits_are_synced_and_only_one_file_system_writer_is_assumed(store: Store) -> None:
    read = store.database.read
    assert read("PRAGMA journal_mode")[0][0] == "wal"
    assert read("PRAGMA synchronous")[0][0] == 2  # FULL
    assert read("PRAGMA foreign_keys")[0][0] == 1


# --- epochs ------------------------------------------------------------------------------------------------------------


def test_a_restart_keeps_the_epoch(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.database.close()
    second = opened(tmp_path)
    second.database.close()
    assert second.database.epoch == first.database.epoch


def test_a_log_deleted_after_a_crash_starts_a_new_epoch_since_numbers_come_again(tmp_path: Path) -> None:
    source = opened(tmp_path / "state")
    source.database.checkpoint()
    source.accept(facts.sighted(b"a.mrc"), at=facts.AT)
    # The folder as a power cut leaves it, in the place where it was, without the log.
    epoch = source.database.epoch
    (tmp_path / "state" / "temwatch.sqlite-wal").rename(tmp_path / "lost")
    kept = (tmp_path / "state" / "temwatch.sqlite").read_bytes()
    source.database.close()
    (tmp_path / "state" / "temwatch.sqlite").write_bytes(kept)
    (tmp_path / "state" / "lock").write_text("4711\n")
    again = opened(tmp_path / "state")
    sound.check(again)
    assert again.database.epoch != epoch
    again.database.close()


def test_a_backup_put_in_place_starts_a_new_epoch(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.accept(facts.sighted(b"a.mrc"), at=facts.AT)
    store.database.backup(tmp_path / "backup")
    store.accept(facts.sighted(b"b.mrc"), at=facts.AT)
    store.database.close()
    (tmp_path / "temwatch.sqlite").rename(tmp_path / "old")
    (tmp_path / "backup").rename(tmp_path / "temwatch.sqlite")
    restored = opened(tmp_path)
    assert restored.database.epoch != store.database.epoch
    assert restored.ledgers()["titan"].queued == 1
    sound.check(restored)
    restored.database.close()


def test_a_copied_state_folder_starts_a_new_epoch(tmp_path: Path) -> None:
    closed_store(tmp_path / "state")
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    one, two = opened(tmp_path / "state"), opened(tmp_path / "copy")
    assert one.database.epoch != two.database.epoch
    one.database.close()
    two.database.close()


# --- steps of the schema -------------------------------------------------------------------------------------------------


def step(number: int, sql: str) -> Migration:
    return Migration(number, f"{number:04d}_test.sql", sql)


def test_the_shipped_steps_are_numbered_without_gaps() -> None:
    assert [one.number for one in migrations()] == list(range(1, len(migrations()) + 1))
    assert migrations()


@pytest.mark.parametrize("numbers", [(1, 3), (2,), (1, 1)])
def test_steps_with_gaps_or_twins_are_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"1\.\.n"):
        in_order(step(number, "") for number in numbers)


def test_a_step_that_fails_in_its_middle_leaves_the_old_schema_and_every_row(tmp_path: Path) -> None:
    path = closed_store(tmp_path)
    bad = step(
        len(migrations()) + 1, "CREATE TABLE half (x);\nDELETE FROM job;\nINSERT INTO nowhere VALUES (1);"
    )
    assert bad.name in refusal(tmp_path, steps=(*migrations(), bad))
    store = opened(tmp_path)
    assert store.database.read("SELECT 1 FROM sqlite_master WHERE name = 'half'") == []
    assert store.database.read("PRAGMA user_version")[0][0] == len(migrations())
    assert store.has_ready()
    sound.check(store)
    store.database.close()
    assert path.exists()


def test_a_step_that_succeeds_is_taken_once(tmp_path: Path) -> None:
    closed_store(tmp_path)
    steps = (*migrations(), step(len(migrations()) + 1, "CREATE TABLE more (x); -- the end"))
    for _ in range(2):
        store = opened(tmp_path, steps=steps)
        assert store.database.read("PRAGMA user_version")[0][0] == len(steps)
        store.database.close()


def test_a_failed_step_leaves_no_transaction_open() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(StoreRefused):
        migrate(connection, (step(1, "CREATE TABLE a (x); INSERT INTO nowhere VALUES (1);"),), where="memory")
    assert not connection.in_transaction
    assert connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "daemon")}
