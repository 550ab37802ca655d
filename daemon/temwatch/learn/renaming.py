"""A report named anew by another recognizer, from the features that were stored with it: no image is read."""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from temwatch.acceptance.rules import Rules
from temwatch.acceptance.verdict import judge
from temwatch.model.finding import Finding
from temwatch.model.report import ModelName, Report, SizeStatistics
from temwatch.recognition.recognizer import Recognition, Recognizer
from temwatch.vision.features import FEATURE_NAMES
from temwatch.vision.particles import size_statistics

_DIGITS = 4  # of a probability, as in every report


def renamed(
    report: Report, features: NDArray[np.float32], *, recognizer: Recognizer, model_id: str, rules: Rules
) -> Report:
    """Return the report as another recognizer would have given it, with its own verdict.

    What was found stays: a crowd that stood as one object, or as its members, does so still.

    Parameters
    ----------
    report : Report
        With at least one finding.
    features : ndarray of float32, shape (n, p)
        A row for each finding, in order.
    rules : Rules
        Those of today.

    Raises
    ------
    ModelRefused
        The recognizer knows other features.
    """
    recognition = recognizer.recognise(features, FEATURE_NAMES)
    findings = tuple(_named(finding, recognition, k) for k, finding in enumerate(report.findings))
    scale = report.calibration.nm_per_px
    judgement = judge(
        findings,
        shape=report.shape,
        nm_per_px=scale,
        rules=rules,
        zone=next((f.zone for f in report.findings if f.zone), ""),
        reservations=recognizer.card.reservations(scale),
    )
    graded = tuple(
        replace(finding, grade=grade, zone=zone)
        for finding, grade, zone in zip(findings, judgement.grades, judgement.zones, strict=True)
    )
    card = recognizer.card
    return replace(
        report,
        findings=graded,
        verdict=judgement.verdict,
        summary=replace(
            report.summary,
            count_by_class=dict(sorted(Counter(finding.class_ for finding in graded).items())),
            particle_size_nm=_sizes(graded, scale),
        ),
        model=ModelName(id=model_id, method=card.method, provenance=card.provenance),
    )


def _named(finding: Finding, recognition: Recognition, k: int) -> Finding:
    probability = dict(zip(recognition.classes, recognition.probability[k].tolist(), strict=True))
    return replace(
        finding,
        class_=max(probability, key=lambda name: probability[name]),
        probability={name: round(p, _DIGITS) for name, p in probability.items()},
        prediction_set=recognition.prediction_sets[k],
        novelty=round(float(recognition.novelty[k]), _DIGITS),
    )


def _sizes(findings: tuple[Finding, ...], nm_per_px: float | None) -> SizeStatistics:
    particles = [finding for finding in findings if finding.class_ == "particle"]
    diameters = np.array([2.0 * (finding.area_px / np.pi) ** 0.5 for finding in particles])
    edge = np.array([finding.touches_edge for finding in particles], dtype=bool)
    return size_statistics(diameters, edge, nm_per_px=nm_per_px)
