"""Commands about recognizers: learn, look, promote, go back, freeze. What is in use changes between two jobs."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from temwatch.clock import Clock
from temwatch.model.caller import Caller
from temwatch.publish.examples import examples
from temwatch.publish.replies import Answer, Handler, Refusal
from temwatch.store import labels, models, rescored, shadow
from temwatch.store.database import Connection, Database
from temwatch.store.models import ModelRow
from temwatch.wire.messages import (
    ModelArgs,
    ModelCompareArgs,
    ModelDiffArgs,
    ModelFreezeArgs,
    ModelListArgs,
    NoArgs,
    RetrainArgs,
    RetrainStatusArgs,
)

_DONE = Answer(b"null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """What the commands order.

    Attributes
    ----------
    begin : callable
        Begin an attempt for somebody; gives its number.
    cancel : callable
    next_at : callable
        When the timetable is due, ISO-8601; None for never.
    adopt : callable
        Have the workers take what is in use now; given its id and the one before, for the way back.
    in_use : callable
        The id of the recognizer in use.
    objection : callable
        Why a recognizer does not fit the configuration; empty where it does.
    starter : str
        Id of the one that came with temwatch.
    whole : callable
        Raises `TemwatchError` where the recognizer of that id is missing or damaged.
    """

    begin: Callable[[str], int]
    cancel: Callable[[], None]
    next_at: Callable[[], str | None]
    adopt: Callable[[str, str], Awaitable[None]]
    in_use: Callable[[Connection], str]
    objection: Callable[[Connection, str], str]
    starter: str
    whole: Callable[[str], Awaitable[None]]


class Models:
    """Answers ``retrain.*`` and ``model.*``.

    Parameters
    ----------
    database : Database
        Open.
    learning : Learning
    clock : Clock
    """

    def __init__(self, database: Database, learning: Learning, *, clock: Clock) -> None:
        self._database = database
        self._learning = learning
        self._clock = clock

    def handlers(self) -> dict[str, Handler]:
        """Return the commands this answers."""
        return {
            "retrain": self._retrain,
            "retrain.cancel": self._cancel,
            "retrain.status": self._status,
            "model.list": self._list,
            "model.show": self._show,
            "model.compare": self._compare,
            "model.diff": self._diff,
            "model.promote": self._promote,
            "model.rollback": self._rollback,
            "model.freeze": self._freeze,
            "model.unfreeze": self._unfreeze,
        }

    # --- learning ----------------------------------------------------------------------------------------------

    async def _retrain(self, args: dict[str, Any], caller: Caller) -> Answer:
        RetrainArgs.model_validate(args)
        try:
            return _said({"attempt": self._learning.begin(caller.name)})
        except models.AttemptRunning as error:
            raise Refusal("busy", f"{error.message}; {error.next_step}") from error

    async def _cancel(self, args: dict[str, Any], _: Caller) -> Answer:
        NoArgs.model_validate(args)
        self._learning.cancel()
        return _DONE

    async def _status(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = RetrainStatusArgs.model_validate(args)
        if wanted.attempt is None:
            found = self._database.ask(lambda tx: models.attempts(tx, limit=wanted.limit))
        else:
            number = wanted.attempt
            one = self._database.ask(lambda tx: models.one_attempt(tx, number))
            if one is None:
                raise Refusal("not_found", f"no attempt {number}")
            found = [one]
        return _said({"attempts": [asdict(one) for one in found], "next_at": self._learning.next_at()})

    # --- looking -----------------------------------------------------------------------------------------------

    async def _list(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = ModelListArgs.model_validate(args)

        def chosen(tx: Connection) -> list[ModelRow]:
            known = models.models(tx)
            if wanted.label_id is None:
                return known
            taught = models.learned_from(tx, wanted.label_id)
            return [row for row in known if row.model_id in taught]

        def question(tx: Connection) -> dict[str, Any]:
            return {
                "in_use": self._learning.in_use(tx),
                "starter": self._learning.starter,
                "frozen": models.frozen(tx),
                "shadow": asdict(on_trial) if (on_trial := shadow.present(tx)) else None,
                "models": [_shown(tx, row) for row in chosen(tx)],
                "promotions": models.promotions(tx),
            }

        return _said(self._database.ask(question))

    async def _show(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = ModelArgs.model_validate(args)

        def question(tx: Connection) -> dict[str, Any]:
            row = self._row(tx, wanted.model_id)
            return {**_shown(tx, row), "label_ids": sorted(models.labels_of(tx, row.model_id))}

        return _said(self._database.ask(question))

    async def _compare(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = ModelCompareArgs.model_validate(args)

        def question(tx: Connection) -> dict[str, Any]:
            first, second = self._row(tx, wanted.first), self._row(tx, wanted.second)
            ours, theirs = models.labels_of(tx, first.model_id), models.labels_of(tx, second.model_id)
            return {
                "first": _shown(tx, first),
                "second": _shown(tx, second),
                "labels_in_both": len(ours & theirs),
                "labels_in_first_only": sorted(ours - theirs),
                "labels_in_second_only": sorted(theirs - ours),
                "differs": sorted(
                    name
                    for name in first.training.keys() | second.training.keys()
                    if first.training.get(name) != second.training.get(name)
                ),
            }

        return _said(self._database.ask(question))

    async def _diff(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = ModelDiffArgs.model_validate(args)

        def question(tx: Connection) -> dict[str, Any]:
            model_id = self._full_id(tx, wanted.model_id) if wanted.model_id else self._learning.in_use(tx)
            changed = rescored.changes(tx, model_id, limit=wanted.limit)
            waiting = rescored.count_pending(tx, model_id) if model_id == self._learning.in_use(tx) else 0
            return {
                "model_id": model_id,
                "waiting": waiting,
                "groups": [asdict(group) for group in rescored.groups(tx, model_id)],
                "changed": [asdict(change) for change in changed],
                "examples": _examples(tx, model_id, wanted.examples),
            }

        return _said(self._database.ask(question))

    # --- changing what is in use -------------------------------------------------------------------------------

    async def _promote(self, args: dict[str, Any], caller: Caller) -> Answer:
        wanted = ModelArgs.model_validate(args)
        target = self._database.ask(lambda tx: self._full_id(tx, wanted.model_id))
        return await self._take(target, caller, "order", f"promoted by {caller.name}")

    async def _rollback(self, args: dict[str, Any], caller: Caller) -> Answer:
        NoArgs.model_validate(args)
        target = self._database.ask(models.rollback_target)
        if target is None:
            raise Refusal("not_found", "nothing was in use before: no recognizer was ever promoted here")
        return await self._take(target, caller, "rollback", f"rolled back by {caller.name}")

    async def _take(
        self, target: str, caller: Caller, why: Literal["order", "rollback"], sentence: str
    ) -> Answer:
        await self._learning.whole(target)
        now = self._clock.now()
        with self._database.transaction() as tx:
            before = self._learning.in_use(tx)
            if before == target:
                raise Refusal("no_change", f"recognizer {target[:12]}… is in use already")
            if objection := self._learning.objection(tx, target):
                raise Refusal("other_configuration", objection)
            if reason := models.frozen(tx):
                raise Refusal(
                    "frozen", f"the recognizer is frozen ({reason}): `temwatch model unfreeze` first"
                )
            shadow.end(tx, "ended", sentence, at=now)
            event = models.promote(
                tx,
                target,
                before_id=before,
                by=caller.name,
                known=caller.known,
                why=why,
                sentence=sentence,
                at=now,
            )
        await self._learning.adopt(target, before)
        return _said(asdict(event))

    async def _freeze(self, args: dict[str, Any], caller: Caller) -> Answer:
        wanted = ModelFreezeArgs.model_validate(args)
        return await self._set_frozen(caller, frozen=True, reason=wanted.reason)

    async def _unfreeze(self, args: dict[str, Any], caller: Caller) -> Answer:
        NoArgs.model_validate(args)
        return await self._set_frozen(caller, frozen=False, reason="")

    async def _set_frozen(self, caller: Caller, *, frozen: bool, reason: str) -> Answer:
        with self._database.transaction() as tx:
            model_id, now = self._learning.in_use(tx), self._clock.now()
            if frozen:
                shadow.end(tx, "ended", f"frozen by {caller.name}: {reason}", at=now)
            event = models.freeze(tx, model_id, frozen=frozen, reason=reason, by=caller.name, at=now)
        await self._learning.adopt(model_id, model_id)
        return _said(asdict(event))

    def _row(self, tx: Connection, said: str) -> ModelRow:
        row = models.one_model(tx, self._full_id(tx, said))
        if row is None:
            raise Refusal("not_found", f"{said} is the one that came with temwatch: `temwatch model show`")
        return row

    def _full_id(self, tx: Connection, said: str) -> str:
        found = models.starting_with(tx, said)
        if self._learning.starter.startswith(said):
            found.append(self._learning.starter)
        if len(found) != 1:
            raise Refusal(
                "not_found" if not found else "ambiguous",
                f"{len(found)} recognizers begin with {said}: `temwatch model list` names them",
            )
        return found[0]


def _shown(tx: Connection, row: ModelRow) -> dict[str, Any]:
    return {
        "model_id": row.model_id,
        "made_at": row.made_at,
        "parent_id": row.parent_id,
        "training": dict(row.training),
        "shadow": shadow.last_word(tx, row.model_id),
    }


def _examples(tx: Connection, model_id: str, frames: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for pair in rescored.pairs(tx, model_id, frames=frames) if frames else ():
        said = {
            label.finding_id: label.class_ for label in labels.of_frame(tx, pair.frame_pk) if label.class_
        }
        found += examples(json.loads(pair.before_json), json.loads(pair.after_json), said)
    return found


def _said(result: Any) -> Answer:
    return Answer(json.dumps(result).encode())
