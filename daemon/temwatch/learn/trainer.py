"""The process that learns: a folder with labels and an order in, a candidate on the shelf and an outcome out.

``python -m temwatch.learn.trainer FOLDER --parent PID``. It may be killed at any moment: the candidate's folder comes
whole or not at all, the outcome is written last, and nothing is promoted here.
"""

import json
import os
import platform
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from temwatch import __version__, limits
from temwatch.errors import TemwatchError
from temwatch.learn.advice import outlooks
from temwatch.learn.candidate import RECIPES, Candidate, Champion, Settings, learn_candidate
from temwatch.learn.training_set import TrainingSet, read_training_set
from temwatch.limits import WorkerLimits
from temwatch.store.shelf import load, save

LABELS, ORDER, OUTCOME = "labels.rows", "order.json", "outcome.json"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--parent", type=int, required=True)
@click.option("--memory-mb", type=int, required=True)
@click.option("--nice", type=int, required=True)
def main(folder: Path, parent: int, memory_mb: int, nice: int) -> None:
    """Learn as FOLDER says."""
    limits.apply(WorkerLimits(memory_mb=memory_mb, nice=nice), parent_pid=parent)
    limits.one_thread_only()
    try:
        outcome = learned(folder)
    except TemwatchError as error:
        outcome = {"failed": error.message, "next_step": error.next_step}
    except MemoryError:
        outcome = {"failed": f"needed more than {memory_mb} MB", "next_step": "label fewer, or give it more"}
    written = folder / f"{OUTCOME}.new"
    written.write_text(json.dumps(outcome), "utf-8")
    written.replace(folder / OUTCOME)


def learned(folder: Path) -> dict[str, Any]:
    """Learn what an order says, put the candidate on the shelf, and return the outcome, JSON-ready."""
    begun = time.monotonic()
    order = json.loads((folder / ORDER).read_text("utf-8"))
    labels = read_training_set(folder / LABELS)
    simulated = read_training_set(Path(order["simulated"])) if order["simulated"] else None
    champion = Champion(
        recognizer=load(Path(order["champion"])),
        recipe=order["champion_recipe"],
        label_ids=frozenset(order["champion_labels"]),
    )
    settings = Settings(method=order["method"], confidence=order["confidence"], floors=order["floors"])
    candidate = learn_candidate(labels, _fitting(simulated, labels), champion, settings, say=_say)
    model_id = save(candidate.recognizer, Path(order["shelf"]))
    return {
        "model_id": model_id,
        "training": training_of(candidate, labels, parent=Path(order["champion"]).name),
        "label_ids": list(candidate.label_ids),
        **facts_of(candidate, took_s=time.monotonic() - begun),
    }


def training_of(candidate: Candidate, labels: TrainingSet, *, parent: str) -> dict[str, Any]:
    """Return where a candidate comes from, JSON-ready."""
    return {
        "parent": parent,
        "recipe": candidate.recipe,
        "recipe_in_words": RECIPES[candidate.recipe],
        "atlas_sha256": labels.digest,
        "labels": len(candidate.label_ids),
        "labels_by_class": dict(labels.rows_by_class),
        "frames": len(set(labels.groups)),
        "operators": sorted(set(labels.operators)),
        "feature_set": labels.feature_set,
        "software": f"temwatch {__version__}",
        "libraries": {name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
        "python": platform.python_version(),
    }


def facts_of(candidate: Candidate, *, took_s: float) -> dict[str, Any]:
    """Return what the gate saw and said, JSON-ready."""
    verdict = candidate.verdict
    return {
        "passed": verdict.passed,
        "sentence": verdict.sentence,
        "mean_recall": [verdict.before, verdict.after],
        "recall": {
            name: {"n": now.n, "before": was.hits, "after": now.hits}
            for name, (was, now) in verdict.recalls.items()
        },
        "disputed": sorted(label for one in candidate.dissents for label in one.label_ids),
        "dissents": [asdict(one) for one in candidate.dissents],
        "advice": [
            {"of": one.class_, "n": one.n, "now": one.now, "then": one.then, "sentence": one.sentence}
            for one in outlooks(candidate.curve)
        ],
        "took_s": round(took_s, 1),
    }


def _fitting(simulated: TrainingSet | None, labels: TrainingSet) -> TrainingSet | None:
    """Return the simulated rows where they have the features that the labels have."""
    if simulated is None or simulated.feature_set != labels.feature_set:
        return None
    return simulated


def _say(said: str) -> None:
    sys.stderr.write(said + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
