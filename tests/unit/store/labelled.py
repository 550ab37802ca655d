"""Frames with findings, and people who say what they are, made short."""

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from temwatch.model.caller import Caller
from temwatch.model.finding import Rectangle
from temwatch.store import findings, frames, labelling
from temwatch.store.findings import Facts
from temwatch.store.frames import FrameRow
from temwatch.store.labelling import Statement
from temwatch.store.results import Inspected
from temwatch.store.store import Store
from unit.store import facts

P = 3  # features of a finding


def square(row: float, col: float, side_px: float = 10.0) -> Rectangle:
    return Rectangle(row=row, col=col, length_px=side_px, width_px=side_px, angle_deg=0.0)


def report(
    frame: FrameRow, rectangles: Sequence[Rectangle], *, model_id: str = "m1", novelty: float = 0.1
) -> bytes:
    found = [
        {
            "finding_id": f"{frame.frame_id}.{k}",
            "class": "pore",
            "probability": {"pore": 0.7, "crack": 0.3},
            "prediction_set": ["pore"],
            "novelty": novelty,
            "rectangle": asdict(rectangle),
        }
        for k, rectangle in enumerate(rectangles)
    ]
    said: dict[str, Any] = {
        "sha256": f"sha of {frame.fingerprint}",
        "shape": [512, 512],
        "model": {"id": model_id},
        "findings": found,
    }
    return json.dumps(said).encode()


def inspect(
    store: Store, rectangles: Sequence[Rectangle], *, model_id: str = "m1", novelty: float = 0.1
) -> FrameRow:
    """Let a worker bring home the newest frame with these findings; finding k has the features (k, k, k)."""
    claimed = store.lease(until_s=1e9)
    assert claimed is not None
    job, frame = claimed
    rows = b"".join(struct.pack(f"<{P}f", *[float(k)] * P) for k in range(len(rectangles)))
    done = store.finish(
        job.job_id,
        job.attempt,
        Inspected(
            report_json=report(frame, rectangles, model_id=model_id, novelty=novelty),
            model_id=model_id,
            decision="accept",
            findings=len(rectangles),
            feature_set="f1",
            features=rows,
            contours=b"",
            preview=b"",
        ),
        at=facts.AT,
    )
    assert done is not None
    return done


def frame(
    store: Store,
    *rectangles: Rectangle,
    name: bytes = b"a.tif",
    fingerprint: str = "f",
    root: str = "titan",
    novelty: float = 0.1,
) -> FrameRow:
    """Return an inspected frame with findings at these rectangles."""
    store.accept(facts.sighted(name, fingerprint, root=root), at=facts.AT)
    return inspect(store, rectangles, novelty=novelty)


def again(store: Store, *rectangles: Rectangle, name: bytes = b"a.tif", fingerprint: str = "f") -> FrameRow:
    """Return a new revision of the same bytes: the file went before it was inspected, and came back."""
    store.accept(facts.sighted(name, "passing"), at=facts.AT)
    store.vanish(facts.vanished(name), at=facts.AT)
    return frame(store, *rectangles, name=name, fingerprint=fingerprint)


def person(name: str, number: int = 0) -> Caller:
    return Caller(
        name=name,
        role="labeller",
        known="declared",
        cmd="label.set",
        cmd_id=f"{name}-{number:08d}",
        request_sha256="a" * 64,
    )


ANNA, BEN = person("anna"), person("ben")


def known(store: Store, finding_id: str) -> Facts:
    return store.database.ask(lambda connection: findings.look_up(connection, [finding_id]))[finding_id]


def say(
    store: Store, finding_id: str, class_: str, by: Caller = ANNA, seconds: float = 0.0, **said: Any
) -> Any:
    """Label a finding as `by`, and return the label."""
    about = known(store, finding_id)
    with store.database.transaction() as tx:
        return labelling.set_label(tx, about, Statement(class_=class_, **said), by, at=facts.at(seconds))


def take_back(store: Store, label_id: int, by: Caller = ANNA, seconds: float = 0.0) -> Any:
    with store.database.transaction() as tx:
        return labelling.undo(tx, label_id, by, at=facts.at(seconds))


def draw(store: Store, frame_: FrameRow, rectangle: Rectangle, class_: str, by: Caller = ANNA) -> Any:
    with store.database.transaction() as tx:
        there = frames.by_pk(tx, frame_.pk)
        said = Statement(class_=class_)
        return labelling.draw(tx, there, "sha", rectangle, said, by, at=facts.AT)
