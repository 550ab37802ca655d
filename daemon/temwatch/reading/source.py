"""The bytes of one file: still in the file, or held in memory so that what was hashed is what is decoded."""

import io
import os
from dataclasses import dataclass
from typing import BinaryIO

from temwatch.errors import FrameDeclined, FrameIncomplete, FrameTooLarge, FrameUnreadable

Piece = bytes | memoryview
_BLOCK = 4 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A readable file with its name and size.

    Attributes
    ----------
    file : BinaryIO
        Seekable.
    name : str
        For messages; printable.
    size : int
        Bytes, by fstat of the open file.
    held : memoryview or None
        All bytes, where the file was read whole.
    """

    file: BinaryIO
    name: str
    size: int
    held: memoryview | None = None

    def at(self, offset: int, count: int, what: str) -> Piece:
        """Return `count` bytes from `offset`.

        Raises
        ------
        FrameIncomplete
            The file ends before; `what` says in words which part is missing.
        """
        if offset < 0 or count < 0:
            raise self.unreadable(f"{what} lies at byte {offset} with length {count}")
        if offset + count > self.size:
            raise self.incomplete(f"{what} needs {offset + count} bytes, the file has {self.size}")
        if self.held is not None:
            return self.held[offset : offset + count]
        self.file.seek(offset)
        found = self.file.read(count)
        if len(found) != count:
            raise self.incomplete(f"{what} was cut short while it was read")
        return found

    def head(self, count: int) -> bytes:
        """Return the first `count` bytes, or fewer where the file is shorter."""
        return bytes(self.at(0, min(count, self.size), "the beginning"))

    def incomplete(self, why: str) -> FrameIncomplete:
        """Return the error of a file that its own structure says is not all there."""
        return FrameIncomplete(
            f"{self.name}: {why}", next_step="Wait for the writer, or copy the file again."
        )

    def unreadable(self, why: str) -> FrameUnreadable:
        """Return the error of a damaged file."""
        return FrameUnreadable(
            f"{self.name}: {why}", next_step="Save or export the image again at the microscope."
        )

    def declined(self, why: str) -> FrameDeclined:
        """Return the error of a sound file without an image to inspect."""
        return FrameDeclined(
            f"{self.name}: {why}", next_step="Nothing to do, or exclude such files in the configuration."
        )

    def too_large(self, why: str) -> FrameTooLarge:
        """Return the error of a file that declares more than the limits allow."""
        return FrameTooLarge(f"{self.name}: {why}", next_step="Bin or crop the image, or raise the limit.")


def held_in_memory(source: Source) -> Source:
    """Read the file whole, once, and return a source over those bytes."""
    source.file.seek(0)
    data = source.file.read(source.size)
    if len(data) != source.size:
        raise source.incomplete("it became shorter while it was read")
    return Source(io.BytesIO(data), source.name, source.size, memoryview(data))


def frozen_copy(source: Source) -> Source:
    """Copy the file into an anonymous file in memory that libraries can open by `path_of`.

    They see exactly the bytes that were read, even if the original is replaced or changed meanwhile.
    """
    copy = os.fdopen(os.memfd_create("frame", os.MFD_CLOEXEC), "w+b", buffering=0)
    source.file.seek(0)
    left = source.size
    while left:
        block = source.file.read(min(left, _BLOCK))
        if not block:
            copy.close()
            raise source.incomplete("it became shorter while it was read")
        copy.write(block)
        left -= len(block)
    return Source(copy, source.name, source.size)


def path_of(source: Source) -> str:
    """Return a path under which a library opens exactly the file that `source` has open."""
    return f"/proc/self/fd/{source.file.fileno()}"
