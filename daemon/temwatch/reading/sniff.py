"""Which format a file is in: by its first bytes, and by its name only where the bytes leave it open."""

import struct

from temwatch.reading import mrc

HEAD_BYTES = 4096

MEANT_FOR = {
    "blockfile": "a NanoMegas block file: 4-D data (a map of diffraction patterns), no image",
    "msa": "an EMSA/MAS spectrum, no image",
    "mdoc": "a SerialEM .mdoc, the sidecar of images and not an image itself",
    "jeol-eds": "a JEOL EDS measurement, no image",
    "xml": "XML metadata, no image",
    "zip": "a ZIP archive, no image",
    "gzip": "compressed with gzip; unpack it first",
}
"""Formats that are recognised and never inspected."""

_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0\x08\0\0\0", "tiff"),
    (b"MM\0+\0\x08\0\0", "tiff"),
    (b"II\x97\x01", "ser"),
    (b"JK\0\x02", "emi"),
    (b"AAMVHFSS", "bcf"),
    (b"IMGBLO", "blockfile"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
)
_HDF5_NAMES = {".emd": "emd", ".hspy": "hspy"}
_MDOC_WORDS = (b"PixelSpacing", b"[ZValue", b"[FrameSet", b"T = SerialEM", b"DataMode")


def format_of(head: bytes, name: str) -> str | None:
    """Return the short name of the format, or None where it is none temwatch knows.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` of the file, or all of it.
    name : str
        The file's name; its suffix decides between text formats and for headers without a mark.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    suffix = "." + name.rpartition(".")[2].lower()
    if head[:3] == b"\0\0\0" and head[3:4] in (b"\3", b"\4") and _gatan(head):
        return f"dm{head[3]}"
    if head[4:8] == b"JED-" and head[:1] == b"\x34":
        return "jeol"
    if struct.unpack_from("<I", head.ljust(4, b"\xff"))[0] == 304 and suffix in (".pts", ".eds"):
        return "jeol-eds"
    if mrc.looks_like_mrc(head[: mrc.HEADER_BYTES]):
        return "mrc"
    if any(head[at : at + 8] == b"\x89HDF\r\n\x1a\n" for at in (512, 1024, 2048)):
        return "hdf5"
    return _text(head, suffix)


def too_short_to_tell(head: bytes, name: str) -> bool:
    """Whether a file without a known format may get one by growing: all zeros, a few bytes, a part of a header."""
    of_mrc = name.lower().endswith((".mrc", ".mrcs", ".st", ".ali", ".rec")) and len(head) < mrc.HEADER_BYTES
    return of_mrc or len(head) < 16 or not head.strip(b"\0")


def label(kind: str, name: str) -> str:
    """Return the name to show for a format: HDF5 files go by what their suffix promises."""
    suffix = "." + name.rpartition(".")[2].lower()
    return _HDF5_NAMES.get(suffix, kind) if kind == "hdf5" else kind


def _gatan(head: bytes) -> bool:
    flag = head[8:12] if head[3] == 3 else head[12:16]
    return flag in (b"\0\0\0\0", b"\0\0\0\1")


def _text(head: bytes, suffix: str) -> str | None:
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"#FORMAT") and b"EMSA" in head[:200]:
        return "msa"
    if suffix == ".mdoc" or sum(word in head for word in _MDOC_WORDS) >= 2:
        return "mdoc"
    if start.startswith((b"<?xml", b"<MicroscopeImage")):
        return "xml"
    return None
