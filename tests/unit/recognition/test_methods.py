"""Every method that is compared takes thin, constant and repeated material, or says why not."""

import warnings

import numpy as np
import pytest

from temwatch.recognition.methods import METHODS
from temwatch.recognition.recognizer import fit_scaler


def _table(n=60, p=8):
    random = np.random.default_rng(0)
    codes = np.arange(n) % 3
    rows = random.normal(size=(n, p))
    rows[:, :3] += 2 * np.eye(3)[codes]
    return rows, codes


def _constant_column():
    rows, codes = _table()
    rows[:, 4] = 7.0
    return rows, codes


def _all_constant():
    return np.zeros((60, 8)), _table()[1]


def _class_of_two():
    return _table()[0], np.r_[np.zeros(29, int), np.ones(29, int), 2, 2]


def _class_of_one():
    return _table()[0], np.r_[np.zeros(30, int), np.ones(29, int), 2]


def _copies():
    rows, codes = _table(6)
    return np.repeat(rows, 10, axis=0), np.repeat(codes, 10)


def _three_of_each():
    return _table()[0][:9], _table()[1][:9]


def _gaps():
    rows, codes = _table()
    rows[::7, 2], rows[5, 3] = np.nan, np.inf
    return rows, codes


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize(
    "material",
    [_constant_column, _all_constant, _class_of_two, _class_of_one, _copies, _three_of_each, _gaps],
    ids=lambda made: made.__name__,
)
def test_thin_material_gives_probabilities_of_every_class_and_no_warning(name, material):
    rows, codes = material()
    rows = fit_scaler(rows).standardise(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # scikit-learn's discriminant analysis says so of a class of one row; it goes on with what it has.
        warnings.filterwarnings("ignore", message="Only one sample available", category=UserWarning)
        fitted = METHODS[name].make(1).fit(rows, codes)
    probability = fitted.predict_proba(rows)
    assert probability.shape == (len(rows), len(np.unique(codes)))
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert (probability >= 0).all()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_one_class_alone_is_refused(name):
    with pytest.raises(ValueError, match="class"):
        METHODS[name].make(1).fit(_table()[0], np.zeros(60, int))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_gaps_are_refused_where_nobody_filled_them(name):
    rows, codes = _gaps()
    with pytest.raises(ValueError, match="NaN"):
        METHODS[name].make(1).fit(rows, codes)


def test_an_unknown_mode_of_clustering_is_refused():
    clusters = METHODS["five_skm"].make(1).set_params(mode="nearest")
    with pytest.raises(ValueError, match="mode must be one of auto, free, classwise"):
        clusters.fit(*_table())
