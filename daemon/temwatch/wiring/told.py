"""What the workers are told: which recognizer, how sensitive a finder, which rules; and that it changes for all of them."""

import asyncio
from pathlib import Path
from typing import Any

import structlog

from temwatch.config import Settings
from temwatch.errors import TemwatchError
from temwatch.learn.champion import Champions
from temwatch.store import models, sensitivity
from temwatch.store.database import Connection, Database
from temwatch.work.crew import Crew
from temwatch.work.task_settings import task_settings

_log = structlog.get_logger("told")


class Told:
    """What the workers are told, from the configuration and from what was ordered since.

    Parameters
    ----------
    settings : Settings
    database : Database
    champions : Champions

    Attributes
    ----------
    model : Path
        Folder of the recognizer in use; the starter until `open`.
    """

    def __init__(self, settings: Settings, database: Database, champions: Champions) -> None:
        self._settings = settings
        self._database = database
        self._champions = champions
        self._changing = asyncio.Lock()  # one change at a time
        self.model: Path = champions.starter

    def open(self) -> str:
        """Take up what was in use when the daemon ended; return what is wrong with it, empty for nothing."""
        self.model, wrong = self._database.ask(self._champions.checked)
        return wrong

    def as_configured(self) -> dict[str, Any]:
        """Return what the configuration alone says, before the database is open."""
        return self._task_settings(None)

    def now(self) -> dict[str, Any]:
        """Return what workers are told now."""
        return self._database.ask(self._task_settings)

    def sensitivity(self) -> tuple[float, str]:
        """Return the finder's sensitivity, and who set it; empty for the configuration."""
        said = self._database.ask(sensitivity.said)
        return (said.value, said.by) if said else (self._settings.finder.sensitivity, "")

    async def adopt(self, engine: Crew) -> None:
        """Have the workers take the recognizer in use now; each between two jobs.

        Raises
        ------
        SettingsRefused
            No worker could start with it; they go on with what they had.
        """
        async with self._changing:
            before = self.model
            self.model = self._database.ask(self._champions.present)
            try:
                await engine.reconfigure(self.now())
            except TemwatchError:
                self.model = before
                raise
        _log.info("recognizer in use", model=self.model.name)

    async def tune(self, engine: Crew) -> None:
        """Have the workers take the sensitivity said last; each between two jobs.

        Raises
        ------
        SettingsRefused
            No worker could start with it; they go on with what they had.
        """
        async with self._changing:
            await engine.reconfigure(self.now())

    def _task_settings(self, tx: Connection | None) -> dict[str, Any]:
        settings, finder = self._settings, self._settings.finder
        frozen = models.frozen(tx) if tx else None
        said = sensitivity.said(tx) if tx else None
        return task_settings(
            finder.model_copy(update={"sensitivity": said.value}) if said else finder,
            settings.acceptance,
            settings.recognizer,
            model=self.model,
            state=settings.state.dir,
            remarks=() if frozen is None else (f"the recognizer is frozen: {frozen}",),
        )
