"""How many labels the review queue spares: the same recognizer taught by what it offers, and by findings drawn at random.

Simulated specimens of the hard kind in mixed modes, as the threshold finder cuts them; a third of the specimens is held out
in each repeat, both ways begin with the same few labels of each class, every label is the truth. Prints means over repeats.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import warnings

import numpy as np

from temwatch.learn.queue import rank
from temwatch.learn.simulated_atlas import simulated_atlas
from temwatch.model.review import Candidates
from temwatch.recognition.kernel_elm import KernelELM
from temwatch.recognition.recognizer import fit_scaler
from temwatch.vision.finder.threshold import ThresholdFinder

CLASSES = ("crack", "pore", "slag_inclusion", "looseness", "particle", "artefact")
SPECIMENS, FRAMES_EACH, REPEATS, STEP, MOST = 24, 3, 8, 20, 220


def taught(rows, names, asked):
    scaler = fit_scaler(rows)
    machine = KernelELM().fit(scaler.standardise(rows), names)
    return machine.classes_, machine.predict_proba(scaler.standardise(asked))


def offered(features, labelled, probability, classes, dice, begin):
    """Return which rows of `features` the queue offers; novelty is the rank of the distance to the nearest label."""
    ordered = np.sort(probability, axis=1)
    scaler = fit_scaler(features)
    rows, known = scaler.standardise(features), scaler.standardise(labelled)
    far = np.array([np.linalg.norm(known - row, axis=1).min() for row in rows])
    candidates = Candidates(
        finding_ids=tuple(str(k) for k in range(len(rows))),
        class_=tuple(classes[probability.argmax(axis=1)]),
        margin=ordered[:, -1] - ordered[:, -2],
        novelty=far.argsort().argsort() / len(far),
        features=features.astype(np.float32),
    )
    controls = [str(k) for k in dice.permutation(len(rows))[:STEP]]
    return [int(pick.finding_id) for pick in rank(candidates, limit=STEP, begin=begin, controls=controls)]


def course(features, names, pool, test, way, seed):
    """Return accuracy and mean recall on the rows held out, after each step of labels."""
    dice = np.random.default_rng(seed)
    start = [pool[names[pool] == name][:3] for name in np.unique(names[pool])]
    labelled, found = list(np.concatenate(start)), []
    while len(labelled) <= MOST:
        left = np.setdiff1d(pool, labelled)
        classes, probability = taught(
            features[labelled], names[labelled], np.vstack([features[test], features[left]])
        )
        said = classes[probability[: len(test)].argmax(axis=1)]
        right = said == names[test]
        recall = [right[names[test] == name].mean() for name in np.unique(names[test])]
        found.append((len(labelled), right.mean(), np.mean(recall)))
        if way == "random":
            labelled += list(dice.choice(left, STEP, replace=False))
        else:
            chosen = offered(
                features[left], features[labelled], probability[len(test) :], classes, dice, len(labelled)
            )
            labelled += [left[k] for k in chosen]
    return found


def main() -> int:
    warnings.simplefilter("ignore")
    atlas = simulated_atlas(
        "mixed", finder=ThresholdFinder(), specimens=SPECIMENS, frames_each=FRAMES_EACH, classes=CLASSES
    )
    names, groups = np.array(atlas.classes), np.array(atlas.groups)
    courses = {"random": [], "queue": []}
    for seed in range(REPEATS):
        dice = np.random.default_rng(seed)
        held = np.isin(groups, dice.choice(np.unique(groups), SPECIMENS // 3, replace=False))
        pool, test = dice.permutation(np.flatnonzero(~held)), np.flatnonzero(held)
        for way, kept in courses.items():
            kept.append(course(atlas.features, names, pool, test, way, seed))
    print(
        f"{len(names)} findings, {REPEATS} repeats; labels: accuracy and mean recall, at random and by the queue"
    )
    random, queue = (np.array(courses[way]) for way in ("random", "queue"))
    for k, labels in enumerate(random[0, :, 0]):
        gain = queue[:, k, 2] - random[:, k, 2]
        print(
            f"{int(labels):4d}: {random[:, k, 1].mean():.3f} {queue[:, k, 1].mean():.3f}"
            f"   {random[:, k, 2].mean():.3f} {queue[:, k, 2].mean():.3f}"
            f"   gain in recall {gain.mean():+.3f} (standard error {gain.std(ddof=1) / REPEATS**0.5:.3f})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
