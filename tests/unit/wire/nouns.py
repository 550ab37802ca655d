"""Any report, event or status that the nouns allow, for property tests; and one of each to look at."""

from collections.abc import Mapping
from typing import Any, get_args

from hypothesis import strategies as st

from temwatch.model.events import FrameAccepted, FrameGone, FrameSetAside, StatusChanged
from temwatch.model.label import Label
from temwatch.model.report import Report

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(str, TEXT)
st.register_type_strategy(float, NUMBERS)
st.register_type_strategy(
    Mapping, lambda type_: st.dictionaries(*map(st.from_type, get_args(type_)), max_size=3)
)

REPORTS: st.SearchStrategy[Any] = st.from_type(Report)
EVENTS: st.SearchStrategy[Any] = st.one_of(
    REPORTS,
    st.from_type(FrameAccepted),
    st.from_type(FrameSetAside),
    st.from_type(FrameGone),
    st.from_type(StatusChanged),
    st.from_type(Label),
)

FRAME = {"frame_id": "0" * 20, "root": "titan", "path": "s1/0001.dm4", "z": None, "revision": 1}
RECTANGLE = {"row": 812.5, "col": 90.0, "length_px": 41.0, "width_px": 30.2, "angle_deg": -12.0}
FINDING = {
    "finding_id": "0" * 20 + ".0",
    "class": "pore",
    "probability": {"pore": 0.91, "crack": 0.09},
    "prediction_set": ["pore"],
    "novelty": 0.12,
    "score": 0.8,
    "rectangle": RECTANGLE,
    "area_px": 930,
    "area_nm2": 1450.8,
    "equivalent_diameter_nm": 42.98,
    "grade": "II",
    "zone": "B1",
    "touches_edge": False,
}
REPORT = {
    **FRAME,
    "sha256": "f" * 64,
    "sha256_of": "file",
    "acquired_at": None,
    "shape": [4096, 4096],
    "format": "dm4",
    "signal": "HAADF",
    "calibration": {"nm_per_px": 1.249, "source": "file", "relative_uncertainty": None},
    "imaging_mode": {"value": "HAADF", "source": "file"},
    "data_bar": {"edge": "bottom", "rows": 64},
    "verdict": {"decision": "refer", "reasons": ["crack in the prediction set of 1 finding"]},
    "findings": [FINDING],
    "summary": {
        "count_by_class": {"pore": 1},
        "particle_size_nm": {
            "n": 3,
            "mean": 4.0,
            "sd": 1.0,
            "p10": 3,
            "p50": 4,
            "p90": 5,
            "mean_ci95": [3.1, 4.9],
        },
    },
    "model": {"id": "m", "method": "kernel_elm", "provenance": "simulated"},
    "finder": "learned",
    "sensitivity": 0.5,
    "software": "temwatch 0.1.0",
    "notes": ["no calibration"],
    "timings_ms": {"read": 9.0},
}
LEDGER = {"seen": 3, "done": 1, "queued": 1, "held": 1, "set_aside": 0, "gone": 0}
STATUS = {
    "state": "ready",
    "reason": "",
    "version": "0.1.0",
    "pid": 4711,
    "started_at": "2026-03-01T12:00:00.000Z",
    "roots": {
        "titan": {
            "state": "online",
            "discovery": "events",
            "reason": "",
            "files": 3,
            "folders": 1,
            "scan_s": 0.01,
            "last_frame_at": None,
        }
    },
    "ledger": {"titan": LEDGER},
    "workers": [{"name": "worker 1", "state": "busy", "doing": "a.dm4", "for_s": 0.2, "jobs_done": 7}],
    "model": "m",
    "finder": "learned",
    "sensitivity": 0.7,
    "sensitivity_by": "anna",
    "head": 12,
    "disk_free_bytes": 10**12,
    "notes": [],
}
LABEL = {
    "label_id": 7,
    "finding_id": "0" * 20 + ".0",
    "said_of": "0" * 20 + ".0",
    "frame_id": "0" * 20,
    "root": "titan",
    "path": "s1/0001.dm4",
    "class": "crack",
    "state": "corrected",
    "revision": 2,
    "by": "anna",
    "known": "key",
    "at": "2026-03-01T12:00:00.000Z",
    "note": "",
    "predicted": {"class": "pore", "probability": {"pore": 0.6, "crack": 0.4}, "model_id": "m"},
    "previous": {
        "label_id": 3,
        "class": "pore",
        "state": "confirmed",
        "by": "ben",
        "at": "2026-03-01T11:00:00.000Z",
    },
    "blind": False,
    "undone": False,
    "stands": True,
    "drawn": False,
    "measured": "measured",
    "why_not_measured": "",
    "rectangle": RECTANGLE,
    "undo": None,
}
UNDO = {"id": 8, "label_id": 7, "by": "ben", "known": "declared", "at": "2026-03-01T12:00:00.000Z"}
REVIEW_ITEM = {
    **{key: LABEL[key] for key in ("finding_id", "frame_id", "root", "path", "rectangle")},
    **dict.fromkeys(("class", "probability", "prediction_set", "novelty", "revision", "said")),
    "why": "control",
    "blind": True,
}
AGREEMENT = {
    "between": "operator and machine",
    "who": ["anna"],
    "n": 40,
    "agreed": 0.9,
    "kappa": 0.8,
    "low": 0.6,
    "high": 1.0,
}
SCORE = {
    "of": "all",
    "n": 40,
    "right": 30,
    "accuracy": 0.75,
    "low": 0.6,
    "high": 0.86,
    "recent": 0.8,
    "recent_low": 0.6,
    "recent_high": 0.9,
    "recent_n": 31.0,
}
MOMENT = {
    "label_id": 7,
    "at": "2026-03-01T12:00:00.000Z",
    "of": "all",
    "n": 40,
    "recent": 0.8,
    "low": 0.6,
    "high": 0.9,
}
COMMAND = {"v": 1, "cmd_id": "c" * 32, "cmd": "status", "args": {}, "operator": "anna"}
# One message of each kind, by the name of its schema.
ATTEMPT: dict[str, Any] = {
    "attempt": 3,
    "state": "refused",
    "why": "labels",
    "asked_by": "temwatch",
    "begun_at": "2026-03-01T12:00:00.000Z",
    "ended_at": "2026-03-01T12:01:00.000Z",
    "labels": 120,
    "newest_label": 140,
    "sentence": "refused: crack loses",
    "model_id": "a" * 64,
    "recall": {"crack": {"n": 12, "before": 10, "after": 7}},
    "mean_recall": [0.7, 0.68],
    "disputed": [7],
    "advice": [{"of": "crack", "n": 12, "now": 0.7, "then": None, "sentence": "crack: no curve yet"}],
    "took_s": 31.5,
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "frame.inspected": REPORT,
    "frame.accepted": {**FRAME, "size_bytes": 1024},
    "frame.set_aside": {**FRAME, "reason": "damaged", "next_step": "take it again"},
    "frame.gone": FRAME,
    "status.changed": STATUS,
    "label.set": LABEL,
    "label.checked": {**LABEL, "blind": True, "stands": False, "previous": None},
    "label.moved": LABEL,
    "label.measured": {**LABEL, "drawn": True, "predicted": None},
    "label.undone": {**LABEL, "label_id": None, "class": None, "state": "predicted", "undo": UNDO},
    "model.learned": ATTEMPT,
    "model.promoted": {
        "model_id": "a" * 64,
        "before_id": "b" * 64,
        "by": "temwatch",
        "why": "gate",
        "sentence": "passed",
    },
    "model.shadowed": {
        "model_id": "a" * 64,
        "beside_id": "b" * 64,
        "state": "begun",
        "labels": 0,
        "wanted": 30,
        "sentence": "waits for 30 labels",
    },
    "model.frozen": {"model_id": "a" * 64, "frozen": True, "reason": "series 7", "by": "anna"},
    "model.rescored": {
        "model_id": "a" * 64,
        "done": 20,
        "of": 90,
        "changed": [
            {
                "frame_id": "0" * 20,
                "root": "titan",
                "path": "a.tif",
                "before": "accept",
                "after": "reject",
                "renamed": 2,
                "contradicts": 1,
            }
        ],
    },
    "header": {
        "v": 1,
        "epoch": "e",
        "seq": 7,
        "prev": 5,
        "id": "x:accepted",
        "type": "frame.accepted",
        "at": "2026-03-01T12:00:00.000Z",
        "stored": True,
    },
    "heartbeat": {"head": 7, "heads": {"tw1/frame/": 7}, "state": "ready"},
    "command": COMMAND,
    "reply": {
        "v": 1,
        "cmd_id": "c" * 32,
        "ok": False,
        "error": {"code": "busy", "message": "later", "retryable": True},
    },
    "args.hello": {},
    "args.status": {},
    "args.drain": {},
    "args.replay": {"since": 3, "limit": 10, "topic": "tw1/label/"},
    "args.snapshot": {"before": None, "limit": 5},
    "args.frame.get": {"frame_id": "0" * 20, "preview": False},
    "args.frame.pixels": {"frame_id": "0" * 20, "row": 0, "col": 512, "rows": 256, "cols": 256},
    "args.frame.contours": {"frame_id": "0" * 20},
    "args.frame.reinject": {"frame_id": "0" * 20},
    "args.audit.recent": {"before": 7, "limit": 10},
    "args.label.set": {
        "finding_id": "0" * 20 + ".0",
        "class": "crack",
        "state": "doubtful",
        "expect_revision": 0,
    },
    "args.label.undo": {"label_id": 7, "operator": "anna"},
    "args.label.history": {"finding_id": "0" * 20 + ".d1"},
    "args.label.list": {"frame_id": "0" * 20},
    "args.label.page": {"after": 7, "limit": 10},
    "args.label.bulk": {"finding_ids": ["0" * 20 + ".0"], "class": "pore", "dry_run": True},
    "args.label.revert": {"by": "anna", "since": "2026-03-01T12:00:00Z", "dry_run": True},
    "args.label.add": {"frame_id": "0" * 20, "rectangle": RECTANGLE, "class": "pore"},
    "args.retrain": {"operator": "anna"},
    "args.retrain.cancel": {},
    "args.retrain.status": {"attempt": 3, "limit": 10},
    "args.model.list": {"label_id": 7},
    "args.model.show": {"model_id": "87ee4874"},
    "args.model.compare": {"first": "87ee4874", "second": "d1566b9b"},
    "args.model.diff": {"model_id": None, "limit": 10},
    "args.model.promote": {"model_id": "87ee4874"},
    "args.model.rollback": {},
    "args.model.freeze": {"reason": "series 7"},
    "args.model.unfreeze": {},
    "args.review.next": {"limit": 5, "operator": "anna", "class": "pore", "root": None},
    "args.review.agreement": {},
    "args.review.accuracy": {},
    "answer.review.next": {"items": [REVIEW_ITEM], "waiting": 12, "labelled": 3},
    "answer.review.agreement": {"agreements": [AGREEMENT]},
    "answer.review.accuracy": {
        "classes": [SCORE],
        "blind": [],
        "models": [],
        "course": [MOMENT],
        "alarms": [{"label_id": 7, "at": "2026-03-01T12:00:00.000Z", "error_before": 0.2, "n": 80}],
        "unfamiliar": [{"root": "titan", "frame_id": "0" * 20, "path": "a.dm4", "before": 0.7, "n": 60}],
    },
    "args.finder.sensitivity": {"value": 0.7},
    "args.root.pause": {"root": "titan"},
    "args.root.resume": {"root": "titan"},
    "args.root.remove": {"root": "replay-1"},
    "args.root.add": {"root": "replay-1", "path": "/data/old"},
}
