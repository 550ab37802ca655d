"""The demo's simulated operator: labels what the review queue offers, knows the truth, and slips now and then."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

from temwatch.cli.demo_tally import Tally
from temwatch.client import CommandRefused, Commands
from temwatch.errors import TransientError
from temwatch.model.finding import ARTEFACT, Finding
from temwatch.model.report import Report
from temwatch.sim.microscope import Exposure
from temwatch.sim.truth import TrueObject

SLIPS = 0.03
_BLOCK = 20  # frames of a row in the closing table
_NEAR_PX = 3.0
_PIECE = 0.5  # of an object's extent
Choice = Literal["review", "random"]


def true_class(finding: Finding, truth: Sequence[TrueObject]) -> str:
    """Return what a person who sees both would call a finding: the object its centre lies on, else an artefact.

    One micro-pore of looseness is a pore to anyone who sees it alone.
    """
    row, col = finding.rectangle.row, finding.rectangle.col
    over = [
        thing
        for thing in truth
        if thing.visible
        and thing.row - _NEAR_PX <= row <= thing.row + thing.mask.shape[0] + _NEAR_PX
        and thing.col - _NEAR_PX <= col <= thing.col + thing.mask.shape[1] + _NEAR_PX
    ]
    if not over:
        return ARTEFACT

    def distance(thing: TrueObject) -> float:
        rows, cols = np.nonzero(thing.mask)
        return float(np.hypot(rows + thing.row - row, cols + thing.col - col).min())

    nearest = min(over, key=distance)
    if distance(nearest) > _NEAR_PX:
        return ARTEFACT
    piece = finding.rectangle.length_px < _PIECE * max(nearest.mask.shape)
    return "pore" if nearest.class_ == "looseness" and piece else nearest.class_


@dataclass(slots=True)
class Operator:
    """Labels while frames come.

    Parameters
    ----------
    commands : str
        Address of the daemon.
    tally : Tally
    seed : int
        Of slips and of a random choice.
    choice : {'review', 'random'}
        What is labelled: what the review queue offers, or any findings.
    per_frame : int
        Labels for every frame that came.
    """

    commands: str
    tally: Tally
    seed: int
    choice: Choice
    per_frame: int
    slips: int = 0
    given: Counter[str] = field(default_factory=Counter)
    labelled: set[str] = field(default_factory=set)
    _done: threading.Event = field(default_factory=threading.Event)

    def finish(self) -> None:
        """Label no more."""
        self._done.set()

    def run(self) -> None:
        """Label until told to finish."""
        random = np.random.default_rng(self.seed)
        with Commands(self.commands, timeout_s=30.0, operator="simulated operator") as daemon:
            while not self._done.wait(0.2):
                owed = self.per_frame * len(self.tally.reports) - len(self.labelled)
                if owed < self.per_frame:
                    continue
                try:
                    for finding_id in list(self._offered(daemon, owed, random)):
                        self._label(daemon, finding_id, random)
                except TransientError:
                    continue

    def _offered(self, daemon: Commands, wanted: int, random: np.random.Generator) -> Iterable[str]:
        if self.choice == "review":
            items = daemon.ask("review.next", limit=min(wanted, 200)).result["items"]
            return [item["finding_id"] for item in items]
        everything = [
            finding.finding_id
            for report, _ in self.tally.pairs()
            for finding in report.findings
            if finding.finding_id not in self.labelled
        ]
        return [everything[k] for k in random.permutation(len(everything))[:wanted]]

    def _label(self, daemon: Commands, finding_id: str, random: np.random.Generator) -> None:
        known = {
            finding.finding_id: (finding, exposure)
            for report, exposure in self.tally.pairs()
            for finding in report.findings
        }
        self.labelled.add(finding_id)
        if finding_id not in known:
            return
        finding, exposure = known[finding_id]
        said = true_class(finding, exposure.scene.truth)
        if random.random() < SLIPS:
            others = sorted(set(finding.probability) - {said})
            said = others[int(random.integers(len(others)))]
            self.slips += 1
        try:
            args: dict[str, Any] = {"finding_id": finding_id, "class": said}
            daemon.ask("label.set", **args)
        except CommandRefused:
            return
        self.given[said] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some frames in a row as they came: the first one's number, findings by true class and those of them named right."""

    first: int
    findings: Counter[str]
    right: Counter[str]
    model: str

    def share(self, class_: str | None = None) -> str:
        """Return how many of a class (None: of all) were named right, for people."""
        n = self.findings.total() if class_ is None else self.findings[class_]
        right = self.right.total() if class_ is None else self.right[class_]
        return f"{right} of {n}" if class_ else f"{right / max(n, 1):.1%} of {n}"


