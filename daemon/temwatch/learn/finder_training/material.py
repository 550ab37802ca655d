"""A pool of training crops that is renewed while training goes on; batches are turned, mirrored and inverted."""

import numpy as np
from numpy.typing import NDArray

from temwatch.learn.finder_training.targets import targets
from temwatch.sim.chance import stream
from temwatch.sim.crops import crop
from temwatch.vision.finder.normalise import normalised

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


class Material:
    """Crops to train on, the same for the same seed.

    Parameters
    ----------
    seed : int
    pool : int
        How many crops are kept at a time.
    fresh : int
        How many are replaced with each batch, the oldest first.
    """

    def __init__(self, seed: int, *, pool: int, fresh: int = 1) -> None:
        self._seed = seed
        self._rng = stream("finder batches", seed)
        self._size, self._fresh = pool, fresh
        self._made = 0
        self._pool: list[tuple[NDArray[np.uint8], NDArray[np.float16]]] = []

    def batch(self, count: int) -> Batch:
        """Return normalised images (count, 1, row, col) and targets (count, 5, row / 2, col / 2)."""
        self._renew()
        chosen = [self._varied(*self._pool[i]) for i in self._rng.integers(0, len(self._pool), count)]
        images, truths = zip(*chosen, strict=True)
        return np.stack(images)[:, None], np.stack(truths)

    def _renew(self) -> None:
        wanted = self._size - len(self._pool) if len(self._pool) < self._size else self._fresh
        for _ in range(wanted):
            made = crop(self._seed, self._made)
            entry = made.image, targets(made)
            if len(self._pool) < self._size:
                self._pool.append(entry)
            else:
                self._pool[self._made % self._size] = entry
            self._made += 1

    def _varied(self, image: NDArray[np.uint8], truth: NDArray[np.float16]) -> Batch:
        rng = self._rng
        grey = image.astype(np.float32)
        if rng.random() < 0.25:
            grey += rng.normal(0, rng.uniform(1, 12), grey.shape).astype(np.float32)
        # The frame around a crop may vary more or less than the crop itself.
        shown = normalised(grey, frame_sd=float(grey.std() * np.exp(rng.normal(0, 0.35))))
        shown *= np.float32(rng.choice([-1.0, 1.0]) * np.exp(rng.normal(0, 0.15)))
        turn, mirrored = int(rng.integers(4)), rng.random() < 0.5
        shown, turned = np.rot90(shown, turn), np.rot90(truth, turn, (1, 2))
        if mirrored:
            shown, turned = shown[:, ::-1], turned[:, :, ::-1]
        return np.ascontiguousarray(shown), turned.astype(np.float32)
