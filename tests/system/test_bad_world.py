"""Bad files, bad folders, a bad disk: one clear word each, nothing lost, nothing hangs."""

import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from system.site import Site, cli, ends
from temwatch.sim.microscope import Microscope, Session

MakeSite = Callable[..., Site]


def one_frame(folder: Path, seed: int = 3, **session: object) -> Path:
    settings = Session(seed=seed, shape=(128, 128), objects=2, **session)  # type: ignore[arg-type]
    (exposure,) = Microscope(folder, settings, wait=lambda _: None).frames(1)
    return exposure.path


def absurd_mrc() -> bytes:
    """An MRC header that promises 2 Tpx."""
    header = bytearray(1024)
    header[:16] = struct.pack("<4i", 1_000_000, 1_000_000, 2, 1)
    header[208:212] = b"MAP "
    header[212:214] = b"\x44\x44"
    return bytes(header) + bytes(5000)


BAD_FILES = {
    "text.tif": b"once upon a time there was no picture " * 50,
    "noise.mrc": bytes(range(256)) * 40,
    "absurd.mrc": absurd_mrc(),
    "header only.dm4": b"\x00\x00\x00\x04" + bytes(12),
    "cut.emd": b"\x89HDF\r\n\x1a\n" + bytes(200),
    "wrong.ser": b"II\x97\x01\x20\x02" + bytes(10),
}


def test_each_bad_file_is_set_aside_by_name_and_the_good_one_is_inspected(make_site: MakeSite) -> None:
    site = make_site(give_up_s=0.5)
    folder = site.folder / "titan"
    for name, content in BAD_FILES.items():
        (folder / name).write_bytes(content)
    good = one_frame(folder)
    site.start()
    site.until(lambda: site.settled() and site.status()["ledger"]["titan"]["set_aside"] == len(BAD_FILES))
    told = {m.body["path"]: m for m in ends(site.history())}
    assert told.pop(good.name).header.type == "frame.inspected"
    assert set(told) == set(BAD_FILES)
    for message in told.values():
        assert message.body["reason"]
        assert message.body["next_step"]
    assert site.status()["state"] == "ready"


def test_what_is_no_file_is_never_opened_and_is_set_aside(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site()
    folder = site.folder / "titan"
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "link.tif").symlink_to(one_frame(outside))
    (folder / "loop.tif").symlink_to("loop.tif")
    os.mkfifo(folder / "pipe.mrc")
    good = one_frame(folder, seed=4)
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)
    site.until(lambda: site.status()["ledger"]["titan"]["set_aside"] == 3)
    inspected = [m.body["path"] for m in ends(site.history()) if m.header.type == "frame.inspected"]
    assert inspected == [good.name]


def test_hostile_names_survive_the_whole_way_and_print_harmlessly(make_site: MakeSite) -> None:
    site = make_site()
    folder = os.fsencode(site.folder / "titan")
    content = one_frame(site.folder, seed=5).read_bytes()
    names = [b"new\nline.tif", b"esc\x1b[31m.tif", b"not\xffutf8.tif", b"quote'\".tif", b"x" * 251 + b".tif"]
    for name in names:
        Path(os.fsdecode(os.path.join(folder, name))).write_bytes(content)  # noqa: PTH118  bytes
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == len(names))
    paths = [m.body["path"] for m in ends(site.history())]
    assert len(set(paths)) == len(names)
    assert all(path.isprintable() for path in paths)


def test_a_folder_that_goes_away_is_offline_and_nothing_in_it_is_taken_for_deleted(
    make_site: MakeSite,
) -> None:
    site = make_site()
    folder = site.folder / "titan"
    one_frame(folder)
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)
    folder.rename(site.folder / "away")
    site.until(lambda: site.status()["roots"]["titan"]["state"] == "offline")
    assert site.status()["state"] == "degraded"
    assert site.status()["ledger"]["titan"]["gone"] == 0
    (site.folder / "away").rename(folder)
    one_frame(folder, seed=6)
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 2)
    assert site.status()["ledger"]["titan"]["seen"] == 2


def test_an_address_in_use_ends_the_daemon_with_its_name_and_exit_code_75(make_site: MakeSite) -> None:
    site = make_site()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        site.config.write_text(site.config.read_text().replace(site.events, address))
        said = cli(site, "run")
    assert said.returncode == 75
    assert address in said.stderr


def test_an_emptied_database_is_refused_and_left_as_it_is(make_site: MakeSite) -> None:
    site = make_site()
    state = site.folder / "state"
    state.mkdir()
    (state / "temwatch.sqlite").touch()
    said = cli(site, "run")
    assert said.returncode == 78
    assert "temwatch.sqlite" in said.stderr
    assert (state / "temwatch.sqlite").stat().st_size == 0


def test_a_watched_folder_that_is_not_there_yet_is_watched_once_it_is(make_site: MakeSite) -> None:
    site = make_site()
    (site.folder / "titan").rmdir()
    site.start()
    assert site.status()["roots"]["titan"]["state"] == "offline"
    (site.folder / "titan").mkdir()
    one_frame(site.folder / "titan")
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB, mounted for the test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk can't be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.timeout(240)
def test_a_full_state_disk_is_said_and_nothing_is_lost_once_there_is_room(
    make_site: MakeSite, small_disk: Path
) -> None:
    site = make_site()
    site.config.write_text(site.config.read_text().replace('dir = "state"', f'dir = "{small_disk}/state"'))
    site.start(wait=False)
    site.until(lambda: site.status()["pid"] > 0)
    filler = small_disk / "filler"
    fill(filler)
    folder = site.folder / "titan"
    names = [
        exposure.path.name
        for exposure in Microscope(
            folder, Session(seed=8, shape=(192, 192), objects=3), wait=lambda _: None
        ).frames(12)
    ]
    site.until(lambda: site.status()["state"] == "full", timeout_s=90)
    filler.unlink()
    site.until(
        lambda: site.settled() and site.status()["ledger"]["titan"]["done"] == len(names), timeout_s=90
    )
    assert sorted(m.body["path"] for m in ends(site.history())) == sorted(names)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(65536)):
                pass
        except OSError:
            return


def test_a_root_and_a_frame_may_be_copied_with_shutil_while_the_daemon_looks_on(make_site: MakeSite) -> None:
    site = make_site()
    site.start()
    source = one_frame(site.folder)
    shutil.copytree(site.folder / "titan", site.folder / "tree")
    for n in range(5):
        shutil.copy2(source, site.folder / "tree" / f"{n}.tif")
    (site.folder / "tree").rename(site.folder / "titan" / "tree")
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 5)
