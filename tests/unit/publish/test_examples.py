"""What is shown of a frame that another recognizer named anew."""

from typing import Any

from temwatch.publish.examples import examples


def report(decision: str, *classes: str) -> dict[str, Any]:
    return {
        "frame_id": "f",
        "root": "titan",
        "path": "a.tif",
        "verdict": {"decision": decision},
        "findings": [
            {
                "finding_id": f"f.{k}",
                "class": name,
                "probability": {name: 0.5 + k / 100},
                "rectangle": {"row": k},
            }
            for k, name in enumerate(classes)
        ],
    }


def test_findings_against_labels_come_first_then_labelled_ones_then_the_surest() -> None:
    before = report("reject", "pore", "pore", "pore", "crack")
    after = report("refer", "crack", "crack", "crack", "crack")
    found = examples(before, after, {"f.0": "pore", "f.1": "crack"})
    assert [one["finding_id"] for one in found] == ["f.0", "f.1", "f.2"]
    assert [one["contradicts"] for one in found] == [True, False, False]
    assert (found[0]["was"], found[0]["now"], found[0]["said"]) == ("pore", "crack", "pore")
    assert (found[0]["before"], found[0]["after"]) == ("reject", "refer")


def test_of_one_frame_no_more_than_three_are_shown() -> None:
    assert len(examples(report("accept", *["pore"] * 9), report("refer", *["crack"] * 9), {})) == 3


def test_a_frame_whose_verdict_alone_changed_is_shown_without_a_finding() -> None:
    (one,) = examples(report("accept", "pore"), report("refer", "pore"), {})
    assert (one["frame_id"], one["finding_id"]) == ("f", None)
