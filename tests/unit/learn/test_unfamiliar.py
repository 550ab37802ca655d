"""Frames that became unlike what was learned are noticed, steady ones are not."""

import numpy as np

from temwatch.learn.unfamiliar import unfamiliar

Frame = tuple[str, str, str, list[float]]


def frames(
    count: int, *, above: float = 0.0, root: str = "titan", first: int = 0, each: int = 10
) -> list[Frame]:
    """Return frames whose findings' novelties are spread evenly over [above, 1]."""
    random = np.random.default_rng(first + count)
    return [
        (root, f"{number:020d}", f"{number}.dm4", random.uniform(above, 1, each).tolist())
        for number in range(first, first + count)
    ]


def test_steady_frames_give_no_alarm() -> None:
    assert unfamiliar(frames(1000)) == ()


def test_another_material_is_noticed_within_thirty_frames_and_named_by_its_frame() -> None:
    (found,) = unfamiliar(frames(60) + frames(40, above=0.97, first=60))
    assert found.root == "titan"
    assert 60 <= int(found.frame_id) < 90
    assert found.before < 0.95


def test_roots_are_watched_apart() -> None:
    assert unfamiliar(frames(60) + frames(40, above=0.97, root="jeol", first=60)) == ()


def test_a_frame_of_few_findings_says_nothing() -> None:
    assert unfamiliar(frames(60) + frames(100, above=0.99, first=60, each=4)) == ()
