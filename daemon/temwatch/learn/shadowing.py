"""A candidate that passed the gate is tried on the labels that come after its training, beside the recognizer in use."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import structlog

from temwatch.clock import Clock
from temwatch.errors import ModelRefused, TransientError
from temwatch.learn.candidate import held_out_from_both
from temwatch.learn.champion import Champions, promote_by_itself
from temwatch.learn.gate import LEAST_GROUPS, LEAST_LABELS, Judged, judge_shadow
from temwatch.learn.label_rows import rows_from
from temwatch.store import labels, models, shadow
from temwatch.store.database import Connection, Database
from temwatch.store.shadow import Shadow
from temwatch.store.shelf import load

_log = structlog.get_logger("shadowing")
_LOOK_S = 2.0


class Shadowing:
    """Waits until there are labels enough to judge the candidate on trial, and takes it into use or not.

    Parameters
    ----------
    database : Database
    champions : Champions
    floors : mapping of str to float
        As at the gate.
    promote : {'auto', 'manual'}
        A trial begun under another configuration ends where nothing may be taken into use by itself.
    clock : Clock
    adopt : callable
        Has the workers take what was promoted; given its id and the one before, for the way back.
    committed : callable
        Called after every commit that wrote a message.
    """

    def __init__(
        self,
        database: Database,
        champions: Champions,
        *,
        floors: Mapping[str, float],
        promote: Literal["auto", "manual"],
        clock: Clock,
        adopt: Callable[[str, str], Awaitable[None]],
        committed: Callable[[], None],
    ) -> None:
        self._database = database
        self._champions = champions
        self._floors = floors
        self._promote = promote
        self._clock = clock
        self._adopt = adopt
        self._committed = committed
        self._compared_at = ("", -1)  # the candidate, and the newest label when it was last compared

    async def run(self) -> None:
        """Look after the candidate on trial, until cancelled."""
        while True:
            try:
                await self.look()
            except TransientError as error:
                _log.warning("shadow not looked after, once more soon", error=str(error))
            await asyncio.sleep(_LOOK_S)

    async def look(self) -> None:
        """Judge the candidate on trial, if there is one and labels are enough."""
        on_trial = self._database.ask(shadow.present)
        if on_trial is None:
            return
        if objection := self._database.ask(lambda tx: self._objection(tx, on_trial)):
            self._ended(on_trial, objection)
            return
        newest = self._database.ask(labels.newest_id)
        if (on_trial.model_id, newest) == self._compared_at:
            return
        try:
            judged = await asyncio.to_thread(self._compared, on_trial)
        except ModelRefused as error:
            self._ended(on_trial, error.message)
            return
        self._compared_at = (on_trial.model_id, newest)
        if judged is not None:
            await self._decide(on_trial, judged)

    def _objection(self, tx: Connection, on_trial: Shadow) -> str:
        """Return why the configuration of today allows no such trial; empty where it does."""
        if self._promote == "manual":
            return '[retrain] promote = "manual": `temwatch model promote` takes it into use'
        return self._champions.objection(tx, on_trial.model_id)

    def _compared(self, on_trial: Shadow) -> Judged | None:
        with contextlib.closing(self._database.reader()) as connection:
            beside = self._champions.present(connection)
            # Said otherwise since, an object either has learned from is still one it has seen.
            seen = {
                finding_id
                for model_id in (on_trial.model_id, beside.name)
                for finding_id in models.objects_of(connection, model_id)
            }
            fresh = [
                one
                for one in labels.for_training(connection)
                if one.label_id > on_trial.newest_label and one.finding_id not in seen
            ]
            rows = rows_from(fresh, newest=1 << 62)
            if rows is None or len(rows) < max(on_trial.wanted, LEAST_LABELS):
                return None
            if len(set(rows.groups)) < LEAST_GROUPS:
                return None  # what one file makes alone is no evidence
        return held_out_from_both(rows, load(beside), load(self._champions.folder(on_trial.model_id)))

    async def _decide(self, on_trial: Shadow, judged: Judged) -> None:
        passed, sentence = judge_shadow(judged, floors=self._floors)
        now = self._clock.now()
        with self._database.transaction() as tx:
            if shadow.present(tx) != on_trial:
                return  # somebody decided meanwhile
            before = self._champions.present(tx).name
            shadow.end(tx, "passed" if passed else "refused", sentence, labels=len(judged), at=now)
            if passed:
                promote_by_itself(
                    tx, on_trial.model_id, before_id=before, why="gate", sentence=sentence, at=now
                )
        _log.info("shadow ended", model=on_trial.model_id, passed=passed, sentence=sentence)
        self._committed()
        if passed:
            await self._adopt(on_trial.model_id, before)

    def _ended(self, on_trial: Shadow, why: str) -> None:
        with self._database.transaction() as tx:
            if shadow.present(tx) == on_trial:
                shadow.end(tx, "ended", why, at=self._clock.now())
        self._committed()
