"""How far people agree with the machine, with each other and with themselves, on findings they saw blind."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from temwatch.model.review import Agreement, Between, Opinion
from temwatch.recognition.evaluation import Z95

Pairs = Sequence[tuple[str, str]]


def kappa(pairs: Pairs) -> tuple[float, float] | None:
    """Return Cohen's kappa, unweighted, and its standard error; None where it is not defined.

    Parameters
    ----------
    pairs : sequence of (str, str)
        What the one and what the other said of each thing.

    Notes
    -----
    J. Cohen, *Educational and Psychological Measurement* 20 (1960) 37; the standard error for large samples is
    that of J. L. Fleiss, J. Cohen and B. S. Everitt, *Psychological Bulletin* 72 (1969) 323.
    """
    names = sorted({name for pair in pairs for name in pair})
    if len(names) < 2:
        return None
    place = {name: k for k, name in enumerate(names)}
    table = np.zeros((len(names), len(names)))
    for one, other in pairs:
        table[place[one], place[other]] += 1
    p = table / len(pairs)
    rows, cols = p.sum(axis=1), p.sum(axis=0)
    agreed, chance = float(np.trace(p)), float(rows @ cols)
    value = (agreed - chance) / (1 - chance)
    same = float((np.diag(p) * (1 - (rows + cols) * (1 - value)) ** 2).sum())
    weight = (cols[:, None] + rows[None, :]) ** 2
    np.fill_diagonal(weight, 0)
    other_than = (1 - value) ** 2 * float((p * weight).sum())
    last = (value - chance * (1 - value)) ** 2
    variance = max(0.0, same + other_than - last) / (len(pairs) * (1 - chance) ** 2)
    return value, variance**0.5


def agreements(opinions: Iterable[Opinion]) -> tuple[Agreement, ...]:
    """Return every agreement that the blind opinions allow to state.

    Parameters
    ----------
    opinions : iterable of Opinion
        In the order they were given, those taken back left out. Opinions that were not blind are passed over. The
        first of each person about a thing is compared with the machine and with the first of every other person,
        the first two of a person with each other.
    """
    said: dict[int, dict[str, list[Opinion]]] = defaultdict(lambda: defaultdict(list))
    for opinion in opinions:
        if opinion.blind:
            said[opinion.object_id][opinion.by].append(opinion)
    machine: dict[str, list[tuple[str, str]]] = defaultdict(list)
    people: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    selves: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for by_person in said.values():
        for name, own in by_person.items():
            if own[0].predicted is not None:
                machine[name].append((own[0].class_, own[0].predicted))
            if len(own) > 1:
                selves[name].append((own[0].class_, own[1].class_))
        for one, other in combinations(sorted(by_person), 2):
            people[one, other].append((by_person[one][0].class_, by_person[other][0].class_))
    return (
        *_each("operator and machine", {(name,): pairs for name, pairs in machine.items()}),
        *_each("operator and operator", people),
        *_each("operator and self", {(name,): pairs for name, pairs in selves.items()}),
    )


def _each(between: Between, pairs: dict[tuple[str, ...], list[tuple[str, str]]]) -> list[Agreement]:
    """Return one agreement for all together, and one for each of several."""
    together = [pair for some in pairs.values() for pair in some]
    found = [_agreement(between, ("all",), together)]
    return found + [_agreement(between, who, some) for who, some in sorted(pairs.items())]


def _agreement(between: Between, who: tuple[str, ...], pairs: Pairs) -> Agreement:
    found = kappa(pairs)
    return Agreement(
        between=between,
        who=who,
        n=len(pairs),
        agreed=sum(one == other for one, other in pairs) / len(pairs) if pairs else None,
        kappa=found[0] if found else None,
        low=max(-1.0, found[0] - Z95 * found[1]) if found else None,
        high=min(1.0, found[0] + Z95 * found[1]) if found else None,
    )
