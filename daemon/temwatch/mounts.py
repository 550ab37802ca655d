"""What kind of file system a path lies on, from /proc/self/mountinfo, without touching the path itself."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

NETWORK_KINDS = frozenset(
    [
        "cifs",
        "smb3",
        "smbfs",
        "nfs",
        "nfs4",
        "9p",
        "virtiofs",
        "afs",
        "coda",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "glusterfs",
        "ncpfs",
        "sshfs",
        "davfs",
        "gfs2",
        "ocfs2",
        "orangefs",
        "pvfs2",
        "panfs",
        "vboxsf",
        "vmhgfs",
        "prl_fs",
    ]
)
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Filesystem:
    """A mounted file system: its kind (``ext4``, ``cifs``, ``fuse.rclone`` …), source and mount point."""

    kind: str
    source: str
    mount_point: str

    @property
    def is_network(self) -> bool:
        """Whether changes may be made elsewhere, unseen by inotify (FUSE counts: nobody can tell)."""
        return self.kind in NETWORK_KINDS or self.kind == "fuse" or self.kind.startswith("fuse.")


def parse_mountinfo(text: str) -> tuple[Filesystem, ...]:
    """Return the mounts of a mountinfo text, in order; see proc_pid_mountinfo(5) for its fields."""
    mounts = []
    # The kernel escapes blanks and line ends of names, but only ASCII ones: a mount point may hold an ideographic
    # space or U+2028, where `splitlines()` and a bare `split()` would cut it.
    for line in text.split("\n"):
        before, separator, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if separator and len(fields) >= 5 and len(rest) >= 2:
            mounts.append(Filesystem(rest[0], _plain(rest[1]), _plain(fields[4])))
    return tuple(mounts)


def filesystem_of(path: Path, mountinfo: str | None = None) -> Filesystem:
    """Return the file system that holds `path` (which need not exist).

    Parameters
    ----------
    path : Path
        Taken as absolute from the working directory; symlinks above it are not resolved, so that no dead
        share is touched.
    mountinfo : str, optional
        Text of a mountinfo file; the process's own where it is not given.
    """
    text = (
        Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape") if mountinfo is None else mountinfo
    )
    # A ".." is taken out as text: asking the disk what it means could hang.
    wanted = Path(os.path.normpath(path.absolute()))
    best = Filesystem("unknown", "", "")
    for mount in parse_mountinfo(text):
        # Later mounts cover earlier ones on the same point, hence >=.
        if wanted.is_relative_to(mount.mount_point) and len(mount.mount_point) >= len(best.mount_point):
            best = mount
    return best


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)
