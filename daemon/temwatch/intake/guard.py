"""The rule by which a folder is believed to be the root: an unmounted share must not look like a thousand deletions."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

from temwatch.mounts import Filesystem


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which folder of which file system a root is.

    Attributes
    ----------
    kind, source : str
        Of the mount: ``cifs``, ``//titan/raw``.
    device, inode : int
        Of the folder. Network and memory file systems get another device number at every mount.
    """

    kind: str
    source: str
    device: int
    inode: int

    @property
    def names_its_source(self) -> bool:
        """Whether the source tells one file system from another (``tmpfs`` does not, ``/dev/sdb1`` does)."""
        return "/" in self.source or ":" in self.source


def identity_of(status: os.stat_result, filesystem: Filesystem) -> Identity:
    """Return the identity of an open root."""
    return Identity(kind=filesystem.kind, source=filesystem.source, device=status.st_dev, inode=status.st_ino)


def to_json(identity: Identity) -> str:
    """Return the identity as text to be kept."""
    return json.dumps(asdict(identity))


def from_json(text: str | None) -> Identity | None:
    """Return what `to_json` wrote; None for anything else, which means nothing is known of the root."""
    try:
        return Identity(**json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None


def distrust(
    recorded: Identity | None,
    now: Identity,
    *,
    known_files: int,
    is_empty: bool,
    is_network: bool,
    recognised: Callable[[], bool],
) -> str:
    """Return why the folder found is not believed to be the root; empty when it is believed.

    Parameters
    ----------
    recorded : Identity or None
        From the last time the root was whole.
    now : Identity
    known_files : int
        How many files the root should hold.
    is_empty : bool
        Whether it lists no entry at all.
    is_network : bool
    recognised : callable
        Whether a sample of the known files is there as it was; asked only where identity leaves doubt.
    """
    if known_files == 0:
        return ""
    is_same_folder = recorded == now
    if is_empty and (is_network or not is_same_folder):
        return (
            f"the folder is empty, but held {known_files} files: not mounted, or the server lost its volume"
        )
    if recorded is None or is_same_folder or _is_same_filesystem(recorded, now) or recognised():
        return ""
    return (
        f"another file system is there: {now.kind} {now.source} instead of {recorded.kind} {recorded.source},"
        " with none of the known files; mount the right one, or give the root a new name if this is meant"
    )


def _is_same_filesystem(recorded: Identity, now: Identity) -> bool:
    same_source = (recorded.kind, recorded.source) == (now.kind, now.source)
    return same_source and (now.names_its_source or recorded.device == now.device)
