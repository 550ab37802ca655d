"""HDF5's heaps of strings, walked before the library does: over a damaged one it can turn in a circle for ever.

The library's fault is HDFGroup/hdf5 issue 1707; the layout is III.E of the HDF5 file format specification.
"""

import struct
from collections.abc import Iterator

from temwatch.reading.source import Source

_MARK = b"GCOL\x01"
"""The three bytes after it are reserved, and the library does not look at them."""
_HEADER = 16
_BLOCK = 4 << 20


def check_heaps(source: Source) -> None:
    """Raise FrameUnreadable where a heap has an object that leads nowhere or out of the heap."""
    for start in _heaps(source):
        size = struct.unpack("<Q", source.at(start + 8, 8, "an HDF5 heap"))[0]
        if size < _HEADER or start + size > source.size:
            raise source.unreadable(f"its HDF5 heap at byte {start} declares {size} bytes")
        heap = source.at(start, size, "an HDF5 heap")
        position = _HEADER
        while position + _HEADER <= size:
            index, _, _, length = struct.unpack_from("<HHIQ", heap, position)
            # Object 0 is the free space; its length counts its own header.
            step = length if index == 0 else _HEADER + (length + 7) // 8 * 8
            if step < _HEADER or position + step > size:
                raise source.unreadable(f"its HDF5 heap at byte {start} is damaged at object {index}")
            position += step


def _heaps(source: Source) -> Iterator[int]:
    for start in range(0, source.size, _BLOCK):
        # Blocks overlap by a mark, so that none is missed between two.
        block = bytes(source.at(start, min(_BLOCK + len(_MARK) - 1, source.size - start), "the HDF5 file"))
        found = block.find(_MARK)
        while found >= 0:
            yield start + found
            found = block.find(_MARK, found + 1)
