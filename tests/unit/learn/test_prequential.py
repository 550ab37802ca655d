"""The machine is judged by what it said before each label; a drop is noticed, chance is not."""

import numpy as np
import pytest

from temwatch.learn.prequential import FADING, Fading, PageHinkley, accuracy
from temwatch.model.review import Opinion


def judged(*said: tuple[str, str | None], blind: bool = False, model_id: str = "m") -> list[Opinion]:
    return [
        Opinion(
            label_id=k + 1,
            object_id=k,
            finding_id=f"f.{k}",
            class_=class_,
            by="anna",
            at=f"t{k}",
            blind=blind,
            predicted=predicted,
            model_id=model_id,
        )
        for k, (class_, predicted) in enumerate(said)
    ]


def test_each_class_has_its_own_share_of_what_people_call_so() -> None:
    report = accuracy(judged(("pore", "pore"), ("crack", "pore"), ("crack", "crack"), ("pore", "pore")))
    assert [(one.of, one.n, one.right) for one in report.classes] == [
        ("all", 4, 3),
        ("crack", 2, 1),
        ("pore", 2, 2),
    ]
    assert report.blind == ()
    assert [(one.of, one.n) for one in report.models] == [("m", 4)]


def test_the_interval_is_wilsons() -> None:
    report = accuracy(judged(*[("pore", "pore")] * 8, *[("pore", "crack")] * 2))
    # 8 of 10: R's prop.test(8, 10, correct = FALSE)
    assert (report.classes[0].low, report.classes[0].high) == (
        pytest.approx(0.4901625, abs=1e-6),
        pytest.approx(0.9433178, abs=1e-6),
    )


def test_what_the_machine_did_not_find_does_not_count() -> None:
    assert accuracy(judged(("crack", None))).classes == ()


def test_older_labels_fade() -> None:
    fading = Fading()
    for right in (False, True, True):
        fading = fading.then(right=right)
    weights = [FADING**2, FADING, 1]
    assert fading.share == pytest.approx((FADING + 1) / sum(weights))
    assert fading.n == pytest.approx(sum(weights) ** 2 / sum(w**2 for w in weights))
    report = accuracy(judged(*[("pore", "crack")] * 300, *[("pore", "pore")] * 200))
    everything = report.classes[0]
    assert (everything.accuracy, everything.recent) == (0.4, pytest.approx(1 - FADING**200, abs=0.01))
    assert everything.recent_n == pytest.approx((1 + FADING) / (1 - FADING), rel=0.01)  # about a hundred


def test_a_drop_gives_one_alarm_soon_after_it() -> None:
    dice = np.random.default_rng(3)
    right = np.concatenate([dice.random(400) < 0.9, dice.random(300) < 0.6])
    report = accuracy(judged(*[("pore", "pore" if one else "crack") for one in right]))
    assert [400 < alarm.label_id < 520 for alarm in report.alarms] == [True]
    assert report.alarms[0].error_before < 0.3


def test_steady_errors_give_hardly_an_alarm() -> None:
    dice = np.random.default_rng(4)
    alarmed = 0
    for _ in range(60):
        watch = PageHinkley()
        alarmed += any(watch.add(float(error)) for error in dice.random(1000) < 0.1)
    assert alarmed <= 1


def test_the_course_is_thinned_but_ends_with_the_last() -> None:
    report = accuracy(judged(*[("pore", "pore")] * 1001))
    course = [moment for moment in report.course if moment.of == "all"]
    assert 150 <= len(course) <= 200
    assert course[-1].label_id == 1001
    assert course[-1].n == 1001


def test_blind_labels_are_scored_apart() -> None:
    mixed = judged(("pore", "crack")) + judged(("pore", "pore"), blind=True)
    assert [(one.of, one.n, one.right) for one in accuracy(mixed).blind] == [("all", 1, 1), ("pore", 1, 1)]
