"""Commands about labels. An order, its audit row and its message are one transaction; the reply comes after it."""

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from temwatch.clock import Clock, iso
from temwatch.model.caller import Caller
from temwatch.model.finding import Rectangle
from temwatch.model.label import Label
from temwatch.publish.replies import Answer, Handler, Refusal
from temwatch.store import audit, findings, frames, labelling, labels
from temwatch.store.database import Connection, Database
from temwatch.store.findings import Facts, FindingUnknown
from temwatch.store.labelling import LabelConflict, LabelUnknown, Statement
from temwatch.wire import messages
from temwatch.wire.messages import (
    LabelAddArgs,
    LabelBulkArgs,
    LabelHistoryArgs,
    LabelListArgs,
    LabelPageArgs,
    LabelRevertArgs,
    LabelSetArgs,
    LabelUndoArgs,
)

T = TypeVar("T")
_AT_ONCE = 1000  # labels that one order takes back
_EVER = "9"  # after every moment that ISO-8601 spells in this age
Work = Callable[[Connection], bytes]


class Labels:
    """Answers ``label.*``.

    Parameters
    ----------
    database : Database
        Open.
    clock : Clock
    committed : callable
        Called after every commit that wrote a message.
    drawn : callable
        Called when an object waits to be measured.
    may_be_blind : callable
        Whether a finding belongs to those that are shown without the machine's verdict.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        committed: Callable[[], None],
        drawn: Callable[[], None] = lambda: None,
        may_be_blind: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._database = database
        self._clock = clock
        self._committed = committed
        self._drawn = drawn
        self._may_be_blind = may_be_blind

    def handlers(self) -> dict[str, Handler]:
        """Return the commands this answers."""
        return {
            "label.set": self._set,
            "label.undo": self._undo,
            "label.bulk": self._bulk,
            "label.revert": self._revert,
            "label.add": self._add,
            "label.history": self._history,
            "label.list": self._list,
            "label.page": self._page,
        }

    # --- orders ------------------------------------------------------------------------------------------------

    async def _set(self, args: dict[str, Any], caller: Caller) -> Answer:
        wanted = LabelSetArgs.model_validate(args)
        if wanted.blind and not self._may_be_blind(wanted.finding_id):
            raise Refusal("not_blind", f"{wanted.finding_id} is not among those that are shown blind")
        said = Statement(
            class_=wanted.class_,
            doubtful=wanted.state == "doubtful",
            expect_revision=wanted.expect_revision,
            note=wanted.note,
            blind=wanted.blind,
        )
        facts = await self._facts([wanted.finding_id])

        def work(tx: Connection) -> bytes:
            one = _required(facts, wanted.finding_id)
            return messages.to_json(labelling.set_label(tx, one, said, caller, at=self._clock.now()))

        return self._ordered(caller, args, work)

    async def _undo(self, args: dict[str, Any], caller: Caller) -> Answer:
        label_id = LabelUndoArgs.model_validate(args).label_id
        return self._ordered(
            caller,
            args,
            lambda tx: messages.to_json(labelling.undo(tx, label_id, caller, at=self._clock.now())),
        )

    async def _bulk(self, args: dict[str, Any], caller: Caller) -> Answer:
        wanted = LabelBulkArgs.model_validate(args)
        ids = list(dict.fromkeys(wanted.finding_ids))
        facts = await self._facts(ids)

        def work(tx: Connection) -> bytes:
            each = [_required(facts, finding_id) for finding_id in ids]
            done = labelling.bulk(
                tx, each, wanted.class_, caller, at=self._clock.now(), dry_run=wanted.dry_run
            )
            counts = json.dumps({"would_change": done.would_change, "same": done.same})
            parts = {"conflicts": done.conflicts, "labels": done.labels}
            return _joined(counts, parts)

        return self._ordered(caller, args, work)

    async def _revert(self, args: dict[str, Any], caller: Caller) -> Answer:
        wanted = LabelRevertArgs.model_validate(args)
        if wanted.by != caller.name and not caller.may("admin"):
            raise Refusal("forbidden", f"only an admin may take back what {wanted.by} said")
        since = iso(wanted.since) if wanted.since else ""
        until = iso(wanted.until) if wanted.until else _EVER

        def work(tx: Connection) -> bytes:
            done = labelling.revert(
                tx,
                wanted.by,
                caller,
                since=since,
                until=until,
                at=self._clock.now(),
                limit=_AT_ONCE,
                dry_run=wanted.dry_run,
            )
            head = {"would_undo": done.would_undo, "label_ids": list(done.label_ids)}
            return _joined(json.dumps(head), {"labels": done.labels})

        return self._ordered(caller, args, work)

    async def _add(self, args: dict[str, Any], caller: Caller) -> Answer:
        wanted = LabelAddArgs.model_validate(args)
        said = Statement(class_=wanted.class_, note=wanted.note)

        def work(tx: Connection) -> bytes:
            frame = frames.by_frame_id(tx, wanted.frame_id)
            report = findings.newest_report(tx, frame.pk) if frame else {}
            if frame is None or not report:
                raise Refusal("not_found", f"no inspected frame {wanted.frame_id!r}")
            _refuse_outside(wanted.rectangle, report["shape"])
            now = self._clock.now()
            label = labelling.draw(tx, frame, report["sha256"], wanted.rectangle, said, caller, at=now)
            return messages.to_json(label)

        answer = self._ordered(caller, args, work)
        self._drawn()
        return answer

    def _ordered(self, caller: Caller, args: Mapping[str, Any], work: Work) -> Answer:
        """Carry an order out once, whatever its sender repeats, and write down what came of it."""
        try:
            with self._database.transaction() as tx:
                known = audit.earlier(tx, caller)
                if known is not None:
                    return Answer(_old_reply(tx, caller, known), audited=True)
                reply = work(tx)
                audit.note(tx, caller, args, at=self._clock.now(), outcome=audit.DONE, reply=reply)
                if audit.earlier(tx, caller) == audit.Earlier(audit.DONE, None):
                    tx.execute("INSERT INTO label_reply VALUES (?, ?)", (caller.cmd_id, zlib.compress(reply)))
        except LabelConflict as conflict:
            stands = conflict.current
            current = None if stands is None else json.loads(messages.to_json(stands))
            raise Refusal("conflict", str(conflict), current=current) from conflict
        except (LabelUnknown, FindingUnknown) as unknown:
            raise Refusal("not_found", str(unknown)) from unknown
        self._committed()
        return Answer(reply, audited=True)

    # --- questions ---------------------------------------------------------------------------------------------

    async def _history(self, args: dict[str, Any], _: Caller) -> Answer:
        finding_id = LabelHistoryArgs.model_validate(args).finding_id

        def work(connection: Connection) -> bytes:
            frame = frames.by_frame_id(connection, finding_id.rpartition(".")[0])
            number = labels.object_of(connection, finding_id, frame.pk) if frame else None
            known = [] if number is None else labels.history(connection, number)
            return _joined("{}", {"labels": known})

        return Answer(await self._ask(work))

    async def _list(self, args: dict[str, Any], _: Caller) -> Answer:
        frame_id = LabelListArgs.model_validate(args).frame_id

        def work(connection: Connection) -> bytes:
            frame = frames.by_frame_id(connection, frame_id)
            if frame is None:
                raise Refusal("not_found", f"no frame {frame_id!r}")
            known = labels.of_frame(connection, frame.pk)
            found = [label for label in known if not label.drawn]
            return _joined("{}", {"labels": found, "drawn": [label for label in known if label.drawn]})

        return Answer(await self._ask(work))

    async def _page(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = LabelPageArgs.model_validate(args)

        def work(connection: Connection) -> bytes:
            known = labels.page(connection, after=wanted.after, limit=wanted.limit)
            more = known[-1].label_id if len(known) == wanted.limit else None
            return _joined(json.dumps({"next_after": more}), {"labels": known})

        return Answer(await self._ask(work))

    async def _facts(self, finding_ids: Sequence[str]) -> dict[str, Facts]:
        """Return what is known of findings; those that do not exist are left out.

        Read in a thread: a report of hundreds of findings takes milliseconds to open, and a bulk order has many.
        """

        def work(connection: Connection) -> dict[str, Facts]:
            try:
                return findings.look_up(connection, finding_ids)
            except FindingUnknown:
                # Said within the order, where it is written down; a repeated one may have its answer already.
                return {}

        return await self._ask(work)

    async def _ask(self, work: Callable[[Connection], T]) -> T:
        def in_thread() -> T:
            connection = self._database.reader()
            try:
                return work(connection)
            finally:
                connection.close()

        return await asyncio.to_thread(in_thread)


def _required(facts: Mapping[str, Facts], finding_id: str) -> Facts:
    if finding_id not in facts:
        raise Refusal("not_found", f"no finding {finding_id!r}, or another one of this order does not exist")
    return facts[finding_id]


def _old_reply(tx: Connection, caller: Caller, known: audit.Earlier) -> bytes:
    if known.outcome is not None and known.outcome != audit.DONE:
        raise Refusal(known.outcome, "this order was refused before; send another one under a new cmd_id")
    if known.reply is not None:
        return known.reply
    row = tx.execute("SELECT reply FROM label_reply WHERE cmd_id = ?", (caller.cmd_id,)).fetchone()
    return zlib.decompress(row[0]) if row else b"null"


def _refuse_outside(rectangle: Rectangle, shape: Sequence[int]) -> None:
    rows, cols = shape
    inside = -0.5 <= rectangle.row <= rows - 0.5 and -0.5 <= rectangle.col <= cols - 0.5
    sized = 1.0 <= rectangle.width_px <= rectangle.length_px <= 2.0 * (rows + cols)
    if not inside or not sized or not -90 < rectangle.angle_deg <= 90:
        raise Refusal(
            "bad_rectangle",
            f"{rectangle} is no rectangle in a frame of {rows} x {cols} px"
            " (centre inside, length >= width >= 1 px, angle in (-90, 90])",
        )


def _joined(head: str, parts: Mapping[str, Sequence[Label]]) -> bytes:
    """Return JSON of `head` with lists of labels added, without parsing a label again."""
    lists = [
        json.dumps(name).encode() + b":[" + b",".join(messages.to_json(label) for label in known) + b"]"
        for name, known in parts.items()
    ]
    opened = head[:-1].encode()
    return opened + (b"," if opened != b"{" else b"") + b",".join(lists) + b"}"
