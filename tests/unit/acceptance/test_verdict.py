"""What is certainly beyond the rules is rejected, what may be is referred, the rest is accepted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.acceptance.rules import GradeRule, Rules, ZoneGrid, faults
from temwatch.acceptance.verdict import SEVERITY, judge
from temwatch.model.report import Decision
from unit.acceptance.objects import finding

SHAPE = (1000, 1000)


def _judge(*findings, nm_per_px=2.0, rules=None, zone="B1"):
    return judge(findings, shape=SHAPE, nm_per_px=nm_per_px, rules=rules or Rules(), zone=zone)


def _decides(*findings, **settings):
    verdict = _judge(*findings, **settings).verdict
    return verdict.decision, verdict.reasons


def test_nothing_found_is_accepted():
    assert _decides() == (Decision.ACCEPT, ("nothing found",))


def test_a_small_pore_is_accepted_and_graded():
    judgement = _judge(finding("pore"))
    assert judgement.verdict.decision is Decision.ACCEPT
    assert judgement.verdict.reasons == ("1 defect, all within the grades allowed",)
    assert judgement.grades == ("I",)
    assert judgement.zones == ("B1",)


def test_a_certain_crack_is_rejected():
    assert _decides(finding("crack"), finding("crack")) == (
        Decision.REJECT,
        ("crack alone in the prediction set of 2 findings, and never allowed",),
    )


@pytest.mark.parametrize("doubtful", [finding("crack", "pore"), finding("pore", "crack")])
def test_a_crack_that_can_not_be_ruled_out_is_referred(doubtful):
    assert _decides(doubtful) == (Decision.REFER, ("crack in the prediction set of 1 finding",))


def test_a_crack_named_by_probability_alone_is_referred():
    decision, reasons = _decides(finding("crack", sure=False))
    assert decision is Decision.REFER
    assert "crack in the prediction set of 1 finding" in reasons


def test_a_crack_has_no_grade():
    assert _judge(finding("crack")).grades == (None,)


def test_a_pore_beyond_the_highest_grade_is_rejected_with_its_grade():
    decision, reasons = _decides(finding("pore", side_px=250.0))
    assert decision is Decision.REJECT
    assert reasons == ("pore of grade VI in zone B1, where IV is the highest allowed",)


def test_what_is_too_much_in_one_zone_is_allowed_in_another():
    dense = finding("pore", side_px=115.0)
    assert _judge(dense, zone="B1").grades == ("V",)
    assert _decides(dense, zone="B1")[0] is Decision.REJECT
    assert _decides(dense, zone="B3")[0] is Decision.ACCEPT


def test_a_large_object_that_may_be_a_pore_is_referred():
    decision, reasons = _decides(finding("particle", "pore", side_px=250.0))
    assert decision is Decision.REFER
    assert reasons == ("pore of grade VI in zone B1 if 1 doubtful finding count, IV is the highest allowed",)


def test_doubtful_pores_count_together_with_certain_ones():
    crowd = [finding("pore", row=450.0 + 60 * k, side_px=56.0) for k in range(3)]
    doubtful = [
        replace(item, class_="slag_inclusion", prediction_set=("slag_inclusion", "pore")) for item in crowd
    ]
    assert _decides(*crowd)[0] is Decision.ACCEPT
    assert _decides(*doubtful)[0] is Decision.ACCEPT
    shifted = [replace(d, rectangle=replace(d.rectangle, col=560.0)) for d in doubtful]
    assert _decides(*crowd, *shifted)[0] is Decision.REFER


@pytest.mark.parametrize("class_", ["particle", "artefact"])
def test_particles_and_artefacts_do_not_count(class_):
    decision, reasons = _decides(*[finding(class_, side_px=300.0)] * 3)
    assert (decision, reasons) == (Decision.ACCEPT, ("no defect among 3 findings",))


def test_an_empty_prediction_set_is_referred():
    decision, reasons = _decides(finding("pore", sure=False))
    assert (decision, reasons) == (Decision.REFER, ("no class fits 1 finding: the prediction set is empty",))


def test_an_unusual_object_is_referred_whatever_its_class():
    decision, reasons = _decides(finding("artefact", novelty=1.0))
    assert decision is Decision.REFER
    assert reasons == ("1 finding unlike what was learned (novelty 0.999 or more)",)


def test_without_a_pixel_size_defects_are_referred_and_nothing_is_graded():
    judgement = _judge(finding("pore"), finding("artefact"), nm_per_px=None)
    assert judgement.grades == (None, None)
    assert judgement.verdict.decision is Decision.REFER
    assert judgement.verdict.reasons == ("pixel size unknown: 1 finding can't be graded",)


def test_without_a_pixel_size_what_needs_no_grade_is_decided_all_the_same():
    assert _decides(finding("artefact"), nm_per_px=None)[0] is Decision.ACCEPT
    assert _decides(finding("crack"), nm_per_px=None)[0] is Decision.REJECT


def test_a_class_without_a_rule_is_referred():
    assert _decides(finding("void"))[1] == ("no rule for void in zone B1 (1 finding)",)


def test_a_zone_without_a_rule_is_referred():
    assert _decides(finding("pore"), zone="Z9")[1] == ("no rule for pore in zone Z9 (1 finding)",)


def test_reasons_to_reject_come_before_reasons_to_refer():
    _, reasons = _decides(finding("crack"), finding("pore", "crack"))
    assert reasons[0].startswith("crack alone")
    assert reasons[1] == "crack in the prediction set of 1 finding"


def test_a_grid_of_zones_judges_each_place_by_its_own_zone():
    grid = ZoneGrid(names=(("B1", "B3"),))
    left, right = finding("pore", col=200.0, side_px=115.0), finding("pore", col=800.0, side_px=115.0)
    assert _judge(left, right, zone=grid).zones == ("B1", "B3")
    assert _decides(right, zone=grid)[0] is Decision.ACCEPT
    assert _decides(left, zone=grid)[0] is Decision.REJECT


def test_every_pixel_of_a_frame_has_a_zone():
    grid = ZoneGrid(names=(("a", "b"), ("c", "d")))
    places = [(-0.5, -0.5), (-9.0, 99.5), (99.5, -0.4), (120.0, 120.0), (49.4, 49.6)]
    assert [grid.zone_at(*place, (100, 100)) for place in places] == ["a", "b", "c", "d", "b"]


def test_the_shipped_rules_have_no_fault_and_say_what_table_4_says():
    rules = Rules()
    assert faults(rules) == ()
    for class_ in ("pore", "slag_inclusion", "looseness"):
        assert [rules.allowed(class_, zone) for zone in ("AL", "AR", "BL", "BR", "B1", "B4", "B2", "B3")] == [
            *["IV"] * 6,
            "V",
            "V",
        ]
    assert rules.allowed("crack", "B2") == "never"


def test_all_faults_of_rules_are_named_at_once():
    rules = Rules(
        highest={"pore": {"B1": "X"}, "artefact": {"B1": "I"}},
        novelty=0.0,
        grade_rule=GradeRule(area_share=(0.2, 0.1), diameter_nm=(0.0, 1.0, 2.0, 3.0, 4.0), window_nm=-1.0),
    )
    told = "\n".join(faults(rules))
    for part in (
        "has 2 limits",
        "doesn't ascend",
        "not above zero",
        "window_nm",
        "novelty",
        "'X'",
        "uncounted",
    ):
        assert part in told


CLASSES = ("pore", "slag_inclusion", "looseness", "crack", "particle", "artefact", "void")


@st.composite
def _findings(draw):
    class_ = draw(st.sampled_from(CLASSES))
    others = draw(st.sets(st.sampled_from(CLASSES), max_size=2)) - {class_}
    return finding(
        class_,
        *sorted(others),
        sure=draw(st.integers(0, 9)) > 0,
        row=draw(st.floats(0, 999)),
        col=draw(st.floats(0, 999)),
        side_px=draw(st.floats(2, 200)),
        novelty=draw(st.floats(0, 1)),
    )


@given(st.lists(_findings(), max_size=8), _findings(), st.sampled_from([None, 0.5, 3.0]))
def test_one_more_finding_never_makes_the_verdict_milder(scene, more, nm_per_px):
    before = _judge(*scene, nm_per_px=nm_per_px).verdict.decision
    after = _judge(*scene, more, nm_per_px=nm_per_px).verdict.decision
    assert SEVERITY[after] >= SEVERITY[before]


@given(st.lists(_findings(), max_size=8), st.randoms())
def test_the_verdict_does_not_depend_on_the_order_of_findings(scene, random):
    shuffled = list(scene)
    random.shuffle(shuffled)
    assert _judge(*scene).verdict == _judge(*shuffled).verdict


@given(_findings(), st.sampled_from([None, 0.5, 3.0]))
def test_more_doubt_never_turns_into_acceptance(item, nm_per_px):
    wider = replace(item, prediction_set=tuple(dict.fromkeys((*item.prediction_set, "crack"))))
    if item.prediction_set:
        assert _judge(wider, nm_per_px=nm_per_px).verdict.decision is not Decision.ACCEPT


@given(st.lists(_findings(), min_size=1, max_size=8), st.sampled_from([None, 1.0]))
def test_every_verdict_says_why_and_every_finding_has_its_place(scene, nm_per_px):
    judgement = _judge(*scene, nm_per_px=nm_per_px)
    assert judgement.verdict.reasons
    assert len(judgement.grades) == len(judgement.zones) == len(scene)
    graded = {"pore", "slag_inclusion", "looseness"}
    for item, grade in zip(scene, judgement.grades, strict=True):
        assert (grade is not None) == (item.class_ in graded and nm_per_px is not None)
