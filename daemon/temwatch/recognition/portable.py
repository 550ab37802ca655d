"""A recognizer as JSON facts and plain arrays, and back; nothing that comes in is trusted before it is checked."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import ModelRefused
from temwatch.model.recognizer import RecognizerCard
from temwatch.recognition.novelty import TABLE_STEPS, NoveltyRadii
from temwatch.recognition.portable_machine import SHAPES, length_of, machine_from_arrays, machine_to_arrays
from temwatch.recognition.recognizer import Golden, Recognizer, Scaler

Arrays = dict[str, NDArray[Any]]

FORMAT = "temwatch recognizer 1"
# Probabilities of the golden inputs may differ by so much between processors.
TOLERANCE = 1e-6
_NEXT_STEP = "roll back to another model, or build it again"


def to_arrays(recognizer: Recognizer) -> tuple[dict[str, Any], Arrays]:
    """Return a JSON-ready manifest and the arrays of a recognizer; `from_arrays` is the way back."""
    numbers, machine = machine_to_arrays(recognizer.machine)
    manifest = {
        "format": FORMAT,
        "card": json.loads(json.dumps(asdict(recognizer.card))),
        **numbers,
        "temperature": recognizer.temperature,
    }
    return manifest, {
        **machine,
        **_nonconformity_arrays(recognizer.nonconformity),
        "median": recognizer.scaler.median,
        "mean": recognizer.scaler.mean,
        "inverse_sd": recognizer.scaler.inverse_sd,
        "thresholds": recognizer.thresholds,
        "novelty_means": recognizer.radii.means,
        "novelty_whitening": recognizer.radii.whitening,
        "novelty_mahalanobis": recognizer.radii.mahalanobis,
        "novelty_neighbour": recognizer.radii.neighbour,
        "novelty_joint": recognizer.radii.joint,
        "golden_features": recognizer.golden.features,
        "golden_probability": recognizer.golden.probability,
        "golden_novelty": recognizer.golden.novelty,
    }


def digest(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the sha256, in hex, over the manifest as canonical JSON and every array's name, dtype, shape and bytes."""
    total = hashlib.sha256()
    canonical = json.dumps(
        manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    total.update(canonical.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        total.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def from_arrays(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Recognizer:
    """Return the recognizer, once every part fits and the golden inputs give what they must.

    Raises
    ------
    ModelRefused
        Naming the part and the value seen.
    """
    if manifest.get("format") != FORMAT:
        _refuse(f"format {manifest.get('format')!r} is not {FORMAT!r}")
    card = _card(manifest.get("card"))
    parts = _checked(arrays, card)
    recognizer = Recognizer(
        card=card,
        scaler=Scaler(median=parts["median"], mean=parts["mean"], inverse_sd=parts["inverse_sd"]),
        machine=machine_from_arrays(card.method, parts, lambda key: _positive(manifest, key)),
        temperature=_positive(manifest, "temperature"),
        thresholds=parts["thresholds"],
        nonconformity=_nonconformity(parts),
        radii=NoveltyRadii(
            means=parts["novelty_means"],
            whitening=parts["novelty_whitening"],
            mahalanobis=parts["novelty_mahalanobis"],
            neighbour=parts["novelty_neighbour"],
            joint=parts["novelty_joint"],
        ),
        golden=Golden(
            features=parts["golden_features"],
            probability=parts["golden_probability"],
            novelty=parts["golden_novelty"],
        ),
    )
    _prove(recognizer)
    return recognizer


def _refuse(fault: str) -> NoReturn:
    raise ModelRefused(f"recognizer: {fault}", next_step=_NEXT_STEP)


def _positive(manifest: Mapping[str, Any], key: str) -> float:
    value = manifest.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        _refuse(f"{key} is {value!r}, not a number above zero")
    return float(value)


def _card(raw: object) -> RecognizerCard:
    names = {field.name for field in fields(RecognizerCard)}
    if not isinstance(raw, dict) or set(raw) != names:
        seen = sorted(raw) if isinstance(raw, dict) else raw
        _refuse(f"the card holds {seen!r}, not {sorted(names)}")
    for key in ("classes", "feature_names", "notes"):
        _check_strings(raw, key)
    for key in ("method", "provenance", "feature_set", "held_out", "software"):
        if not isinstance(raw[key], str):
            _refuse(f"card.{key} is {raw[key]!r}, not text")
    for key in ("rows_by_class", "settings", "scores"):
        _check_numbers(raw, key)
    if len(raw["classes"]) < 2 or not raw["feature_names"]:
        _refuse(
            f"{len(raw['classes'])} class(es) and {len(raw['feature_names'])} feature(s) make no recognizer"
        )
    if not isinstance(raw["confidence"], float) or not 0 < raw["confidence"] < 1:
        _refuse(f"card.confidence is {raw['confidence']!r}, not between 0 and 1")
    if not isinstance(raw["groups"], int) or raw["groups"] < 0:
        _refuse(f"card.groups is {raw['groups']!r}, not a count")
    tuples = {key: tuple(raw[key]) for key in ("classes", "feature_names", "notes")}
    return RecognizerCard(**{**raw, **tuples})


def _check_strings(raw: dict[str, Any], key: str) -> None:
    value = raw[key]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        _refuse(f"card.{key} is {value!r}, not a list of names")
    if len(set(value)) < len(value):
        _refuse(f"card.{key} names something twice: {value!r}")


def _check_numbers(raw: dict[str, Any], key: str) -> None:
    value = raw[key]
    if not isinstance(value, dict) or not all(
        isinstance(name, str) and isinstance(number, int | float) and math.isfinite(number)
        for name, number in value.items()
    ):
        _refuse(f"card.{key} is {value!r}, not numbers by name")


def _checked(arrays: Mapping[str, NDArray[Any]], card: RecognizerCard) -> dict[str, NDArray[np.float64]]:
    p, c, steps = len(card.feature_names), len(card.classes), TABLE_STEPS
    n, k = length_of(arrays, "rows"), length_of(arrays, "golden_features")
    if card.method not in SHAPES:
        _refuse(f"card.method is {card.method!r}, not one of {', '.join(SHAPES)}")
    shapes: dict[str, tuple[int, ...]] = {
        "median": (p,),
        "mean": (p,),
        "inverse_sd": (p,),
        "rows": (n, p),
        **SHAPES[card.method](arrays, n, p, c),
        "thresholds": (c,),
        "novelty_means": (c, p),
        "novelty_whitening": (p, p),
        "novelty_mahalanobis": (steps,),
        "novelty_neighbour": (steps,),
        "novelty_joint": (steps,),
        "golden_features": (k, p),
        "golden_probability": (k, c),
        "golden_novelty": (k,),
    }
    if "nonconformity" in arrays:
        # Recognizers of before this was kept go on; they know one confidence.
        shapes |= {"nonconformity": (length_of(arrays, "nonconformity"),), "nonconformity_counts": (c,)}
    if set(arrays) != set(shapes):
        _refuse(f"arrays missing or unknown: {sorted(set(arrays) ^ set(shapes))}")
    if not n or not k:
        _refuse(f"{n} training rows and {k} golden inputs: it can't be checked")
    checked = {name: _array(name, arrays[name], shape) for name, shape in shapes.items()}
    if checked["inverse_sd"].min() < 0:
        _refuse("inverse_sd is negative")
    for name in ("novelty_mahalanobis", "novelty_neighbour", "novelty_joint"):
        if (np.diff(checked[name]) < 0).any():
            _refuse(f"{name} does not ascend")
    return checked


def _nonconformity_arrays(scores: tuple[NDArray[np.float64], ...] | None) -> Arrays:
    if scores is None:
        return {}
    counts = np.array([len(own) for own in scores], dtype=np.float64)
    return {"nonconformity": np.concatenate(scores), "nonconformity_counts": counts}


def _nonconformity(parts: Mapping[str, NDArray[np.float64]]) -> tuple[NDArray[np.float64], ...] | None:
    if "nonconformity" not in parts:
        return None
    counts = parts["nonconformity_counts"]
    ends = np.cumsum(counts).astype(np.intp)
    scores = parts["nonconformity"]
    if (counts < 0).any() or (counts != np.floor(counts)).any() or ends[-1] != len(scores):
        _refuse(f"nonconformity_counts {counts.tolist()} don't share out {len(scores)} scores")
    own = tuple(np.split(scores, ends[:-1]))
    if any((np.diff(part) < 0).any() for part in own):
        _refuse("nonconformity does not ascend within every class")
    return own


def _array(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
    dtype = np.float32 if name == "rows" else np.float64
    if array.dtype != dtype or array.shape != shape:
        _refuse(f"{name} is {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape}")
    # Golden inputs may hold gaps: filling them is part of what is proven.
    if name != "golden_features" and not np.isfinite(array).all():
        _refuse(f"{name} holds a value that is not finite")
    own = np.array(array, dtype=np.float64)
    own.flags.writeable = False
    return own


def _prove(recognizer: Recognizer) -> None:
    seen = recognizer.recognise(recognizer.golden.features, recognizer.feature_names)
    off = float(np.abs(seen.probability - recognizer.golden.probability).max())
    # A novelty may step over one neighbour in the table, no more.
    off_novelty = float(np.abs(seen.novelty - recognizer.golden.novelty).max())
    if off > TOLERANCE or off_novelty > 4 / TABLE_STEPS:
        _refuse(f"golden inputs give probabilities off by {off:.2g} and novelties off by {off_novelty:.2g}")
