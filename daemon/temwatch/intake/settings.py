"""What a scanner is told about its root, and what follows from it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from temwatch.intake.settle import Pace
from temwatch.mounts import Filesystem

DEFAULT_INCLUDE = ("*.dm3", "*.dm4", "*.mrc", "*.tif", "*.tiff", "*.emd", "*.ser", "*.hspy", "*.bcf")
LOCAL_QUIET_S = 2.0
NETWORK_QUIET_S = 10.0
_LONGEST_ROUND_S = 5.0
_SHORTEST_ROUND_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSettings:
    """A watched folder.

    Attributes
    ----------
    name : str
    path : Path
        Absolute; may be missing for now.
    include, ignore : tuple of str
        Shell patterns of file names; `ignore` comes on top of the names no instrument gives to a finished file.
    discovery : str
        ``"auto"`` (polling on network file systems), ``"events"`` or ``"polling"``.
    quiet_s : float or "auto"
        A file is read after so long without change; ``"auto"`` is 2 s, or 10 s on network file systems.
    give_up_s : float
        An incomplete file that stays unchanged for so long is set aside.
    case_sensitive : bool
        Whether ``*.tif`` leaves ``A.TIF`` out.
    recheck_s : float
        An accepted file is fingerprinted once more after so long: what a program writes through mapped memory
        moves the modification time only when the kernel writes pages back, up to 35 s later (Linux:
        vm.dirty_expire_centisecs 30 s + vm.dirty_writeback_centisecs 5 s).
    sweep_s : float
        Every file, however old, is looked at once in so long.
    """

    name: str
    path: Path
    include: tuple[str, ...] = DEFAULT_INCLUDE
    ignore: tuple[str, ...] = ()
    discovery: Literal["auto", "events", "polling"] = "auto"
    quiet_s: float | Literal["auto"] = "auto"
    give_up_s: float = 300.0
    case_sensitive: bool = False
    recheck_s: float = 40.0
    sweep_s: float = 600.0

    def pace(self, filesystem: Filesystem) -> Pace:
        """Return how patient to be on this file system."""
        quiet_s = self.quiet_s
        if quiet_s == "auto":
            quiet_s = NETWORK_QUIET_S if filesystem.is_network else LOCAL_QUIET_S
        return Pace(quiet_s=quiet_s, give_up_s=self.give_up_s, recheck_s=self.recheck_s)

    def wants_events(self, filesystem: Filesystem) -> bool:
        """Whether inotify is worth having: never by itself where others write unseen by this kernel."""
        return self.discovery == "events" or (self.discovery == "auto" and not filesystem.is_network)

    def to_json(self) -> dict[str, Any]:
        """Return the settings JSON-ready; a path that is not text survives as surrogate escapes."""
        return {**asdict(self), "path": str(self.path)}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "RootSettings":
        """Return settings written by `to_json`."""
        lists = {key: tuple(body[key]) for key in ("include", "ignore")}
        return cls(**{**body, **lists, "path": Path(body["path"])})


def round_s(pace: Pace) -> float:
    """Return the time between two scans: half the quiet time, between 20 ms and 5 s."""
    return min(max(pace.quiet_s / 2, _SHORTEST_ROUND_S), _LONGEST_ROUND_S)
