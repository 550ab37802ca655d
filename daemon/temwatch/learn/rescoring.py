"""After a promotion the frames of before are named anew, from their stored features; both verdicts are kept."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np
import structlog

from temwatch.acceptance.rules import Rules
from temwatch.clock import Clock
from temwatch.errors import ModelRefused, TransientError
from temwatch.learn.champion import Champions
from temwatch.learn.renaming import renamed
from temwatch.model.report import Report
from temwatch.model.training import HistoryRescored, VerdictChange
from temwatch.recognition.recognizer import Recognizer
from temwatch.store import labels, outbox, rescored
from temwatch.store.database import Connection, Database
from temwatch.store.rescored import Earlier, Renaming
from temwatch.store.shelf import load
from temwatch.vision.features import FEATURE_SET
from temwatch.wire import messages, topics

_log = structlog.get_logger("rescoring")
_PORTION = 20
_TROUBLE_S = 5.0
_REST = 3.0  # so many times as long as a portion took, nothing is done: live frames come first


class Rescoring:
    """Names history anew whenever another recognizer is in use.

    Parameters
    ----------
    database : Database
    champions : Champions
    rules : Rules
        The acceptance rules of today.
    clock : Clock
    committed : callable
        Called after every commit that wrote a message.
    """

    def __init__(
        self,
        database: Database,
        champions: Champions,
        *,
        rules: Rules,
        clock: Clock,
        committed: Callable[[], None],
    ) -> None:
        self._database = database
        self._champions = champions
        self._rules = rules
        self._clock = clock
        self._committed = committed
        self._wake = asyncio.Event()

    def poke(self) -> None:
        """Say that another recognizer may be in use."""
        self._wake.set()

    async def run(self) -> None:
        """Name anew what needs it, until cancelled; what an earlier run left undone comes first."""
        while True:
            self._wake.clear()
            try:
                await self._all()
            except TransientError as error:
                _log.error("rescoring in trouble", error=str(error))
                await asyncio.sleep(_TROUBLE_S)
                continue
            except ModelRefused as error:
                _log.error("recognizer can't be used for rescoring", error=str(error))
            await self._wake.wait()

    async def _all(self) -> None:
        folder = self._database.ask(self._champions.present)
        of = self._database.ask(lambda tx: rescored.count_pending(tx, folder.name))
        if not of:
            return
        recognizer = await asyncio.to_thread(load, folder)
        below, done = 1 << 62, 0
        while not self._wake.is_set():
            begun = time.monotonic()
            portion, made = await asyncio.to_thread(self._portion, folder.name, recognizer, below)
            if not portion:
                _log.info("history rescored", model=folder.name, frames=done)
                return
            below, done = portion[-1].result_id, done + len(portion)
            self._commit(folder.name, made, done=done, of=max(of, done))
            await asyncio.sleep(_REST * (time.monotonic() - begun))

    def _portion(
        self, model_id: str, recognizer: Recognizer, below: int
    ) -> tuple[Sequence[Earlier], list[tuple[Renaming, VerdictChange]]]:
        with closing(self._database.reader()) as connection:
            portion = rescored.pending(connection, model_id, below=below, limit=_PORTION)
            return portion, [
                self._renamed(connection, one, model_id, recognizer)
                for one in portion
                if one.feature_set == FEATURE_SET
            ]

    def _renamed(
        self, connection: Connection, one: Earlier, model_id: str, recognizer: Recognizer
    ) -> tuple[Renaming, VerdictChange]:
        old: Report = messages.from_json(Report, one.report_json)
        rows = np.frombuffer(one.features, "<f4").reshape(one.n, -1)
        new = renamed(old, rows, recognizer=recognizer, model_id=model_id, rules=self._rules)
        said = {label.finding_id: label.class_ for label in labels.of_frame(connection, one.frame_pk)}
        pairs = list(zip(old.findings, new.findings, strict=True))
        count = sum(was.class_ != now.class_ for was, now in pairs)
        against = sum(
            was.class_ == said.get(was.finding_id) and now.class_ != was.class_ for was, now in pairs
        )
        before, after = old.verdict.decision.value, new.verdict.decision.value
        change = VerdictChange(
            frame_id=old.frame_id,
            root=old.root,
            path=old.path,
            before=before,
            after=after,
            renamed=count,
            contradicts=against,
        )
        renaming = Renaming(
            result_id=one.result_id,
            decision=after,
            was=before,
            renamed=count,
            contradicts=against,
            report_json=messages.to_json(new) if count or before != after else None,
        )
        return renaming, change

    def _commit(
        self, model_id: str, made: list[tuple[Renaming, VerdictChange]], *, done: int, of: int
    ) -> None:
        changed = [change for _, change in made if change.renamed or change.before != change.after]
        changed.sort(key=lambda c: (-c.contradicts, c.before == c.after, -c.renamed))
        event = HistoryRescored(model_id=model_id, done=done, of=of, changed=tuple(changed))
        now = self._clock.now()
        with self._database.transaction() as tx:
            rescored.insert(tx, model_id, [renaming for renaming, _ in made], at=now)
            newest = outbox.head(tx)
            outbox.append(
                tx,
                id=f"rescored:{model_id[:16]}:{newest}:{done}",
                topic=topics.MODEL,
                type="model.rescored",
                at=now,
                body=messages.to_json(event),
            )
        self._committed()
