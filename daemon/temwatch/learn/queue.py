"""What to label next: pure ranking of findings nobody labelled.

Of every ten places one is a blind control, two go to the novel, one to disagreement between recognizers, the rest to
small margins; a place for which there is nothing goes to margins too.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from temwatch.model.review import Candidates, Opinion, Pick, Why

CONTROL_SHARE = 0.1  # of all findings: they are shown blind, or not at all
_AGAIN_SHARE = 0.5  # of the controls: shown to the same person once more
_OTHERS_SHARE = 0.5  # of the controls: shown to everybody else too
_AGAIN_AFTER = 20  # labels of the same person in between, so that they judge anew instead of remembering
_PLACES: tuple[Why, ...] = (
    *("margin", "margin", "novelty", "margin", "disagreement", "margin", "margin", "novelty", "margin"),
    "control",
)
# So many times what is wanted is considered, by margin, before it is spread out (F. Zhdanov, arXiv 1901.05954).
_POOL = 10


def is_control(finding_id: str) -> bool:
    """Whether a finding belongs to the random sample that is shown blind; the same answer for ever."""
    return _lot(finding_id, b"control") < CONTROL_SHARE


def spread(features: NDArray[np.float32], weight: NDArray[np.float64], count: int) -> list[int]:
    """Return up to `count` rows that matter and differ: the weightiest, then always the one that is farthest.

    Parameters
    ----------
    features : ndarray of float32, shape (n, p)
    weight : ndarray of float64, shape (n,)
        In [0, 1]; multiplies the distance to what was chosen.
    count : int

    Notes
    -----
    Farthest-first traversal (T. F. Gonzalez, *Theoretical Computer Science* 38 (1985) 293), in standardised columns.
    """
    if not len(features) or count < 1:
        return []
    table = features.astype(np.float64)
    sd = table.std(axis=0)
    table = (table - table.mean(axis=0)) / np.where(sd > 0, sd, 1.0)
    chosen = [int(np.argmax(weight))]
    # A little of the weight counts even where all rows are the same.
    nearest = np.linalg.norm(table - table[chosen[0]], axis=1) + 1e-9
    nearest[chosen[0]] = -np.inf
    while len(chosen) < min(count, len(table)):
        following = int(np.argmax(np.where(np.isfinite(nearest), nearest * (weight + 1e-9), -np.inf)))
        chosen.append(following)
        nearest = np.minimum(nearest, np.linalg.norm(table - table[following], axis=1) + 1e-9)
        nearest[following] = -np.inf
    return chosen


def rank(
    candidates: Candidates,
    *,
    limit: int,
    begin: int,
    controls: Sequence[str],
    second: Sequence[str] | None = None,
) -> list[Pick]:
    """Return what to show next, at most `limit` findings, each once.

    Parameters
    ----------
    candidates : Candidates
        Findings without a label that are not of the control sample.
    limit : int
    begin : int
        How many labels the person has given: the places go on from there, so that asking for one finding at a time
        gives the same shares.
    controls : sequence of str
        Findings to show blind, in the order in which they come up.
    second : sequence of str, optional
        What a second recognizer calls each candidate.
    """
    orders = {
        "margin": _by_margin(candidates, limit),
        "novelty": _by_novelty(candidates, limit),
        "disagreement": _by_disagreement(candidates, second, limit),
    }
    waiting = {why: iter([candidates.finding_ids[k] for k in order]) for why, order in orders.items()}
    control = iter(controls)
    taken: dict[str, Pick] = {}
    for place in range(begin, begin + limit):
        why = _PLACES[place % len(_PLACES)]
        if why == "control" and (finding_id := next(control, None)) is not None:
            taken[finding_id] = Pick(finding_id=finding_id, why="control", blind=True)
            continue
        for way in (why, "margin"):
            fresh = next((one for one in waiting.get(way, ()) if one not in taken), None)
            if fresh is not None:
                taken[fresh] = Pick(finding_id=fresh, why=way)
                break
    if not len(candidates.finding_ids):  # nothing else is left: then controls fill all places
        for finding_id in control:
            if len(taken) >= limit:
                break
            taken[finding_id] = Pick(finding_id=finding_id, why="control", blind=True)
    return list(taken.values())


def controls_for(
    operator: str, waiting: Iterable[str], opinions: Sequence[Opinion], given: Sequence[int]
) -> list[str]:
    """Return the control findings a person may be shown: some a second time, some after others, then fresh ones.

    Parameters
    ----------
    operator : str
    waiting : iterable of str
        Control findings that nobody labelled.
    opinions : sequence of Opinion
        All blind ones, in order, those taken back left out.
    given : sequence of int
        The numbers of all labels of this person, ascending.
    """
    by_finding: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for opinion in opinions:
        by_finding[opinion.finding_id][opinion.by].append(opinion.label_id)
    again, others = [], []
    for finding_id, by_person in by_finding.items():
        own = by_person.get(operator, [])
        if not own and _lot(finding_id, b"others") < _OTHERS_SHARE:
            others.append(finding_id)
        elif len(own) == 1 and _lot(finding_id, b"again") < _AGAIN_SHARE:
            since = len(given) - int(np.searchsorted(given, own[0], side="right"))
            again += [finding_id] if since >= _AGAIN_AFTER else []
    fresh = sorted(waiting, key=lambda finding_id: _lot(finding_id, b"order"))
    return _in_turn(again, others, fresh)


def contradicted(opinions: Iterable[Opinion], standing: Collection[tuple[str, str]]) -> list[str]:
    """Return findings of which a blind opinion says something else than the label that stands.

    Parameters
    ----------
    opinions : iterable of Opinion
    standing : collection of (finding_id, class)
    """
    stands = dict(standing)
    found = [
        opinion.finding_id
        for opinion in opinions
        if opinion.blind and stands.get(opinion.finding_id, opinion.class_) != opinion.class_
    ]
    return list(dict.fromkeys(found))


def _by_margin(candidates: Candidates, limit: int) -> list[int]:
    pool = np.argsort(candidates.margin, kind="stable")[: _POOL * limit]
    chosen = spread(candidates.features[pool], 1 - candidates.margin[pool], limit)
    rest = [k for k in range(len(pool)) if k not in set(chosen)]
    return [int(pool[k]) for k in (*chosen, *rest)]


def _by_novelty(candidates: Candidates, limit: int) -> list[int]:
    pool = np.argsort(-candidates.novelty, kind="stable")[: _POOL * limit]
    return [int(pool[k]) for k in spread(candidates.features[pool], candidates.novelty[pool], limit)]


def _by_disagreement(candidates: Candidates, second: Sequence[str] | None, limit: int) -> list[int]:
    if second is None:
        return []
    differ = [k for k, other in enumerate(second) if other != candidates.class_[k]]
    # Where the machine is surest of what the other denies, one of the two is wrong most surely.
    return sorted(differ, key=lambda k: -candidates.margin[k])[: 2 * limit]


def _in_turn(*rows: Sequence[str]) -> list[str]:
    """Return the first of each row, then the second of each, and so on."""
    longest = max((len(row) for row in rows), default=0)
    return [row[k] for k in range(longest) for row in rows if k < len(row)]


def _lot(finding_id: str, what: bytes) -> float:
    """Return a number in [0, 1) that is drawn by the finding's name, so that nothing need be remembered."""
    digest = hashlib.blake2b(finding_id.encode(), digest_size=8, key=what).digest()
    return int.from_bytes(digest, "big") / 2.0**64
