"""The whole way from seeds to weights on the shelf: train, export, quantise, try on crops never seen, write the card."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from temwatch import __version__
from temwatch.learn.finder_evaluation import compared, summary
from temwatch.learn.finder_training.export import exported, quantised
from temwatch.learn.finder_training.network import CHANNELS, Network
from temwatch.learn.finder_training.training import Course, train
from temwatch.learn.marked_frames import MarkedFrame
from temwatch.sim.crops import SIDE_PX, crop
from temwatch.store.weights import save_weights
from temwatch.vision.finder.learned import LearnedFinder
from temwatch.vision.view import look_at

_TEST_CROPS = 200
_TEST_START = 20_000_000  # numbers no training run reaches


def build(course: Course, shelf: Path, *, say: Callable[[str], None]) -> Path:
    """Train from nothing and put the weights on a shelf.

    Parameters
    ----------
    course : Course
    shelf : Path
        Gets a folder named by the digest of the card.
    say : callable
        Told how it goes.

    Returns
    -------
    Path
        The new folder.
    """
    trained = train(
        course,
        say=lambda step, wrong, seconds: say(f"step {step}, loss {wrong:.3f}, {seconds:.0f} s"),
        keep=lambda _: None,
    )
    return shelve(trained.network, shelf, seed=course.seed, steps=trained.steps, course=course)


def shelve(network: Network, shelf: Path, *, seed: int, steps: int, course: Course) -> Path:
    """Export a trained network and put it on a shelf with its card; return the folder."""
    plain = exported(network)
    small = quantised(plain, seed=seed)
    card = {
        "what": "finder of compact objects and lines in electron micrographs",
        "data": f"simulated crops of {SIDE_PX} px alone (temwatch.sim.crops); no real image, no outside weights",
        "licence": "GPL-3.0-or-later",
        "training": {
            "seed": seed,
            "steps": steps,
            "batch": course.batch,
            "pool": course.pool,
            "rate": course.rate,
            "bfloat16": course.short,
        },
        "network": {"channels": list(CHANNELS), "parameters": sum(p.numel() for p in network.parameters())},
        "versions": {
            "temwatch": __version__,
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
            "machine": platform.machine(),
        },
        "scores_on_unseen_crops": {"int8": tried(small, seed), "fp32": tried(plain, seed)},
    }
    return save_weights(shelf, {"int8.onnx": small, "fp32.onnx": plain}, card)


def tried(weights: bytes, seed: int) -> dict[str, Any]:
    """Return the scores of weights on crops of a seed that training never drew."""
    finder = LearnedFinder(weights, with_lines=False)
    scores = []
    for number in range(_TEST_CROPS):
        frame = as_marked(seed, _TEST_START + number)
        scores.append(compared(finder.find(look_at(frame.image)).regions, frame))
    figures = summary(scores)
    return {
        name: figures[name] for name in ("recall", "precision", "f1", "mean_iou", "size_error", "size_bias")
    }


def as_marked(seed: int, number: int) -> MarkedFrame:
    """Return a crop as if somebody had marked its visible objects."""
    made = crop(seed, number)
    visible = np.where(made.ignored, 0, made.objects)
    numbers, labels = np.unique(visible, return_inverse=True)
    labels = labels.reshape(visible.shape) + (numbers[0] != 0)
    count = int(labels.max())
    area = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rows, cols = np.indices(labels.shape)
    centre = np.stack(
        [
            np.bincount(labels.ravel(), axis.ravel(), count + 1)[1:] / np.maximum(area, 1)
            for axis in (rows, cols)
        ],
        1,
    )
    return MarkedFrame(
        name=f"crop {seed} {number}",
        image=made.image,
        centre=centre,
        radius_px=np.sqrt(area / np.pi),
        kind=("object",) * count,
        masks=labels.astype(np.int32),
    )
