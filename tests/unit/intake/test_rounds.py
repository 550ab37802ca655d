"""A scanner's rounds over a real folder, under a virtual clock."""

import mmap
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from temwatch.intake.tree import HOT_S
from temwatch.model.sighting import Held, Noticed, RootIdentified, Sighted, Unfit, Vanished
from unit.intake.bench import QUIET_S, Bench, names
from unit.intake.frames import HEADER_BYTES, SECTION_BYTES, mrc, section, write

WHOLE = mrc()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def bench(root: Path) -> Bench:
    return Bench(root)


def settled(bench: Bench) -> None:
    """Let everything there come to rest, and every folder grow cold."""
    bench.wait(HOT_S + 60.0, step_s=2.0)


def test_files_that_were_there_before_are_found_in_nested_folders(bench: Bench, root: Path) -> None:
    write(root / "a" / "b" / "c" / "1.mrc", WHOLE)
    write(root / "2.mrc", WHOLE)
    assert names(bench.go(), Noticed) == [b"2.mrc", b"a/b/c/1.mrc"]
    assert names(bench.wait(QUIET_S), Sighted) == [b"2.mrc", b"a/b/c/1.mrc"]


def test_a_file_is_sighted_once(bench: Bench, root: Path) -> None:
    write(root / "1.mrc", WHOLE)
    assert names(bench.wait(2000.0, step_s=5.0), Sighted) == [b"1.mrc"]


def test_a_slow_writer_is_waited_for(bench: Bench, root: Path) -> None:
    stack = mrc(sections=40)
    path = write(root / "1.mrc", stack[:HEADER_BYTES])
    bench.go()
    told = []
    for end in range(HEADER_BYTES, len(stack), SECTION_BYTES):
        path.write_bytes(stack[: end + SECTION_BYTES])
        told += bench.wait(QUIET_S / 2, step_s=QUIET_S / 4)
    assert names(told, Sighted) == []
    assert names(bench.wait(QUIET_S * 2), Sighted) == [b"1.mrc"]


def test_a_file_cut_short_is_held_and_sighted_when_the_rest_comes(bench: Bench, root: Path) -> None:
    path = write(root / "1.mrc", WHOLE[:-10])
    told = bench.wait(100.0)
    assert names(told, Sighted) == []
    assert any("section" in fact.reason for fact in told if isinstance(fact, Held))
    path.write_bytes(WHOLE)
    assert names(bench.wait(60.0), Sighted) == [b"1.mrc"]


def test_a_file_cut_short_for_good_is_set_aside_and_taken_up_again_when_it_changes(
    bench: Bench, root: Path
) -> None:
    path = write(root / "1.mrc", WHOLE[:-10])
    assert names(bench.wait(310.0), Unfit) == [b"1.mrc"]
    settled(bench)
    path.write_bytes(WHOLE)
    told = bench.wait(700.0)
    assert (names(told, Noticed), names(told, Sighted)) == ([b"1.mrc"], [b"1.mrc"])


def test_reserved_space_is_not_taken_for_an_image(bench: Bench, root: Path) -> None:
    path = root / "1.mrc"
    with path.open("wb") as file:
        file.truncate(len(WHOLE))
    assert names(bench.wait(50.0), Sighted) == []
    with path.open("r+b") as file:
        file.write(WHOLE[:HEADER_BYTES])  # complete by its structure, but all zeros
    assert names(bench.wait(QUIET_S * 2.5), Sighted) == []
    path.write_bytes(WHOLE)
    told = bench.wait(60.0)
    assert [fact.fingerprint for fact in told if isinstance(fact, Sighted)] != []
    assert names(told, Sighted) == [b"1.mrc"]


def test_a_placeholder_waits_for_hours_without_a_word(bench: Bench, root: Path) -> None:
    path = write(root / "1.mrc", b"")
    assert names(bench.wait(5.0), Held) == [b"1.mrc"]
    assert bench.wait(7200.0, step_s=10.0) == []
    path.write_bytes(WHOLE)
    assert names(bench.wait(100.0), Sighted) == [b"1.mrc"]


def test_a_temporary_name_is_ignored_until_it_is_the_final_one(bench: Bench, root: Path) -> None:
    path = write(root / "1.mrc.part", WHOLE)
    assert bench.wait(20.0) == []
    path.rename(root / "1.mrc")
    assert names(bench.wait(5.0), Sighted) == [b"1.mrc"]


