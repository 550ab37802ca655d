"""Whether the frames of a root have become unlike what the recognizer learned, told before any label is."""

from collections.abc import Iterable, Sequence

import numpy as np

from temwatch.learn.prequential import PageHinkley
from temwatch.model.review import Unfamiliar

# Of a frame counts the novelty that a tenth of its findings exceed; fewer findings say nothing of a tenth.
_QUANTILE, _LEAST = 0.9, 5
# Page-Hinkley (see `prequential`) on that quantile. Of 200 streams of 1000 frames drawn from 120 simulated ones two give a false
# alarm; frames of real foils and of supported particles after 60 simulated ones are noticed after 12 and 14 (median), simulated
# ones at 2.5 times the magnification hardly ever (`benchmarks/unfamiliar.py`).
_DELTA, _LAMBDA = 0.05, 2.0


def unfamiliar(frames: Iterable[tuple[str, str, str, Sequence[float]]]) -> tuple[Unfamiliar, ...]:
    """Return where each root's frames became less familiar.

    Parameters
    ----------
    frames : iterable of (root, frame_id, path, novelties)
        The oldest first; the novelty of each of its findings, in [0, 1].
    """
    watches: dict[str, PageHinkley] = {}
    found = []
    for root, frame_id, path, novelties in frames:
        if len(novelties) < _LEAST:
            continue
        watch = watches.setdefault(root, PageHinkley(delta=_DELTA, threshold=_LAMBDA))
        before, n = watch.mean, watch.n
        if watch.add(float(np.quantile(novelties, _QUANTILE))):
            found.append(Unfamiliar(root=root, frame_id=frame_id, path=path, before=before, n=n))
            watch.begin_anew()
    return tuple(found)
