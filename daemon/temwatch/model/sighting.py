"""What a scanner says about the files of its root. Facts, in the order a file goes through them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What the file system says of a file; compared with itself only, never with a clock.

    `mtime_ns` and `ctime_ns` come from whoever keeps the files, often another machine's clock.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """A file is there that was not, or differs from what was accepted; it is held until it settles."""

    root: str
    relpath: bytes
    stamp: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A noticed file is not ready, and why (empty placeholder, structure incomplete, no permission)."""

    root: str
    relpath: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted:
    """A file is settled and structurally whole: ready for inspection.

    Attributes
    ----------
    fingerprint : str
        Of the whole file's content (size, head, tail, samples), hex.
    sections : tuple of str or None
        A fingerprint for each complete section, where the format keeps sections in known byte ranges (MRC,
        multi-page TIFF, SER); None where only a decoder can tell how many images the file holds.
    """

    root: str
    relpath: bytes
    stamp: Stamp
    format: str
    fingerprint: str
    sections: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A file will not become a frame as it is (not a picture, a symlink, incomplete for too long).

    Any later change of the file makes it `Noticed` again.
    """

    root: str
    relpath: bytes
    stamp: Stamp | None
    fingerprint: str
    reason: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished:
    """A file that had been noticed or accepted is no longer there, while its root is."""

    root: str
    relpath: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RootState:
    """How a watched folder is doing.

    Attributes
    ----------
    state : str
        ``"online"``, ``"offline"`` (not mounted, not there), ``"stalled"`` (the file system does not answer),
        ``"degraded"`` (works, but for the reason given) or ``"paused"``.
    discovery : str
        ``"events"`` or ``"polling"``.
    reason : str
        One sentence; empty when all is well.
    files, folders : int
        How many the last full scan saw.
    scan_s : float
        How long the last scan took.
    """

    root: str
    state: str
    discovery: str
    reason: str
    files: int
    folders: int
    scan_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RootIdentified:
    """Which file system a root was when it was last seen whole; to be kept and given back at the next start.

    Attributes
    ----------
    guard : str
        JSON, for the scanner only.
    """

    root: str
    guard: str


ScannerFact = Noticed | Held | Sighted | Unfit | Vanished | RootState | RootIdentified
