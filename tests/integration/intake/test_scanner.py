"""What arrives in a folder, as the scanner process tells it."""

import hashlib
import mmap
import os
import shutil
from pathlib import Path

import pytest

from integration.intake.conftest import Station, paths, settings_of
from temwatch.model.sighting import Held, Noticed, RootState, Sighted, Unfit, Vanished
from unit.intake.frames import HEADER_BYTES, SECTION_BYTES, mrc, write

WHOLE = mrc()
BOTH = pytest.mark.parametrize("discovery", ["events", "polling"])


@BOTH
async def test_a_file_written_in_pieces_is_sighted_when_it_is_whole(
    station: Station, root: Path, discovery: str
) -> None:
    await station.watch(settings_of(root, discovery=discovery))
    path = root / "1.mrc"
    for end in (HEADER_BYTES, HEADER_BYTES + 5, HEADER_BYTES + SECTION_BYTES - 1):
        path.write_bytes(WHOLE[:end])
        said = f"the file has {end}"
        await station.until(lambda: any(said in held.reason for held in station.of(Held)))  # noqa: B023
    path.write_bytes(WHOLE)
    (sighted,) = await station.sighted(1)
    assert sighted.stamp.size == len(WHOLE)


@BOTH
async def test_reserved_space_is_held_until_it_is_filled(
    station: Station, root: Path, discovery: str
) -> None:
    await station.watch(settings_of(root, discovery=discovery))
    with (root / "1.mrc").open("wb") as file:
        file.truncate(len(WHOLE))
        await station.until(lambda: station.of(Held))
        file.write(WHOLE)
    await station.sighted(1)
    fingerprints = {fact.fingerprint for fact in station.of(Sighted)}
    write(root / "2.mrc", WHOLE)
    await station.sighted(2)
    assert {fact.fingerprint for fact in station.of(Sighted)} == fingerprints


@BOTH
async def test_a_temporary_name_is_unseen_and_its_final_name_is_sighted(
    station: Station, root: Path, discovery: str
) -> None:
    await station.watch(settings_of(root, discovery=discovery))
    write(root / "1.mrc.tmp", WHOLE)
    write(root / "other.mrc", WHOLE)
    await station.sighted(1)
    (root / "1.mrc.tmp").rename(root / "1.mrc")
    assert paths(await station.sighted(2)) == [b"1.mrc", b"other.mrc"]
    assert paths(station.of(Noticed)) == [b"1.mrc", b"other.mrc"]


@BOTH
async def test_a_thousand_files_in_folders_made_a_moment_ago_are_all_sighted_once(
    station: Station, root: Path, discovery: str
) -> None:
    await station.watch(settings_of(root, discovery=discovery))
    await station.until(lambda: station.state() == "online")
    made = set()
    for n in range(1000):
        path = write(root / f"s{n % 7}" / f"g{n % 50}" / "data" / f"{n}.mrc", mrc(seed=n))
        made.add(os.fsencode(path.relative_to(root)))
    sighted = await station.sighted(1000)
    assert len(sighted) == 1000
    assert {fact.relpath for fact in sighted} == made


@BOTH
async def test_a_tree_moved_in_is_found_and_one_moved_out_vanishes(
    station: Station, root: Path, tmp_path: Path, discovery: str
) -> None:
    await station.watch(settings_of(root, discovery=discovery))
    await station.until(lambda: station.state() == "online")
    for n in range(10):
        write(tmp_path / "outside" / "deep" / f"{n}.mrc", mrc(seed=n))
    (tmp_path / "outside").rename(root / "inside")
    assert len(await station.sighted(10)) == 10
    (root / "inside").rename(tmp_path / "outside")
    await station.until(lambda: len(station.of(Vanished)) == 10)
    assert paths(station.of(Vanished)) == paths(station.of(Sighted))


@BOTH
async def test_deleted_overwritten_and_replaced_files_are_told(
    station: Station, root: Path, tmp_path: Path, discovery: str
) -> None:
    await station.watch(settings_of(root, discovery=discovery))
    for n in range(3):
        write(root / f"{n}.mrc", mrc(seed=n))
    await station.sighted(3)
    (root / "0.mrc").unlink()
    write(root / "1.mrc", mrc(seed=11))
    write(tmp_path / "new", mrc(seed=12)).rename(root / "2.mrc")
    sighted = await station.sighted(5)
    assert paths(sighted[3:]) == [b"1.mrc", b"2.mrc"]
    await station.until(lambda: station.of(Vanished))
    assert paths(station.of(Vanished)) == [b"0.mrc"]


async def test_links_pipes_and_texts_are_set_aside_and_block_nothing(
    station: Station, root: Path, tmp_path: Path
) -> None:
    (root / "link.mrc").symlink_to(write(tmp_path / "outside.mrc", WHOLE))
    os.mkfifo(root / "pipe.mrc")
    write(root / "words.tif", b"These are words and no image. " * 9)
    write(root / "1.mrc", WHOLE)
    await station.watch(settings_of(root))
    await station.until(lambda: len(station.of(Unfit)) == 3 and station.of(Sighted))
    assert paths(station.of(Unfit)) == [b"link.mrc", b"pipe.mrc", b"words.tif"]
    assert all(fact.next_step for fact in station.of(Unfit))


