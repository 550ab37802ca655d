"""Which names are frames: what the root includes, less what a copy in progress or an operating system leaves about."""

import fnmatch
import re
from collections.abc import Iterable

# Names under which copies are under way, and what operating systems and NAS boxes drop.
ALWAYS_IGNORED = (
    ".*",
    "~*",
    "*.tmp",
    "*.part",
    "*.partial",
    "*.filepart",  # WinSCP
    "*.crdownload",
    "*downloading",  # Murfey
    "~syncthing~*",
    "Thumbs.db",
    "@eaDir",
    "$RECYCLE.BIN",
    "System Volume Information",
)


class Naming:
    """Tells frames and folders worth entering from the rest, by name alone.

    Parameters
    ----------
    include : iterable of str
        Shell patterns; a file is wanted when one matches its last path component.
    ignore : iterable of str
        More patterns to pass over, for files and folders.
    case_sensitive : bool
        Whether case counts for `include` and `ignore`. For the names that are always ignored it never does.
    """

    def __init__(
        self, include: Iterable[str], ignore: Iterable[str] = (), *, case_sensitive: bool = False
    ) -> None:
        flags = 0 if case_sensitive else re.IGNORECASE
        self._include = _any_of(include, flags)
        self._ignore = _any_of(ignore, flags)
        self._always = _any_of(ALWAYS_IGNORED, re.IGNORECASE)

    def wants_file(self, name: str) -> bool:
        """Whether a file of this name may be a frame."""
        return self._include(name) and self.enters(name)

    def enters(self, name: str) -> bool:
        """Whether a folder of this name is looked into."""
        return not (self._always(name) or self._ignore(name))


class _any_of:  # noqa: N801  reads as what it does
    def __init__(self, patterns: Iterable[str], flags: int) -> None:
        # DOTALL comes with fnmatch.translate: a newline in a name is a character like any other.
        joined = "|".join(fnmatch.translate(pattern) for pattern in patterns)
        self._match = re.compile(joined, flags).match if joined else None

    def __call__(self, name: str) -> bool:
        return self._match is not None and self._match(name) is not None
