"""Learning from labels while the daemon works: one attempt at a time, in a process of its own, promoted only through the gate."""

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import structlog

from temwatch import limits
from temwatch.clock import Clock
from temwatch.errors import ModelRefused, TemwatchError, TransientError
from temwatch.learn.champion import BY_ITSELF, Champions, promote_by_itself
from temwatch.learn.label_rows import rows_from
from temwatch.learn.timetable import Timetable, enough, missed
from temwatch.learn.trainer import LABELS, ORDER, OUTCOME
from temwatch.learn.training_set import packed
from temwatch.model.training import Attempt, Why
from temwatch.store import labels, meta, models, shadow
from temwatch.store.database import Connection, Database
from temwatch.store.models import AttemptRunning
from temwatch.store.shelf import load

_log = structlog.get_logger("retraining")
_LOOK_S = 2.0  # how often labels are counted
_TROUBLE_S = 5.0
_SEEN = "retrain_seen_at"  # until when the timetable has been followed
Adopt = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainSettings:
    """What the configuration says.

    Attributes
    ----------
    cron : str
    min_new_labels : int
    promote : {'auto', 'manual'}
    floors : mapping of str to float
    timeout_s : float
    method, finder : str
        Of the recognizers that are made.
    confidence : float
    simulated : Path or None
        What the starter learned from.
    shadow_labels : int
        On how many labels of after its training what passed is tried before it is used; 0 for at once.
    memory_mb, nice : int
        Of the process that learns.
    """

    cron: str
    min_new_labels: int
    promote: Literal["auto", "manual"]
    floors: Mapping[str, float]
    timeout_s: float
    method: str
    finder: str
    confidence: float
    simulated: Path | None
    shadow_labels: int = 0
    memory_mb: int = 4096
    nice: int = 15


