"""What a part may have, and where: the paper's Table 4, and a grade rule that the paper leaves open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

GRADES = ("I", "II", "III", "IV", "V")
BEYOND = "VI"
NEVER = "never"
DEFAULT_ZONE = "B1"


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeRule:
    """How defects of one class in one zone are graded.

    The grade is the first whose two limits both hold; beyond the last it is VI. The paper names grades without
    defining them. The shipped limits double from grade to grade, as severity levels of castings do; they are a
    starting point for a laboratory's own, not a standard.

    Attributes
    ----------
    version : str
        Named with every grade it gave.
    window_nm : float
        Side of the square window in which the area share is taken; the worst place of the frame counts.
    area_share : tuple of float
        Highest share of a window's area, for grades I to V, ascending.
    diameter_nm : tuple of float
        Largest equivalent diameter in nm, for grades I to V, ascending.
    """

    version: str = "temwatch-1"
    window_nm: float = 1000.0
    area_share: tuple[float, ...] = (0.005, 0.01, 0.02, 0.04, 0.08)
    diameter_nm: tuple[float, ...] = (50.0, 100.0, 200.0, 400.0, 800.0)


def _table_4() -> dict[str, dict[str, str]]:
    graded = dict.fromkeys(("AL", "AR", "BL", "BR", "B1", "B4"), "IV") | {"B2": "V", "B3": "V"}
    table = {name: dict(graded) for name in ("pore", "slag_inclusion", "looseness")}
    return table | {"crack": dict.fromkeys(graded, NEVER)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is allowed.

    Attributes
    ----------
    highest : mapping of class to mapping of zone to grade
        The highest grade allowed, or ``"never"``.
    uncounted : tuple of str
        Classes that are no defects. A class that is neither here nor in `highest` is referred to a person.
    novelty : float
        Findings with a novelty of at least this are referred to a person.
    grade_rule : GradeRule
    """

    highest: Mapping[str, Mapping[str, str]] = field(default_factory=_table_4)
    uncounted: tuple[str, ...] = ("particle", "artefact")
    novelty: float = 0.999
    grade_rule: GradeRule = GradeRule()

    def allowed(self, class_: str, zone: str) -> str | None:
        """Return the highest grade allowed, ``"never"``, or None where no rule speaks of class and zone."""
        return self.highest.get(class_, {}).get(zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneGrid:
    """A frame that shows several zones of the part: equal cells, `names` by row and column."""

    names: tuple[tuple[str, ...], ...]

    def zone_at(self, row: float, col: float, shape: tuple[int, int]) -> str:
        """Return the zone of a place in a frame of this shape; places outside count to the nearest cell."""
        across = self.names[_cell(row, shape[0], len(self.names))]
        return across[_cell(col, shape[1], len(across))]


def _cell(position: float, size: int, cells: int) -> int:
    # Pixel centres lie at integers, so the frame begins half a pixel before 0.
    return min(max(int((position + 0.5) / size * cells), 0), cells - 1)


def faults(rules: Rules) -> tuple[str, ...]:
    """Return everything that is wrong with rules, in sentences; nothing for rules that can be used."""
    rule, found = rules.grade_rule, []
    for name, limits in (("area_share", rule.area_share), ("diameter_nm", rule.diameter_nm)):
        if len(limits) != len(GRADES):
            found.append(f"{name} has {len(limits)} limits, one is needed for each grade from I to V")
        if any(low > high for low, high in pairwise(limits)):
            found.append(f"{name} doesn't ascend: {limits}")
        if any(limit <= 0 for limit in limits):
            found.append(f"{name} has a limit that is not above zero: {limits}")
    if not rule.window_nm > 0:
        found.append(f"window_nm is {rule.window_nm}, not above zero")
    if not rules.novelty > 0:
        found.append(f"novelty is {rules.novelty}, not above zero")
    for class_, by_zone in rules.highest.items():
        if class_ in rules.uncounted:
            found.append(f"class {class_} has grades and is uncounted at the same time")
        found.extend(
            f"class {class_}, zone {zone}: {grade!r} is no grade, use one of {', '.join((*GRADES, NEVER))}"
            for zone, grade in by_zone.items()
            if grade not in (*GRADES, NEVER)
        )
    return tuple(found)
