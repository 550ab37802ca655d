"""TIFF files: every grey page is an image; an ImageJ stack with one directory is as many as it says."""

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.reading import tiff_facts
from temwatch.reading.contents import Contents, Signal
from temwatch.reading.fingerprint import ByteRanges
from temwatch.reading.source import Piece, Source
from temwatch.reading.tiff_pages import Page, leading_pages, text, values

_PALETTE, _RGB, _YCBCR, _CMYK = 3, 2, 6, 5
_EVENTS = (65000, 65001, 65002)
_IMAGES = re.compile(r"^images=(\d+)$", re.MULTILINE)


def survey(source: Source) -> Contents:
    """Return what the file holds, as far as it is complete.

    Raises
    ------
    FrameIncomplete, FrameUnreadable
        Not even the first page is complete; the directories contradict themselves.
    """
    pages, _ = leading_pages(source)
    declined: list[str] = []
    signals: list[Signal] = []
    for page in pages:
        reason = _no_image(source, page)
        if reason:
            declined.append(reason)
        else:
            signals.append(_signal(source, page, copies=_copies(source, pages)))
    return Contents(format="tiff", signals=tuple(signals), declined=tuple(declined))


def complete_ranges(source: Source) -> tuple[tuple[ByteRanges, ...], str]:
    """Return where the pixels of each complete image lie, and why there are not more (empty: all are there).

    Unlike `survey` this reads no metadata.
    """
    pages, missing = leading_pages(source)
    good = [page for page in pages if not _no_image(source, page)]
    copies = _copies(source, pages)
    return tuple(_ranges(page, k) for page in good for k in range(copies)), missing


def _no_image(source: Source, page: Page) -> str:
    """Say what a page is when it is no image to inspect; empty when it is one."""
    size = f"{page.rows} x {page.cols}"
    if page.reduced:
        return f"a thumbnail of {size}"
    if page.compression in _EVENTS:
        return f"electron events (EER) of {size}"
    if page.photometric in (_RGB, _YCBCR, _CMYK) or page.samples > 1:
        return f"a colour picture of {size}"
    if page.sample_format in (5, 6):
        return f"a complex transform of {size}"
    if page.dtype is None:
        return f"a picture of {size} in {page.bits}-bit pixels"
    if page.photometric == _PALETTE and not _is_grey_palette(source, page):
        return f"a picture of {size} in false colours"
    return ""


def _is_grey_palette(source: Source, page: Page) -> bool:
    """Whether most colours of the palette are the grey of their own number (SEMs colour a few for their overlay)."""
    tag = page.tags.get(320)
    if tag is None or tag.type != 3 or tag.count != 3 << page.bits:
        return False
    colours = np.array(values(source, page.order, tag), float).reshape(3, -1)
    ramp = np.linspace(0, 65535, colours.shape[1])
    return bool(np.mean(np.all(np.abs(colours - ramp) < 600, axis=0)) > 0.8)


def _copies(source: Source, pages: Sequence[Page]) -> int:
    """Return how many complete images follow each other under the only directory (ImageJ and tifffile do so)."""
    if len(pages) != 1 or not pages[0].plain:
        return 1
    page = pages[0]
    description = text(source, page.tags.get(270))
    found = _IMAGES.search(description) if description.startswith("ImageJ=") else None
    declared = int(found[1]) if found else _shaped(description, page)
    start = page.segments[0][0]
    return max(1, min(declared, (source.size - start) // page.image_bytes))


def _shaped(description: str, page: Page) -> int:
    """Return the images declared by tifffile's own description of a shortened stack; 1 for any other text."""
    if not description.startswith('{"shape":'):
        return 1
    try:
        stated = json.loads(description)
        shape = [int(n) for n in stated["shape"]]
    except (ValueError, KeyError, TypeError):
        return 1
    if not stated.get("truncated") or shape[-2:] != [page.rows, page.cols]:
        return 1
    return int(np.prod(shape[:-2], dtype=object))


def _ranges(page: Page, copy: int) -> ByteRanges:
    if not page.plain:
        return page.segments
    if copy:
        return ((page.segments[0][0] + copy * page.image_bytes, page.image_bytes),)
    return _joined(page.segments)


def _joined(ranges: ByteRanges) -> ByteRanges:
    """Return the ranges with neighbours joined: most files keep their strips in one run."""
    joined: list[tuple[int, int]] = []
    for offset, length in ranges:
        if joined and sum(joined[-1]) == offset:
            joined[-1] = (joined[-1][0], joined[-1][1] + length)
        else:
            joined.append((offset, length))
    return tuple(joined)


def _signal(source: Source, page: Page, *, copies: int) -> Signal:
    dtype = page.dtype
    assert dtype is not None

    def decode(_section: int, pieces: Sequence[Piece]) -> NDArray[Any]:
        return _plain_pixels(page, pieces) if page.plain else _decoded(source, page)

    return Signal(
        name="", rows=page.rows, cols=page.cols, dtype=dtype, sections=copies, decode=decode,
        ranges=lambda section: _ranges(page, section),
        facts=lambda _: tiff_facts.facts(source, page),
    )  # fmt: skip


def _plain_pixels(page: Page, pieces: Sequence[Piece]) -> NDArray[Any]:
    assert page.dtype is not None
    whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    stored = np.frombuffer(whole, page.dtype.newbyteorder(page.order), page.rows * page.cols)
    return stored.astype(page.dtype, copy=False).reshape(page.rows, page.cols)


def _decoded(source: Source, page: Page) -> NDArray[Any]:
    import tifffile  # only for compressed or tiled pixels

    source.file.seek(0)
    with tifffile.TiffFile(source.file) as file:
        found: NDArray[Any] = file.pages[page.number].asarray()
    if found.shape != (page.rows, page.cols):
        raise source.unreadable(f"page {page.number} decodes to {found.shape}, not {page.rows} x {page.cols}")
    return found
