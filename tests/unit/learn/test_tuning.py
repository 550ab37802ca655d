"""Tuning: the network is the one that is shipped, silence teaches nothing, and a lesson can be learned."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from temwatch.errors import ModelRefused, PermanentError
from temwatch.learn.finder_training.real_material import RealMaterial, _window
from temwatch.learn.reviewed_frames import ReviewedFrame
from temwatch.learn.tuning_gate import Verdict
from temwatch.store.weights import card_of, load_weights, shipped_finder


def frame(
    *places: tuple[int, int],
    others: tuple[tuple[int, int], ...] = (),
    side: int = 300,
    height: float = 60.0,
    seed: int = 0,
) -> ReviewedFrame:
    """Bright discs of 8 px radius on a noisy ground, all of it reviewed; `others` are dark and no objects."""
    rows, cols = np.indices((side, side))
    image = np.random.default_rng(seed).normal(100, 8, (side, side))
    objects = np.zeros((side, side), np.int32)
    for number, (row, col) in enumerate(places, 1):
        away = np.hypot(rows - row, cols - col)
        image += height * np.clip(8.5 - away, 0, 1)
        objects[away <= 8] = number
    for row, col in others:
        image -= height * np.clip(8.5 - np.hypot(rows - row, cols - col), 0, 1)
    return ReviewedFrame(
        name="made",
        image=np.clip(image, 0, 255).astype(np.uint8),
        objects=objects,
        lines=np.zeros((side, side), bool),
        known=np.ones((side, side), bool),
        reviewed=np.ones((side, side), bool),
        centre=np.array(places, float).reshape(-1, 2),
        radius_px=np.full(len(places), 8.0),
    )


PLACES = tuple((row, col) for row in (40, 110, 180, 250) for col in (50, 150, 250))
OTHERS = tuple((row + 35, col - 20) for row, col in PLACES[:9])


class TestMaterial:
    """Crops of reviewed frames."""

    def test_the_same_seed_gives_the_same_crops(self) -> None:
        (first, _), (again, _), (other, _) = (RealMaterial([frame(*PLACES)], s).batch(2) for s in (1, 1, 2))
        assert np.array_equal(first[0], again[0])
        assert not np.array_equal(first[0], other[0])

    def test_images_and_targets_turn_together(self) -> None:
        (images, truths), _ = RealMaterial([frame(*PLACES, height=150)], 3).batch(8)
        inside = np.kron(truths[:, 0], np.ones((2, 2))) > 0
        assert images.shape == (8, 1, 256, 256)
        assert truths.shape == (8, 5, 128, 128)
        assert images[:, 0][inside].mean() > images[:, 0][~inside].mean() + 1

    def test_where_nobody_looked_the_weight_is_nought(self) -> None:
        one = frame(*PLACES)
        left = np.zeros(one.image.shape, bool)
        left[:, :200] = True
        seen = _window(one.within(left), np.array([150.0, 150.0]), 1.0)
        corner = 150 - seen.image.shape[1] // 2
        known = ~seen.ignored
        assert known[192, 10 - corner : 200 - corner].all()
        assert not known[:, 200 - corner :].any()

    def test_objects_too_small_for_a_size_are_not_asked_for_at_it(self) -> None:
        seen = _window(frame(*PLACES), np.array([150.0, 150.0]), 4.0)
        assert (seen.objects > 0).any()
        assert seen.ignored[seen.objects > 0].all()

    @pytest.mark.parametrize("shape", [(40, 30), (1, 1), (9, 500), (260, 90)])
    def test_frames_smaller_than_a_crop_are_filled_up_with_what_is_not_asked(
        self, shape: tuple[int, int]
    ) -> None:
        small = ReviewedFrame(
            name="small",
            image=np.random.default_rng(0).integers(0, 9, shape).astype(np.uint8),
            objects=np.zeros(shape, np.int32),
            lines=np.zeros(shape, bool),
            known=np.ones(shape, bool),
            reviewed=np.ones(shape, bool),
            centre=np.zeros((0, 2)),
            radius_px=np.zeros(0),
        )
        (images, truths), _ = RealMaterial([small], 1).batch(3)
        assert np.isfinite(images).all()
        assert truths[:, 4].mean() < 0.9


class TestWithTorch:
    """Needs the extra `train`."""

    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch", reason="the extra `train` is not installed")
        pytest.importorskip("onnx", reason="the extra `train` is not installed")

    @pytest.fixture
    def weights(self) -> bytes:
        return load_weights(shipped_finder(), "fp32")

    def test_the_shipped_network_answers_the_same_in_torch(self, weights: bytes) -> None:
        import torch

        from temwatch.learn.finder_training.graph import GraphNetwork
        from temwatch.vision.finder.learned import network_of

        image = np.random.default_rng(0).normal(0, 1, (1, 1, 64, 96)).astype(np.float32)
        with torch.no_grad():
            said = GraphNetwork(weights)(torch.from_numpy(image)).numpy()
        assert said == pytest.approx(network_of(weights)(image), abs=1e-4)

    def test_numbers_written_back_give_the_same_network(self, weights: bytes) -> None:
        from temwatch.learn.finder_training.graph import GraphNetwork, between, numbers_of, with_numbers

        numbers = GraphNetwork(weights).numbers()
        again = numbers_of(with_numbers(weights, numbers))
        assert all(np.array_equal(numbers[name], again[name]) for name in numbers_of(weights))
        nothing = {name: np.zeros_like(value) for name, value in numbers.items()}
        half = between(numbers, nothing, 0.5)
        assert all(half[name] == pytest.approx(numbers[name] / 2) for name in numbers)

    def test_an_operation_nobody_knows_is_named(self, weights: bytes) -> None:
        import onnx

        from temwatch.learn.finder_training.graph import GraphNetwork

        model = onnx.load_from_string(weights)
        next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Gelu"
        with pytest.raises(ModelRefused, match="Gelu"):
            GraphNetwork(model.SerializeToString())

    def test_silence_about_lines_teaches_nothing_about_them(self) -> None:
        import torch

        from temwatch.learn.finder_training.network import PLANES
        from temwatch.learn.finder_training.tuning import without_lines

        planes = torch.zeros(2, 4, 8, 8, requires_grad=True)
        without_lines(planes, torch.tensor([True, False])).sum().backward()
        assert planes.grad is not None
        line = PLANES.index("line")
        assert not planes.grad[0, line].any()
        assert planes.grad[1, line].all()
        assert planes.grad[0, 0].all()

    def test_a_lesson_brings_down_the_loss_on_what_it_was_about(self, weights: bytes) -> None:
        import torch

        from temwatch.learn.finder_training.graph import GraphNetwork, with_numbers
        from temwatch.learn.finder_training.material import Material
        from temwatch.learn.finder_training.network import loss
        from temwatch.learn.finder_training.tuning import Lesson, tuned

        # That bright discs count and dark ones do not is what this lesson is about.
        one = frame(*PLACES, others=OTHERS)
        lesson = Lesson(steps=12, real=2, simulated=1, rate=3e-4)
        new = tuned(weights, [one], lesson, replay=Material(1, pool=2, fresh=0))
        (images, truths), _ = RealMaterial([one], 9).batch(4)
        wrong = []
        for content in (weights, with_numbers(weights, new)):
            with torch.no_grad():
                planes = GraphNetwork(content)(torch.from_numpy(images))
            wrong.append(float(loss(planes, torch.from_numpy(truths))))
        assert wrong[1] < 0.9 * wrong[0]

    @pytest.mark.parametrize(
        ("frames", "said"),
        [
            ([frame(*PLACES)], "one frame"),
            ([frame((50, 50)), frame((60, 90))], "2 objects"),
            ([replace(frame(*PLACES), reviewed=np.zeros((300, 300), bool))] * 2, "no area was reviewed"),
        ],
    )
    def test_too_little_to_learn_from_is_refused(
        self, weights: bytes, frames: list[ReviewedFrame], said: str
    ) -> None:
        from temwatch.learn.finder_training.tuned import tune
        from temwatch.learn.finder_training.tuning import Lesson

        with pytest.raises(PermanentError, match=said):
            tune(weights, frames, Lesson(), say=lambda _: None)

    def test_what_was_not_borne_out_leaves_the_weights_as_they_were(self, weights: bytes) -> None:
        from temwatch.learn.finder_training.graph import numbers_of
        from temwatch.learn.finder_training.tuned import tune
        from temwatch.learn.finder_training.tuning import Lesson

        # One step teaches nothing that could show.
        lesson = Lesson(steps=1, real=1, simulated=1, pool=1, rate=1e-6, checked=1)
        frames = [frame(*PLACES[:6], side=200, seed=seed) for seed in range(2)]
        outcome = tune(weights, frames, lesson, unmarked=[frames[0].image], say=lambda _: None)
        assert outcome.verdict.share == 0.0
        assert [len(counts) for counts in outcome.held_out.values()] == [2, 2, 2, 2]
        now = numbers_of(outcome.weights)
        assert all(np.array_equal(now[name], value) for name, value in numbers_of(weights).items())
        assert any((outcome.learned[name] != value).any() for name, value in now.items())

    def test_tuned_weights_lie_on_the_shelf_with_their_history(self, weights: bytes, tmp_path: Path) -> None:
        from temwatch.learn.finder_training.graph import numbers_of, with_numbers
        from temwatch.learn.finder_training.tuned import Outcome, shelve
        from temwatch.learn.finder_training.tuning import Lesson

        changed = {name: 0.99 * value for name, value in numbers_of(weights).items()}
        verdict = Verdict(share=0.5, sentence="taken over", before=0.5, after=0.6)
        outcome = Outcome(
            weights=with_numbers(weights, changed),
            verdict=verdict,
            learned=changed,
            held_out={},
            simulated={},
        )
        frames = [frame(*PLACES, seed=seed) for seed in range(2)]
        parent = shipped_finder()
        folder = shelve(parent, outcome, frames, Lesson(), tmp_path)
        card: dict[str, Any] = card_of(folder)
        assert card["tuning"]["parent"] == parent.name
        assert [one["sha256"] for one in card["tuning"]["frames"]] == [one.digest for one in frames]
        assert card["tuning"]["gate"] == "taken over"
        assert card["data"].startswith("2 marked frames, on top of: simulated crops")
        assert load_weights(folder, "fp32") == outcome.weights
        assert load_weights(folder, "int8") != load_weights(parent, "int8")
