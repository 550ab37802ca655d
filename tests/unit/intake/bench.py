"""A scanner's rounds over a real folder under a clock that only moves when it is told to."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from temwatch.intake.rounds import Rounds
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

QUIET_S = 2.0


class Bench:
    """Rounds with the daemon's side of the bargain: what was told is known after a restart."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.now_s = 1000.0
        self.root = root
        self.settings = RootSettings(
            **{"name": "r", "path": root, "quiet_s": QUIET_S, "discovery": "polling", **settings}
        )
        self.guard: str | None = None
        self.known: dict[bytes, tuple[Stamp, bool]] = {}
        self.facts: list[ScannerFact] = []
        self.restart()

    def restart(self) -> None:
        """Start another scanner, as after a crash."""
        self.rounds = Rounds(self.settings, guard=self.guard, monotonic_s=lambda: self.now_s)
        for relpath, (stamp, held) in self.known.items():
            self.rounds.resume(os.fsdecode(relpath), stamp, held=held)

    def go(self, touched: Iterable[str] = ()) -> list[ScannerFact]:
        """Make a round and return its facts about files."""
        told = list(self.rounds.go(touched))
        for fact in told:
            self._write_down(fact)
        self.facts += told
        return [fact for fact in told if not isinstance(fact, RootState | RootIdentified)]

    def wait(self, seconds: float, *, step_s: float = 1.0) -> list[ScannerFact]:
        """Let time pass, with a round a step; return the facts about files."""
        told = []
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(self.now_s + step_s, until_s)
            told += self.go()
        return told

    def state(self) -> RootState:
        """Return what was last said of the root."""
        return next(fact for fact in reversed(self.facts) if isinstance(fact, RootState))

    def _write_down(self, fact: ScannerFact) -> None:
        match fact:
            case Noticed():
                self.known[fact.relpath] = (fact.stamp, True)
            case Sighted():
                self.known[fact.relpath] = (fact.stamp, False)
            case Unfit():
                assert fact.stamp is not None
                self.known[fact.relpath] = (fact.stamp, False)
            case Vanished():
                del self.known[fact.relpath]
            case RootIdentified():
                self.guard = fact.guard
            case Held():
                assert self.known[fact.relpath][1], "only a noticed file can be held"


def names(facts: Iterable[ScannerFact], kind: type[Any]) -> list[bytes]:
    """Return the paths of the facts of one kind, sorted."""
    return sorted(fact.relpath for fact in facts if isinstance(fact, kind))
