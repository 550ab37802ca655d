"""What the page keeps of every frame: a card of a few hundred bytes instead of its whole report. Pure."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def card_of(report: Mapping[str, Any], *, seq: int, at: str) -> Json:
    """Return the card of an inspected frame.

    Parameters
    ----------
    report : mapping
        Body of ``frame.inspected``.
    seq : int
        Of its message; 0 where it came with a snapshot.
    at : str
        When it was published; empty where that is not known.
    """
    return {
        "kind": "inspected",
        "seq": seq,
        "at": at,
        **_place(report),
        "verdict": report["verdict"],
        "counts": report["summary"]["count_by_class"],
        "findings": len(report["findings"]),
        "shape": report["shape"],
        "nm_per_px": report["calibration"]["nm_per_px"],
        "mode": report["imaging_mode"]["value"],
        "acquired_at": report["acquired_at"],
    }


def end_of(body: Mapping[str, Any], *, kind: str, seq: int, at: str) -> Json:
    """Return the card of a frame that was set aside or is gone."""
    return {
        "kind": kind,
        "seq": seq,
        "at": at,
        **_place(body),
        "reason": body.get("reason", ""),
        "next_step": body.get("next_step", ""),
    }


def card_of_end(body: Mapping[str, Any], *, seq: int = 0, at: str = "") -> Json:
    """Return the card of any end of a frame, told apart by what its body holds."""
    if "verdict" in body:
        return card_of(body, seq=seq, at=at)
    return end_of(body, kind="set_aside" if "reason" in body else "gone", seq=seq, at=at)


def _place(body: Mapping[str, Any]) -> Json:
    return {name: body[name] for name in ("frame_id", "root", "path", "z", "revision")}
