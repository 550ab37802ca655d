"""What the demo keeps count of, and how it shows it: frames, findings against the truth, latencies."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from rich.box import SIMPLE
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from temwatch.model.finding import Finding
from temwatch.model.report import Decision, Report
from temwatch.sim.microscope import Exposure
from temwatch.sim.truth import TrueObject
from temwatch.vision.matching import match

_COLOURS = {Decision.ACCEPT: "green", Decision.REFER: "yellow", Decision.REJECT: "red"}
_SHOWN = 12


@dataclass(slots=True)
class Tally:
    """Counts, from two threads: the microscope's and the subscriber's.

    Parameters
    ----------
    expected : int or None
        How many frames there will be; None without end.
    """

    expected: int | None
    exposures: dict[str, tuple[Exposure, float]] = field(default_factory=dict)
    reports: dict[str, tuple[Report, float]] = field(default_factory=dict)
    doubles: int = 0
    newest: deque[str] = field(default_factory=lambda: deque(maxlen=_SHOWN))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def written(self, exposure: Exposure, at_s: float) -> None:
        """Count a frame the microscope finished at monotonic `at_s`."""
        with self._lock:
            self.exposures[exposure.path.name] = (exposure, at_s)

    def received(self, report: Report, at_s: float) -> None:
        """Count a report that came at monotonic `at_s`."""
        with self._lock:
            self.doubles += report.path in self.reports
            self.reports[report.path] = (report, at_s)
            self.newest.append(report.path)

    @property
    def all_written(self) -> bool:
        """Whether the microscope has finished."""
        return self.expected is not None and len(self.exposures) == self.expected

    @property
    def complete(self) -> bool:
        """Whether every frame came back exactly once."""
        with self._lock:
            return self.all_written and self.reports.keys() == self.exposures.keys() and not self.doubles

    def latencies_s(self) -> list[float]:
        """Return, for each report, the seconds from the last byte written to the report received."""
        with self._lock:
            return [
                at_s - self.exposures[path][1]
                for path, (_, at_s) in self.reports.items()
                if path in self.exposures
            ]

    def pairs(self) -> list[tuple[Report, Exposure]]:
        """Return reports with the exposures they are about."""
        with self._lock:
            return [
                (report, self.exposures[path][0])
                for path, (report, _) in self.reports.items()
                if path in self.exposures
            ]


def confusion(pairs: Sequence[tuple[Report, Exposure]]) -> Counter[tuple[str, str]]:
    """Return how often each true class was called what.

    True ``"-"``: nothing is there (a false find). Called ``"-"``: a visible object was missed. Findings that the
    recognizer itself calls artefacts count as "nothing there" and are not false finds.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for report, exposure in pairs:
        found = [finding for finding in report.findings if finding.class_ != "artefact"]
        true = [thing for thing in exposure.scene.truth if thing.visible]
        matched = match(_centres(found), _true_centres(true), _radii(true))
        counts.update((true[t].class_, found[f].class_) for f, t in matched)
        counts.update((true[t].class_, "-") for t in set(range(len(true))) - {t for _, t in matched})
        counts.update(("-", found[f].class_) for f in set(range(len(found))) - {f for f, _ in matched})
    return counts


def summary(tally: Tally) -> Group:
    """Return the demo's closing tables."""
    frames = Table(title="frames", title_justify="left", show_header=False, box=SIMPLE)
    frames.add_row("written by the microscope", str(len(tally.exposures)))
    frames.add_row("inspected and received over ZeroMQ", str(len(tally.reports)))
    frames.add_row("received twice", str(tally.doubles))
    seconds = tally.latencies_s()
    if seconds:
        p50, p90, top = np.percentile(seconds, [50, 90, 100])
        frames.add_row("last byte to report: median, 90 %, longest", f"{p50:.2f}, {p90:.2f}, {top:.2f} s")
    verdicts = Counter(report.verdict.decision.value for report, _ in tally.pairs())
    frames.add_row("verdicts", ", ".join(f"{n} {name}" for name, n in sorted(verdicts.items())) or "-")
    word = Text("every frame came back exactly once", style="bold green")
    if not tally.complete:
        missing = sorted(tally.exposures.keys() - tally.reports.keys())
        word = Text(f"incomplete: {', '.join(missing[:5]) or 'stopped early'}", style="bold red")
    return Group(frames, _truth_table(confusion(tally.pairs())), word)


def _truth_table(counts: Counter[tuple[str, str]]) -> Table:
    """Return the confusion of true classes (rows) with what they were called (columns)."""
    classes = sorted({name for pair in counts for name in pair} - {"-"})
    table = Table(
        title="findings against the truth (rows: true, columns: called)", title_justify="left", box=SIMPLE
    )
    table.add_column("", no_wrap=True)
    for name in (*(_words(name) for name in classes), "missed", "found and named right"):
        table.add_column(name, justify="right", no_wrap=name != "found and named right")
    for true in classes:
        row = [counts[true, called] for called in classes]
        total = sum(row) + counts[true, "-"]
        right = f"{counts[true, true] / total:.0%} of {total}" if total else "-"
        table.add_row(_words(true), *map(str, row), str(counts[true, "-"]), right)
    table.add_row("nothing there", *(str(counts["-", called]) for called in classes), "", "")
    return table


def _words(class_: str) -> str:
    return class_.replace("_", " ")


@contextmanager
def live_view(console: Console, tally: Tally, events: str, url: str) -> Iterator[Callable[[], None]]:
    """Show results as they come; give what refreshes the view."""

    def view() -> Group:
        table = Table(box=SIMPLE, expand=True)
        table.add_column("frame", no_wrap=True, min_width=23)
        for name in ("verdict", "found", "why", "after"):
            table.add_column(name, no_wrap=name in ("verdict", "after"))
        for path in list(tally.newest):
            report, at_s = tally.reports[path]
            counts = report.summary.count_by_class.items()
            found = ", ".join(f"{n} {_words(name)}" for name, n in counts if name != "artefact") or "nothing"
            decision = report.verdict.decision
            after = f"{at_s - tally.exposures[path][1]:.1f} s" if path in tally.exposures else ""
            verdict = Text(decision.value, style=_COLOURS[decision])
            table.add_row(path, verdict, found, "; ".join(report.verdict.reasons[:1]), after)
        said = f"{len(tally.exposures)} written, {len(tally.reports)} reported; look at {url}, subscribe at {events}; Ctrl-C ends"
        return Group(
            Text("temwatch demo: a simulated microscope, inspected live", style="bold"), table, Text(said)
        )

    with Live(view(), console=console, refresh_per_second=4) as live:
        yield lambda: live.update(view())


@contextmanager
def quiet_view() -> Iterator[Callable[[], None]]:
    """Show nothing while frames come; the summary says it all."""
    yield lambda: None


def _centres(found: Sequence[Finding]) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return np.array([(f.rectangle.row, f.rectangle.col) for f in found], dtype=np.float64).reshape(-1, 2)


def _true_centres(true: Sequence[TrueObject]) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return np.array([thing.centre for thing in true], dtype=np.float64).reshape(-1, 2)


def _radii(true: Sequence[TrueObject]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([max(thing.mask.shape) / 2 for thing in true], dtype=np.float64)