def stream_accuracy(tally: Tally) -> list[Block]:
    """Return how findings were named, block of frames by block, as they came."""
    pairs = sorted(tally.pairs(), key=lambda pair: pair[1].acquired_at)
    rows = []
    for first in range(0, len(pairs), _BLOCK):
        block = pairs[first : first + _BLOCK]
        words = list(_words(block))
        rows.append(
            Block(
                first=first + 1,
                findings=Counter(true for true, _ in words),
                right=Counter(true for true, said in words if true == said),
                model=block[-1][0].model.id[:8],
            )
        )
    return rows


def _words(pairs: Iterable[tuple[Report, Exposure]]) -> Iterator[tuple[str, str]]:
    for report, exposure in pairs:
        for finding in report.findings:
            yield true_class(finding, exposure.scene.truth), finding.class_


def learning_summary(
    tally: Tally, operator: Operator, attempts: Sequence[Mapping[str, Any]], diff: Mapping[str, Any]
) -> Group:
    """Return what the demo learned: accuracy over time, the gate's sentences, changed verdicts."""
    table = Table(
        title=f"findings named right as they came ({operator.choice} labelled)",
        title_justify="left",
        box=SIMPLE,
    )
    blocks = stream_accuracy(tally)
    classes = sorted({class_ for block in blocks for class_ in block.findings})
    for name in ("from frame", "all", *(class_.replace("_", " ") for class_ in classes), "model"):
        table.add_column(name, justify="right")
    for block in blocks:
        by_class = (block.share(class_) for class_ in classes)
        table.add_row(str(block.first), block.share(), *by_class, block.model)
    lines = [
        f"{sum(operator.given.values())} labels given, {operator.slips} of them slips: "
        + ", ".join(f"{n} {name}" for name, n in sorted(operator.given.items()))
    ]
    lines += [
        f"attempt {one['attempt']} ({one['labels']} labels, {one['took_s']} s): {one['sentence']}"
        for one in reversed(attempts)
    ]
    changed = diff["changed"]
    verdicts = Counter(f"{c['before']} to {c['after']}" for c in changed if c["before"] != c["after"])
    lines.append(
        f"{len(changed)} frames of before changed with the recognizer in use: "
        + (", ".join(f"{n} {name}" for name, n in sorted(verdicts.items())) or "no verdict")
        + f"; {sum(c['contradicts'] for c in changed)} findings against labels; {diff['waiting']} frames wait"
    )
    return Group(table, *(Text(line) for line in lines))


def until_learned(commands: str, *, timeout_s: float) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """Wait for the attempt under way and for history to be named anew; return attempts and what changed."""
    deadline = time.monotonic() + timeout_s
    with Commands(commands, timeout_s=30.0) as daemon:
        while True:
            attempts = daemon.ask("retrain.status", limit=50).result["attempts"]
            diff = daemon.ask("model.diff", limit=1000).result
            busy = diff["waiting"] or any(one["state"] == "running" for one in attempts)
            if not busy or time.monotonic() > deadline:
                return attempts, diff
            time.sleep(0.5)
