"""Objects that people drew, measured by the same workers as any other: the frame is read again, the rectangle looked at.

Job numbers are those of the objects, negative, so that they never meet a frame's. What was under way when the daemon
ended is simply begun again.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from temwatch.clock import Clock
from temwatch.model.job import Crashed, Failed, Finished, Job, Outcome
from temwatch.model.report import Report
from temwatch.store import drawn
from temwatch.store.database import Database
from temwatch.store.drawn import DrawnRow
from temwatch.store.frames import FrameRow
from temwatch.wire import messages
from temwatch.wire.messages import MessageRefused
from temwatch.work.believed import checked
from temwatch.work.engine import CANCELLED
from temwatch.work.verdict import Gone, RetrySettings, SetAside, TryAgain, after

_log = structlog.get_logger("drawn")


@dataclass(slots=True)
class _Tries:
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    share_troubles: int = 0
    not_before_s: float = 0.0
    under_way: DrawnRow | None = None


class Drawn:
    """Hands out drawn objects as jobs, and writes down what came of them.

    Parameters
    ----------
    database : Database
    clock : Clock
    job_body : callable
        Frame -> what a worker is told about it; None where its root is not watched any more.
    retries : RetrySettings, optional
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        job_body: Callable[[FrameRow], dict[str, Any] | None],
        retries: RetrySettings | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._job_body = job_body
        self._retries = retries or RetrySettings()
        self._tries: dict[int, _Tries] = {}

    @staticmethod
    def owns(outcome: Outcome) -> bool:
        """Whether an outcome is that of a drawn object."""
        return outcome.job_id < 0

    def next_job(self) -> Job | None:
        """Return the next object to measure; None where none waits, or none is due."""
        now_s = self._clock.monotonic_s()
        later = {
            number for number, tries in self._tries.items() if tries.under_way or tries.not_before_s > now_s
        }
        row = self._database.ask(lambda connection: drawn.next_waiting(connection, but=later))
        if row is None:
            return None
        body = self._job_body(row.frame)
        if body is None:
            self._give_up(row.object_id, f"the root {row.frame.root} is not watched any more")
            return None
        tries = self._tries.setdefault(row.object_id, _Tries())
        tries.attempt += 1
        tries.under_way = row
        told = {**body, "unfold": False, "drawn": asdict(row.rectangle)}
        return Job(job_id=-row.object_id, attempt=tries.attempt, body=told)

    def settle(self, outcome: Outcome) -> None:
        """Write down how a job ended; may be called again with the same outcome when the store failed."""
        object_id = -outcome.job_id
        tries = self._tries.get(object_id)
        if tries is None or tries.under_way is None or tries.attempt != outcome.attempt:
            return
        match outcome:
            case Finished():
                self._finish(outcome, tries.under_way)
            case Failed() | Crashed():
                self._fail(outcome, object_id, tries)
        tries.under_way = None

    def _finish(self, outcome: Finished, row: DrawnRow) -> None:
        try:
            inspected, report = checked(outcome, row.frame)
            if len(report.findings) != 1:
                raise MessageRefused(f"{len(report.findings)} findings for one drawn object")
        except MessageRefused as error:
            self._give_up(row.object_id, f"the worker's report is not one ({error})")
            return
        with self._database.transaction() as tx:
            drawn.measured(
                tx,
                row.object_id,
                finding_json=_as_drawn(report, row.finding_id),
                model_id=inspected.model_id,
                feature_set=inspected.feature_set,
                features=inspected.features,
                at=self._clock.now(),
            )
        _log.info("drawn object measured", finding_id=row.finding_id)

    def _fail(self, outcome: Failed | Crashed, object_id: int, tries: _Tries) -> None:
        if isinstance(outcome, Failed) and outcome.error == "FrameChanged":
            self._give_up(object_id, "the file holds another content now")
            return
        self._count(outcome, tries)
        step = after(
            outcome,
            failures=tries.failures,
            crashes=tries.crashes,
            share_troubles=tries.share_troubles,
            settings=self._retries,
        )
        match step:
            case TryAgain(after_s=after_s):
                tries.not_before_s = self._clock.monotonic_s() + after_s
            case SetAside(reason=reason):
                self._give_up(object_id, reason)
            case Gone():
                self._give_up(object_id, "the file is gone")

    def _count(self, outcome: Failed | Crashed, tries: _Tries) -> None:
        if isinstance(outcome, Crashed):
            tries.crashes += 1
        elif outcome.error == "ShareTrouble":
            tries.share_troubles += 1
        elif outcome.error != CANCELLED:
            tries.failures += 1

    def _give_up(self, object_id: int, reason: str) -> None:
        with self._database.transaction() as tx:
            drawn.not_measured(tx, object_id, reason=reason, at=self._clock.now())
        _log.warning("drawn object not measured", object_id=object_id, reason=reason)


def _as_drawn(report: Report, finding_id: str) -> str:
    """Return the measured finding as JSON, under the name it has among the labels, with the report's notes."""
    said: dict[str, Any] = json.loads(messages.to_json(report.findings[0]))
    return json.dumps({**said, "finding_id": finding_id, "notes": list(report.notes)})
