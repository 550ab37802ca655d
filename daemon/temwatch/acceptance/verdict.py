"""Accept, refer or reject: decided on prediction sets, so that what can't be ruled out is never accepted silently."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from temwatch.acceptance.grade import diameter_nm, grade, lay_out
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

    def under(self, limit: Callable[[str | None], bool]) -> dict[tuple[str, str], list[int]]:
        """Return by (class, zone), sorted, which findings may fall under a rule whose highest grade fits `limit`."""
        found: dict[tuple[str, str], list[int]] = {}
        for number, (finding, zone) in enumerate(zip(self.findings, self.zones, strict=True)):
            for class_ in {finding.class_, *finding.prediction_set}:
                if limit(self.rules.allowed(class_, zone)):
                    found.setdefault((class_, zone), []).append(number)
        return dict(sorted(found.items()))

    def never(self) -> dict[str, list[int]]:
        """Return by class which findings may be of a class that is never allowed where they lie."""
        found: dict[str, list[int]] = {}
        for (class_, _), numbers in self.under(lambda highest: highest == NEVER).items():
            found.setdefault(class_, []).extend(numbers)
        return found

    def certain(self, class_: str, numbers: Sequence[int]) -> list[int]:
        """Return which of these findings can be nothing but `class_`."""
        return [
            n
            for n in numbers
            if self.findings[n].class_ == class_ and self.findings[n].prediction_set == (class_,)
        ]


def judge(
    findings: Sequence[Finding],
    *,
    shape: tuple[int, int],
    nm_per_px: float | None,
    rules: Rules,
    zone: str | ZoneGrid = DEFAULT_ZONE,
    reservations: Sequence[str] = (),
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
    reservations : sequence of str
        Why the classes of the whole frame can't be relied on. With any and at least one finding the frame is
        referred to a person and never rejected.
    """
    zones = tuple(_zone(finding, zone, shape) for finding in findings)
    if reservations and findings:
        verdict = Verdict(decision=Decision.REFER, reasons=tuple(reservations))
        return Judgement(verdict=verdict, grades=(None,) * len(findings), zones=zones)
    scene = _Scene(findings=findings, zones=zones, shape=shape, nm_per_px=nm_per_px, rules=rules)
    certain_grades, possible_grades, grades = _graded(scene)
    reject = (*_certain_never(scene), *certain_grades)
    refer = (
        *_possible_never(scene),
        *_strange(scene),
        *_ungraded(scene),
        *_without_rule(scene),
        *possible_grades,
    )
    if reject:
        verdict = Verdict(decision=Decision.REJECT, reasons=(*reject, *refer))
    elif refer:
        verdict = Verdict(decision=Decision.REFER, reasons=refer)
    else:
        verdict = Verdict(decision=Decision.ACCEPT, reasons=(_nothing_against(findings, rules),))
    return Judgement(verdict=verdict, grades=grades, zones=zones)


def _zone(finding: Finding, zone: str | ZoneGrid, shape: tuple[int, int]) -> str:
    if isinstance(zone, str):
        return zone
    return zone.zone_at(finding.rectangle.row, finding.rectangle.col, shape)


def _count(n: int, of: str = "finding") -> str:
    return f"{n} {of}" if n == 1 else f"{n} {of}s"


def _certain_never(scene: _Scene) -> Iterator[str]:
    for class_, numbers in scene.never().items():
        if n := len(scene.certain(class_, numbers)):
            yield f"{class_} alone in the prediction set of {_count(n)}, and never allowed"


def _possible_never(scene: _Scene) -> Iterator[str]:
    for class_, numbers in scene.never().items():
        if n := len(numbers) - len(scene.certain(class_, numbers)):
            yield f"{class_} in the prediction set of {_count(n)}"


def _strange(scene: _Scene) -> Iterator[str]:
    empty = sum(not finding.prediction_set for finding in scene.findings)
    if empty:
        yield f"no class fits {_count(empty)}: the prediction set is empty"
    far = sum(finding.novelty >= scene.rules.novelty for finding in scene.findings)
    if far:
        yield f"{_count(far)} unlike what was learned (novelty {scene.rules.novelty:g} or more)"


def _ungraded(scene: _Scene) -> Iterator[str]:
    if scene.nm_per_px is None and (graded := scene.under(_is_grade).values()):
        n = len({number for numbers in graded for number in numbers})
        yield f"pixel size unknown: {_count(n)} can't be graded"


def _without_rule(scene: _Scene) -> Iterator[str]:
    for (class_, zone), numbers in scene.under(lambda highest: highest is None).items():
        if class_ not in scene.rules.uncounted:
            yield f"no rule for {class_} in zone {zone} ({_count(len(numbers))})"


def _is_grade(highest: str | None) -> bool:
    return highest in GRADES


def _graded(scene: _Scene) -> tuple[list[str], list[str], tuple[str | None, ...]]:
    """Return reasons to reject, reasons to refer, and the grade of every finding."""
    grades: list[str | None] = [None] * len(scene.findings)
    certainly: list[str] = []
    possibly: list[str] = []
    if scene.nm_per_px is None:
        return certainly, possibly, tuple(grades)
    rule = scene.rules.grade_rule
    layout = lay_out(scene.findings, shape=scene.shape, window_px=rule.window_nm / scene.nm_per_px)
    sizes = [diameter_nm(finding, scene.nm_per_px) for finding in scene.findings]

    def reached(numbers: Sequence[int]) -> str:
        largest = max((sizes[number] for number in numbers), default=0.0)
        return grade(rule, area_share=layout.crowding(numbers).worst, diameter_nm=largest)

    for (class_, zone), possible in scene.under(_is_grade).items():
        highest = scene.rules.allowed(class_, zone) or BEYOND
        certain = scene.certain(class_, possible)
        sure, at_most = reached(certain), reached(possible)
        if _ORDER.index(sure) > _ORDER.index(highest):
            certainly.append(
                f"{class_} of grade {sure} in zone {zone}, where {highest} is the highest allowed"
            )
        elif _ORDER.index(at_most) > _ORDER.index(highest):
            doubtful = _count(len(possible) - len(certain), "doubtful finding")
            possibly.append(
                f"{class_} of grade {at_most} in zone {zone} if {doubtful} count, {highest} is the highest allowed"
            )
        named = [number for number in possible if scene.findings[number].class_ == class_]
        for number, share in zip(named, layout.crowding(named).of_each.tolist(), strict=True):
            grades[number] = grade(rule, area_share=share, diameter_nm=sizes[number])
    return certainly, possibly, tuple(grades)


def _nothing_against(findings: Sequence[Finding], rules: Rules) -> str:
    if not findings:
        return "nothing found"
    counted = sum(finding.class_ not in rules.uncounted for finding in findings)
    if not counted:
        return f"no defect among {_count(len(findings))}"
    return f"{_count(counted, 'defect')}, all within the grades allowed"
