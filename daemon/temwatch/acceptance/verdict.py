"""Accept, refer or reject: decided on prediction sets, so that what can't be ruled out is never accepted silently."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from temwatch.acceptance.grade import crowding, diameter_nm, grade
from temwatch.acceptance.rules import BEYOND, DEFAULT_ZONE, GRADES, NEVER, Rules, ZoneGrid
from temwatch.model.finding import Finding
from temwatch.model.report import Decision, Verdict

SEVERITY = {Decision.ACCEPT: 0, Decision.REFER: 1, Decision.REJECT: 2}
_ORDER = (*GRADES, BEYOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on a frame, and what it rests on.

    Attributes
    ----------
    verdict : Verdict
        Reasons are sentences, the weightiest first.
    grades : tuple of (str or None)
        For each finding the grade of its own size and surroundings, counted as its most probable class. None
        for classes without grades, and wherever the pixel size is unknown.
    zones : tuple of str
        For each finding.
    """

    verdict: Verdict
    grades: tuple[str | None, ...]
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Everything a rule looks at; `zones` go with the findings, `nm_per_px` is None where unknown."""

    findings: Sequence[Finding]
    zones: Sequence[str]
    shape: tuple[int, int]
    nm_per_px: float | None
    rules: Rules

    def graded(self) -> Iterator[tuple[str, str, str]]:
        """Give every (class, zone, highest grade) that some finding may fall under."""
        pairs = sorted(
            {
                (class_, zone)
                for finding, zone in zip(self.findings, self.zones, strict=True)
                for class_ in _suspicions(finding)
            }
        )
        for class_, zone in pairs:
            highest = self.rules.allowed(class_, zone)
            if highest is not None and highest != NEVER:
                yield class_, zone, highest

    def where(self, zone: str, fits: Callable[[Finding], bool]) -> list[Finding]:
        """Return the findings in a zone that fit."""
        return [f for f, own in zip(self.findings, self.zones, strict=True) if own == zone and fits(f)]


def judge(
    findings: Sequence[Finding],
    *,
    shape: tuple[int, int],
    nm_per_px: float | None,
    rules: Rules,
    zone: str | ZoneGrid = DEFAULT_ZONE,
) -> Judgement:
    """Grade findings and decide on their frame.

    Reject what is certainly beyond the rules: findings whose prediction set holds one class alone. Refer to a
    person what may be: a class that can't be ruled out, an empty set, an unusual object, defects that can't be
    graded for want of a pixel size, a class without a rule. Accept the rest. An object cut off by the frame's
    edge counts with what is seen of it.

    Parameters
    ----------
    findings : sequence of Finding
        Their own `grade` and `zone` are not looked at.
    shape : tuple of int
        (row, col) of the frame.
    nm_per_px : float or None
        None gives no grades at all.
    rules : Rules
    zone : str or ZoneGrid
        Which part of the part the frame shows.
    """
    zones = tuple(_zone(finding, zone, shape) for finding in findings)
    scene = _Scene(findings=findings, zones=zones, shape=shape, nm_per_px=nm_per_px, rules=rules)
    reject = (*_certain_never(scene), *_certain_grades(scene))
    refer = (*_possible_never(scene), *_strange(scene), *_ungraded(scene), *_without_rule(scene))
    refer = (*refer, *_possible_grades(scene))
    if reject:
        verdict = Verdict(decision=Decision.REJECT, reasons=(*reject, *refer))
    elif refer:
        verdict = Verdict(decision=Decision.REFER, reasons=refer)
    else:
        verdict = Verdict(decision=Decision.ACCEPT, reasons=(_nothing_against(findings, rules),))
    return Judgement(verdict=verdict, grades=_grades(scene), zones=zones)


def _zone(finding: Finding, zone: str | ZoneGrid, shape: tuple[int, int]) -> str:
    if isinstance(zone, str):
        return zone
    return zone.zone_at(finding.rectangle.row, finding.rectangle.col, shape)


def _suspicions(finding: Finding) -> set[str]:
    return {finding.class_, *finding.prediction_set}


def _certain(finding: Finding, class_: str) -> bool:
    return finding.class_ == class_ and finding.prediction_set == (class_,)


def _count(n: int, of: str = "finding") -> str:
    return f"{n} {of}" if n == 1 else f"{n} {of}s"


def _never(scene: _Scene) -> list[str]:
    return sorted(
        {
            class_
            for finding, zone in zip(scene.findings, scene.zones, strict=True)
            for class_ in _suspicions(finding)
            if scene.rules.allowed(class_, zone) == NEVER
        }
    )


def _certain_never(scene: _Scene) -> Iterator[str]:
    for class_ in _never(scene):
        n = sum(
            _certain(finding, class_) and scene.rules.allowed(class_, zone) == NEVER
            for finding, zone in zip(scene.findings, scene.zones, strict=True)
        )
        if n:
            yield f"{class_} alone in the prediction set of {_count(n)}, and never allowed"


def _possible_never(scene: _Scene) -> Iterator[str]:
    for class_ in _never(scene):
        n = sum(
            class_ in _suspicions(finding)
            and not _certain(finding, class_)
            and scene.rules.allowed(class_, zone) == NEVER
            for finding, zone in zip(scene.findings, scene.zones, strict=True)
        )
        if n:
            yield f"{class_} in the prediction set of {_count(n)}"


def _strange(scene: _Scene) -> Iterator[str]:
    empty = sum(not finding.prediction_set for finding in scene.findings)
    if empty:
        yield f"no class fits {_count(empty)}: the prediction set is empty"
    far = sum(finding.novelty >= scene.rules.novelty for finding in scene.findings)
    if far:
        yield f"{_count(far)} unlike what was learned (novelty {scene.rules.novelty:g} or more)"


def _ungraded(scene: _Scene) -> Iterator[str]:
    if scene.nm_per_px is not None:
        return
    n = sum(
        any(scene.rules.allowed(class_, zone) not in (None, NEVER) for class_ in _suspicions(finding))
        for finding, zone in zip(scene.findings, scene.zones, strict=True)
    )
    if n:
        yield f"pixel size unknown: {_count(n)} can't be graded"


def _without_rule(scene: _Scene) -> Iterator[str]:
    counts: dict[tuple[str, str], int] = {}
    for finding, zone in zip(scene.findings, scene.zones, strict=True):
        for class_ in _suspicions(finding) - set(scene.rules.uncounted):
            if scene.rules.allowed(class_, zone) is None:
                counts[class_, zone] = counts.get((class_, zone), 0) + 1
    for (class_, zone), n in sorted(counts.items()):
        yield f"no rule for {class_} in zone {zone} ({_count(n)})"


def _certain_grades(scene: _Scene) -> Iterator[str]:
    for class_, zone, highest in scene.graded():
        reached = _reached(scene, scene.where(zone, lambda f, name=class_: _certain(f, name)))  # type: ignore[misc]
        if reached and _ORDER.index(reached) > _ORDER.index(highest):
            yield f"{class_} of grade {reached} in zone {zone}, where {highest} is the highest allowed"


def _possible_grades(scene: _Scene) -> Iterator[str]:
    for class_, zone, highest in scene.graded():
        possible = scene.where(zone, lambda f, name=class_: name in _suspicions(f))  # type: ignore[misc]
        certain = [finding for finding in possible if _certain(finding, class_)]
        reached, sure = _reached(scene, possible), _reached(scene, certain) or GRADES[0]
        if reached and _ORDER.index(reached) > max(_ORDER.index(highest), _ORDER.index(sure)):
            doubtful = _count(len(possible) - len(certain), "doubtful finding")
            yield f"{class_} of grade {reached} in zone {zone} if {doubtful} count, {highest} is the highest allowed"


def _reached(scene: _Scene, members: Sequence[Finding]) -> str | None:
    """Return the grade of findings taken together; None for none, or without a pixel size."""
    if scene.nm_per_px is None or not members:
        return None
    rule, nm_per_px = scene.rules.grade_rule, scene.nm_per_px
    dense = crowding(members, shape=scene.shape, window_px=rule.window_nm / nm_per_px)
    return grade(
        rule, area_share=dense.worst, diameter_nm=max(diameter_nm(finding, nm_per_px) for finding in members)
    )


def _grades(scene: _Scene) -> tuple[str | None, ...]:
    grades: list[str | None] = [None] * len(scene.findings)
    if scene.nm_per_px is None:
        return tuple(grades)
    rule = scene.rules.grade_rule
    for class_, zone, _ in scene.graded():
        numbers = [
            number
            for number, (finding, own) in enumerate(zip(scene.findings, scene.zones, strict=True))
            if own == zone and finding.class_ == class_
        ]
        members = [scene.findings[number] for number in numbers]
        dense = crowding(members, shape=scene.shape, window_px=rule.window_nm / scene.nm_per_px)
        for number, finding, share in zip(numbers, members, dense.of_each.tolist(), strict=True):
            size = diameter_nm(finding, scene.nm_per_px)
            grades[number] = grade(rule, area_share=share, diameter_nm=size)
    return tuple(grades)


def _nothing_against(findings: Sequence[Finding], rules: Rules) -> str:
    if not findings:
        return "nothing found"
    counted = sum(finding.class_ not in rules.uncounted for finding in findings)
    if not counted:
        return f"no defect among {_count(len(findings))}"
    return f"{_count(counted, 'defect')}, all within the grades allowed"