def test_a_file_renamed_over_another_is_new_content(bench: Bench, root: Path) -> None:
    write(root / "1.mrc", WHOLE)
    settled(bench)
    write(root / "x.tmp", mrc(seed=2)).rename(root / "1.mrc")
    told = bench.wait(10.0)
    assert (names(told, Noticed), names(told, Sighted)) == ([b"1.mrc"], [b"1.mrc"])


def test_a_file_overwritten_in_place_in_a_cold_folder_is_found_by_the_slow_sweep(
    bench: Bench, root: Path
) -> None:
    write(root / "old" / "1.mrc", WHOLE)
    settled(bench)
    (root / "old" / "1.mrc").write_bytes(mrc(seed=2))
    assert names(bench.wait(1210.0), Sighted) == [b"old/1.mrc"]


def test_a_file_overwritten_in_place_in_a_folder_in_use_is_found_at_once(bench: Bench, root: Path) -> None:
    write(root / "1.mrc", WHOLE)
    bench.wait(10.0)
    (root / "1.mrc").write_bytes(mrc(seed=2))
    assert names(bench.wait(QUIET_S + 2.0), Sighted) == [b"1.mrc"]


def test_an_event_finds_a_file_overwritten_in_a_cold_folder_at_once(bench: Bench, root: Path) -> None:
    write(root / "old" / "1.mrc", WHOLE)
    settled(bench)
    (root / "old" / "1.mrc").write_bytes(mrc(seed=2))
    assert names(bench.go(["old/1.mrc"]), Noticed) == [b"old/1.mrc"]


@pytest.mark.parametrize("hint", ["new/deep/1.mrc", "new/deep", "new", ""])
def test_an_event_about_a_new_tree_finds_what_is_in_it(bench: Bench, root: Path, hint: str) -> None:
    settled(bench)
    write(root / "new" / "deep" / "1.mrc", WHOLE)
    bench.rounds._next_scan_s = bench.now_s + 1e6  # by the event alone
    assert names(bench.go([hint]), Noticed) == [b"new/deep/1.mrc"]


def test_an_event_about_a_deleted_file_makes_it_vanish(bench: Bench, root: Path) -> None:
    path = write(root / "1.mrc", WHOLE)
    settled(bench)
    path.unlink()
    bench.rounds._next_scan_s = bench.now_s + 1e6
    assert names(bench.go(["1.mrc"]), Vanished) == [b"1.mrc"]


def test_each_section_appended_to_a_stack_gives_a_sighting_with_one_more(bench: Bench, root: Path) -> None:
    path = write(root / "tilt.mrc", mrc(sections=1, declared=3))
    seen = []
    for k in range(1, 4):
        seen += [fact.sections for fact in bench.wait(20.0) if isinstance(fact, Sighted)]
        with path.open("ab") as file:
            file.write(section(1, k))
    assert [len(sections or ()) for sections in seen] == [1, 2, 3]
    assert seen[2][:2] == seen[1]


def test_a_deleted_file_vanishes_once(bench: Bench, root: Path) -> None:
    path = write(root / "1.mrc", WHOLE)
    settled(bench)
    path.unlink()
    told = bench.wait(1300.0, step_s=5.0)
    assert names(told, Vanished) == [b"1.mrc"]
    assert len(told) == 1


def test_a_file_deleted_while_it_was_held_vanishes(bench: Bench, root: Path) -> None:
    path = write(root / "1.mrc", WHOLE[:-1])
    bench.wait(10.0)
    path.unlink()
    assert names(bench.wait(10.0), Vanished) == [b"1.mrc"]


def test_a_folder_moved_within_the_root_takes_its_files_along(bench: Bench, root: Path) -> None:
    write(root / "a" / "x" / "1.mrc", WHOLE)
    settled(bench)
    (root / "a").rename(root / "b")
    told = bench.wait(10.0)
    assert names(told, Vanished) == [b"a/x/1.mrc"]
    assert names(told, Sighted) == [b"b/x/1.mrc"]


def test_links_and_special_files_are_set_aside_once_and_not_followed(
    bench: Bench, root: Path, tmp_path: Path
) -> None:
    outside = write(tmp_path / "outside" / "secret.mrc", WHOLE)
    (root / "link.mrc").symlink_to(outside)
    (root / "loop.mrc").symlink_to("loop.mrc")
    (root / "folder").symlink_to(outside.parent)
    os.mkfifo(root / "pipe.mrc")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(root / "socket.mrc"))
        told = bench.wait(1300.0, step_s=5.0)
    assert names(told, Unfit) == [b"link.mrc", b"loop.mrc", b"pipe.mrc", b"socket.mrc"]
    assert len(told) == 4
    bench.restart()
    assert bench.wait(20.0) == []


