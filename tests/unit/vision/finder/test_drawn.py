"""What a person drew a rectangle around is cut out; where nothing stands out, the rectangle itself is taken."""

import numpy as np
import pytest

from temwatch.errors import FrameDeclined
from temwatch.model.finding import Rectangle
from temwatch.model.frame import ImagingMode
from temwatch.vision.finder.drawn import NOTHING, DrawnFinder
from temwatch.vision.inspection import Inspection, inspect
from unit.vision.scenes import SIZE, blob, disc, grey_frame


def measured(image: np.ndarray, rectangle: Rectangle) -> Inspection:
    return inspect(
        image,
        finder=DrawnFinder(rectangle),
        nm_per_px=1.0,
        mode=ImagingMode.HAADF,
        tick=lambda: 0.0,
    )


@pytest.mark.parametrize("contrast", [0.3, -0.3, 0.1])
@pytest.mark.parametrize("angle_deg", [0.0, 45.0])
def test_an_object_is_cut_out_of_the_rectangle_drawn_around_it(contrast: float, angle_deg: float) -> None:
    mask = disc((SIZE, SIZE), 110, 120, 12)
    rectangle = Rectangle(row=111, col=119, length_px=34, width_px=32, angle_deg=angle_deg)
    found = measured(grey_frame(mask, contrast=contrast), rectangle)
    assert found.area_px[0] == pytest.approx(mask.sum(), rel=0.15)
    assert found.rectangles[0].row == pytest.approx(110, abs=1)
    assert found.rectangles[0].col == pytest.approx(120, abs=1)
    assert NOTHING not in found.notes
    assert np.isfinite(found.features).all()


def test_of_two_objects_only_the_drawn_one_is_measured() -> None:
    near = disc((SIZE, SIZE), 110, 120, 8)
    frame = grey_frame(near | disc((SIZE, SIZE), 110, 150, 8))
    found = measured(frame, Rectangle(row=110, col=120, length_px=22, width_px=22, angle_deg=0))
    assert found.area_px[0] == pytest.approx(near.sum(), rel=0.2)


def test_where_nothing_stands_out_the_rectangle_itself_is_measured_and_that_is_said() -> None:
    for seed in range(10):
        frame = grey_frame(np.zeros((SIZE, SIZE), bool), seed=seed)
        found = measured(frame, Rectangle(row=100, col=100, length_px=40, width_px=20, angle_deg=30))
        assert found.notes == (NOTHING,)
        assert found.area_px[0] == pytest.approx(800, rel=0.05)


def test_a_flat_frame_and_a_rectangle_over_the_edge_are_measured_too() -> None:
    rectangle = Rectangle(row=0, col=0, length_px=30, width_px=10, angle_deg=90)
    found = measured(np.full((64, 64), 7, np.uint16), rectangle)
    assert (len(found.regions), bool(found.touches_edge[0])) == (1, True)


def test_an_irregular_object_is_measured_much_as_the_finder_would_see_it() -> None:
    mask = blob(3)
    found = measured(grey_frame(mask), Rectangle(row=112, col=112, length_px=100, width_px=80, angle_deg=90))
    assert found.area_px[0] == pytest.approx(mask.sum(), rel=0.1)


def test_a_rectangle_without_a_pixel_is_declined() -> None:
    with pytest.raises(FrameDeclined):
        measured(np.zeros((64, 64)), Rectangle(row=500, col=500, length_px=5, width_px=5, angle_deg=0))
