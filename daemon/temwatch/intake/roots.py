"""All roots: facts of their scanners in one stream, as fast as they are written down and no faster."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from temwatch.clock import Clock
from temwatch.intake.root import Known, Root
from temwatch.intake.settings import RootSettings
from temwatch.model.sighting import RootState, ScannerFact
from temwatch.wire.names import to_text

SILENCE_S = 30.0
_UNDER_WAY = 500  # facts read and not yet written down


class Roots:
    """Starts a scanner a root and yields what they say.

    Parameters
    ----------
    settings : sequence of RootSettings
        Watched from the start; more can be added.
    known : callable
        Given a root's name, gives the files the store knows of (`Known`: relpath, stamp, held).
    guard : callable
        Given a root's name, gives what its last `RootIdentified` said.
    clock : Clock
    silence_s : float
        A scanner that says nothing for so long is replaced.
    """

    def __init__(
        self,
        settings: Sequence[RootSettings],
        *,
        known: Callable[[str], Iterable[Known]],
        guard: Callable[[str], str | None],
        clock: Clock,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._first = tuple(settings)
        self._known = known
        self._guard = guard
        self._clock = clock
        self._silence_s = silence_s
        self._roots: dict[str, Root] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._facts: asyncio.Queue[ScannerFact | BaseException] = asyncio.Queue(_UNDER_WAY)
        self._failures: list[asyncio.Future[None]] = []  # referred to, or they might be collected
        self._in_hand = ""
        self._put_down = asyncio.Event()

    async def facts(self) -> AsyncIterator[ScannerFact]:
        """Yield facts for ever. Asking for the next one says that the one before is written down.

        Raises
        ------
        Exception
            What ended a root's loop, which nothing should.
        """
        for settings in self._first:
            await self.add(settings)
        while True:
            fact = await self._facts.get()
            if isinstance(fact, BaseException):
                raise fact
            self._in_hand = fact.root
            self._put_down.clear()
            yield fact
            self._in_hand = ""
            self._put_down.set()

    async def add(self, settings: RootSettings) -> None:
        """Watch one more root; nothing where one of this name is watched already."""
        name = settings.name
        if name in self._roots:
            return
        root = Root(
            settings,
            known=lambda: self._known(name),
            guard=lambda: self._guard(name),
            put=self._facts.put,
            purge=lambda: self._purge(name),
            clock=self._clock,
            silence_s=self._silence_s,
        )
        self._roots[name] = root
        task = self._tasks[name] = asyncio.create_task(root.run(), name=f"root {name}")
        task.add_done_callback(self._ended)

    async def remove(self, name: str) -> bool:
        """Stop watching a root; return whether there was one."""
        root = self._roots.pop(name, None)
        if root is None:
            return False
        await _cancelled([self._tasks.pop(name)])
        self._drop(name)
        return True

    async def pause(self, name: str) -> bool:
        """Leave a root alone until it is resumed; return whether there is one."""
        root = self._roots.get(name)
        if root is not None:
            root.pause()
        return root is not None

    async def resume(self, name: str) -> bool:
        """Go on with a paused root; return whether there is one."""
        root = self._roots.get(name)
        if root is not None:
            root.resume()
        return root is not None

    def rescan(self, name: str) -> bool:
        """Look at every file of a root once more; return whether there is one."""
        return self._order(name, {"do": "rescan"})

    def forget(self, name: str, relpath: bytes) -> bool:
        """Take a file as never seen, so that it is sighted once more; return whether there is such a root."""
        return self._order(name, {"do": "forget", "relpath": to_text(relpath)})

    def scanner_pid(self, name: str) -> int | None:
        """Return the process id of a root's newest scanner."""
        root = self._roots.get(name)
        return root.pid if root else None

    async def close(self) -> None:
        """End all scanners."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        self._roots.clear()
        await _cancelled(tasks)

    def _order(self, name: str, body: dict[str, str]) -> bool:
        root = self._roots.get(name)
        if root is not None:
            root.order(body)
        return root is not None

    async def _purge(self, name: str) -> None:
        """Drop what a lost scanner said and nobody wrote down: the next one finds it again."""
        self._drop(name)
        while self._in_hand == name:
            await self._put_down.wait()

    def _drop(self, name: str) -> None:
        kept = []
        while not self._facts.empty():
            fact = self._facts.get_nowait()
            if isinstance(fact, BaseException | RootState) or fact.root != name:
                kept.append(fact)
        for fact in kept:
            self._facts.put_nowait(fact)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._failures.append(asyncio.ensure_future(self._facts.put(error)))


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
