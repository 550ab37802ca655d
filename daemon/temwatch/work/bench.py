"""The whole inspection of one frame: find, measure, recognise, judge, and say it in one report."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from temwatch import __version__
from temwatch.acceptance.rules import Rules
from temwatch.acceptance.verdict import judge
from temwatch.clock import iso
from temwatch.model.finding import Finding
from temwatch.model.frame import Frame
from temwatch.model.naming import FrameName
from temwatch.model.report import ModelName, Report, Summary, Verdict
from temwatch.recognition.groups import standing
from temwatch.recognition.recognizer import Recognition, Recognizer
from temwatch.vision.features import FEATURE_NAMES
from temwatch.vision.finder.base import Finder
from temwatch.vision.inspection import Inspection, inspect
from temwatch.vision.particles import size_statistics
from temwatch.vision.view import Polarity

_DIGITS = 4  # of a probability: more would be noise in every message


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What an inspection needs, made once and used for every frame.

    Attributes
    ----------
    recognizer : Recognizer
    model_id : str
        Its digest.
    finder : Finder
    rules : Rules
    sensitivity : float or None
        Of the finder, for the report.
    remarks : tuple of str
        Said in every report: that the recognizer is frozen, for instance.
    tick : callable
        Seconds that only grow; for the timings in reports.
    """

    recognizer: Recognizer
    model_id: str
    finder: Finder
    rules: Rules
    sensitivity: float | None = None
    remarks: tuple[str, ...] = ()
    tick: Callable[[], float] = time.perf_counter

    def inspect(
        self, frame: Frame, name: FrameName, *, zone: str, hints: "Hints", read_ms: float
    ) -> "Inspected":
        """Return the report about a frame, and what it was measured from.

        Parameters
        ----------
        frame : Frame
        name : FrameName
        zone : str
            Region of the part the frame shows.
        hints : Hints
            What the operator said of the objects.
        read_ms : float
            How long reading took, for the timings.
        """
        nm_per_px = frame.calibration.nm_per_px
        shape = (frame.image.shape[0], frame.image.shape[1])
        measured = inspect(
            frame.image,
            finder=self.finder,
            nm_per_px=nm_per_px,
            mode=frame.imaging_mode.value,
            object_size_nm=hints.object_size_nm,
            polarity=hints.polarity,
            tick=self.tick,
        )
        begun = self.tick()
        recognition = self.recognizer.recognise(measured.features, FEATURE_NAMES)
        if measured.members:
            stands = standing(recognition, measured.members)
            measured, recognition = measured.only(stands), recognition.only(stands)
        findings = findings_of(name.frame_id, measured, recognition, nm_per_px)
        judgement = judge(
            findings,
            shape=shape,
            nm_per_px=nm_per_px,
            rules=self.rules,
            zone=zone,
            reservations=self.recognizer.card.reservations(nm_per_px),
        )
        graded = tuple(
            replace(finding, grade=grade, zone=in_zone)
            for finding, grade, in_zone in zip(findings, judgement.grades, judgement.zones, strict=True)
        )
        timings = {"read": read_ms, **measured.timings_ms, "recognise": 1000 * (self.tick() - begun)}
        report = self._report(frame, name, shape, measured, graded, judgement.verdict, timings)
        return Inspected(report=report, measured=measured)

    def _report(
        self,
        frame: Frame,
        name: FrameName,
        shape: tuple[int, int],
        measured: Inspection,
        findings: tuple[Finding, ...],
        verdict: Verdict,
        timings_ms: Mapping[str, float],
    ) -> Report:
        card = self.recognizer.card
        return Report(
            frame_id=name.frame_id,
            root=name.root,
            path=name.path,
            z=frame.section if frame.sections > 1 else None,
            revision=name.revision,
            sha256=frame.sha256,
            sha256_of=frame.sha256_of,
            acquired_at=iso(frame.acquired_at) if frame.acquired_at else None,
            shape=shape,
            format=frame.format,
            signal=frame.signal,
            calibration=frame.calibration,
            imaging_mode=frame.imaging_mode,
            data_bar=frame.data_bar,
            verdict=verdict,
            findings=findings,
            summary=summary_of(findings, measured, frame.calibration.nm_per_px),
            model=ModelName(id=self.model_id, method=card.method, provenance=card.provenance),
            finder=self.finder.name,
            sensitivity=self.sensitivity,
            software=f"temwatch {__version__}",
            notes=(*self.remarks, *notes_on(frame), *measured.notes),
            timings_ms={step: round(spent, 1) for step, spent in timings_ms.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What the operator said of the objects in a root's frames."""

    object_size_nm: float | None = None
    polarity: Polarity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A report and the measurement behind it."""

    report: Report
    measured: Inspection = field(repr=False)


def findings_of(
    frame_id: str, measured: Inspection, recognition: Recognition, nm_per_px: float | None
) -> tuple[Finding, ...]:
    """Return the findings of a frame, not yet graded."""
    found = []
    for k, rectangle in enumerate(measured.rectangles):
        probability = dict(zip(recognition.classes, recognition.probability[k], strict=True))
        found.append(
            Finding(
                finding_id=f"{frame_id}.{k}",
                class_=max(probability, key=lambda name: probability[name]),
                probability={name: round(float(p), _DIGITS) for name, p in probability.items()},
                prediction_set=recognition.prediction_sets[k],
                novelty=round(float(recognition.novelty[k]), _DIGITS),
                score=round(float(measured.regions[k].score), _DIGITS),
                rectangle=rectangle,
                area_px=int(measured.area_px[k]),
                area_nm2=_scaled(measured.area_px[k], nm_per_px, 2),
                equivalent_diameter_nm=_scaled(measured.equivalent_diameter_px[k], nm_per_px, 1),
                grade=None,
                zone=None,
                touches_edge=bool(measured.touches_edge[k]),
            )
        )
    return tuple(found)


def summary_of(findings: tuple[Finding, ...], measured: Inspection, nm_per_px: float | None) -> Summary:
    """Return the frame in a few numbers: counts by class, sizes of whole particles."""
    counts = Counter(finding.class_ for finding in findings)
    particle = np.array([finding.class_ == "particle" for finding in findings], dtype=bool)
    sizes = size_statistics(
        measured.equivalent_diameter_px[particle], measured.touches_edge[particle], nm_per_px=nm_per_px
    )
    return Summary(count_by_class=dict(sorted(counts.items())), particle_size_nm=sizes)


def notes_on(frame: Frame) -> tuple[str, ...]:
    """Return what a reader must know of a frame to trust its numbers."""
    notes = []
    if frame.calibration.nm_per_px is None:
        notes.append("pixel size unknown: no size in nm, no grade")
    if frame.imaging_mode.value is None:
        notes.append("imaging mode unknown: the sign of contrast tells nothing, classes are less sure")
    if frame.data_bar is not None:
        notes.append(f"data bar of {frame.data_bar.rows} rows cut off at the {frame.data_bar.edge}")
    notes += [str(conflict) for conflict in frame.metadata.get("conflicts", ())]
    notes += [f"not inspected: {what}" for what in frame.metadata.get("declined", ())]
    return tuple(notes)


def _scaled(pixels: float, nm_per_px: float | None, power: int) -> float | None:
    return None if nm_per_px is None else round(float(pixels) * nm_per_px**power, 3)
