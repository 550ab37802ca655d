"""Finder weights taken on to an operator's own frames, with simulated crops among them so that nothing is unlearned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from temwatch.learn.finder_training.graph import GraphNetwork, Numbers
from temwatch.learn.finder_training.material import Material
from temwatch.learn.finder_training.network import PLANES, loss
from temwatch.learn.finder_training.real_material import RealMaterial
from temwatch.learn.reviewed_frames import ReviewedFrame

_CLIP = 5.0
_DECAY = 1e-3
_LINE = PLANES.index("line")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """How to tune.

    Attributes
    ----------
    seed : int
    steps : int
        The rate falls from the first to the last along half a cosine.
    real, simulated : int
        Crops a step.
    pool : int
        Simulated crops to draw from.
    checked : int
        Simulated crops the gate looks at.
    rate : float
        Highest learning rate of AdamW. With 3e-4 the gain on foils is the same, and finds on supports that nobody
        marked grow more often.
    short : bool
        Compute convolutions in bfloat16: twice as fast on processors that have it (AVX512-BF16, AMX), far slower
        on others.
    """

    seed: int = 1
    steps: int = 100
    real: int = 6
    simulated: int = 2
    pool: int = 96
    checked: int = 60
    rate: float = 1e-4
    short: bool = False


def tuned(
    weights: bytes,
    frames: Sequence[ReviewedFrame],
    lesson: Lesson,
    *,
    replay: Material,
    say: Callable[[str], None] = lambda _: None,
) -> Numbers:
    """Return what a network has learned after a lesson on reviewed frames.

    Parameters
    ----------
    weights : bytes
        ``fp32.onnx`` of the weights to start from.
    frames : sequence of ReviewedFrame
    lesson : Lesson
    replay : Material
        Simulated crops.
    say : callable
        Told the loss now and then.
    """
    torch.manual_seed(lesson.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    cv2.setNumThreads(1)
    network = GraphNetwork(weights).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=lesson.rate, weight_decay=_DECAY)
    real = RealMaterial(frames, lesson.seed)
    recent: list[float] = []
    for step in range(lesson.steps):
        for group in optimiser.param_groups:
            group["lr"] = lesson.rate * 0.5 * (1 + np.cos(np.pi * step / lesson.steps))
        (images, truths), knows_lines = real.batch(lesson.real)
        if lesson.simulated:
            more_images, more_truths = replay.batch(lesson.simulated)
            images, truths = np.concatenate([images, more_images]), np.concatenate([truths, more_truths])
        silent = torch.zeros(len(images), dtype=torch.bool)
        silent[: lesson.real] = torch.from_numpy(~knows_lines)
        with torch.autocast("cpu", torch.bfloat16, enabled=lesson.short):
            planes = network(torch.from_numpy(images).contiguous(memory_format=torch.channels_last))
        wrong = loss(without_lines(planes.float(), silent), torch.from_numpy(truths))
        optimiser.zero_grad()
        wrong.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimiser.step()
        recent.append(float(wrong.detach()))
        if (step + 1) % 25 == 0:
            say(f"step {step + 1} of {lesson.steps}, loss {np.mean(recent):.3f}")
            recent.clear()
    learned: Numbers = network.numbers()
    return learned


def without_lines(planes: Tensor, silent: Tensor) -> Tensor:
    """Return the planes with the line plane of some crops set so that it teaches nothing.

    Where nobody marked cracks or dislocations they may well be there: silence about them is no evidence.
    """
    lines = torch.where(silent[:, None, None], planes[:, _LINE].detach(), planes[:, _LINE])
    return torch.cat([planes[:, :_LINE], lines[:, None], planes[:, _LINE + 1 :]], 1)