async def test_raw_names_come_through(station: Station, root: Path) -> None:
    names = [b"new\nline.mrc", b"\xff\xfe\x1b[2J.mrc", b"quote\"'.mrc", "µm ≥ 5.mrc".encode()]
    for name in names:
        (root / os.fsdecode(name)).write_bytes(WHOLE)
    await station.watch(settings_of(root))
    assert paths(await station.sighted(4)) == sorted(names)


async def test_a_change_through_mapped_memory_gives_another_sighting(station: Station, root: Path) -> None:
    path = write(root / "1.mrc", WHOLE)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[HEADER_BYTES] ^= 1
        await station.watch(settings_of(root, discovery="polling", recheck_s=0.3))
        (first,) = await station.sighted(1)
        memory[HEADER_BYTES + 1] ^= 1
        second = (await station.sighted(2))[1]
    assert first.fingerprint != second.fingerprint


async def test_a_root_that_comes_later_is_found(station: Station, tmp_path: Path) -> None:
    await station.watch(settings_of(tmp_path / "later"))
    await station.until(lambda: station.state() == "offline")
    write(tmp_path / "later" / "1.mrc", WHOLE)
    await station.sighted(1)
    assert station.state() == "online"


async def test_nothing_vanishes_with_a_lost_root_and_the_rest_goes_on_when_it_is_back(
    station: Station, root: Path, tmp_path: Path
) -> None:
    write(root / "1.mrc", WHOLE)
    await station.watch(settings_of(root))
    await station.sighted(1)
    root.rename(tmp_path / "away")
    await station.until(lambda: station.state() == "offline")
    root.mkdir()
    root.rmdir()
    write(tmp_path / "away" / "2.mrc", WHOLE)
    (tmp_path / "away").rename(root)
    await station.sighted(2)
    assert (paths(station.of(Sighted)), station.of(Vanished)) == ([b"1.mrc", b"2.mrc"], [])


async def test_a_paused_root_is_left_alone_until_it_is_resumed(station: Station, root: Path) -> None:
    await station.watch(settings_of(root), settings_of(root, name="other"))
    await station.until(lambda: station.state() == station.state("other") == "online")
    assert await station.roots.pause("r")
    await station.until(lambda: station.state() == "paused")
    write(root / "1.mrc", WHOLE)
    await station.sighted(1, "other")
    assert station.of(Noticed) == []
    assert await station.roots.resume("r")
    await station.sighted(1)
    assert station.state() == "online"
    assert not await station.roots.pause("no such root")


async def test_a_root_added_while_running_is_watched_and_a_removed_one_is_not(
    station: Station, root: Path, tmp_path: Path
) -> None:
    write(root / "1.mrc", WHOLE)
    write(tmp_path / "more" / "2.mrc", WHOLE)
    await station.watch(settings_of(root))
    await station.sighted(1)
    await station.roots.add(settings_of(tmp_path / "more", name="more"))
    assert paths(await station.sighted(1, "more")) == [b"2.mrc"]
    assert await station.roots.remove("r")
    write(root / "3.mrc", WHOLE)
    write(tmp_path / "more" / "4.mrc", WHOLE)
    await station.sighted(2, "more")
    assert paths(station.of(Sighted)) == [b"1.mrc"]
    assert not await station.roots.remove("r")


async def test_a_forgotten_file_is_sighted_once_more(station: Station, root: Path) -> None:
    write(root / "1.mrc", WHOLE)
    await station.watch(settings_of(root))
    await station.sighted(1)
    station.roots.forget("r", b"1.mrc")
    assert paths(await station.sighted(2)) == [b"1.mrc", b"1.mrc"]


async def test_nothing_in_a_watched_tree_is_changed(station: Station, root: Path, data_dir: Path) -> None:
    shutil.copytree(data_dir / "formats", root / "formats")
    write(root / "cut.mrc", WHOLE[:-1])
    write(root / "words.mrc", b"no image " * 100)
    for path in root.rglob("*"):  # access times older than the changes: reading would move them
        os.utime(path, ns=(path.stat().st_atime_ns - 10**15, path.stat().st_mtime_ns))
    before = fingerprint_of_tree(root)
    await station.watch(settings_of(root, include=("*",), recheck_s=0.2))
    wanted = sum(path.is_file() and not path.name.startswith(".") for path in root.rglob("*"))
    await station.until(
        lambda: len({f.relpath for f in station.facts if isinstance(f, Sighted | Unfit | Held)}) >= wanted
    )
    station.roots.rescan("r")
    await station.until(lambda: [f for f in station.of(RootState) if f.files >= wanted])
    await station.stop()
    assert fingerprint_of_tree(root) == before


def fingerprint_of_tree(root: Path) -> dict[str, tuple[object, ...]]:
    found = {}
    for path in sorted([root, *root.rglob("*")]):
        status = path.stat()
        times = (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode)
        found[str(path)] = times
    for path in root.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
            with os.fdopen(descriptor, "rb") as file:
                found[str(path)] += (hashlib.file_digest(file, "sha256").hexdigest(),)
    return found
