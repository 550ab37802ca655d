"""Files in, frames out. The format is chosen by content first, then by suffix; limits hold before any decoding.

How the bytes are pinned down: a file that is read whole is read once, and what is hashed is what is decoded. Of a
stack in known byte ranges (MRC, TIFF, SER) only the section is read and hashed, so that it may go on growing.
Before and after, the open file must be the same by size, times and inode.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from temwatch.errors import FrameChanged, FrameDeclined, FrameGone, TemwatchError
from temwatch.model.frame import Frame, ImagingMode
from temwatch.reading import databar, emi, modes, sniff
from temwatch.reading.calibration import Overrides, choose_calibration, choose_mode
from temwatch.reading.contents import Facts, Signal
from temwatch.reading.formats import Limits, Understood, clear_errors, identity, understand
from temwatch.reading.safe_open import display_name, open_beneath
from temwatch.reading.source import Piece, Source

__all__ = ["Limits", "Overrides", "read_frame", "read_frames"]

_NO_OVERRIDES = Overrides()
_LIMITS = Limits()
_WITH_BARS = frozenset(["tiff", "png", "jpeg"])
"""Formats programs export pictures to; raw formats hold what the detector gave."""


def read_frame(
    path: Path, *, section: int | None = None, beneath: Path | None = None, overrides: Overrides = _NO_OVERRIDES,
    limits: Limits = _LIMITS,
) -> Frame:  # fmt: skip
    """Return one image of a file.

    Parameters
    ----------
    path : Path
        Absolute or relative to the working directory; with `beneath`, relative to that.
    section : int, optional
        Which of the file's images, from 0 in file order; the first where it is not given.
    beneath : Path, optional
        The watched folder. No link on the way from it to the file is followed.
    overrides : Overrides
        What the configuration says; a contradiction is noted in ``metadata["conflicts"]``.
    limits : Limits

    Returns
    -------
    Frame
        Its image may be read-only and share memory with the file's bytes.

    Raises
    ------
    FrameUnreadable
        Damaged, of no known format, or without that section.
    FrameDeclined
        Sound, but holding no image to inspect; the message names what it holds.
    FrameTooLarge, FrameUnsafe, FrameGone
        As their names say.
    FrameIncomplete, FrameChanged, ShareTrouble, FrameForbidden
        Worth another try.
    """
    with _opened(path, beneath, limits) as images:
        return images.frame(section or 0, overrides)


def read_frames(
    path: Path, *, beneath: Path | None = None, overrides: Overrides = _NO_OVERRIDES, limits: Limits = _LIMITS
) -> Iterator[Frame]:
    """Yield all images of a file in file order, one at a time in memory. Parameters and errors of `read_frame`.

    Images that turn out to be diffraction are passed over; FrameDeclined is raised where all are.
    """
    with _opened(path, beneath, limits) as images:
        refused: FrameDeclined | None = None
        yielded = False
        for number in range(images.count):
            try:
                frame = images.frame(number, overrides)
            except FrameDeclined as error:
                refused = error
                continue
            yield frame
            yielded = True
        if refused is not None and not yielded:
            raise refused


class _OneFile:
    """An open file, surveyed once and read image by image."""

    def __init__(self, file: BinaryIO, root: Path, relpath: str, limits: Limits) -> None:
        self.root = root
        self.relpath = relpath
        self.limits = limits
        self._file = file

    @cached_property
    def source(self) -> Source:
        """The file as it was opened."""
        return Source(self._file, display_name(Path(self.relpath).name), _size(self._file))

    @cached_property
    def before(self) -> tuple[int, int, int, int]:
        """The file's identity when it was opened."""
        return identity(self.source)

    @cached_property
    def understood(self) -> Understood:
        """What the file holds."""
        assert self.before
        with clear_errors(self.source):
            return understand(self.source, self.limits)

    @cached_property
    def sidecar(self) -> Facts:
        """What an .emi beside a .ser says. It is optional: its absence or damage is no fault of the frame."""
        where = emi.sidecar_of(self.relpath)
        if where is None:
            return Facts()
        with suppress(TemwatchError), open_beneath(self.root, where[0]) as file:
            source = Source(file, display_name(where[0]), _size(file))
            with clear_errors(source):
                return emi.facts(source, where[1])
        return Facts()

    def close(self) -> None:
        """Give back what was held of the file; the file itself belongs to who opened it."""
        if "understood" in self.__dict__:
            self.understood.source.file.close()

    def image(self, number: int) -> tuple[Signal, NDArray[Any], Facts, str]:
        """Return the signal, pixels, facts and digest of an image."""
        source = self.understood.source
        with clear_errors(source):
            signal, section = self.understood.contents.locate(number)
            pieces = _pieces(source, signal, section)
            digest = self.understood.sha256 or _sha256(pieces)
            pixels = signal.decode(section, pieces)
            facts = _with_sidecar(signal.facts(section), self.sidecar)
        if identity(self.source) != self.before:
            raise FrameChanged(
                f"{source.name}: changed while it was read", next_step="temwatch reads it again."
            )
        return signal, pixels, facts, digest


