"""The states of a file on its way to being a frame, what a look into it may find, and what is then to be done."""

from dataclasses import dataclass, field

from temwatch.model.sighting import Stamp

# --- states --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """Seen, and unchanged since `since_s`."""

    stamp: Stamp
    since_s: float
    patience: int = 1  # quiet times to wait
    said: str = ""  # the reason it was last held for


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A file without content."""

    stamp: Stamp
    since_s: float


@dataclass(frozen=True, slots=True)
class Incomplete:
    """By its own structure, more is to come; probed at `due_s`, given up at `since_s` + give_up_s."""

    stamp: Stamp
    since_s: float
    tries: int
    due_s: float
    said: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """It can't be read, which says nothing about the file (permission, the share): tried for ever."""

    stamp: Stamp
    since_s: float
    tries: int
    due_s: float
    said: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Sighted; `fingerprint` is kept until the content was compared once more at `recheck_s`."""

    stamp: Stamp
    fingerprint: str = ""
    recheck_s: float | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """Not a frame as it is."""

    stamp: Stamp


State = Candidate | Placeholder | Incomplete | Blocked | Accepted | SetAside

# --- what a look into the open file found --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Whole:
    """Structurally complete; `stamp` is of the open file, the same before and after the look."""

    stamp: Stamp
    format: str
    fingerprint: str
    sections: tuple[str, ...] | None
    zero_tail: bool = False


@dataclass(frozen=True, slots=True)
class Unfinished:
    """More is to come."""

    stamp: Stamp
    fingerprint: str
    reason: str


@dataclass(frozen=True, slots=True)
class NoFrame:
    """Never a frame as it is."""

    stamp: Stamp
    fingerprint: str
    reason: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Another file than the one that had settled: `stamp` is what the open file said last."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Unreachable:
    """It could not be read."""

    reason: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing is there any more; the next listing of its folder decides."""


Look = Whole | Unfinished | NoFrame | Changed | Unreachable | Missing

# --- what is to be done --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """Say that it is held from now on."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Hold:
    """Say why it still waits."""

    reason: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Open it and look."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Say that it is ready."""

    look: Whole


@dataclass(frozen=True, slots=True)
class PutAside:
    """Say that it will not become a frame as it is."""

    stamp: Stamp
    fingerprint: str
    reason: str
    next_step: str


Action = Notice | Hold | Probe | Sight | PutAside


@dataclass(frozen=True, slots=True)
class Step:
    """The state to keep, and what is to be done, in order."""

    state: State
    actions: tuple[Action, ...] = field(default=())
