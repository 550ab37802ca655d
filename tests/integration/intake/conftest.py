"""Roots with real scanner processes, and the daemon's side of the bargain."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from temwatch.clock import SystemClock
from temwatch.intake.roots import Roots
from temwatch.intake.settings import RootSettings
from temwatch.model.sighting import (
    Held,
    Noticed,
    RootIdentified,
    RootState,
    ScannerFact,
    Sighted,
    Stamp,
    Unfit,
    Vanished,
)

QUIET_S = 0.05
DEADLINE_S = 40.0


@dataclass(frozen=True)
class KnownFile:
    """What the store would give back."""

    relpath: bytes
    stamp: Stamp
    held: bool


class Station:
    """Takes facts one by one, writes them down, and lets a test wait for what it expects."""

    def __init__(self) -> None:
        self.facts: list[ScannerFact] = []
        self.known: dict[str, dict[bytes, KnownFile]] = {}
        self.guards: dict[str, str] = {}
        self.roots: Roots
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def watch(self, *settings: RootSettings, silence_s: float = 20.0) -> None:
        """Start, or start again with what is known."""
        self.roots = Roots(
            settings,
            known=lambda name: list(self.known.get(name, {}).values()),
            guard=self.guards.get,
            clock=SystemClock(),
            silence_s=silence_s,
        )
        self._task = asyncio.create_task(self._take())

    async def stop(self) -> None:
        """End it all."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self.roots.close()

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait for the facts that make it so."""
        async with asyncio.timeout(DEADLINE_S), self._news:
            await self._news.wait_for(lambda: is_so() or self._broken())

    async def sighted(self, count: int, root: str = "r") -> list[Sighted]:
        """Wait for so many sightings of a root in all, and return them."""
        await self.until(lambda: len(self.of(Sighted, root)) >= count)
        return self.of(Sighted, root)

    def of(self, kind: type[Any], root: str = "r") -> list[Any]:
        """Return the facts of a kind."""
        return [fact for fact in self.facts if isinstance(fact, kind) and fact.root == root]

    def state(self, root: str = "r") -> str:
        """Return the state word last said of a root."""
        states = self.of(RootState, root)
        return states[-1].state if states else ""

    def _broken(self) -> bool:
        if self._task is not None and self._task.done():
            self._task.result()
        return False

    async def _take(self) -> None:
        try:
            async for fact in self.roots.facts():
                self._write_down(fact)
                self.facts.append(fact)
                async with self._news:
                    self._news.notify_all()
        finally:
            async with self._news:
                self._news.notify_all()

    def _write_down(self, fact: ScannerFact) -> None:
        known = self.known.setdefault(fact.root, {})
        match fact:
            case Noticed():
                known[fact.relpath] = KnownFile(fact.relpath, fact.stamp, held=True)
            case Sighted() | Unfit(stamp=Stamp()):
                assert fact.stamp is not None
                known[fact.relpath] = KnownFile(fact.relpath, fact.stamp, held=False)
            case Vanished():
                del known[fact.relpath]
            case RootIdentified():
                self.guards[fact.root] = fact.guard
            case Held() | Unfit() | RootState():
                pass


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    """A station that is taken down at the end."""
    made = Station()
    yield made
    await made.stop()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def settings_of(path: Path, name: str = "r", **more: Any) -> RootSettings:
    """Return settings with a short quiet time."""
    return replace(RootSettings(name=name, path=path, quiet_s=QUIET_S), **more)


def paths(facts: Iterable[Any]) -> list[bytes]:
    """Return the paths of facts, sorted."""
    return sorted(fact.relpath for fact in facts)
