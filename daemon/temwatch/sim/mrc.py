"""MRC files and their .mdoc sidecars, as SerialEM writes them (MRC2014, mode 6).

Rows are stored in the order of the image, the first row first.
"""

import struct
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from temwatch.sim.truth import Scene

HEADER_BYTES = 1024
_MODE_UINT16 = 6
_LITTLE_ENDIAN = bytes([0x44, 0x44, 0, 0])


def mrc_header(scenes: Sequence[Scene], acquired_at: datetime) -> bytes:
    """Return the 1024 bytes in front of these sections.

    Parameters
    ----------
    scenes : sequence of Scene
        The sections, all of one shape and pixel size. Of none, `mrc_opening` gives the header.
    acquired_at : datetime
        Of the first section; stands in the label.
    """
    every = np.stack([[s.image.min(), s.image.max(), s.image.mean(), s.image.std()] for s in scenes])
    low, high, mean = float(every[:, 0].min()), float(every[:, 1].max()), float(every[:, 2].mean())
    rms = float(np.sqrt((every[:, 3] ** 2 + (every[:, 2] - mean) ** 2).mean()))
    return _header(scenes[0], len(scenes), (low, high, mean), rms, acquired_at)


def mrc_opening(scene: Scene, acquired_at: datetime) -> bytes:
    """Return the header of a stack that has no section yet; `scene` will be the first."""
    return _header(scene, 0, (0.0, 0.0, 0.0), 0.0, acquired_at)


def _header(
    scene: Scene, sections: int, density: tuple[float, float, float], rms: float, acquired_at: datetime
) -> bytes:
    """Field for field as in the MRC2014 table (Cheng et al., J. Struct. Biol. 192, 2015)."""
    rows, cols = scene.image.shape
    angstrom = scene.nm_per_px * 10
    label = f"SerialEM: Titan 300 kV {scene.mode.value} {acquired_at:%d-%b-%y  %H:%M:%S}".encode()
    words = struct.pack("<10i", cols, rows, sections, _MODE_UINT16, 0, 0, 0, cols, rows, 1)
    cell = struct.pack("<6f", cols * angstrom, rows * angstrom, angstrom, 90, 90, 90)
    axes = struct.pack("<3i", 1, 2, 3) + struct.pack("<3f", *density)
    extra = struct.pack("<2i", 0, 0) + bytes(8) + bytes(4) + struct.pack("<i", 20140) + bytes(84)
    origin = struct.pack("<3f", 0, 0, 0) + b"MAP " + _LITTLE_ENDIAN + struct.pack("<f", rms)
    labels = struct.pack("<i", 1) + label.ljust(80, b" ")
    return (words + cell + axes + extra + origin + labels).ljust(HEADER_BYTES, b"\0")


def section_bytes(scene: Scene) -> bytes:
    """Return the pixels of one section."""
    return scene.image.astype("<u2").tobytes()


def mrc_bytes(scene: Scene, acquired_at: datetime) -> bytes:
    """Return a complete file with one section."""
    return mrc_header([scene], acquired_at) + section_bytes(scene)


def mdoc_text(image_name: str, sections: Sequence[tuple[Scene, datetime]]) -> str:
    """Return the sidecar of an image file: facts about the file, then a block for each section.

    Lengths are in ångström, defocus in µm, dates as SerialEM has them (``02-Mar-26  09:00:00``).
    """
    first, began = sections[0]
    rows, cols = first.image.shape
    lines = [
        f"PixelSpacing = {first.nm_per_px * 10:.6g}",
        "Voltage = 300",
        f"ImageFile = {image_name}",
        f"ImageSize = {cols} {rows}",
        f"DataMode = {_MODE_UINT16}",
        "",
        f"[T = SerialEM: Digitized on Titan, {first.mode.value}   {began:%d-%b-%y  %H:%M:%S}    ]",
    ]
    for number, (scene, at) in enumerate(sections):
        lines += ["", *_mdoc_section(number, scene, at)]
    return "\n".join(lines) + "\n"


def _mdoc_section(number: int, scene: Scene, at: datetime) -> list[str]:
    low, high, mean = int(scene.image.min()), int(scene.image.max()), float(scene.image.mean())
    facts = [
        f"[ZValue = {number}]",
        "TiltAngle = 0.01",
        f"PixelSpacing = {scene.nm_per_px * 10:.6g}",
        f"Defocus = {scene.defocus_nm / 1000:.4f}",
        "ExposureTime = 1",
        "Binning = 1",
        f"MinMaxMean = {low} {high} {mean:.2f}",
        f"DateTime = {at:%d-%b-%y  %H:%M:%S}",
    ]
    return facts if scene.mode.value == "BF" else [*facts, f"ChannelName = {scene.mode.value}"]
