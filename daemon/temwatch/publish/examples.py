"""Findings that another recognizer names otherwise, picked from two reports of one frame. Pure."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
_OF_A_FRAME = 3  # findings: more of the same frame tell little more


def examples(before: Json, after: Json, said: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the findings of a frame whose class changed, the most telling first.

    Parameters
    ----------
    before, after : mapping
        Reports as on the wire, with the same findings.
    said : mapping of str to str
        By finding, what people say it is.

    Returns
    -------
    list of dict
        frame_id, root, path, before and after (decisions), finding_id, rectangle, was and now (class), the share
        each was given, said (class or None), contradicts (now, but not before, against what people say). At most
        three; one without a finding where the verdict alone changed.
    """
    frame = {
        **{name: after[name] for name in ("frame_id", "root", "path")},
        "before": before["verdict"]["decision"],
        "after": after["verdict"]["decision"],
    }
    old = {finding["finding_id"]: finding for finding in before["findings"]}
    changed = [
        _example(old[now["finding_id"]], now, said.get(now["finding_id"]))
        for now in after["findings"]
        if now["finding_id"] in old and now["class"] != old[now["finding_id"]]["class"]
    ]
    changed.sort(key=lambda one: (not one["contradicts"], one["said"] is None, -one["now_probability"]))
    nothing = {"finding_id": None, "rectangle": None, "said": None, "contradicts": False}
    return [{**frame, **one} for one in changed[:_OF_A_FRAME] or [nothing]]


def _example(was: Json, now: Json, said: str | None) -> dict[str, Any]:
    return {
        "finding_id": now["finding_id"],
        "rectangle": now["rectangle"],
        "was": was["class"],
        "was_probability": was["probability"][was["class"]],
        "now": now["class"],
        "now_probability": now["probability"][now["class"]],
        "said": said,
        "contradicts": said is not None and was["class"] == said != now["class"],
    }
