"""What can be asked of the daemon: hello, replay, snapshot, frame.get. Read-only, on connections of their own."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from temwatch import __version__
from temwatch.model.caller import Caller
from temwatch.publish.publisher import header_of
from temwatch.publish.replies import Answer, Handler, Refusal
from temwatch.store import frames, outbox, previews, results
from temwatch.store.database import Connection, Database
from temwatch.store.outbox import Message
from temwatch.wire.messages import FrameContoursArgs, FrameGetArgs, NoArgs, ReplayArgs, SnapshotArgs

MAX_PAGE_BYTES = 4 * 1024 * 1024
T = TypeVar("T")


class Queries:
    """Answers questions from the store.

    Parameters
    ----------
    database : Database
        Open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # One long question at a time: fifty clients that replay from 0 queue up here, not in the live path.
        self._turn = asyncio.Lock()

    def handlers(self) -> dict[str, Handler]:
        """Return the commands this answers."""
        return {
            "hello": self.hello,
            "replay": self.replay,
            "snapshot": self.snapshot,
            "frame.get": self.frame_get,
            "frame.contours": self.frame_contours,
        }

    async def hello(self, args: dict[str, Any], _: Caller) -> Answer:
        """Epoch, head and oldest seq: what a subscriber needs to begin."""
        NoArgs.model_validate(args)
        return Answer(json.dumps(await self._ask(self._where)).encode())

    async def replay(self, args: dict[str, Any], _: Caller) -> Answer:
        """Return stored messages after `since`, a page at a time (by count and by bytes)."""
        wanted = ReplayArgs.model_validate(args)

        def work(connection: Connection) -> bytes:
            where = self._where(connection)
            if where["oldest"] and wanted.since < where["oldest"] - 1:
                raise Refusal(
                    "too_old",
                    f"seq {wanted.since + 1} is no longer kept (oldest {where['oldest']}): take a snapshot",
                )
            page = outbox.page(connection, since=wanted.since, limit=wanted.limit, topic=wanted.topic)
            pieces: list[bytes] = []
            size = 0
            for message in page:
                piece = self._wrapped(message)
                size += len(piece)
                if pieces and size > MAX_PAGE_BYTES:
                    break
                pieces.append(piece)
            more = len(pieces) < len(page) or len(page) == wanted.limit
            head = json.dumps({**where, "more": more})
            return head[:-1].encode() + b',"messages":[' + b",".join(pieces) + b"]}"

        return Answer(await self._ask(work))

    async def snapshot(self, args: dict[str, Any], _: Caller) -> Answer:
        """Return the newest reports, newest first, in pages, with the seq they are as of."""
        wanted = SnapshotArgs.model_validate(args)

        def work(connection: Connection) -> bytes:
            where = self._where(connection)
            page = results.page(connection, before=wanted.before, limit=wanted.limit)
            pieces: list[bytes] = []
            size, last = 0, None
            for result_id, body in page:
                size += len(body)
                if pieces and size > MAX_PAGE_BYTES:
                    break
                pieces.append(body)
                last = result_id
            more = bool(page) and (len(pieces) < len(page) or len(page) == wanted.limit)
            head = json.dumps({**where, "as_of": where["head"], "next_before": last if more else None})
            return head[:-1].encode() + b',"reports":[' + b",".join(pieces) + b"]}"

        return Answer(await self._ask(work))

    async def frame_get(self, args: dict[str, Any], _: Caller) -> Answer:
        """Return the newest report of a frame and, as a blob, its preview."""
        wanted = FrameGetArgs.model_validate(args)

        def work(connection: Connection) -> tuple[bytes, list[bytes]]:
            frame = frames.by_frame_id(connection, wanted.frame_id)
            if frame is None:
                raise Refusal("not_found", f"no frame {wanted.frame_id!r}")
            report = results.newest(connection, frame.pk) or b"null"
            preview = previews.read(self._database.folder, frame.frame_id) if wanted.preview else None
            about = json.dumps({"state": frame.state, "reason": frame.reason, "next_step": frame.next_step})
            body = (
                about[:-1].encode()
                + b',"report":'
                + report
                + b',"blobs":'
                + (b'["preview"]' if preview else b"[]")
            )
            return body + b"}", [preview] if preview else []

        body, blobs = await self._ask(work)
        return Answer(body, blobs)

    async def frame_contours(self, args: dict[str, Any], _: Caller) -> Answer:
        """Return the outlines of a frame's findings, in their order, as a blob.

        Little-endian int32: how many, how many points each has, then the points, (row, col), one after the other.
        """
        wanted = FrameContoursArgs.model_validate(args)

        def work(connection: Connection) -> bytes:
            frame = frames.by_frame_id(connection, wanted.frame_id)
            packed = results.contours(connection, frame.pk) if frame else None
            if packed is None:
                raise Refusal("not_found", f"no measured frame {wanted.frame_id!r}")
            return packed

        return Answer(json.dumps({"blobs": ["contours"]}).encode(), [await self._ask(work)])

    async def _ask(self, work: Callable[[Connection], T]) -> T:
        def in_thread() -> T:
            connection = self._database.reader()
            try:
                return work(connection)
            finally:
                connection.close()

        async with self._turn:
            return await asyncio.to_thread(in_thread)

    def _where(self, connection: Connection) -> dict[str, Any]:
        return {
            "epoch": self._database.epoch,
            "head": outbox.head(connection),
            "heads": outbox.heads(connection),
            "oldest": outbox.oldest(connection),
            "version": __version__,
        }

    def _wrapped(self, message: Message) -> bytes:
        header = header_of(message, self._database.epoch).model_dump_json().encode()
        topic = json.dumps(message.topic).encode()
        return b'{"topic":' + topic + b',"header":' + header + b',"body":' + message.json_body + b"}"
