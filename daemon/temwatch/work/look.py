"""A window of a frame at full resolution. A process of its own reads the file, lives for one look, and is ended if it hangs.

The daemon itself never touches a watched folder: a share that is away would hold it.
"""

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import temwatch
from temwatch import limits
from temwatch.errors import FrameUnreadable, PermanentError, TemwatchError, TransientError
from temwatch.limits import WorkerLimits

_AGAIN, _NEVER = 3, 4  # exit codes: the same look may succeed later, or never will
_TIMEOUT_S = 20.0
_DYING_S = 0.5
_JPEG_QUALITY = 92


class LookDelayed(TransientError):
    """The file can't be read now: its share hangs, or it changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What to look at.

    Attributes
    ----------
    root_path, relpath : str
        The file; `relpath` as the system names it.
    section : int
    fingerprint : str
        Of the content that was accepted: another content is not shown in its place.
    row, col, rows, cols : int
        The window; what lies outside the frame is left out.
    """

    root_path: str
    relpath: str
    section: int
    fingerprint: str
    row: int
    col: int
    rows: int
    cols: int


async def look(wanted: Look, *, timeout_s: float = _TIMEOUT_S) -> bytes:
    """Return the window as a grey JPEG, in the greys of the preview.

    Raises
    ------
    LookDelayed, FrameUnreadable
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "temwatch.work.look", str(os.getpid())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=limits.environment({**os.environ, "PYTHONPATH": str(Path(temwatch.__file__).parents[1])}),
        start_new_session=True,
    )
    try:
        question = json.dumps(asdict(wanted)).encode()
        picture, said = await asyncio.wait_for(process.communicate(question), timeout_s)
    except TimeoutError as error:
        raise LookDelayed(
            f"{wanted.relpath}: not read within {timeout_s:g} s", next_step="is its share there?"
        ) from error
    finally:
        # Waited for only a moment: what hangs on a dead share can't be ended before the share is back.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.communicate(), _DYING_S)
    if process.returncode == 0:
        return picture
    message = said.decode("utf-8", "replace").strip()[-500:]
    if process.returncode == _AGAIN:
        raise LookDelayed(message)
    raise FrameUnreadable(message or f"{wanted.relpath}: its reader ended with {process.returncode}")


def seen(wanted: Look) -> bytes:
    """Return the window of a file as a grey JPEG, read in this process.

    Raises
    ------
    TemwatchError
        Any of the reading room's.
    """
    import cv2

    from temwatch.reading.reader import read_frame
    from temwatch.vision.overlay import window
    from temwatch.work.content import refuse_other_content

    cv2.setNumThreads(1)
    root = Path(wanted.root_path)
    refuse_other_content(root, wanted.relpath, section=wanted.section, fingerprint=wanted.fingerprint)
    image = read_frame(Path(wanted.relpath), section=wanted.section, beneath=root).image
    rows = slice(wanted.row, wanted.row + wanted.rows)
    cols = slice(wanted.col, wanted.col + wanted.cols)
    part = window(image, rows, cols)
    if part.size == 0:
        raise PermanentError(f"row {wanted.row}, col {wanted.col} lies outside a frame of {image.shape}")
    _, jpeg = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return bytes(jpeg)


def _main() -> int:
    limits.apply(WorkerLimits(), parent_pid=int(sys.argv[1]))
    wanted = Look(**json.loads(sys.stdin.buffer.read()))
    try:
        sys.stdout.buffer.write(seen(wanted))
    except TemwatchError as error:
        sys.stderr.write(str(error))
        return _AGAIN if isinstance(error, TransientError) else _NEVER
    return 0


if __name__ == "__main__":
    sys.exit(_main())