class Retraining:
    """Starts attempts, waits for them, and has what passed taken into use.

    Parameters
    ----------
    database : Database
        Open by the time `run` is called.
    champions : Champions
    settings : RetrainSettings
    clock : Clock
    adopt : callable
        Has the workers take the recognizer that is in use now; raises `TemwatchError` where they can't.
    committed : callable
        Called after every commit that wrote a message.
    trouble : callable
        Told the reason while something is wrong, and "" when no longer.
    """

    def __init__(
        self,
        database: Database,
        champions: Champions,
        settings: RetrainSettings,
        *,
        clock: Clock,
        adopt: Adopt,
        committed: Callable[[], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._database = database
        self._champions = champions
        self._settings = settings
        self._clock = clock
        self._adopt = adopt
        self._committed = committed
        self._trouble = trouble
        self._begun: asyncio.Queue[int] = asyncio.Queue()
        self._cancelled = asyncio.Event()
        self._timetable = Timetable(settings.cron, self._due)

    # --- what others ask ---------------------------------------------------------------------------------------

    def request(self, why: Why, by: str) -> int:
        """Begin an attempt over the labels of now, and return its number.

        Raises
        ------
        AttemptRunning
            One is under way.
        """
        with self._database.transaction() as tx:
            newest = labels.newest_id(tx)
            count = len(labels.for_training(tx))
            number = models.begin(
                tx, why=why, asked_by=by, newest_label=newest, labels=count, at=self._clock.now()
            )
        self._cancelled.clear()
        self._begun.put_nowait(number)
        return number

    def cancel(self) -> None:
        """End the attempt that is under way, if one is; what it made is thrown away."""
        self._cancelled.set()

    def next_at(self) -> datetime | None:
        """Return when the timetable is due next."""
        return self._timetable.next_at()

    # --- the loop ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Learn when it is time, until cancelled."""
        self._catch_up()
        self._timetable.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._count_labels())
                tasks.create_task(self._work())
        finally:
            self._timetable.stop()

    def _catch_up(self) -> None:
        now = self._clock.now()
        with self._database.transaction() as tx:
            left = models.interrupt(tx, at=now)
            seen = meta.get(tx, _SEEN)
            meta.put(tx, _SEEN, now.isoformat())
        since = datetime.fromisoformat(seen) if seen else now
        if left or (missed(self._settings.cron, since=since, now=now) and self._new_labels()):
            self._try("caught up")

    async def _count_labels(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(TransientError):
                if enough(
                    self._new_labels(), wanted=self._settings.min_new_labels, since_start=self._since_start()
                ):
                    self._try("labels")

    def _due(self) -> None:
        try:
            with self._database.transaction() as tx:
                meta.put(tx, _SEEN, self._clock.now().isoformat())
            if self._new_labels():
                self._try("timetable")
        except TransientError as error:
            _log.error("timetable missed, it is caught up at the next start", error=str(error))

    def _try(self, why: Why) -> None:
        with contextlib.suppress(AttemptRunning):
            self.request(why, BY_ITSELF)

    def _new_labels(self) -> int:
        def question(connection: Connection) -> int:
            ended = models.newest_attempt(connection)
            return labels.added_since(connection, ended.newest_label if ended else 0)

        return self._database.ask(question)

    def _since_start(self) -> int:
        def question(connection: Connection) -> int:
            begun = models.attempts(connection, limit=1)
            return labels.added_since(connection, begun[0].newest_label if begun else 0)

        return self._database.ask(question)

    async def _work(self) -> None:
        while True:
            number = await self._begun.get()
            if not self._runs(number):
                continue  # ended by the catching up of this start
            _log.info("learning", attempt=number)
            try:
                ended = await self._attempt(number)
            except TransientError as error:
                self._trouble(str(error))
                await asyncio.sleep(_TROUBLE_S)
                self._begun.put_nowait(number)
                continue
            self._trouble("")
            self._committed()
            _log.info("learned", attempt=number, state=ended.state, sentence=ended.sentence)

    def _runs(self, number: int) -> bool:
        attempt = self._database.ask(lambda tx: models.one_attempt(tx, number))
        return attempt is not None and attempt.state == "running"

    async def _attempt(self, number: int) -> Attempt:
        folder = self._database.folder / "training" / str(number)
        try:
            count = await asyncio.to_thread(self._lay_out, number, folder)
            if not count:
                return self._ended(number, "failed", "no labels of measured findings to learn from")
            said = await self._learned(folder)
            if self._cancelled.is_set():
                return self._ended(number, "cancelled", "cancelled by order")
            outcome = _outcome(folder)
            if outcome is None:
                return self._ended(number, "failed", said)
            if "failed" in outcome:
                return self._ended(number, "failed", f"{outcome['failed']}; {outcome['next_step']}")
            return await self._judged(number, outcome)
        except OSError as error:
            return self._ended(number, "failed", f"{folder}: {error.strerror}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _lay_out(self, number: int, folder: Path) -> int:
        """Write the labels and the order for the process that learns; return how many labels there are."""
        with contextlib.closing(self._database.reader()) as connection:
            attempt = models.one_attempt(connection, number)
            assert attempt is not None
            rows = rows_from(labels.for_training(connection), newest=attempt.newest_label)
            champion = self._champions.present(connection)
            row = models.one_model(connection, champion.name)
            order = {
                "champion": str(champion),
                "champion_recipe": row.training.get("recipe", "") if row else "",
                "champion_labels": sorted(models.labels_of(connection, champion.name)),
                "simulated": str(self._settings.simulated) if self._settings.simulated else None,
                "shelf": str(self._champions.shelf),
                "method": self._settings.method,
                "confidence": self._settings.confidence,
                "floors": dict(self._settings.floors),
            }
        if rows is None:
            return 0
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / LABELS).write_bytes(packed(rows))
        (folder / ORDER).write_text(json.dumps(order), "utf-8")
        return len(rows)

    async def _learned(self, folder: Path) -> str:
        """Run the process that learns to its end; return what it said last."""
        settings = self._settings
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "temwatch.learn.trainer", str(folder)),
            *(f"--parent={os.getpid()}", f"--memory-mb={settings.memory_mb}", f"--nice={settings.nice}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=limits.environment(os.environ),
        )
        last: list[str] = []
        following = asyncio.create_task(_follow(process, last))
        ending = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._cancelled.wait())
        try:
            done, _ = await asyncio.wait(
                {ending, stopping}, timeout=settings.timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return f"it took longer than {settings.timeout_s:g} s"
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await asyncio.gather(following, ending)
            stopping.cancel()
        said = last[-1] if last else "it said nothing"
        return f"the process ended with code {process.returncode}: {said}"

    async def _judged(self, number: int, outcome: dict[str, Any]) -> Attempt:
        """Write down a candidate and the gate's word; take it into use where it passed and may be."""
        model_id, passed = outcome["model_id"], bool(outcome["passed"])
        try:
            await asyncio.to_thread(load, self._champions.shelf / model_id)
        except ModelRefused as error:
            return self._ended(number, "failed", f"the candidate can't be used: {error.message}")
        now = self._clock.now()
        with self._database.transaction() as tx:
            before = self._champions.present(tx).name
            models.keep(
                tx,
                model_id,
                parent_id=before,
                training={
                    **outcome["training"],
                    "method": self._settings.method,
                    "finder": self._settings.finder,
                },
                label_ids=outcome["label_ids"],
                at=now,
            )
            held_back = _held_back(self._settings.promote, models.frozen(tx)) if passed else ""
            ended = models.end(
                tx,
                number,
                "passed" if passed else "refused",
                outcome["sentence"] + held_back,
                at=now,
                model_id=model_id,
                facts={
                    name: outcome[name] for name in ("recall", "mean_recall", "disputed", "advice", "took_s")
                },
            )
            taken = passed and not held_back and model_id != before
            promoted = taken and not self._settings.shadow_labels
            if taken and not promoted:
                shadow.begin(
                    tx,
                    model_id,
                    beside_id=before,
                    newest_label=ended.newest_label,
                    wanted=self._settings.shadow_labels,
                    at=now,
                )
            if promoted:
                promote_by_itself(
                    tx, model_id, before_id=before, why="gate", sentence=outcome["sentence"], at=now
                )
        if promoted:
            await self.adopt_or_go_back(model_id, before)
        return ended

    async def adopt_or_go_back(self, model_id: str, before: str) -> None:
        """Have the workers take a recognizer just promoted; where they can't, the one before is in use again.

        Raises
        ------
        TransientError
            The store can't be written.
        """
        try:
            await self._adopt()
        except TemwatchError as error:
            _log.error("workers refuse the recognizer", model=model_id, error=error.message)
            with self._database.transaction() as tx:
                promote_by_itself(
                    tx,
                    before,
                    before_id=model_id,
                    why="rollback",
                    sentence=f"workers could not use it: {error.message}",
                    at=self._clock.now(),
                )
        self._committed()

    def _ended(self, number: int, state: Literal["failed", "cancelled"], sentence: str) -> Attempt:
        with self._database.transaction() as tx:
            return models.end(tx, number, state, sentence, at=self._clock.now())


def _held_back(promote: str, frozen: str | None) -> str:
    if frozen is not None:
        return f"; not taken into use: the recognizer is frozen ({frozen})"
    return '; not taken into use: [retrain] promote = "manual"' if promote == "manual" else ""


def _outcome(folder: Path) -> dict[str, Any] | None:
    try:
        outcome: dict[str, Any] = json.loads((folder / OUTCOME).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return outcome


async def _follow(process: asyncio.subprocess.Process, last: list[str]) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        said = line.decode("utf-8", "replace").rstrip()[:500]
        last[:] = [said]
        _log.info("trainer says", line=said)
