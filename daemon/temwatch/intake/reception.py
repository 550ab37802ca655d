"""Facts of the scanners into the store: one after the other, each committed before the next is taken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import structlog

from temwatch.clock import Clock
from temwatch.errors import TransientError
from temwatch.model.sighting import (
    Held,
    Noticed,
    RootIdentified,
    RootState,
    ScannerFact,
    Sighted,
    Unfit,
    Vanished,
)
from temwatch.store.store import Store

_log = structlog.get_logger("intake")
_Kept = Noticed | Held | Sighted | Unfit | Vanished | RootIdentified
_TROUBLE_S = 2.0  # between tries while the state disk is full or failing


class Reception:
    """Writes down what scanners say.

    Parameters
    ----------
    store : Store
    clock : Clock
    queued : callable
        Called when frames were queued.
    committed : callable
        Called after every commit that wrote a message.
    root_state : callable
        Told how each root is doing.
    trouble : callable
        Told the reason while the store can't be written, and "" when it can again.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        queued: Callable[[], None],
        committed: Callable[[], None],
        root_state: Callable[[RootState], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._queued = queued
        self._committed = committed
        self._root_state = root_state
        self._trouble = trouble

    async def run(self, facts: AsyncIterator[ScannerFact]) -> None:
        """Take facts until cancelled. A fact that can't be written is held until it can: the rest waits."""
        async for fact in facts:
            if isinstance(fact, RootState):
                self._root_state(fact)
                continue
            while not self._written(fact):  # noqa: ASYNC110  a full disk tells nobody when it has room again
                await asyncio.sleep(_TROUBLE_S)

    def _written(self, fact: _Kept) -> bool:
        try:
            self._write(fact, self._clock.now())
        except TransientError as error:
            self._trouble(str(error))
            _log.error("store in trouble", error=str(error))
            return False
        self._trouble("")
        return True

    def _write(self, fact: _Kept, now: datetime) -> None:
        match fact:
            case Noticed():
                self._store.notice([fact])
            case Held():
                self._store.hold(fact)
            case Sighted():
                if self._store.accept(fact, at=now):
                    self._committed()
                    self._queued()
            case Unfit():
                frame = self._store.unfit(fact, at=now)
                if frame is not None:
                    _log.warning("file set aside", root=frame.root, path=frame.path, reason=fact.reason)
                    self._committed()
            case RootIdentified():
                self._store.record_guard(fact.root, fact.guard)
            case Vanished():
                if self._store.vanish(fact, at=now):
                    self._committed()
