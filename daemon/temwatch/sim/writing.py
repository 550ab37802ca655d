"""The ways instruments bring a file into a folder, as steps: what to do is decided here, `perform` does it.

A style ends in the same bytes as any other; they differ in what a watcher sees in between.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from temwatch.sim.specimen import CannotSimulate

_PIECES = 7


class WriteStyle(StrEnum):
    """How a file comes to be."""

    WHOLE = "whole"  # in one go
    PIECES = "pieces"  # grows bit by bit under its final name
    PREALLOCATED = "preallocated"  # full size at once, zeros filled in bit by bit
    RENAMED = "renamed"  # under a temporary name, renamed when complete
    SIDECAR_LATE = "sidecar_late"  # in pieces; its .mdoc comes a while later
    GROWING_STACK = "growing_stack"  # MRC: section after section into one file
    BURST = "burst"  # many files at once, then nothing for a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Make a new, empty file."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Set the size of a file without writing into it."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAt:
    """Write bytes at an offset."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """Give a file its final name."""

    name: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Do nothing for a share of the time between two frames."""

    share: float


Step = Create | Reserve | WriteAt | Rename | Pause


def pieces(name: str, data: bytes, *, offset: int = 0, pause: float) -> Iterator[Step]:
    """Yield writes of 7 uneven pieces of `data`, `pause` in all between them."""
    edges = [len(data) * (n * n + n) // (_PIECES * _PIECES + _PIECES) for n in range(_PIECES + 1)]
    for start, end in pairwise(edges):
        yield WriteAt(name=name, offset=offset + start, data=data[start:end])
        if end < len(data):
            yield Pause(share=pause / (_PIECES - 1))


def steps(style: WriteStyle, name: str, data: bytes, *, sidecar: tuple[str, bytes] | None) -> list[Step]:
    """Return how one file (and its sidecar, if any) is brought in; the pauses add up to 1.

    Parameters
    ----------
    style : WriteStyle
        Any but GROWING_STACK, where a file is more than one frame. BURST writes like WHOLE without pauses.
    name : str
        Of the finished file.
    data : bytes
        Of the finished file.
    sidecar : (str, bytes), optional
        Name and content of the sidecar; comes right after the file, except in SIDECAR_LATE.
    """
    beside: list[Step] = []
    if sidecar is not None:
        beside = [Create(name=sidecar[0]), WriteAt(name=sidecar[0], offset=0, data=sidecar[1])]
    whole = WriteAt(name=name, offset=0, data=data)
    match style:
        case WriteStyle.WHOLE:
            return [Create(name=name), whole, *beside, Pause(share=1)]
        case WriteStyle.BURST:
            return [Create(name=name), whole, *beside]
        case WriteStyle.PIECES:
            return [Create(name=name), *pieces(name, data, pause=0.6), *beside, Pause(share=0.4)]
        case WriteStyle.PREALLOCATED:
            reserve: list[Step] = [Create(name=name), Reserve(name=name, size=len(data)), Pause(share=0.1)]
            return [*reserve, *pieces(name, data, pause=0.6), *beside, Pause(share=0.3)]
        case WriteStyle.RENAMED:
            early = f"{name}.part"
            written: list[Step] = [Create(name=early), *pieces(early, data, pause=0.6)]
            return [*written, Rename(name=early, to=name), *beside, Pause(share=0.4)]
        case WriteStyle.SIDECAR_LATE:
            return [
                Create(name=name),
                *pieces(name, data, pause=0.4),
                Pause(share=0.5),
                *beside,
                Pause(share=0.1),
            ]
        case WriteStyle.GROWING_STACK:
            raise CannotSimulate(
                "a growing stack is no single file", next_step="Use grown_by for each section."
            )


def grown_by(name: str, header: bytes, section: bytes, *, number: int, opening: bytes) -> list[Step]:
    """Return how section `number` (from 0) is appended to a stack: pixels first, then the new header.

    Parameters
    ----------
    header : bytes
        That counts the new section.
    opening : bytes
        Header of the empty stack, written before section 0.
    """
    at = len(header) + number * len(section)
    begin: list[Step] = []
    if number == 0:
        begin = [Create(name=name), WriteAt(name=name, offset=0, data=opening)]
    grown = pieces(name, section, offset=at, pause=0.5)
    return [*begin, *grown, WriteAt(name=name, offset=0, data=header), Pause(share=0.5)]


def perform(step: Step, folder: Path, *, interval_s: float, wait: Callable[[float], None]) -> None:
    """Do one step in `folder`; pauses are shares of `interval_s` and go through `wait(seconds)`.

    Raises
    ------
    CannotSimulate
        When a file is there already: a simulated microscope never overwrites.
    """
    match step:
        case Create(name=name):
            try:
                (folder / name).open("xb").close()
            except FileExistsError as error:
                raise CannotSimulate(
                    f"{folder / name} is there already", next_step="Choose an empty folder or another seed."
                ) from error
        case Reserve(name=name, size=size):
            with (folder / name).open("r+b") as file:
                file.truncate(size)
        case WriteAt(name=name, offset=offset, data=data):
            with (folder / name).open("r+b") as file:
                file.seek(offset)
                file.write(data)
        case Rename(name=name, to=to):
            (folder / name).rename(folder / to)
        case Pause(share=share):
            wait(share * interval_s)