def test_a_link_replaced_by_the_file_itself_is_sighted(bench: Bench, root: Path, tmp_path: Path) -> None:
    (root / "1.mrc").symlink_to(write(tmp_path / "outside.mrc", WHOLE))
    settled(bench)
    (root / "1.mrc").unlink()
    write(root / "1.mrc", WHOLE)
    assert names(bench.wait(10.0), Sighted) == [b"1.mrc"]


def test_a_file_replaced_by_a_folder_of_its_name_vanishes(bench: Bench, root: Path) -> None:
    path = write(root / "1.mrc", WHOLE)
    settled(bench)
    path.unlink()
    write(root / "1.mrc" / "2.mrc", WHOLE)
    told = bench.wait(10.0)
    assert names(told, Vanished) == [b"1.mrc"]
    assert names(told, Sighted) == [b"1.mrc/2.mrc"]


@pytest.mark.parametrize(
    "name",
    [b"new\nline.mrc", b"\xff\xfe.mrc", b"\x1b[31mred.mrc", b"x" * 251 + b".mrc", b"a..b.mrc", b"a\\b.mrc"],
)
def test_hostile_names_survive_byte_for_byte(bench: Bench, root: Path, name: bytes) -> None:
    (root / os.fsdecode(name)).write_bytes(WHOLE)
    assert names(bench.wait(10.0), Sighted) == [name]


def test_names_that_differ_in_case_only_are_two_files(bench: Bench, root: Path) -> None:
    write(root / "a.mrc", WHOLE)
    write(root / "A.MRC", WHOLE)
    assert names(bench.wait(10.0), Sighted) == [b"A.MRC", b"a.mrc"]


def test_a_text_file_under_a_frame_s_name_is_set_aside(bench: Bench, root: Path) -> None:
    write(root / "notes.mrc", b"Today we looked at the second sample. " * 5)
    assert names(bench.wait(10.0), Unfit) == [b"notes.mrc"]


def test_the_newest_file_is_not_kept_waiting_by_a_backlog(bench: Bench, root: Path) -> None:
    for n in range(50):
        write(root / "old" / f"{n:02}.mrc", WHOLE)
        os.utime(root / "old" / f"{n:02}.mrc", (1000 + n, 1000 + n))
    bench.go()
    bench.now_s += 0.5
    write(root / "live.mrc", WHOLE)
    bench.rounds._next_scan_s = 0.0
    bench.go()
    bench.now_s += 10.0
    sighted = [fact.relpath for fact in bench.go() if isinstance(fact, Sighted)]
    assert sighted[0] == b"live.mrc"
    assert sighted[1:] == [f"old/{n:02}.mrc".encode() for n in range(50)]


def test_after_a_restart_only_what_is_new_or_changed_is_told(bench: Bench, root: Path) -> None:
    write(root / "same.mrc", WHOLE)
    write(root / "changed.mrc", WHOLE)
    write(root / "gone.mrc", WHOLE)
    write(root / "held.mrc", WHOLE[:-1])
    bench.wait(20.0)
    write(root / "changed.mrc", mrc(seed=3))
    write(root / "new.mrc", WHOLE)
    write(root / "held.mrc", WHOLE)
    (root / "gone.mrc").unlink()
    bench.restart()
    told = bench.wait(20.0)
    assert names(told, Sighted) == [b"changed.mrc", b"held.mrc", b"new.mrc"]
    assert names(told, Noticed) == [b"changed.mrc", b"new.mrc"]
    assert names(told, Vanished) == [b"gone.mrc"]


def test_a_file_to_be_taken_up_again_is_sighted_once_more(bench: Bench, root: Path) -> None:
    write(root / "1.mrc", WHOLE)
    settled(bench)
    bench.rounds.forget("1.mrc")
    assert names(bench.wait(10.0), Sighted) == [b"1.mrc"]


def test_a_root_that_is_missing_is_offline_until_it_appears(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "later")
    assert bench.go() == []
    assert (bench.state().state, bench.state().reason) == ("offline", "there is no such folder")
    write(tmp_path / "later" / "1.mrc", WHOLE)
    assert names(bench.wait(10.0), Sighted) == [b"1.mrc"]
    assert bench.state().state == "online"


