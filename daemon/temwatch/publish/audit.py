"""Every order leaves a row: written before it is carried out, settled after. A repeated order gets its old reply."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from temwatch.clock import Clock
from temwatch.errors import TransientError
from temwatch.model.caller import Caller
from temwatch.publish.replies import Answer, Handler, Order, Refusal, refusal_of
from temwatch.publish.rights import keeps_own_books, only_reads
from temwatch.store import audit
from temwatch.store.database import Database
from temwatch.wire.messages import AuditRecentArgs


class Audit:
    """Keeps the record of what was ordered.

    Parameters
    ----------
    database : Database
        Open.
    clock : Clock
    """

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[Answer]] = {}

    def handlers(self) -> dict[str, Handler]:
        """Return the command that reads it."""
        return {"audit.recent": self._recent}

    async def record(self, caller: Caller, args: Mapping[str, Any], order: Order) -> Answer:
        """Carry an order out between its two marks in the audit; what only reads leaves none.

        A row without an outcome stands for an order that may or may not have been carried out: the daemon ended,
        or the trouble is to pass. Sent again under its id, it is carried out then. Sent again while it is under way,
        both get the one answer.

        Raises
        ------
        Refusal, TemwatchError
            As the order does; also where its id belongs to another one, and nothing is done then.
        """
        if only_reads(caller.cmd):
            return await order()
        if keeps_own_books(caller.cmd):
            return await self._in_its_own_books(caller, args, order)
        known = self._database.ask(lambda tx: audit.earlier(tx, caller))
        if known is None:
            self._note(caller, args, None)
        elif known.outcome == audit.DONE and known.reply is not None:
            return Answer(known.reply)
        elif known.outcome is not None and known.outcome != audit.DONE:
            raise Refusal(known.outcome, "this order was refused before; send another one under a new cmd_id")
        task = self._under_way.get(caller.cmd_id)
        if task is None:
            task = asyncio.create_task(self._settled(caller, order))
            self._under_way[caller.cmd_id] = task
            task.add_done_callback(lambda _: self._under_way.pop(caller.cmd_id, None))
        return await asyncio.shield(task)

    async def _in_its_own_books(self, caller: Caller, args: Mapping[str, Any], order: Order) -> Answer:
        """Carry out an order that writes its own row; only a refusal is written down here."""
        try:
            answer = await order()
        except TransientError:
            raise
        except Exception as error:
            code, _, retryable = refusal_of(error)
            if not retryable and not isinstance(error, audit.CommandIdUsed):
                self._note(caller, args, code)
            raise
        if not answer.audited:
            self._note(caller, args, audit.DONE)
        return answer

    async def _settled(self, caller: Caller, order: Order) -> Answer:
        try:
            answer = await order()
        except TransientError:
            raise
        except Exception as error:
            code, _, retryable = refusal_of(error)
            if not retryable:
                self._settle(caller, code, None)
            raise
        self._settle(caller, audit.DONE, None if answer.blobs else answer.json)
        return answer

    def _note(self, caller: Caller, args: Mapping[str, Any], outcome: str | None) -> None:
        with self._database.transaction() as tx:
            audit.note(tx, caller, args, at=self._clock.now(), outcome=outcome)

    def _settle(self, caller: Caller, outcome: str, reply: bytes | None) -> None:
        with self._database.transaction() as tx:
            audit.settle(tx, caller.cmd_id, outcome, reply)

    async def _recent(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = AuditRecentArgs.model_validate(args)
        rows: Sequence[audit.Order] = self._database.ask(
            lambda connection: audit.page(connection, before=wanted.before, limit=wanted.limit)
        )
        more = rows[-1].id if len(rows) == wanted.limit else None
        said = {"orders": [asdict(row) for row in rows], "next_before": more}
        return Answer(json.dumps(said).encode())
