"""What is loaded is what was saved, or it is refused with the part that does not fit."""

import copy
import json

import numpy as np
import pytest

from temwatch.errors import ModelRefused
from temwatch.recognition.portable import digest, from_arrays, to_arrays
from unit.recognition.conftest import NAMES


@pytest.fixture
def packed(recognizer):
    manifest, arrays = to_arrays(recognizer)
    return json.loads(json.dumps(manifest)), {name: array.copy() for name, array in arrays.items()}


def test_what_comes_back_recognises_the_same(recognizer, packed, wine):
    again = from_arrays(*packed)
    before, after = recognizer.recognise(wine[0], NAMES), again.recognise(wine[0], NAMES)
    np.testing.assert_array_equal(before.probability, after.probability)
    np.testing.assert_array_equal(before.novelty, after.novelty)
    assert before.prediction_sets == after.prediction_sets
    assert again.card == recognizer.card


def test_the_digest_survives_the_round_trip_and_changes_with_any_byte(recognizer, packed):
    manifest, arrays = packed
    assert digest(*to_arrays(from_arrays(manifest, arrays))) == digest(manifest, arrays)
    for name in arrays:
        changed = {**arrays, name: arrays[name].copy()}
        changed[name].view(np.uint8).ravel()[0] ^= 1
        assert digest(manifest, changed) != digest(manifest, arrays), name
    assert digest({**manifest, "temperature": 1.0}, arrays) != digest(manifest, arrays)


def test_the_digest_does_not_depend_on_the_order_of_keys(packed):
    manifest, arrays = packed
    assert digest(dict(reversed(manifest.items())), dict(reversed(arrays.items()))) == digest(
        manifest, arrays
    )


def test_arrays_of_a_loaded_recognizer_can_not_be_written(packed):
    with pytest.raises(ValueError, match="read-only"):
        from_arrays(*packed).machine.weights[0, 0] = 1.0


@pytest.mark.parametrize("name", ["rows", "weights", "thresholds", "golden_novelty", "novelty_joint", "mean"])
def test_an_array_of_another_shape_dtype_or_absent_is_refused(packed, name):
    manifest, arrays = packed
    for wrong in (arrays[name][..., None], arrays[name].astype(np.complex128)):
        with pytest.raises(ModelRefused, match=name.split("_")[0]):
            from_arrays(manifest, {**arrays, name: wrong})
    with pytest.raises(ModelRefused, match=name):
        from_arrays(manifest, {key: value for key, value in arrays.items() if key != name})


@pytest.mark.parametrize("name", ["rows", "weights", "inverse_sd", "novelty_whitening", "golden_probability"])
def test_a_value_that_is_not_finite_is_refused(packed, name):
    manifest, arrays = packed
    arrays[name].ravel()[0] = np.nan
    with pytest.raises(ModelRefused, match=f"{name} holds a value that is not finite"):
        from_arrays(manifest, arrays)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "temwatch recognizer 99"}, "format 'temwatch recognizer 99'"),
        ({"gamma": 0.0}, "gamma is 0.0"),
        ({"gamma": None}, "gamma is None"),
        ({"temperature": True}, "temperature is True"),
        ({"card": []}, "the card holds"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(packed, change, told):
    manifest, arrays = packed
    with pytest.raises(ModelRefused, match=told):
        from_arrays({**manifest, **change}, arrays)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("classes", ["pore", "pore", "crack"]),
        ("classes", ["pore"]),
        ("classes", "abc"),
        ("feature_names", [1, 2]),
        ("method", None),
        ("scores", {"accuracy": "good"}),
        ("confidence", 2.0),
        ("groups", -1),
    ],
)
def test_a_card_that_does_not_fit_is_refused(packed, key, value):
    manifest, arrays = packed
    changed = copy.deepcopy(manifest)
    changed["card"][key] = value
    with pytest.raises(ModelRefused, match=r"recognizer: "):
        from_arrays(changed, arrays)


def test_other_weights_do_not_pass_the_golden_inputs(packed):
    manifest, arrays = packed
    arrays["weights"] = arrays["weights"] * 1.01
    with pytest.raises(ModelRefused, match="golden inputs give probabilities off by"):
        from_arrays(manifest, arrays)


def test_other_medians_do_not_pass_the_golden_inputs(packed):
    manifest, arrays = packed
    arrays["median"] = arrays["median"] + 1e3
    with pytest.raises(ModelRefused, match="golden inputs"):
        from_arrays(manifest, arrays)


def test_a_novelty_table_that_falls_is_refused(packed):
    manifest, arrays = packed
    arrays["novelty_joint"] = arrays["novelty_joint"][::-1].copy()
    with pytest.raises(ModelRefused, match="novelty_joint does not ascend"):
        from_arrays(manifest, arrays)


def test_a_recognizer_without_golden_inputs_is_refused(packed):
    manifest, arrays = packed
    for name in ("golden_features", "golden_probability", "golden_novelty"):
        arrays[name] = arrays[name][:0]
    with pytest.raises(ModelRefused, match="0 golden inputs"):
        from_arrays(manifest, arrays)
