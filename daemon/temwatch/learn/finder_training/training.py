"""Training the finder's network on one core; the same seed and steps give the same weights on the same machine."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from temwatch.learn.finder_training.material import Batch, Material
from temwatch.learn.finder_training.network import Network, loss

_WARM_UP = 100
_STEADY = 0.7  # share of the steps at the full rate
_LAST_RATE = 0.01  # of the full one
_CLIP = 5.0
_KEPT = 0.995  # share of the old in the running mean of the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How to train.

    Attributes
    ----------
    seed : int
    steps : int
        At the full rate for the first 70 %, then falling.
    minutes : float or None
        Takes the place of `steps`: the rate starts to fall after 70 % of this time. How many steps that came to
        is in the result; a course of that many steps gives the same weights again.
    batch : int
        Crops a step.
    pool : int
        Crops kept to draw from; one is renewed each step.
    rate : float
        Highest learning rate of AdamW.
    short : bool
        Compute convolutions in bfloat16: nearly twice as fast on processors that have it (AVX512-BF16, AMX), far
        slower on others. Weights and their updates stay in 32 bits.
    """

    seed: int = 1
    steps: int = 4000
    minutes: float | None = None
    batch: int = 8
    pool: int = 768
    rate: float = 3e-3
    short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A network ready for use, and how many steps it took."""

    network: Network
    steps: int


def train(
    course: Course, *, say: Callable[[int, float, float], None], keep: Callable[[Network], None]
) -> Trained:
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
    Trained
        With the running mean of the weights.
    """
    _one_thread(course.seed)
    network = Network().to(memory_format=torch.channels_last)
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=course.rate, weight_decay=1e-3)
    material = Material(course.seed, pool=course.pool)
    recent: list[float] = []
    begun = time.monotonic()
    steps = None if course.minutes else course.steps
    step = 0
    while steps is None or step < steps:
        elapsed_s = time.monotonic() - begun
        if steps is None and course.minutes and elapsed_s > 60 * course.minutes * _STEADY:
            steps = round(step / _STEADY)
        for group in optimiser.param_groups:
            group["lr"] = course.rate * share_of_rate(step, steps)
        recent.append(_learn(network, optimiser, material.batch(course.batch), short=course.short))
        step += 1
        _follow(mean, network, min(_KEPT, 1 - 10 / (step + 10)))
        if step % 100 == 0:
            say(step, float(np.mean(recent)), elapsed_s)
            recent.clear()
        if step % 500 == 0:
            keep(mean)
    return Trained(network=mean.eval(), steps=step)


def share_of_rate(step: int, steps: int | None) -> float:
    """Return the learning rate over the highest one: a short rise, level, then half a cosine down.

    `steps` is None while nobody knows how many there will be.
    """
    rise = min(1.0, (step + 1) / _WARM_UP)
    if steps is None:
        return rise
    fall = np.clip((step / steps - _STEADY) / (1 - _STEADY), 0, 1)
    return float(rise * max(0.5 * (1 + np.cos(np.pi * fall)), _LAST_RATE))


def _one_thread(seed: int) -> None:
    """Make everything that follows depend on the seed alone."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    cv2.setNumThreads(1)


def _learn(network: Network, optimiser: torch.optim.Optimizer, batch: Batch, *, short: bool) -> float:
    images, truths = batch
    shown = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=short):
        planes = network(shown)
    wrong = loss(planes.float(), torch.from_numpy(truths))
    optimiser.zero_grad()
    wrong.backward()
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
