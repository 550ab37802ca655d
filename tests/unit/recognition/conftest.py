"""A small recognizer, learned once."""

import numpy as np
import pytest
from sklearn.datasets import load_wine

from temwatch.recognition.fitting import fit_recognizer

NAMES = tuple(f"measure_{number}" for number in range(13))
KINDS = np.array(["pore", "crack", "slag_inclusion"])


@pytest.fixture(scope="session")
def wine():
    """Features (178, 13), class names, and a group of every row."""
    X, y = load_wine(return_X_y=True)
    return X, KINDS[y].tolist(), (np.arange(178) % 12).tolist()


@pytest.fixture(scope="session")
def recognizer(wine):
    features, classes, groups = wine
    return fit_recognizer(
        features, classes, NAMES, groups=groups, provenance="wines, for tests", feature_set="wine/1"
    )
