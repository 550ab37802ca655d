"""What a worker does with a job: read one image of a file, inspect it, pack the report."""

import struct
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.acceptance.rules import Rules
from temwatch.errors import PermanentError
from temwatch.model.finding import Rectangle
from temwatch.model.frame import Frame, ImagingMode
from temwatch.model.naming import FrameName
from temwatch.reading.reader import Overrides, read_frame
from temwatch.store.shelf import load
from temwatch.store.weights import load_weights, shipped_finder
from temwatch.vision.features import FEATURE_SET
from temwatch.vision.finder.base import Finder
from temwatch.vision.finder.drawn import DrawnFinder
from temwatch.vision.finder.threshold import ThresholdFinder
from temwatch.vision.inspection import Inspection
from temwatch.vision.overlay import preview
from temwatch.wire import messages
from temwatch.work.bench import Bench, Hints
from temwatch.work.content import refuse_other_content

PREVIEW_PX = 1024
_JPEG_QUALITY = 80


class Inspect:
    """The task of a worker.

    Parameters
    ----------
    settings : dict
        ``model`` (folder of the recognizer), ``finder``, ``acceptance``; see `bench_of`.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._bench = bench_of(settings)

    def __call__(self, body: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Return the report of one job: JSON facts, and as blobs report, features, contours, preview.

        A job whose file turns out to hold several images, and which does not say which one is meant, is answered
        with their number alone. A job with a ``drawn`` rectangle is answered with a report about what is in it.

        Raises
        ------
        TemwatchError
            Any of the reading room's, and `FrameChanged` where the content is not what was accepted.
        """
        begun = time.perf_counter()
        root, relpath = Path(body["root_path"]), body["relpath"]
        refuse_other_content(root, relpath, section=body["section"], fingerprint=body["fingerprint"])
        frame = read_frame(
            Path(relpath),
            section=body["section"],
            beneath=root,
            overrides=Overrides(nm_per_px=body["nm_per_px"], imaging_mode=_mode(body["imaging_mode"])),
        )
        if body["unfold"] and frame.sections > 1:
            return {"sections": frame.sections}, []
        read_ms = 1000 * (time.perf_counter() - begun)
        name = FrameName(
            frame_id=body["frame_id"], root=body["root"], path=body["path"], revision=body["revision"]
        )
        hints = Hints(object_size_nm=body["object_size_nm"], polarity=body["polarity"])
        bench = self._bench
        if "drawn" in body:
            bench = replace(bench, finder=DrawnFinder(Rectangle(**body["drawn"])))
        made = bench.inspect(frame, name, zone=body["zone"], hints=hints, read_ms=read_ms)
        facts = {"feature_set": FEATURE_SET, "findings": len(made.report.findings)}
        blobs = [
            messages.to_json(made.report),
            made.measured.features.astype("<f4").tobytes(),
            packed_contours(made.measured),
            jpeg(frame),
        ]
        return facts, blobs


def bench_of(settings: dict[str, Any]) -> Bench:
    """Return the bench that JSON settings describe.

    Parameters
    ----------
    settings : dict
        ``{"model": folder, "confidence": share or None, "finder": {"method", "sensitivity", ...}, "acceptance": {...},
        "remarks": sentences for every report}``.
    """
    folder = Path(settings["model"])
    recognizer, confidence = load(folder), settings.get("confidence")
    return Bench(
        recognizer=recognizer if confidence is None else recognizer.at_confidence(confidence),
        model_id=folder.name,
        finder=finder_of(settings["finder"]),
        rules=rules_of(settings["acceptance"]),
        sensitivity=float(settings["finder"]["sensitivity"]),
        remarks=tuple(settings.get("remarks", ())),
    )


def finder_of(settings: dict[str, Any]) -> Finder:
    """Return the finder that ``[finder]`` describes.

    Raises
    ------
    ModelRefused
        The learned finder's weights are missing or altered, or onnxruntime is not installed.
    """
    sensitivity = float(settings["sensitivity"])
    if settings["method"] == "threshold":
        return ThresholdFinder(sensitivity=sensitivity)
    if settings["method"] != "learned":
        raise PermanentError(
            f"no finder {settings['method']!r}", next_step='set [finder] method = "learned" or "threshold"'
        )
    # Imported when it is asked for: it brings scipy, scikit-image and the runtime with it.
    from temwatch.vision.finder.learned import LearnedFinder

    folder = Path(settings["weights"]) if settings.get("weights") else shipped_finder()
    return LearnedFinder(
        load_weights(folder, settings.get("precision", "int8")),
        sensitivity=sensitivity,
        full_resolution=bool(settings.get("full_resolution", False)),
    )


def rules_of(settings: dict[str, Any]) -> Rules:
    """Return the acceptance rules that ``[acceptance]`` describes; the paper's Table 4 where it gives none."""
    highest = settings["highest_grade"]
    return Rules() if highest is None else Rules(highest=highest)


def packed_contours(measured: Inspection) -> bytes:
    """Return all contours as little-endian int32: how many, how long each, then their (row, col) points."""
    lengths = [len(contour) for contour in measured.contours]
    head = struct.pack(f"<{1 + len(lengths)}i", len(lengths), *lengths)
    return head + b"".join(
        np.ascontiguousarray(contour, dtype="<i4").tobytes() for contour in measured.contours
    )


def unpacked_contours(data: bytes) -> list[NDArray[np.int32]]:
    """Return the contours that `packed_contours` wrote, each of shape (points, 2)."""
    numbers = np.frombuffer(data, dtype="<i4")
    count = int(numbers[0])
    lengths = numbers[1 : 1 + count]
    points = numbers[1 + count :].reshape(-1, 2).astype(np.int32)
    return np.split(points, np.cumsum(lengths)[:-1]) if count else []


def jpeg(frame: Frame) -> bytes:
    """Return a small picture of a frame for people."""
    _, encoded = cv2.imencode(
        ".jpg", preview(frame.image, long_side=PREVIEW_PX), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    return bytes(encoded)


def _mode(value: str) -> ImagingMode | None:
    return None if value == "auto" else ImagingMode(value)
