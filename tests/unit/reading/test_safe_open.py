"""What stands in a watched folder is opened only when it is a regular file below it."""

import os
import socket
from pathlib import Path

import pytest

from temwatch.errors import FrameGone, FrameUnsafe, ShareTrouble
from temwatch.reading.safe_open import FrameForbidden, display_name, open_beneath

HOSTILE_NAMES = [
    b"line\nbreak.mrc", b"\xff\xfe broken utf-8.mrc", b"\x1b[31mred.mrc", b"x" * 251 + b".mrc", b" .mrc", b"-rf.mrc",
    "‮gnp.mrc".encode(), b"a:b*c?.mrc", b"...mrc",
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "day").mkdir(parents=True)
    (folder / "day" / "good.mrc").write_bytes(b"pixels")
    (tmp_path / "secret").write_bytes(b"not yours")
    return folder


def test_a_file_in_a_subfolder_is_read(root: Path) -> None:
    with open_beneath(root, "day/good.mrc") as file:
        assert file.read() == b"pixels"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_file_with_a_hostile_name_is_read_like_any_other(root: Path, name: bytes) -> None:
    (root / os.fsdecode(name)).write_bytes(b"pixels")
    with open_beneath(root, name) as file:
        assert file.read() == b"pixels"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_shown_without_control_characters(name: bytes) -> None:
    assert display_name(name).isprintable()


@pytest.mark.parametrize("path", ["../secret", "day/../../secret", "/etc/passwd", "", ".", "day/..", "a\0b"])
def test_a_path_that_leaves_the_root_is_refused(root: Path, path: str) -> None:
    with pytest.raises(FrameUnsafe):
        open_beneath(root, path)


def test_a_symlinked_file_is_refused(root: Path) -> None:
    (root / "link.mrc").symlink_to(root.parent / "secret")
    with pytest.raises(FrameUnsafe, match="symbolic link"):
        open_beneath(root, "link.mrc")


def test_a_symlinked_folder_on_the_way_is_refused(root: Path) -> None:
    (root / "elsewhere").symlink_to(root.parent, target_is_directory=True)
    with pytest.raises(FrameUnsafe, match="symbolic link"):
        open_beneath(root, "elsewhere/secret")


def test_a_link_that_points_to_itself_is_refused(root: Path) -> None:
    (root / "loop.mrc").symlink_to("loop.mrc")
    with pytest.raises(FrameUnsafe):
        open_beneath(root, "loop.mrc")


def test_a_fifo_is_refused_without_waiting_for_a_writer(root: Path) -> None:
    os.mkfifo(root / "pipe.mrc")
    with pytest.raises(FrameUnsafe, match="FIFO"):
        open_beneath(root, "pipe.mrc")


def test_a_socket_is_refused(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(root / "s.mrc"))
        with pytest.raises(FrameUnsafe):
            open_beneath(root, "s.mrc")


def test_a_device_is_refused() -> None:
    with pytest.raises(FrameUnsafe, match="device"):
        open_beneath(Path("/dev"), "zero")


def test_a_folder_is_refused(root: Path) -> None:
    with pytest.raises(FrameUnsafe, match="folder"):
        open_beneath(root, "day")


@pytest.mark.parametrize("path", ["day/none.mrc", "none/good.mrc", "day/good.mrc/below"])
def test_a_file_that_is_not_there_is_gone(root: Path, path: str) -> None:
    with pytest.raises(FrameGone):
        open_beneath(root, path)


def test_a_root_that_is_not_there_is_trouble_of_the_share_and_no_file_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ShareTrouble, match="the folder is not there"):
        open_beneath(tmp_path / "unmounted", "x.mrc")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_names_the_permission(root: Path) -> None:
    (root / "day" / "good.mrc").chmod(0)
    with pytest.raises(FrameForbidden, match="permission"):
        open_beneath(root, "day/good.mrc")


def test_no_descriptor_is_left_open_after_refusals(root: Path) -> None:
    os.mkfifo(root / "pipe.mrc")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ["pipe.mrc", "day/none", "day", "../secret"]:
        with pytest.raises((FrameUnsafe, FrameGone)):
            open_beneath(root, path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
