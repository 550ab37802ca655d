"""Whether several objects are one: looseness is a crowd of micro-pores, and each of them alone looks like a pore."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from temwatch.model.finding import ARTEFACT
from temwatch.recognition.recognizer import Recognition


def standing(recognition: Recognition, members: Mapping[int, tuple[int, ...]]) -> NDArray[np.bool_]:
    """Return which of n objects stand: a group or its members, never both.

    A group stands if it is recognised as a defect of another class than most of its members, or of the same class
    more surely than they are. A crowd of particles stays a crowd, for each is a particle more surely than all are.

    Parameters
    ----------
    recognition : Recognition
        Of single objects and groups alike.
    members : mapping of int to tuple of int
        For each group the objects it consists of.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    stands = np.ones(len(recognition.probability), bool)
    best = [recognition.classes[k] for k in recognition.probability.argmax(axis=1)]
    for group, parts in members.items():
        commonest = Counter(best[k] for k in parts).most_common(1)[0][0]
        sure = recognition.probability[group].max()
        alike = [recognition.probability[k].max() for k in parts if best[k] == best[group]]
        whole = best[group] != ARTEFACT and (best[group] != commonest or sure > np.mean(alike))
        stands[list(parts) if whole else group] = False
    return stands
