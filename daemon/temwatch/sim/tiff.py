"""TIFF files as FEI / Thermo Fisher microscopes write them: pixels first, the directory last.

Calibration, detector and time stand in the vendor's own tag, an ini text, and in the standard tags.
"""

import struct
from datetime import datetime
from typing import NamedTuple

from temwatch.sim.truth import Scene

_ROWS_PER_STRIP = 64
_FEI_HELIOS = 34682  # the vendor's tag: ini text, NUL-terminated
_ASCII, _SHORT, _LONG, _RATIONAL = 2, 3, 4, 5
_CODE = {_SHORT: "H", _LONG: "I"}


class _Tag(NamedTuple):
    """A directory entry: `values` are text, whole numbers, or numerator and denominator."""

    number: int
    kind: int
    values: str | tuple[int, ...]

    def encoded(self) -> tuple[int, bytes]:
        """Return count and bytes."""
        if isinstance(self.values, str):
            text = self.values.encode("latin-1") + b"\0"
            return len(text), text
        if self.kind == _RATIONAL:
            return len(self.values) // 2, struct.pack(f"<{len(self.values)}I", *self.values)
        return len(self.values), struct.pack(f"<{len(self.values)}{_CODE[self.kind]}", *self.values)


def tiff_bytes(scene: Scene, acquired_at: datetime) -> bytes:
    """Return a complete file: classic TIFF, little-endian, uncompressed uint16 in strips of 64 rows."""
    pixels = scene.image.astype("<u2").tobytes()
    strip = _ROWS_PER_STRIP * scene.image.shape[1] * 2
    offsets = tuple(range(8, 8 + len(pixels), strip))
    lengths = tuple(min(strip, len(pixels) - at) for at in range(0, len(pixels), strip))
    tags = _tags(scene, acquired_at, offsets, lengths)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(pixels))
    return head + pixels + _directory(tags, at=8 + len(pixels))


def _tags(
    scene: Scene, acquired_at: datetime, offsets: tuple[int, ...], lengths: tuple[int, ...]
) -> list[_Tag]:
    rows, cols = scene.image.shape
    per_cm = (round(1e7 / scene.nm_per_px * 100), 100)
    return [
        _Tag(254, _LONG, (0,)),
        _Tag(256, _LONG, (cols,)),
        _Tag(257, _LONG, (rows,)),
        _Tag(258, _SHORT, (16,)),
        _Tag(259, _SHORT, (1,)),
        _Tag(262, _SHORT, (1,)),
        _Tag(271, _ASCII, "FEI"),
        _Tag(272, _ASCII, "Titan"),
        _Tag(273, _LONG, offsets),
        _Tag(277, _SHORT, (1,)),
        _Tag(278, _LONG, (_ROWS_PER_STRIP,)),
        _Tag(279, _LONG, lengths),
        _Tag(282, _RATIONAL, per_cm),
        _Tag(283, _RATIONAL, per_cm),
        _Tag(284, _SHORT, (1,)),
        _Tag(296, _SHORT, (3,)),
        _Tag(305, _ASCII, "temwatch simulated microscope"),
        _Tag(306, _ASCII, acquired_at.strftime("%Y:%m:%d %H:%M:%S")),
        _Tag(339, _SHORT, (1,)),
        _Tag(_FEI_HELIOS, _ASCII, fei_text(scene, acquired_at)),
    ]


def _directory(tags: list[_Tag], *, at: int) -> bytes:
    """Return the directory and the values that do not fit into its entries, for file offset `at`."""
    entries, values = [], b""
    values_at = at + 2 + 12 * len(tags) + 4
    for tag in tags:
        count, data = tag.encoded()
        if len(data) <= 4:
            slot = data.ljust(4, b"\0")
        else:
            slot = struct.pack("<I", values_at + len(values))
            values += data + b"\0" * (len(data) % 2)
        entries.append(struct.pack("<HHI", tag.number, tag.kind, count) + slot)
    return struct.pack("<H", len(tags)) + b"".join(entries) + struct.pack("<I", 0) + values


def fei_text(scene: Scene, acquired_at: datetime) -> str:
    """Return the vendor's ini text: sections in brackets, SI units, lines ended as on Windows."""
    rows, cols = scene.image.shape
    metres = scene.nm_per_px * 1e-9
    scanned = "STEM" if scene.mode.value != "BF" else "TEM"
    detector = {"BF": "BM-Ceta", "DF": "DF4", "HAADF": "HAADF"}[scene.mode.value]
    sections: dict[str, dict[str, object]] = {
        "User": {
            "Date": acquired_at.strftime("%m/%d/%Y"),
            "Time": acquired_at.strftime("%I:%M:%S %p"),
            "User": "operator",
            "UserText": scene.specimen_id,
        },
        "System": {
            "Type": scanned,
            "Dnumber": "D0000",
            "Source": "FEG",
            "SystemType": "Titan",
            "Stage": "CompuStage",
        },
        "Beam": {"HV": 300000, "Spot": 5, "Beam": "EBeam", "ImageMode": scanned},
        "Scan": {
            "InternalScan": "true",
            "Dwelltime": 1e-05,
            "PixelWidth": f"{metres:.10g}",
            "PixelHeight": f"{metres:.10g}",
            "HorFieldsize": f"{metres * cols:.10g}",
            "VerFieldsize": f"{metres * rows:.10g}",
            "Average": 0,
            "Integrate": 1,
        },
        "Image": {"ResolutionX": cols, "ResolutionY": rows, "Defocus": f"{scene.defocus_nm * 1e-9:.6g}"},
        "Specimen": {"Temperature": ""},
        "Detectors": {"Number": 1, "Name": detector, "Mode": scene.mode.value},
        "PrivateFei": {"BitShift": 0, "DataBarSelected": "", "DataBarAvailable": "", "DatabarHeight": 0},
    }
    blocks = (
        "\r\n".join([f"[{name}]", *(f"{key}={value}" for key, value in facts.items())])
        for name, facts in sections.items()
    )
    return "\r\n\r\n".join(blocks) + "\r\n"
