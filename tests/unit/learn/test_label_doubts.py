"""Wrong labels of an atlas are listed with what they should rather be, judged without their own group."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_wine

from temwatch.cli.main import run
from temwatch.errors import AtlasRefused
from temwatch.learn.atlas import Atlas
from temwatch.learn.label_doubts import as_text, as_values, doubts_about


@pytest.fixture(scope="module")
def atlas():
    X, y = load_wine(return_X_y=True)
    names = np.array(["crack", "pore", "slag"])[y]
    names[[10, 100]] = ["slag", "crack"]
    return Atlas(
        name="wines",
        features=X,
        feature_names=tuple(f"measure_{number}" for number in range(13)),
        classes=tuple(names.tolist()),
        groups=tuple(f"bottle {number}" for number in np.arange(178) % 20),
        hashes=tuple(str(number) for number in range(178)),
    )


def test_wrong_labels_are_listed_with_what_they_should_be(atlas):
    found = {doubt.row: doubt for doubt in doubts_about(atlas).doubts}
    assert (found[10].label, found[10].rather) == ("slag", "crack")
    assert (found[100].label, found[100].rather, found[100].group) == ("crack", "pore", "bottle 0")
    assert len(found) < 12


def test_text_and_json_say_how_many_there_are_and_on_which_atlas(atlas):
    found = doubts_about(atlas)
    text = as_text(found, 1)
    assert len(text.splitlines()) == 2
    assert atlas.digest[:16] in text
    values = as_values(found, 1)
    assert (values["found"], len(values["doubts"]), values["held_out"]) == (len(found.doubts), 1, "group")


def test_copies_within_a_group_do_not_confirm_each_others_wrong_label(atlas):
    rows = [10] * 5
    copied = replace(
        atlas,
        features=np.vstack([atlas.features, atlas.features[rows]]),
        classes=atlas.classes + ("slag",) * 5,
        groups=atlas.groups + (atlas.groups[10],) * 5,
        hashes=atlas.hashes + ("copy",) * 5,
    )
    assert {10, *range(178, 183)} <= {doubt.row for doubt in doubts_about(copied).doubts}


def test_two_groups_are_too_few_to_hold_out_and_that_is_said(atlas):
    two = replace(atlas, groups=tuple("ab"[number % 2] for number in range(178)))
    assert doubts_about(two).held_out == "row"


def test_one_class_leaves_nothing_to_doubt(atlas):
    with pytest.raises(AtlasRefused, match="one class only"):
        doubts_about(atlas.only(["pore"]))


def test_the_command_lists_doubts_about_a_real_atlas(data_dir, capsys):
    folder = str(data_dir / "labelled" / "magnetic_tile")
    assert run(["evaluate", "--atlas", folder, "--doubtful", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert 0 < len(told["doubts"]) <= 3
    assert told["doubts"][0]["label"] != told["doubts"][0]["rather"]
