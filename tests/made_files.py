"""Small files as instruments would write them, made byte by byte, so that tests own every field."""

import io
import json
import struct
import zlib

import h5py
import numpy as np
from numpy.typing import NDArray


def gradient(rows: int = 24, cols: int = 32, dtype: str = "u2") -> NDArray[np.generic]:
    """An image whose every pixel differs from its neighbours, so that any shift or flip shows."""
    return ((np.arange(rows)[:, None] * 37 + np.arange(cols)[None] * 11) % 251).astype(dtype)


def mrc(
    image: NDArray[np.generic], *, angstrom: float = 5.0, declared: int | None = None, extended: bytes = b"",
    kind: bytes = b"", order: str = "<",
) -> bytes:  # fmt: skip
    """An MRC file of one image (2-D) or a stack (3-D)."""
    stack = image if image.ndim == 3 else image[None]
    modes = {"int8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}
    sections, rows, cols = stack.shape
    head = bytearray(1024)
    struct.pack_into(
        order + "4i", head, 0, cols, rows, sections if declared is None else declared, modes[stack.dtype.name]
    )
    struct.pack_into(order + "3i", head, 28, cols, rows, sections)
    struct.pack_into(order + "3f", head, 40, cols * angstrom, rows * angstrom, sections * angstrom)
    struct.pack_into(order + "3i", head, 64, 1, 2, 3)
    struct.pack_into(order + "i", head, 92, len(extended))
    head[104 : 104 + len(kind)] = kind
    head[208:216] = b"MAP " + (b"\x44\x44\0\0" if order == "<" else b"\x11\x11\0\0")
    return bytes(head) + extended + stack.astype(stack.dtype.newbyteorder(order)).tobytes()


def ser(
    images: NDArray[np.generic], *, planned: int | None = None, metres: float = 2e-10, kind: int = 0x4122
) -> bytes:
    """A TIA series of the images (section, row, col), `planned` of them announced."""
    planned = len(images) if planned is None else planned
    code = {
        "uint8": 1,
        "uint16": 2,
        "uint32": 3,
        "int8": 4,
        "int16": 5,
        "int32": 6,
        "float32": 7,
        "float64": 8,
    }
    table = 30 + 36
    first = table + 8 * planned
    _, rows, cols = images.shape
    each = 50 + images[0].nbytes + 8
    offsets = [first + each * k for k in range(len(images))]
    head = struct.pack("<HHHIIIIII", 0x4949, 0x0197, 0x210, kind, 0x4152, planned, len(images), table, 1)
    head += struct.pack("<IddIII", planned, 0.0, 1.0, 0, 0, 0)[:36].ljust(36, b"\0")
    spare = [0] * (planned - len(images))
    head += struct.pack(f"<{planned}I", *offsets, *spare)
    head += struct.pack(f"<{planned}I", *(offset + each - 8 for offset in offsets), *spare)
    body = b""
    for image in images:
        body += struct.pack("<ddIddIHII", 0, metres, 0, 0, metres, 0, code[image.dtype.name], cols, rows)
        body += image[::-1].tobytes() + struct.pack("<HHI", 0x4152, 0, 1_500_000_000)
    return head + body


def dm(entries: list[dict[str, object]], *, version: int = 4, thumbnails: int = 0, order: str = "<") -> bytes:
    """A DM file; each entry has ``data`` (fastest axis last), ``type``, ``axes`` [(scale, unit)], ``name``, ``tags``."""
    images = {}
    for k, entry in enumerate(entries):
        data = entry["data"]
        assert isinstance(data, np.ndarray)
        axes = entry.get("axes") or [(1.0, "")] * data.ndim
        images[k] = {
            "ImageData": {
                "Calibrations": {
                    "Dimension": {i: {"Scale": s, "Units": u} for i, (s, u) in enumerate(reversed(axes))}
                },
                "Data": data,
                "DataType": entry["type"],
                "Dimensions": dict(enumerate(reversed(entry.get("shape", data.shape)))),
            },
            "ImageTags": entry.get("tags", {}),
            "Name": entry.get("name", ""),
        }
    tree = {"ImageList": images, "Thumbnails": {k: {"ImageIndex": k} for k in range(thumbnails)}}
    body = _dm_group(tree, version, order, root=True)
    flag = struct.pack(">I", int(order == "<"))
    word = ">I" if version == 3 else ">Q"
    return struct.pack(">I", version) + struct.pack(word, len(body) + 4) + flag + body + bytes(8)


def _dm_group(tree: dict, version: int, order: str, *, root: bool = False) -> bytes:
    word = ">I" if version == 3 else ">Q"
    body = b""
    for key, value in tree.items():
        name = key.encode("latin-1") if isinstance(key, str) else b""
        if isinstance(value, dict):
            inside = _dm_group(value, version, order)
            body += struct.pack(">BH", 20, len(name)) + name + inside
        else:
            inside = _dm_value(value, version, order)
            body += (
                struct.pack(">BH", 21, len(name))
                + name
                + (struct.pack(">Q", len(inside)) if version == 4 else b"")
                + inside
            )
    size = b"" if root or version == 3 else struct.pack(">Q", len(body))
    return b"\1\0" + size + struct.pack(word, len(tree)) + body


def _dm_value(value: object, version: int, order: str) -> bytes:
    word = ">%dI" if version == 3 else ">%dQ"
    if isinstance(value, np.ndarray):
        code = {"i2": 2, "i4": 3, "u2": 4, "u4": 5, "f4": 6, "f8": 7, "i1": 9, "u1": 10, "c8": 6}[
            value.dtype.str[1:]
        ]
        raw = value.astype(value.dtype.newbyteorder(order)).tobytes()
        count = value.size * (2 if value.dtype.kind == "c" else 1)
        return b"%%%%" + struct.pack(word % 4, 3, 20, code, count) + raw
    if isinstance(value, str):
        raw = value.encode("utf-16-le" if order == "<" else "utf-16-be")
        return b"%%%%" + struct.pack(word % 4, 3, 20, 4, len(raw) // 2) + raw
    if isinstance(value, int):
        return b"%%%%" + struct.pack(word % 2, 1, 3) + struct.pack(order + "i", value)
    assert isinstance(value, float)
    return b"%%%%" + struct.pack(word % 2, 1, 7) + struct.pack(order + "d", value)


def velox(frames: NDArray[np.generic], said: dict[str, object] | None = None) -> bytes:
    """A Velox EMD with one image of the frames (frame, row, col)."""
    said = said or {
        "BinaryResult": {
            "Detector": "HAADF",
            "PixelSize": {"width": "2e-9", "height": "2e-9"},
            "PixelUnitX": "m",
            "PixelUnitY": "m",
        },
        "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1664324827"}},
    }
    text = json.dumps(said).encode().ljust(2000, b"\0")
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5["Version"] = ['{"version": "9", "format": "Velox"}']
        group = h5.create_group("Data/Image/0123")
        group["Data"] = np.moveaxis(frames, 0, 2)
        group["Metadata"] = np.repeat(np.frombuffer(text, "u1")[:, None], len(frames), axis=1)
    return file.getvalue()


def png(image: NDArray[np.uint8]) -> bytes:
    """A grey PNG."""
    rows, cols = image.shape
    lines = b"".join(b"\0" + row.tobytes() for row in image)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", cols, rows, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )
