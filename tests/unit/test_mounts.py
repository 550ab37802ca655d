"""Which file system holds a path is read from the kernel's list alone."""

from pathlib import Path

import pytest

from temwatch.mounts import Filesystem, filesystem_of, parse_mountinfo

MOUNTS = r"""21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /srv/share\040one rw - cifs //scope/data rw,vers=3.0
31 21 0:41 / /srv/over rw master:1 propagate_from:2 - xfs /dev/sdb1 rw
32 31 0:42 / /srv/over rw - nfs4 server:/export rw
33 21 0:43 / /mnt/cloud rw - fuse.rclone remote: rw
34 21 8:17 / /mnt/usb rw - fuseblk /dev/sdc1 rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/home/a", "ext4", False),
        ("/srv/share one/s1/a.dm4", "cifs", True),
        ("/srv/share one", "cifs", True),
        ("/srv/share oneself", "ext4", False),
        ("/srv/over/state", "nfs4", True),
        ("/mnt/cloud/x", "fuse.rclone", True),
        ("/mnt/usb/x", "fuseblk", False),
        ("/srv/share one/../local", "ext4", False),
        ("/home/../srv/share one/x", "cifs", True),
    ],
)
def test_the_deepest_and_latest_mount_holds_a_path(path: str, kind: str, network: bool) -> None:
    found = filesystem_of(Path(path), MOUNTS)
    assert (found.kind, found.is_network) == (kind, network)


def test_lines_that_are_no_mounts_are_passed_over() -> None:
    assert len(parse_mountinfo(MOUNTS)) == 6
    assert parse_mountinfo("") == ()


def test_blanks_that_the_kernel_does_not_escape_cut_no_name() -> None:
    text = "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:6 / /mnt/顕微\u3000鏡\u2028 rw - nfs4 nas:/a\u3000b rw\n"
    found = filesystem_of(Path("/mnt/顕微\u3000鏡\u2028/state"), text)
    assert (found.kind, found.source) == ("nfs4", "nas:/a\u3000b")


def test_spaces_in_mount_points_are_read() -> None:
    assert Filesystem("cifs", "//scope/data", "/srv/share one") in parse_mountinfo(MOUNTS)


def test_without_any_mount_nothing_is_claimed() -> None:
    assert filesystem_of(Path("/x"), "").kind == "unknown"


def test_the_kernels_own_list_names_the_root() -> None:
    assert filesystem_of(Path("/")).kind != "unknown"