class _Images:
    """The images of a file, or of all series of an .emi, numbered through."""

    def __init__(self, files: list[_OneFile]) -> None:
        self.files = files

    @cached_property
    def count(self) -> int:
        """How many images there are."""
        return sum(file.understood.contents.images for file in self.files)

    def frame(self, number: int, overrides: Overrides) -> Frame:
        """Return image `number`."""
        left = number
        for file in self.files:
            images = file.understood.contents.images
            if 0 <= left < images:
                return replace(_frame(file, left, overrides), section=number, sections=self.count)
            left -= images
        raise self.files[0].source.unreadable(f"has no image {number}; it holds {self.count}")


@contextmanager
def _opened(path: Path, beneath: Path | None, limits: Limits) -> Iterator[_Images]:
    root, relpath = (beneath, str(path)) if beneath is not None else (path.absolute().parent, path.name)
    with ExitStack() as stack:

        def one(name: str) -> _OneFile:
            file = _OneFile(stack.enter_context(open_beneath(root, name)), root, name, limits)
            stack.callback(file.close)
            return file

        file = one(relpath)
        if sniff.format_of(file.source.head(sniff.HEAD_BYTES), relpath) != "emi":
            yield _Images([file])
            return
        series = []
        for name in emi.series_of(relpath):
            with suppress(FrameGone):
                series.append(one(name))
        if not series:
            raise FrameDeclined(
                f"{file.source.name}: is the sidecar of .ser files, and none is beside it",
                next_step="Copy the .ser files as well; they hold the pixels.",
            )
        yield _Images(_with_images(series))


def _with_images(series: list[_OneFile]) -> list[_OneFile]:
    """Return the series that hold images; raise what the first says where none does."""
    refused: FrameDeclined | None = None
    found = []
    for file in series:
        try:
            assert file.understood
            found.append(file)
        except FrameDeclined as error:
            refused = refused or error
    if not found and refused is not None:
        raise refused
    return found


def _frame(file: _OneFile, number: int, overrides: Overrides) -> Frame:
    signal, pixels, facts, digest = file.image(number)
    said = facts.modes + tuple(
        word
        for word in modes.words(("file name", Path(file.relpath).stem))
        if word.mode != ImagingMode.DIFFRACTION
    )
    diffraction = next((word for word in facts.modes if word.mode == ImagingMode.DIFFRACTION), None)
    mode, mode_notes = choose_mode(overrides.imaging_mode, said)
    if diffraction is not None or mode.value == ImagingMode.DIFFRACTION:
        place = diffraction.said_by if diffraction is not None else "the configuration"
        raise file.source.declined(
            f"holds a diffraction pattern of {signal.rows} x {signal.cols} (so says {place})"
        )
    calibration, size_notes = choose_calibration(overrides.nm_per_px, facts.pixel_sizes)
    contents = file.understood.contents
    bar = databar.find_data_bar(pixels) if contents.format in _WITH_BARS else None
    metadata = facts.metadata | mode_notes | size_notes
    conflicts = size_notes.get("conflicts", []) + mode_notes.get("conflicts", [])
    if conflicts:
        metadata["conflicts"] = conflicts
    if contents.declined:
        metadata["declined"] = list(contents.declined)
    return Frame(
        image=databar.without_data_bar(pixels, bar), section=number, sections=contents.images, signal=signal.name,
        calibration=calibration, imaging_mode=mode, acquired_at=facts.acquired_at, data_bar=bar,
        format=contents.format, sha256=digest, sha256_of="file" if file.understood.sha256 else "section",
        metadata=metadata,
    )  # fmt: skip


def _pieces(source: Source, signal: Signal, section: int) -> list[Piece]:
    if signal.ranges is None:
        return []
    return [source.at(offset, length, "the pixels") for offset, length in signal.ranges(section)]


def _sha256(pieces: list[Piece]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _with_sidecar(facts: Facts, said: Facts) -> Facts:
    """Return the facts of the file, with the sidecar's behind them."""
    notes = dict(said.metadata)
    if facts.acquired_at is not None:
        notes.pop("time_zone", None)
    return Facts(
        pixel_sizes=facts.pixel_sizes + said.pixel_sizes,
        modes=facts.modes + said.modes,
        acquired_at=facts.acquired_at or said.acquired_at,
        metadata=notes | facts.metadata,
    )


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)
