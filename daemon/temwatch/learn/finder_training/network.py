"""The finder's network: a small U-shaped stack of 3 x 3 convolutions working at half resolution."""

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = (16, 32, 64, 96, 96)
# Output planes: probability of an object, of its core, of a line (all as logits), and log radius in px.
PLANES = ("object", "core", "line", "log_radius")
# First guesses: nearly everything is background, and objects are about 8 px in radius.
_FIRST = (-2.0, -2.0, -3.0, 2.0)


def _step(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    )


class Network(nn.Module):
    """Normalised images in, four planes at half the resolution out.

    Input of shape (batch, 1, height, width), both multiples of 32. Five levels, each half as large as the one
    above; on the way up each level adds what it saw on the way down.
    """

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        first, levels = channels[0], len(channels) - 1
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), _step(4, first), _step(first, first))
        self.down = nn.ModuleList(
            nn.Sequential(_step(channels[i], channels[i + 1], 2), _step(channels[i + 1], channels[i + 1]))
            for i in range(levels)
        )
        self.narrow = nn.ModuleList(nn.Conv2d(channels[i + 1], channels[i], 1) for i in range(levels))
        self.up = nn.ModuleList(_step(channels[i], channels[i]) for i in range(levels))
        self.head = nn.Conv2d(first, len(PLANES), 1)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor(_FIRST))

    def forward(self, image: Tensor) -> Tensor:
        """Return the four planes."""
        now = self.stem(image)
        seen = [now]
        for down in self.down:
            now = down(now)
            seen.append(now)
        for i in reversed(range(len(self.down))):
            larger = functional.interpolate(self.narrow[i](now), scale_factor=2.0, mode="nearest")
            now = self.up[i](seen[i] + larger)
        said: Tensor = self.head(now)
        return said


def loss(planes: Tensor, target: Tensor) -> Tensor:
    """Return how far the planes are from the truth.

    Parameters
    ----------
    planes : Tensor, shape (batch, 4, row, col)
    target : Tensor, shape (batch, 5, row, col)
        Object, core, line, log radius, and weight (0 where no answer is asked for).

    Notes
    -----
    Cross-entropy for each plane plus, for objects and lines, 1 - Dice (Milletari et al., 3DV 2016), which counts
    a crop with few objects as much as one with many. The weights of the terms were found with a smaller network.
    """
    entropy = functional.binary_cross_entropy_with_logits
    is_object, core, line, radius, weight = target.unbind(1)
    total = weight.sum() + 1
    objects = (entropy(planes[:, 0], is_object, reduction="none") * weight).sum() / total
    objects = objects + 0.3 * _dice_loss(planes[:, 0], is_object, weight)
    near = weight * (1 + 3 * core)
    cores = (entropy(planes[:, 1], core, reduction="none") * near).sum() / total
    rare = torch.tensor(4.0)
    lines = (entropy(planes[:, 2], line, reduction="none", pos_weight=rare) * weight).sum() / total
    lines = lines + 0.6 * _dice_loss(planes[:, 2], line, weight)
    inside = weight * is_object
    sizes = functional.smooth_l1_loss(planes[:, 3], radius, reduction="none", beta=0.2)
    sizes = (sizes * inside).sum() / (inside.sum() + 1)
    return objects + cores + 0.5 * lines + 0.3 * sizes


def _dice_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    guess = torch.sigmoid(logits) * weight
    truth = truth * weight
    shared = (guess * truth).sum((1, 2))
    return (1 - (2 * shared + 20) / (guess.sum((1, 2)) + truth.sum((1, 2)) + 20)).mean()
