"""Retraining at work, on a store of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from temwatch.clock import Clock, SystemClock
from temwatch.errors import PermanentError
from temwatch.learn.champion import Champions
from temwatch.learn.retraining import Retraining, RetrainSettings
from temwatch.model.training import Attempt
from temwatch.store import models
from temwatch.store.store import Store

SETTINGS = RetrainSettings(
    cron="",
    min_new_labels=10_000,
    promote="auto",
    floors={"crack": 0.8},
    timeout_s=120.0,
    method="kernel_elm",
    finder="learned",
    confidence=0.9,
    simulated=None,
    nice=0,
)


class Learning:
    """Retraining at work, and what it told others."""

    def __init__(
        self,
        store: Store,
        champions: Champions,
        settings: RetrainSettings = SETTINGS,
        *,
        clock: Clock | None = None,
        refuses: bool = False,
    ) -> None:
        self.store = store
        self.adopted: list[str] = []
        self.trouble: list[str] = []
        self.champions = champions
        self._refuses = refuses
        self.retraining = Retraining(
            store.database,
            champions,
            settings,
            clock=clock or SystemClock(),
            adopt=self._adopt,
            committed=lambda: None,
            trouble=self.trouble.append,
        )

    async def _adopt(self) -> None:
        if self._refuses:
            raise PermanentError("no worker could start with it")
        self.adopted.append(self.in_use())

    def in_use(self) -> str:
        return self.store.database.ask(self.champions.present).name

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Learning"]:
        task = asyncio.create_task(self.retraining.run())
        await asyncio.sleep(0)
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def ended(self, number: int | None = None) -> Attempt:
        """Return the newest attempt (or this one) once it has ended."""

        def newest() -> Attempt | None:
            found = self.store.database.ask(lambda tx: models.attempts(tx, limit=10))
            return next((one for one in found if number in (None, one.attempt)), None)

        async with asyncio.timeout(120):
            while (one := newest()) is None or one.state == "running":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return one


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