def test_nothing_vanishes_with_its_root(bench: Bench, root: Path, tmp_path: Path) -> None:
    write(root / "1.mrc", WHOLE)
    settled(bench)
    root.rename(tmp_path / "away")
    assert bench.wait(1300.0, step_s=5.0) == []
    assert bench.state().state == "offline"
    root.mkdir()  # what is left of an unmounted share
    assert bench.wait(1300.0, step_s=5.0) == []
    assert bench.state().state == "offline"
    root.rmdir()
    (tmp_path / "away").rename(root)
    assert bench.wait(1300.0, step_s=5.0) == []
    assert bench.state().state == "online"


def test_a_missing_root_stays_offline_over_a_restart(bench: Bench, root: Path, tmp_path: Path) -> None:
    write(root / "1.mrc", WHOLE)
    settled(bench)
    root.rename(tmp_path / "away")
    root.mkdir()
    bench.restart()
    assert bench.wait(100.0) == []
    assert bench.state().state == "offline"


def test_a_local_root_may_be_emptied(bench: Bench, root: Path) -> None:
    path = write(root / "1.mrc", WHOLE)
    settled(bench)
    path.unlink()
    assert names(bench.wait(10.0), Vanished) == [b"1.mrc"]
    assert bench.state().state == "online"


def test_the_identity_of_the_root_is_told_once(bench: Bench) -> None:
    bench.wait(100.0)
    assert len([fact for fact in bench.facts if isinstance(fact, RootIdentified)]) == 1


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder outside the private ones of the tests, looked at by a user whom permissions bind."""
    folder = Path(tempfile.mkdtemp(prefix="temwatch-test-"))
    folder.chmod(0o777)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    yield folder
    if is_root:
        os.seteuid(0)
    shutil.rmtree(folder)


def test_a_forbidden_folder_is_named_and_the_rest_goes_on(open_to_all: Path) -> None:
    bench = Bench(open_to_all)
    write(open_to_all / "closed" / "1.mrc", WHOLE)
    write(open_to_all / "open" / "2.mrc", WHOLE)
    (open_to_all / "closed").chmod(0)
    told = bench.wait(20.0)
    assert names(told, Sighted) == [b"open/2.mrc"]
    assert (bench.state().state, bench.state().reason) == (
        "degraded",
        "can't list closed: Permission denied",
    )
    (open_to_all / "closed").chmod(0o755)
    assert names(bench.wait(60.0), Sighted) == [b"closed/1.mrc"]
    assert bench.state().state == "online"


def test_a_forbidden_folder_s_known_files_do_not_vanish(open_to_all: Path) -> None:
    bench = Bench(open_to_all)
    write(open_to_all / "closed" / "1.mrc", WHOLE)
    bench.wait(20.0)
    (open_to_all / "closed").chmod(0)
    assert bench.wait(1300.0, step_s=5.0) == []
    (open_to_all / "closed").chmod(0o755)


def test_a_forbidden_file_is_held_with_the_reason_until_it_may_be_read(open_to_all: Path) -> None:
    bench = Bench(open_to_all)
    path = write(open_to_all / "1.mrc", WHOLE)
    path.chmod(0)
    told = bench.wait(20.0)
    assert ["permission" in fact.reason for fact in told if isinstance(fact, Held)] == [True]
    path.chmod(0o644)
    assert names(bench.wait(100.0), Sighted) == [b"1.mrc"]


def test_a_scan_of_an_unchanged_tree_says_nothing(bench: Bench, root: Path) -> None:
    for n in range(200):
        write(root / f"d{n % 10}" / f"{n}.mrc", WHOLE)
    settled(bench)
    assert bench.wait(700.0, step_s=5.0) == []


def test_what_is_written_through_mapped_memory_without_moving_any_time_is_found(
    bench: Bench, root: Path
) -> None:
    path = write(root / "1.mrc", WHOLE)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[HEADER_BYTES] ^= 1  # the first write to a page moves the time, the next ones do not
        bench.wait(10.0)
        before = path.stat()
        memory[HEADER_BYTES + 1] ^= 1
        after = path.stat()
        assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
        assert names(bench.wait(100.0), Sighted) == [b"1.mrc"]
    first, second = (fact.fingerprint for fact in bench.facts if isinstance(fact, Sighted))
    assert first != second
