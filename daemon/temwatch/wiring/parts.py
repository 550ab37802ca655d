"""What single parts of the daemon need to know, taken from the settings; and the small ones among them."""

from pathlib import Path
from typing import Any

import structlog

from temwatch.clock import Clock
from temwatch.config import RootSection, Settings
from temwatch.intake.settings import RootSettings
from temwatch.learn import queue
from temwatch.learn.agreement import agreements
from temwatch.learn.neighbours import nearest_classes
from temwatch.learn.prequential import accuracy
from temwatch.learn.retraining import RetrainSettings
from temwatch.learn.unfamiliar import unfamiliar
from temwatch.model.events import RootHealth
from temwatch.model.sighting import RootState
from temwatch.publish import keys
from temwatch.publish.admission import Admission
from temwatch.publish.keyring import Keyring
from temwatch.publish.review import ReviewRules
from temwatch.store.frames import FrameRow
from temwatch.store.shelf import starter_rows
from temwatch.wire.messages import FramePixelsArgs
from temwatch.wire.names import to_text
from temwatch.work.look import Look, look

_log = structlog.get_logger("daemon")


def root_settings(section: RootSection) -> RootSettings:
    """Return what a scanner needs to know of a root."""
    return RootSettings(
        name=section.name,
        path=section.path,
        include=section.include,
        ignore=section.ignore,
        discovery=section.discovery,
        quiet_s=section.quiet_s,
        give_up_s=section.give_up_s,
    )


def job_body(frame: FrameRow, root: RootSection) -> dict[str, Any]:
    """Return what a worker is told about a frame."""
    return {
        "frame_id": frame.frame_id,
        "root": frame.root,
        "root_path": str(root.path),
        "relpath": to_text(frame.relpath),
        "path": frame.path,
        "section": frame.section,
        "unfold": frame.sections is None,
        "revision": frame.revision,
        "fingerprint": frame.fingerprint,
        "nm_per_px": root.nm_per_px,
        "imaging_mode": root.imaging_mode,
        "object_size_nm": root.object_size_nm,
        "polarity": root.polarity,
        "zone": root.zone,
    }


def retrain_settings(settings: Settings) -> RetrainSettings:
    """Return what learning from labels needs to know."""
    retrain = settings.retrain
    return RetrainSettings(
        cron=retrain.cron,
        min_new_labels=retrain.min_new_labels,
        promote=retrain.promote,
        floors=retrain.recall_floor,
        shadow_labels=retrain.shadow_labels,
        timeout_s=retrain.timeout_s,
        method=settings.recognizer.method,
        finder=settings.finder.method,
        confidence=settings.recognizer.confidence,
        simulated=starter_rows(settings.finder.method) if retrain.simulation else None,
    )


async def window(root: Path, frame: FrameRow, wanted: FramePixelsArgs) -> bytes:
    """Return a window of a frame at full resolution, a JPEG; read by a process of its own."""
    return await look(
        Look(
            root_path=str(root),
            relpath=to_text(frame.relpath),
            section=frame.section,
            fingerprint=frame.fingerprint,
            row=wanted.row,
            col=wanted.col,
            rows=wanted.rows,
            cols=wanted.cols,
        )
    )


def review_rules() -> ReviewRules:
    """Return the rules by which findings are offered and labels are judged."""
    return ReviewRules(
        is_control=queue.is_control,
        controls_for=queue.controls_for,
        contradicted=queue.contradicted,
        rank=queue.rank,
        second=nearest_classes,
        agreements=agreements,
        accuracy=accuracy,
        unfamiliar=unfamiliar,
    )


def root_health(state: RootState, last_frame_at: str | None) -> RootHealth:
    """Return a root's state as a status report tells it."""
    return RootHealth(
        state=state.state,
        discovery=state.discovery,
        reason=state.reason,
        files=state.files,
        folders=state.folders,
        scan_s=state.scan_s,
        last_frame_at=last_frame_at,
    )


def admission_of(folder: Path | None, clock: Clock) -> Admission | None:
    """Return who stands at the sockets; nobody where there are no keys.

    Raises
    ------
    KeyRefused
        Where the keys folder can't be used as it is.
    """
    if folder is None:
        return None
    granted = keys.grants(folder)
    if not any(grant.revoked_at is None for grant in granted):
        _log.warning("nobody has a valid key", next_step="temwatch keys create NAME --role admin")
    return Admission(Keyring(folder), keys.server_key(folder), clock=clock)
