"""`frame.pixels`: a part of a frame at full resolution, read when somebody looks closely. Read-only."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temwatch.model.caller import Caller
from temwatch.publish.replies import Answer, Handler, Refusal
from temwatch.store import frames
from temwatch.store.database import Database
from temwatch.store.frames import FrameRow
from temwatch.wire.messages import FramePixelsArgs

_SEEN = 8  # windows kept, of up to 2 MB each
Look = Callable[[Path, FrameRow, FramePixelsArgs], Awaitable[bytes]]
"""Read a window of a frame whose root lies at a path, as a JPEG."""


class Pixels:
    """Answers ``frame.pixels``, one look at a time: it costs as much as reading the frame.

    Parameters
    ----------
    database : Database
        Open.
    root_path : callable
        Where a root lies; None for one that is not watched any more.
    look : Look
    """

    def __init__(self, database: Database, root_path: Callable[[str], Path | None], look: Look) -> None:
        self._database = database
        self._root_path = root_path
        self._look = look
        self._turn = asyncio.Lock()
        self._seen: OrderedDict[FramePixelsArgs, bytes] = OrderedDict()

    def handlers(self) -> dict[str, Handler]:
        """Return the command this answers."""
        return {"frame.pixels": self._pixels}

    async def _pixels(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = FramePixelsArgs.model_validate(args)
        frame = await asyncio.to_thread(self._frame, wanted.frame_id)
        root = self._root_path(frame.root)
        if root is None:
            raise Refusal("not_found", f"the folder of root {frame.root!r} is not watched any more")
        async with self._turn:
            # Who asks again because no answer came yet waits here for the first look, and gets what it found.
            jpeg = self._seen.get(wanted) or await self._look(root, frame, wanted)
            self._keep(wanted, jpeg)
        return Answer(json.dumps({"blobs": ["pixels"]}).encode(), [jpeg])

    def _keep(self, wanted: FramePixelsArgs, jpeg: bytes) -> None:
        self._seen[wanted] = jpeg
        while len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    def _frame(self, frame_id: str) -> FrameRow:
        connection = self._database.reader()
        try:
            frame = frames.by_frame_id(connection, frame_id)
        finally:
            connection.close()
        if frame is None:
            raise Refusal("not_found", f"no frame {frame_id!r}")
        return frame
