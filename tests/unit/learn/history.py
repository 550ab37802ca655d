"""A store with inspected frames whose findings can be told apart, and people who label them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from temwatch.model.caller import Caller
from temwatch.model.finding import Finding, Rectangle
from temwatch.model.frame import Calibration, ModeReading
from temwatch.model.report import Decision, ModelName, Report, SizeStatistics, Summary, Verdict
from temwatch.store import findings, labelling
from temwatch.store.frames import FrameRow
from temwatch.store.labelling import Statement
from temwatch.store.results import Inspected
from temwatch.store.store import Store
from temwatch.vision.features import FEATURE_NAMES, FEATURE_SET
from temwatch.wire import messages
from unit.store import facts

CLASSES = ("crack", "pore", "slag_inclusion")


def rows_of(classes: Sequence[str], random: np.random.Generator) -> NDArray[np.float32]:
    """Return features in which the classes lie apart, each around a place of its own."""
    places = np.random.default_rng(5).normal(scale=2.0, size=(len(CLASSES), len(FEATURE_NAMES)))
    noise = random.normal(size=(len(classes), len(FEATURE_NAMES)))
    return (places[[CLASSES.index(name) for name in classes]] + noise).astype(np.float32)


def report_of(frame: FrameRow, said: Sequence[str], model_id: str) -> Report:
    found = tuple(
        Finding(
            finding_id=f"{frame.frame_id}.{k}",
            class_=name,
            probability={other: 0.9 if other == name else 0.05 for other in CLASSES},
            prediction_set=(name,),
            novelty=0.1,
            score=0.9,
            rectangle=Rectangle(row=20.0 + 30 * k, col=40.0, length_px=10.0, width_px=8.0, angle_deg=0.0),
            area_px=60,
            area_nm2=60.0,
            equivalent_diameter_nm=8.7,
            grade=None,
            zone="B1",
            touches_edge=False,
        )
        for k, name in enumerate(said)
    )
    return Report(
        frame_id=frame.frame_id,
        root=frame.root,
        path=frame.path,
        z=None,
        revision=frame.revision,
        sha256=f"sha of {frame.fingerprint}",
        sha256_of="file",
        acquired_at=None,
        shape=(512, 512),
        format="tif",
        signal="",
        calibration=Calibration(nm_per_px=1.0, source="file"),
        imaging_mode=ModeReading(value=None, source="unknown"),
        data_bar=None,
        verdict=Verdict(decision=Decision.ACCEPT),
        findings=found,
        summary=Summary(count_by_class={}, particle_size_nm=SizeStatistics()),
        model=ModelName(id=model_id, method="kernel_elm", provenance="test"),
        finder="learned",
        software="test",
    )


class History:
    """Frames with findings of known classes, all of which the machine calls pores.

    Parameters
    ----------
    store : Store
    model_id : str
        Who named them.
    """

    def __init__(self, store: Store, model_id: str) -> None:
        self.store = store
        self.model_id = model_id
        self.truth: dict[str, str] = {}
        self._random = np.random.default_rng(0)
        self._frames = 0
        self._orders = 0

    def frames(self, count: int, classes: Sequence[str] = CLASSES * 2) -> list[FrameRow]:
        """Inspect so many frames, each with findings of these classes."""
        return [self._frame(classes) for _ in range(count)]

    def _frame(self, classes: Sequence[str]) -> FrameRow:
        self._frames += 1
        name, print_ = f"{self._frames:03d}.tif".encode(), f"print {self._frames}"
        self.store.accept(facts.sighted(name, print_), at=facts.AT)
        claimed = self.store.lease(until_s=1e9)
        assert claimed is not None
        job, frame = claimed
        done = self.store.finish(
            job.job_id,
            job.attempt,
            Inspected(
                report_json=messages.to_json(report_of(frame, ["pore"] * len(classes), self.model_id)),
                model_id=self.model_id,
                decision="accept",
                findings=len(classes),
                feature_set=FEATURE_SET,
                features=rows_of(classes, self._random).astype("<f4").tobytes(),
                contours=b"",
                preview=b"",
            ),
            at=facts.AT,
        )
        assert done is not None
        self.truth |= {f"{frame.frame_id}.{k}": name for k, name in enumerate(classes)}
        return done

    def label(self, finding_id: str, class_: str, by: str = "anna") -> int:
        """Say what a finding is."""
        self._orders += 1
        caller = Caller(
            name=by,
            role="labeller",
            known="declared",
            cmd="label.set",
            cmd_id=f"order-{self._orders:08d}",
            request_sha256="a" * 64,
        )
        about = self.store.database.ask(lambda tx: findings.look_up(tx, [finding_id]))[finding_id]
        with self.store.database.transaction() as tx:
            said = labelling.set_label(tx, about, Statement(class_=class_), caller, at=facts.AT)
        assert said.label_id is not None
        return said.label_id

    def label_all(self, flips: Mapping[str, str] | None = None, by: str = "anna") -> None:
        """Say the truth of everything not labelled yet, except what `flips` renames."""
        for finding_id, class_ in self.truth.items():
            self.label(finding_id, (flips or {}).get(finding_id, class_), by)
