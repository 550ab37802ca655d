"""Bruker's BCF is a single-file system (SFS) in chunks; its header says how many."""

import struct

from temwatch.reading.source import Source

_FIRST_CHUNK = 0x118


def check_size(source: Source) -> None:
    """Raise FrameIncomplete unless all chunks are there.

    Offsets of the header fields are those found by the HyperSpy developers (rsciio.bruker).
    """
    _, chunk = struct.unpack("<fI", source.at(0x124, 8, "the BCF header"))
    tree, _, chunks = struct.unpack("<III", source.at(0x140, 12, "the BCF header"))
    if not 64 <= chunk <= 1 << 26 or tree >= max(chunks, 1):
        raise source.unreadable(
            f"the BCF header declares {chunks} chunks of {chunk} bytes and a tree in chunk {tree}"
        )
    needed = _FIRST_CHUNK + chunks * chunk
    if needed > source.size:
        raise source.incomplete(f"BCF declares {needed} bytes, the file has {source.size}")
