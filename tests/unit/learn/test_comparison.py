"""Methods are judged on rows they have not had, and every table carries what belongs to its figures."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_wine

from temwatch.cli.main import FAILED, run
from temwatch.errors import AtlasRefused
from temwatch.learn.atlas import Atlas
from temwatch.learn.comparison import compare
from temwatch.learn.comparison_text import as_text, as_values, leakage
from temwatch.learn.holdouts import _whole_groups
from temwatch.learn.simulated_atlas import simulated_atlas
from temwatch.recognition.methods import METHODS
from temwatch.vision.features import BASIC_NAMES
from temwatch.vision.finder.threshold import ThresholdFinder


@pytest.fixture(scope="module")
def atlas():
    X, y = load_wine(return_X_y=True)
    return Atlas(
        name="wines",
        features=X,
        feature_names=(*BASIC_NAMES, *(f"other_{number}" for number in range(13 - len(BASIC_NAMES)))),
        classes=tuple(np.array(["crack", "pore", "slag"])[y].tolist()),
        groups=tuple(str(number) for number in np.arange(178) % 17),
        hashes=tuple(str(number) for number in range(178)),
    )


@pytest.fixture(scope="module")
def noise():
    """Ten copies, hardly changed, of eighteen random rows whose classes mean nothing; a group is all copies of one."""
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(18, 13)), 10, axis=0)
    groups = np.repeat(np.arange(18), 10)
    return Atlas(
        name="noise",
        features=rows + random.normal(scale=1e-3, size=rows.shape),
        feature_names=(*BASIC_NAMES, *(f"other_{number}" for number in range(13 - len(BASIC_NAMES)))),
        classes=tuple(np.array(["crack", "pore"])[groups % 2].tolist()),
        groups=tuple(str(group) for group in groups),
        hashes=tuple(str(number) for number in range(180)),
    )


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_tells_wines_apart(atlas, name):
    made = compare(atlas, methods=[name], split="random", repeats=1)
    (result,) = made.results
    assert result.accuracy[0] > (0.7 if METHODS[name].basic_only else 0.85)
    assert result.confusion.sum() == made.test[0]


def test_only_the_searched_chain_has_an_optimistic_figure_and_it_is_the_higher(atlas):
    made = compare(atlas, methods=["paper", "lda"], split="random", repeats=2)
    paper, lda = made.results
    assert lda.optimistic is None
    assert paper.optimistic[0] >= paper.accuracy[0]


def test_copies_of_a_specimen_flatter_a_random_split_and_the_tool_prints_it(noise):
    at_random, by_group = (
        compare(noise, methods=["kernel_elm"], split=kind, repeats=4) for kind in ("random", "group")
    )
    assert at_random.results[0].accuracy[0] > 0.95
    assert by_group.results[0].accuracy[0] < 0.75
    assert "kernel ELM" in leakage(at_random, by_group)


def test_a_group_is_on_one_side_and_other_seeds_hold_out_others():
    random = np.random.default_rng(3)
    groups = np.sort(random.integers(0, 12, 200) % random.integers(1, 13, 200))
    codes = random.integers(0, 3, 200)
    held_groups = set()
    for seed in range(8):
        learned, held = _whole_groups(codes, groups, 1 / 3, seed)
        assert not set(groups[learned]) & set(groups[held])
        assert len(learned) + len(held) == 200
        held_groups.add(frozenset(groups[held].tolist()))
    assert len(held_groups) > 3


def test_equal_rows_are_left_out_and_that_is_said(atlas):
    doubled = replace(
        atlas,
        features=np.vstack([atlas.features, atlas.features[:5]]),
        classes=atlas.classes + atlas.classes[:5],
        groups=atlas.groups + atlas.groups[:5],
        hashes=atlas.hashes + atlas.hashes[:5],
    )
    made = compare(doubled, methods=["lda"], split="random", repeats=1)
    assert made.rows == 178
    assert made.notes == ("5 row(s) left out: equal to others",)


def test_every_table_names_rows_split_groups_and_atlas(atlas):
    made = compare(atlas, methods=["paper"], split="group", repeats=2)
    text = as_text(made)
    for part in (
        "178 rows",
        "17 groups",
        "whole groups held out",
        atlas.digest[:16],
        "rows = true",
        "[",
        "±",
    ):
        assert part in text
    lines = text.splitlines()
    (optimistic,) = [number for number, line in enumerate(lines) if "optimistic" in line]
    assert "nested" in lines[optimistic - 1]
    assert json.loads(json.dumps(as_values(made), allow_nan=False))["atlas_sha256"] == atlas.digest


def test_one_repeat_has_no_spread_in_json(atlas):
    made = compare(atlas, methods=["lda"], split="random", repeats=1)
    assert as_values(made)["methods"][0]["accuracy_sd"] is None


def test_the_same_seed_gives_the_same_figures(atlas):
    first, second = (
        as_values(compare(atlas, methods=["all_skm"], split="group", repeats=2, seed=5)) for _ in range(2)
    )
    assert first == second


def test_one_class_is_refused(atlas):
    with pytest.raises(AtlasRefused, match="one class only"):
        compare(atlas.only(["pore"]), methods=["lda"], split="random")


def test_a_class_of_two_rows_is_refused_by_name(atlas):
    thin = replace(atlas, classes=("dust", "dust", *atlas.classes[2:]))
    with pytest.raises(AtlasRefused, match=r"2 row\(s\) of dust"):
        compare(thin, methods=["lda"], split="random")


def test_a_class_from_one_specimen_cannot_be_split_by_specimen(atlas):
    groups = tuple(
        "a" if name == "slag" else group for name, group in zip(atlas.classes, atlas.groups, strict=True)
    )
    with pytest.raises(AtlasRefused, match=r"slag comes from 1 group\(s\)"):
        compare(replace(atlas, groups=groups), methods=["lda"], split="group")


def test_too_few_rows_of_a_class_to_learn_from_are_refused_before_anything_is_fitted(atlas):
    thin = replace(atlas, classes=("dust",) * 7 + atlas.classes[7:])
    with pytest.raises(AtlasRefused, match=r"2 row\(s\) of dust among 60 to learn from"):
        compare(thin, methods=["svc"], split="random", train=60, test=60)


def test_fewer_rows_held_out_than_classes_are_refused(atlas):
    with pytest.raises(AtlasRefused, match="can't show 3 classes"):
        compare(atlas, methods=["lda"], split="random", train=20, test=2)


def test_gaps_and_constant_features_are_filled_or_ignored_and_that_is_said(atlas):
    features = atlas.features.copy()
    features[3, 0], features[9, 1], features[:, 12] = np.nan, np.inf, 5.0
    made = compare(replace(atlas, features=features), methods=["kernel_elm"], split="random", repeats=2)
    assert made.results[0].accuracy[0] > 0.85
    assert any(note.startswith("2 value(s) missing") for note in made.notes)
    assert "the same in all rows, so of no use: other_7" in made.notes


def test_equal_rows_of_two_classes_are_named_as_labels_that_contradict(atlas):
    torn = replace(
        atlas,
        features=np.vstack([atlas.features, atlas.features[:2]]),
        classes=(*atlas.classes, "slag", atlas.classes[1]),
        groups=atlas.groups + atlas.groups[:2],
        hashes=atlas.hashes + atlas.hashes[:2],
    )
    made = compare(torn, methods=["lda"], split="random", repeats=1)
    (note,) = made.notes
    assert note.startswith("2 row(s) left out: equal to others, 1 of them of another class")


def test_methods_are_set_against_the_default_with_an_interval(atlas):
    made = compare(atlas, methods=["kernel_elm", "five_skm"], split="random", repeats=4)
    gap = as_values(made)["methods"][1]["accuracy_minus_kernel_elm"]
    assert gap["low_95"] < gap["value"] < 0
    assert "minus kernel ELM" in as_text(made)
    assert "accuracy_minus_kernel_elm" not in as_values(made)["methods"][0]


def test_the_sets_of_tempered_methods_are_judged_too(atlas):
    made = compare(atlas, methods=["extra_trees"], split="group", repeats=3)
    assert min(share.value for share in made.results[0].sets.coverage) > 0.8


def test_an_unknown_method_is_refused_by_name(atlas):
    with pytest.raises(AtlasRefused, match="unknown method oracle"):
        compare(atlas, methods=["oracle"], split="random")


def test_the_simulator_makes_an_atlas_by_specimen():
    made = simulated_atlas(
        "easy", finder=ThresholdFinder(), specimens=3, frames_each=1, classes=["crack", "pore"]
    )
    assert set(made.classes) == {"crack", "pore"}
    assert len(set(made.groups)) == 3
    assert (made.features[:, made.feature_names.index("mode_known")] == 1).all()


def test_the_command_prints_json_of_a_real_atlas(data_dir, capsys):
    folder = str(data_dir / "labelled" / "tem_defects")
    arguments = ["evaluate", "--atlas", folder, "--method", "lda", "--repeats", "2", "--json"]
    assert run(arguments) == 0
    tables = json.loads(capsys.readouterr().out)
    assert [table["split"] for table in tables] == ["random", "group"]
    assert tables[0]["rows_by_class"].keys() == {"class 0", "class 1", "class 2"}


def test_the_command_says_what_is_wrong_with_a_folder(tmp_path, capsys):
    assert run(["evaluate", "--atlas", str(tmp_path)]) == FAILED
    assert "no labelled images" in capsys.readouterr().err
