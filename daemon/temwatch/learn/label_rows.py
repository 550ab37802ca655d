"""Standing labels of the store as rows to learn from."""

from collections.abc import Sequence

import numpy as np

from temwatch.learn.training_set import TrainingSet
from temwatch.store.labels import TrainingLabel
from temwatch.vision.features import FEATURE_NAMES, FEATURE_SET


def rows_from(labels: Sequence[TrainingLabel], *, newest: int) -> TrainingSet | None:
    """Return the labels up to number `newest` as rows; None where there are none.

    Rows measured with other features than today's are left out. What is held out together is a file: the sections
    of a stack show the same things.
    """
    usable = [one for one in labels if one.label_id <= newest and one.feature_set == FEATURE_SET]
    if not usable:
        return None
    return TrainingSet(
        features=np.array([one.features for one in usable], np.float32),
        classes=tuple(one.class_ for one in usable),
        groups=tuple(one.sha256 for one in usable),
        objects=tuple(one.finding_id for one in usable),
        operators=tuple(one.by for one in usable),
        label_ids=np.array([one.label_id for one in usable], np.int64),
        feature_names=tuple(FEATURE_NAMES),
        feature_set=FEATURE_SET,
    )
