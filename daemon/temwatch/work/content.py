"""Whether a file still holds what was accepted."""

import os
from pathlib import Path

from temwatch.errors import FrameChanged
from temwatch.reading.completeness import Complete, probe
from temwatch.reading.fingerprint import file_fingerprint, section_fingerprint
from temwatch.reading.safe_open import open_beneath


def refuse_other_content(root: Path, relpath: str, *, section: int, fingerprint: str) -> None:
    """Make sure that a file still holds what was accepted; the scanner will sight what is there now.

    Raises
    ------
    FrameChanged
        When neither the file nor this section of it has the fingerprint.
    """
    with open_beneath(root, relpath) as file:
        size = os.fstat(file.fileno()).st_size
        if file_fingerprint(file, size) == fingerprint:
            return
        seen = probe(file, relpath, size)
        sections = seen.sections if isinstance(seen, Complete) else None
        if (
            sections
            and section < len(sections)
            and section_fingerprint(file, sections[section]) == fingerprint
        ):
            return
    raise FrameChanged(
        f"{relpath}: its content is not what was accepted", next_step="nothing; it will be sighted anew"
    )
