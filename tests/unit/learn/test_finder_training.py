"""Training: what the network is asked for, and that the same seed gives the same weights."""

from pathlib import Path

import numpy as np
import pytest

from temwatch.learn.finder_training.material import Material
from temwatch.learn.finder_training.targets import targets
from temwatch.sim.crops import Crop


def made(objects: np.ndarray, *, lines: np.ndarray | None = None, ignored: np.ndarray | None = None) -> Crop:
    nothing = np.zeros(objects.shape, bool)
    return Crop(
        image=np.zeros(objects.shape, np.uint8),
        objects=objects,
        lines=nothing if lines is None else lines,
        ignored=nothing if ignored is None else ignored,
    )


def disc(row: float, col: float, radius: float, side: int = 64) -> np.ndarray:
    rows, cols = np.indices((side, side))
    return (np.hypot(rows - row, cols - col) <= radius).astype(np.int32)


def test_the_core_is_deepest_in_the_middle_and_the_radius_is_that_of_equal_area() -> None:
    said = targets(made(disc(32, 30, 12))).astype(np.float32)
    assert np.unravel_index(said[1].argmax(), said[1].shape) == (16, 15)
    assert np.exp(said[3, 16, 15]) == pytest.approx(12, rel=0.02)
    assert said[0].sum() * 4 == pytest.approx(np.pi * 144, rel=0.05)


def test_an_object_cut_by_the_border_is_deepest_at_the_border() -> None:
    said = targets(made(disc(0, 32, 12)))
    assert said[1, 0].max() == 1.0


def test_touching_objects_have_a_core_each() -> None:
    said = targets(made(np.maximum(disc(32, 20, 10), 2 * disc(32, 41, 10)))).astype(np.float32)
    assert said[1, 16, 10] == pytest.approx(1.0, abs=0.15)
    assert said[1, 16, 15] < 0.3


def test_what_is_too_faint_is_not_asked_for() -> None:
    faint = disc(32, 32, 8)
    said = targets(made(faint, ignored=faint > 0))
    assert said[4, 16, 16] == 0
    assert said[4, 0, 0] == 1


def test_a_line_one_pixel_wide_is_kept() -> None:
    line = np.zeros((64, 64), bool)
    line[31] = True
    assert targets(made(np.zeros((64, 64), np.int32), lines=line))[2, 15].all()


def test_batches_depend_on_the_seed_alone() -> None:
    first, again, other = (Material(seed, pool=6).batch(3) for seed in (1, 1, 2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_the_pool_is_renewed() -> None:
    material = Material(1, pool=2, fresh=1)
    shown = {material.batch(1)[0].tobytes() for _ in range(6)}
    assert len(shown) == 6


class TestWithTorch:
    """Needs the extra `train`."""

    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch", reason="the extra `train` is not installed")
        pytest.importorskip("onnx", reason="the extra `train` is not installed")

    def test_the_same_seed_and_steps_give_the_same_weights(self) -> None:
        import torch

        from temwatch.learn.finder_training.training import Course, train

        course = Course(seed=5, steps=2, batch=2, pool=4)
        first, again = (
            train(course, say=lambda *_: None, keep=lambda _: None).network.state_dict() for _ in range(2)
        )
        assert all(torch.equal(first[name], again[name]) for name in first)

    def test_the_rate_rises_stays_and_falls(self) -> None:
        from temwatch.learn.finder_training.training import share_of_rate

        shares = [share_of_rate(step, 1000) for step in range(1000)]
        assert shares[0] < 0.02
        assert shares[200:700] == [1.0] * 500
        assert shares[700:] == sorted(shares[700:], reverse=True)
        assert shares[-1] == pytest.approx(0.01, abs=0.005)

    def test_exported_weights_answer_like_the_network_and_fit_the_finder(self, tmp_path: Path) -> None:
        import onnxruntime
        import torch

        from temwatch.learn.finder_training.export import exported
        from temwatch.learn.finder_training.network import Network
        from temwatch.vision.finder.learned import network_of

        torch.manual_seed(0)
        network = Network().eval()
        content = exported(network)
        image = np.random.default_rng(0).normal(0, 1, (1, 1, 64, 96)).astype(np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(image)).numpy()
        assert network_of(content)(image) == pytest.approx(expected, abs=1e-4)
        assert onnxruntime.InferenceSession(content).get_inputs()[0].name == "image"
