"""New classes at a real daemon: label some frames of a marked set, have it learn, and see how it names the others.

Run ``python benchmarks/new_classes.py FOLDER --hold-out 2``, FOLDER a marked set by the name it was published under.
Frames are copied into a watched folder in portions: first those that are labelled, by their marks (a find where nothing
is marked is an artefact), then, with the new recognizer in use, the rest. Every way of holding out is tried in turn.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from temwatch.client import Commands
from temwatch.errors import TransientError
from temwatch.learn.marked_frames import SETS, MarkedFrame
from temwatch.recognition.evaluation import Share
from temwatch.vision.matching import match

_CONFIG = """\
[state]
dir = "state"
[[roots]]
name = "foil"
path = "incoming"
quiet_s = 0.2
[publish]
events = "ipc://{site}/e"
commands = "ipc://{site}/c"
[retrain]
cron = ""
min_new_labels = 1000000
promote = "manual"
"""


def named(frame: MarkedFrame, findings: list[dict[str, Any]]) -> list[str]:
    """Return what people marked where each finding lies; ``artefact`` where they marked nothing."""
    at = np.array([(f["rectangle"]["row"], f["rectangle"]["col"]) for f in findings]).reshape(-1, 2)
    words = ["artefact"] * len(findings)
    for found, marked in match(at, frame.centre, frame.radius_px):
        words[found] = frame.kind[marked].replace(" ", "_")
    return words


def write(frame: MarkedFrame, folder: Path) -> None:
    """Write a frame as the microscope would."""
    tifffile.imwrite(folder / f"{frame.name}.tif", frame.image)


def reports(daemon: Commands, count: int) -> dict[str, dict[str, Any]]:
    """Return the newest report of every frame by its name, once there are so many."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            found = daemon.ask("snapshot", limit=1000).result["reports"]
        except TransientError:
            continue
        by_name = {Path(report["path"]).stem: report for report in reversed(found)}
        if len(by_name) == count:
            return by_name
        time.sleep(0.1)
    raise SystemExit(f"{count} frames did not come back")


def trial(learn_from: list[MarkedFrame], test_on: list[MarkedFrame]) -> dict[str, Any]:
    """Return how the frames nobody labelled were named, by true class, JSON-ready."""
    with tempfile.TemporaryDirectory() as name:
        site = Path(name)
        (site / "incoming").mkdir()
        (site / "config.toml").write_text(_CONFIG.format(site=site))
        with (site / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "temwatch", "-c", str(site / "config.toml"), "run"],
                stdout=log,
                stderr=log,
                env=dict(os.environ),
            )
        try:
            with Commands(f"ipc://{site}/c", timeout_s=60.0, operator="by the marks") as daemon:
                for frame in learn_from:
                    write(frame, site / "incoming")
                labels = Counter[str]()
                found = reports(daemon, len(learn_from))
                for frame in learn_from:
                    findings = found[frame.name]["findings"]
                    for finding, class_ in zip(findings, named(frame, findings), strict=True):
                        said: dict[str, Any] = {"finding_id": finding["finding_id"], "class": class_}
                        daemon.ask("label.set", **said)
                        labels[class_] += 1
                number = daemon.ask("retrain").result["attempt"]
                while (attempt := _attempt(daemon, number))["state"] == "running":
                    time.sleep(0.2)
                if attempt["model_id"] is None:
                    raise SystemExit(attempt["sentence"])
                daemon.ask("model.promote", model_id=attempt["model_id"])
                for frame in test_on:
                    write(frame, site / "incoming")
                found = reports(daemon, len(learn_from) + len(test_on))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    pairs = Counter[str]()
    for frame in test_on:
        findings = found[frame.name]["findings"]
        assert found[frame.name]["model"]["id"] == attempt["model_id"]
        for finding, class_ in zip(findings, named(frame, findings), strict=True):
            pairs[f"{class_} > {finding['class']}"] += 1
    return {
        "labelled": [frame.name for frame in learn_from],
        "labels": labels,
        "gate": attempt["sentence"],
        "pairs": pairs,
    }


def _attempt(daemon: Commands, number: int) -> dict[str, Any]:
    found: dict[str, Any] = daemon.ask("retrain.status", attempt=number).result["attempts"][0]
    return found


def table(pairs: Counter[str]) -> str:
    """Return recall by class and in all, with Wilson intervals."""
    lines = []
    classes = sorted({pair.split(" > ")[0] for pair in pairs})
    for class_ in classes:
        row = {pair.split(" > ")[1]: n for pair, n in pairs.items() if pair.split(" > ")[0] == class_}
        lines.append(
            f"{class_:<12}{Share(row.get(class_, 0), sum(row.values()))}  {dict(sorted(row.items()))}"
        )
    objects = {pair: n for pair, n in pairs.items() if not pair.startswith("artefact >")}
    for what, chosen in (("all", dict(pairs)), ("real objects", objects)):
        right = sum(n for pair, n in chosen.items() if len(set(pair.split(" > "))) == 1)
        commonest = Counter[str]()
        for pair, n in chosen.items():
            commonest[pair.split(" > ")[0]] += n
        guess = max(commonest.values()) / sum(commonest.values())
        lines.append(
            f"{what:<12}{Share(right, sum(chosen.values()))}  (always the commonest class: {guess:.1%})"
        )
    return "\n".join(lines)


def main() -> None:
    """Run every way of holding out, and print all and their sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hold-out", type=int, default=2)
    parser.add_argument("--at-most", type=int, default=100, help="Ways of holding out.")
    said = parser.parse_args()
    frames = list(SETS[said.folder.name](said.folder))
    total = Counter[str]()
    for out in list(combinations(range(len(frames)), said.hold_out))[: said.at_most]:
        one = trial([f for k, f in enumerate(frames) if k not in out], [frames[k] for k in out])
        total.update(one["pairs"])
        print(json.dumps(one), flush=True)
    print(table(total))


if __name__ == "__main__":
    main()
