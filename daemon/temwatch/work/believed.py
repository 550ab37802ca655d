"""What a worker brings home, before it is believed: decoders run in workers, so nothing is taken on trust."""

from temwatch.model.job import Finished
from temwatch.model.report import Report
from temwatch.store.frames import FrameRow
from temwatch.store.results import Inspected
from temwatch.store.store import MAX_SECTIONS
from temwatch.wire import messages
from temwatch.wire.messages import MessageRefused


def counted_sections(outcome: Finished) -> int:
    """Return how many images a worker counted in a file.

    Raises
    ------
    MessageRefused
        When that is no number of several images.
    """
    sections = outcome.body["sections"]
    if not isinstance(sections, int) or not 1 < sections <= MAX_SECTIONS:
        raise MessageRefused(f"{sections!r} images in a file")
    return sections


def checked(outcome: Finished, frame: FrameRow) -> tuple[Inspected, Report]:
    """Return what a worker brought, after making sure that it is a report about this frame.

    Raises
    ------
    MessageRefused
        When it is not: decoders run in workers, so what they send is not believed.
    """
    if len(outcome.blobs) != 4:
        raise MessageRefused(f"{len(outcome.blobs)} parts instead of report, features, contours, preview")
    report_json, features, contours, preview = outcome.blobs
    report: Report = messages.from_json(Report, report_json)
    if (report.frame_id, report.revision) != (frame.frame_id, frame.revision):
        raise MessageRefused(f"a report about frame {report.frame_id!r} instead of {frame.frame_id!r}")
    feature_set = str(outcome.body.get("feature_set", ""))
    inspected = Inspected(
        report_json=report_json,
        model_id=report.model.id,
        decision=report.verdict.decision.value,
        findings=len(report.findings),
        feature_set=feature_set,
        features=features,
        contours=contours,
        preview=preview,
    )
    return inspected, report
