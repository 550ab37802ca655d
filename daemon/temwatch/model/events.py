"""What happened to a frame, as facts in the past tense. Events are added to, never reinterpreted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from temwatch.model.label import Label
from temwatch.model.report import Report
from temwatch.model.spelling import SPELLING
from temwatch.model.training import Attempt, HistoryRescored, ModelFrozen, ModelPromoted, ModelShadowed


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameAccepted:
    """A frame is settled, whole and queued (``frame.accepted``).

    `z` is None for a file with a single image, and where no decoder has looked yet how many there are.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    frame_id: str
    root: str
    path: str
    z: int | None
    revision: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSetAside:
    """A frame will not be inspected as it is (``frame.set_aside``); it can be re-injected."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    frame_id: str
    root: str
    path: str
    z: int | None
    revision: int
    reason: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameGone:
    """A frame vanished before it could be inspected (``frame.gone``)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    frame_id: str
    root: str
    path: str
    z: int | None
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where every frame ever seen is: ``seen = done + queued + held + set_aside + gone``."""

    seen: int = 0
    done: int = 0
    queued: int = 0
    held: int = 0
    set_aside: int = 0
    gone: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the sum holds."""
        return self.seen == self.done + self.queued + self.held + self.set_aside + self.gone


@dataclass(frozen=True, slots=True, kw_only=True)
class RootHealth:
    """One watched folder in a status report."""

    state: str
    discovery: str
    reason: str
    files: int
    folders: int
    scan_s: float
    last_frame_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHealth:
    """One worker in a status report: what it is doing, since when."""

    name: str
    state: str
    doing: str
    for_s: float
    jobs_done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """How the daemon is doing (``status.changed``, and the answer to ``status``).

    `sensitivity` is the finder's, `sensitivity_by` who said it; empty for the configuration.

    `state` is one word: ``starting``, ``ready``, ``degraded``, ``full``, ``draining`` or ``stopping``.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    state: str
    reason: str
    version: str
    pid: int
    started_at: str
    roots: dict[str, RootHealth]
    ledger: dict[str, Ledger]
    workers: tuple[WorkerHealth, ...]
    model: str
    finder: str
    sensitivity: float
    sensitivity_by: str
    head: int
    disk_free_bytes: int
    notes: tuple[str, ...] = field(default=())


FrameEnd = Report | FrameSetAside | FrameGone
Event = (
    Report
    | FrameAccepted
    | FrameSetAside
    | FrameGone
    | StatusChanged
    | Label
    | Attempt
    | ModelPromoted
    | ModelFrozen
    | ModelShadowed
    | HistoryRescored
)
