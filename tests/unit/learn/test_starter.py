"""The starter is learned from simulated regions, evenly over classes, and rebuilt byte for byte."""

import numpy as np
import pytest

from temwatch.learn.matching import match
from temwatch.learn.simulated import KNOWLEDGE, ONLY_WHOLE, classes_of, study_specimens
from temwatch.learn.starter import PROVENANCE, build_starter, choose_rows
from temwatch.learn.starter_evaluation import FIRST_SPECIMEN, evaluate_starter
from temwatch.model.finding import ARTEFACT
from temwatch.model.region import Region
from temwatch.recognition.portable import digest, to_arrays
from temwatch.sim.specimen import CLASSES
from temwatch.sim.truth import TrueObject
from temwatch.store import shelf
from temwatch.vision.features import FEATURE_NAMES, FEATURE_SET
from temwatch.vision.finder.threshold import ThresholdFinder

FINDER = ThresholdFinder()
SMALL = {"finder": FINDER, "specimens": 6, "frames_each": 1}


@pytest.fixture(scope="module")
def frames():
    return list(study_specimens(range(4), finder=FINDER, frames_each=1, knowledge=KNOWLEDGE))


@pytest.fixture(scope="module")
def starter():
    return build_starter(1, **SMALL, rows=120)


def _singles(frame):
    """Give the single regions of a frame with their classes, and how they match the truth."""
    single = [number for number in range(len(frame.regions)) if number not in frame.members]
    matching = match([frame.regions[number] for number in single], frame.truth)
    return [frame.classes[number] for number in single], matching


def test_regions_get_the_class_of_the_object_they_show(frames):
    for frame in frames:
        names, matching = _singles(frame)
        for name, shown in zip(names, matching.shown.tolist(), strict=True):
            if shown >= 0:
                assert name in (frame.truth[shown].class_, None)
            else:
                assert name in (ARTEFACT, None)
    seen = {name for frame in frames for name in frame.classes}
    assert ARTEFACT in seen
    assert len(seen & set(CLASSES)) >= 3


def test_a_piece_of_looseness_or_of_a_flake_is_not_learned_as_the_whole(frames):
    for frame in frames:
        names, matching = _singles(frame)
        for name, same in zip(names, matching.same.tolist(), strict=True):
            if name in ONLY_WHOLE:
                assert same >= 0
                assert frame.truth[same].class_ == name


def test_a_group_is_learned_as_what_it_is_or_as_an_artefact_of_grouping():
    loose = TrueObject(
        class_="looseness",
        row=0,
        col=0,
        mask=np.tile(np.eye(4, dtype=bool), 4),
        area_px=16,
        equivalent_diameter_nm=1.0,
        contrast_to_noise=9.0,
        touches_edge=False,
    )
    pieces = [Region(row=0, col=4 * k, mask=np.eye(4, dtype=bool)) for k in range(4)]
    whole = Region(row=0, col=0, mask=loose.mask)
    regions = (*pieces, whole)
    assert classes_of(regions, {4: (0, 1, 2, 3)}, [loose]) == (None,) * 4 + ("looseness",)
    assert classes_of(regions, {4: (0, 1, 2, 3)}, [])[4] == ARTEFACT


def test_less_knowledge_shows_in_the_features_alone(frames):
    mode, scale = FEATURE_NAMES.index("mode_known"), FEATURE_NAMES.index("scale_known")
    for frame in frames:
        assert (frame.features["all"][:, [mode, scale]] == 1).all()
        assert (frame.features["neither"][:, [mode, scale]] == 0).all()
        same = (frame.features["all"] == frame.features["no mode"]).all(axis=0)
        assert same[FEATURE_NAMES.index("solidity")]
        assert not same[mode]


def test_rows_are_drawn_evenly_and_some_of_them_twice_with_less_knowledge(frames):
    material = choose_rows(frames, seed=0, rows=28)
    assert material.features.shape == (28, len(FEATURE_NAMES))
    regions = dict(zip(material.objects, material.classes, strict=True))
    assert len(regions) == 21
    counts = np.unique(list(regions.values()), return_counts=True)[1]
    available = [name for frame in frames for name in frame.classes if name]
    assert counts.max() - counts.min() <= 1 or min(available.count(n) for n in set(available)) < counts.max()
    known = material.features[:, [FEATURE_NAMES.index("mode_known"), FEATURE_NAMES.index("scale_known")]]
    assert (known[:21] == 1).all()
    assert (known[21:].min(axis=1) == 0).all()


def test_the_starter_is_named_as_what_it_is(starter):
    assert starter.card.provenance == PROVENANCE
    assert "simulated" in PROVENANCE
    assert starter.card.feature_set == FEATURE_SET
    assert starter.card.groups == 6
    assert set(starter.classes) <= {*CLASSES, ARTEFACT}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(starter):
    again = build_starter(1, **SMALL, rows=120)
    assert digest(*to_arrays(again)) == digest(*to_arrays(starter))
    assert digest(*to_arrays(build_starter(2, **SMALL, rows=120))) != digest(*to_arrays(starter))


def test_progress_is_told_frame_by_frame():
    told = []
    build_starter(1, **SMALL, rows=120, progress=lambda done, of: told.append((done, of)))
    assert told == [(done, 6) for done in range(1, 7)]


def test_evaluation_counts_every_object_and_every_region_once(starter):
    scores = evaluate_starter(starter, finder=FINDER, title="mixed", specimens=3, frames_each=1)
    found = scores.detection
    frames = list(study_specimens(range(FIRST_SPECIMEN, FIRST_SPECIMEN + 3), finder=FINDER, frames_each=1))
    assert found.recall_all.n == sum(len(frame.truth) for frame in frames)
    assert found.precision.n == sum(len(frame.classes) for frame in frames)
    assert sum(share.n for share in found.recall_by_class.values()) == found.recall_visible.n
    assert scores.recognition.confusion.sum() == sum(share.n for share in scores.coverage.values())
    assert "mixed: 3 frames of 3 simulated specimens not learned from" in scores.table()


def test_the_shipped_starter_loads_is_small_and_reads_the_features_of_today():
    folder = shelf.starter("threshold")
    shipped = shelf.load(folder)
    assert shipped.card.provenance == PROVENANCE
    assert shipped.card.feature_set == FEATURE_SET
    assert shipped.feature_names == FEATURE_NAMES
    assert set(shipped.classes) == {*CLASSES, ARTEFACT}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_500_000


def test_the_shipped_starter_names_most_of_what_is_found_in_specimens_it_has_not_seen():
    scores = evaluate_starter(
        shelf.load(shelf.starter("threshold")), finder=FINDER, title="mixed", specimens=12, frames_each=1
    )
    assert scores.recognition.accuracy.value > 0.75
    assert scores.recognition.ece < 0.12
