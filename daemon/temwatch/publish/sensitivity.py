"""The order that makes the finder more or less sensitive, from the next frame on."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from temwatch.clock import Clock, iso
from temwatch.errors import TemwatchError
from temwatch.model.caller import Caller
from temwatch.publish.replies import Answer, Handler
from temwatch.store import sensitivity
from temwatch.store.database import Database
from temwatch.store.sensitivity import SaidSensitivity
from temwatch.wire.messages import SensitivityArgs


class Sensitivity:
    """Answers ``finder.sensitivity``.

    Parameters
    ----------
    database : Database
        Open.
    apply : callable
        Have the workers take what is said now; raises `TemwatchError` where none could start with it.
    clock : Clock
    """

    def __init__(self, database: Database, apply: Callable[[], Awaitable[None]], *, clock: Clock) -> None:
        self._database = database
        self._apply = apply
        self._clock = clock

    def handlers(self) -> dict[str, Handler]:
        """Return the command this answers."""
        return {"finder.sensitivity": self._set}

    async def _set(self, args: dict[str, Any], caller: Caller) -> Answer:
        value = SensitivityArgs.model_validate(args).value
        wanted = None
        if value is not None:
            wanted = SaidSensitivity(value=value, by=caller.name, at=iso(self._clock.now()))
        with self._database.transaction() as tx:
            before = sensitivity.said(tx)
            sensitivity.say(tx, wanted)
        try:
            await self._apply()
        except TemwatchError:
            with self._database.transaction() as tx:
                # Only what was said here: somebody else may have spoken meanwhile.
                if sensitivity.said(tx) == wanted:
                    sensitivity.say(tx, before)
            raise
        return Answer(json.dumps(asdict(wanted) if wanted else None).encode())
