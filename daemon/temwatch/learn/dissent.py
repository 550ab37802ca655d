"""Whose labels disagree with everybody else's: one person's slips, or one person's other opinion, found before they teach."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

_LEAST = 10  # objects of one class that a person labelled
_LEAST_EXCESS = 0.10  # of the share in which they disagree
_RARE = 1e-3  # so improbable by chance, over all people and classes together (Bonferroni)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissent:
    """One person disagrees about one class more than the others do.

    Attributes
    ----------
    operator, class_ : str
        Of the objects that were recognised as `class_`, held out, this person called many something else.
    disagreed, n : int
        How many of theirs.
    others_disagreed, others : int
        The same of everybody else.
    label_ids : tuple of int
        Their labels in question.
    """

    operator: str
    class_: str
    disagreed: int
    n: int
    others_disagreed: int
    others: int
    label_ids: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """What to tell people."""
        return (
            f"labels of {self.operator} are in dispute: of {self.n} objects recognised as {self.class_}"
            f" {self.operator} called {self.disagreed} something else ({self.disagreed / self.n:.0%}), the others"
            f" {self.others_disagreed} of {self.others} ({self.others_disagreed / max(self.others, 1):.0%})"
        )


def dissents(
    labelled: Sequence[str], recognised: Sequence[str], operators: Sequence[str], label_ids: Sequence[int]
) -> list[Dissent]:
    """Return who disagrees with what was recognised of held-out objects, far more often than the others do.

    Parameters
    ----------
    labelled, recognised : sequence of str, length n
        The label, and what a recognizer named the object without having learned from it.
    operators : sequence of str, length n
    label_ids : sequence of int, length n

    Notes
    -----
    For each person and recognised class with ten objects or more, the number of disagreements is compared with
    what a random draw from everybody's objects of that class would give (hypergeometric, one-sided: Fisher's
    exact test). An error of the recognizer meets everybody alike and does not count against anyone; with one
    person there is nobody to compare with.
    """
    truth, said, who = np.array(labelled), np.array(recognised), np.array(operators)
    ids = np.array(label_ids)
    pairs = [
        (str(name), str(class_))
        for name in np.unique(who)
        for class_ in np.unique(said)
        if np.count_nonzero((who == name) & (said == class_)) >= _LEAST
    ]
    found = []
    for name, class_ in pairs:
        here = said == class_
        mine, disagree = here & (who == name), here & (truth != class_)
        n, everybody = int(mine.sum()), int(here.sum())
        mine_disagree, all_disagree = int((mine & disagree).sum()), int(disagree.sum())
        others, others_disagree = everybody - n, all_disagree - mine_disagree
        if others < _LEAST or mine_disagree / n - others_disagree / others < _LEAST_EXCESS:
            continue
        chance = float(hypergeom.sf(mine_disagree - 1, everybody, all_disagree, n))
        if chance * len(pairs) < _RARE:
            found.append(
                Dissent(
                    operator=name,
                    class_=class_,
                    disagreed=mine_disagree,
                    n=n,
                    others_disagreed=others_disagree,
                    others=others,
                    label_ids=tuple(ids[mine & disagree].tolist()),
                )
            )
    return sorted(found, key=lambda one: -one.disagreed / one.n)
