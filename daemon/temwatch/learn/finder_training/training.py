"""Training the finder's network on one core; the same seed and steps give the same weights on the same machine."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from temwatch.learn.finder_training.material import Material
from temwatch.learn.finder_training.network import Network, loss

_WARM_UP = 100
_LAST_RATE = 0.01  # of the first
_CLIP = 5.0
_KEPT = 0.998  # share of the old in the running mean of the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How to train.

    Attributes
    ----------
    seed : int
    steps : int
    batch : int
        Crops a step.
    rate : float
        Highest learning rate of AdamW.
    """

    seed: int = 1
    steps: int = 6000
    batch: int = 8
    rate: float = 3e-3


def train(course: Course, *, say: Callable[[int, float, float], None], keep: Callable[[Network], None]) -> Network:
    """Train a network from nothing.

    Parameters
    ----------
    course : Course
    say : callable
        Told step, mean loss since last time, and seconds so far, every 100 steps.
    keep : callable
        Given the running mean of the weights every 500 steps.

    Returns
    -------
    Network
        With the running mean of the weights, ready for use.
    """
    torch.manual_seed(course.seed)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    network = Network().to(memory_format=torch.channels_last)
    steady = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=course.rate, weight_decay=1e-3)
    material = Material(course.seed)
    recent: list[float] = []
    begun = time.monotonic()
    for step in range(course.steps):
        for group in optimiser.param_groups:
            group["lr"] = course.rate * share_of_rate(step, course.steps)
        recent.append(_learn(network, optimiser, material, course.batch))
        _follow(steady, network, min(_KEPT, 1 - 1 / (step + 1)))
        if step % 100 == 99:
            say(step + 1, float(np.mean(recent)), time.monotonic() - begun)
            recent.clear()
        if step % 500 == 499:
            keep(steady)
    return steady.eval()


def share_of_rate(step: int, steps: int) -> float:
    """Return the learning rate over the highest one: a short rise, then half a cosine."""
    rise = min(1.0, (step + 1) / _WARM_UP)
    return float(rise * max(0.5 * (1 + np.cos(np.pi * step / steps)), _LAST_RATE))


def _learn(network: Network, optimiser: torch.optim.Optimizer, material: Material, count: int) -> float:
    images, truths = material.batch(count)
    shown = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    wrong = loss(network(shown), torch.from_numpy(truths))
    optimiser.zero_grad()
    wrong.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimiser.step()
    return float(wrong.detach())


def _follow(steady: Network, network: Network, kept: float) -> None:
    """Move the running mean of the weights towards the present ones."""
    with torch.no_grad():
        for mean, now in zip(steady.state_dict().values(), network.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.mul_(kept).add_(now, alpha=1 - kept)
            else:
                mean.copy_(now)
