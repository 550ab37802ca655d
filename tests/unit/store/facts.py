"""What scanners and workers say, made short."""

from datetime import UTC, datetime, timedelta

from temwatch.model.sighting import Held, Noticed, Sighted, Stamp, Unfit, Vanished
from temwatch.store.results import Inspected

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def stamp(size: int = 1) -> Stamp:
    return Stamp(size=size, mtime_ns=1, ctime_ns=1, inode=1)


def noticed(name: bytes, *, root: str = "titan", size: int = 1) -> Noticed:
    return Noticed(root=root, relpath=name, stamp=stamp(size))


def held(name: bytes, reason: str, *, root: str = "titan") -> Held:
    return Held(root=root, relpath=name, reason=reason)


def sighted(
    name: bytes, fingerprint: str = "f", *, sections: tuple[str, ...] | None = None, root: str = "titan"
) -> Sighted:
    return Sighted(
        root=root, relpath=name, stamp=stamp(), format="mrc", fingerprint=fingerprint, sections=sections
    )


def unfit(name: bytes, fingerprint: str = "u", *, root: str = "titan") -> Unfit:
    return Unfit(
        root=root,
        relpath=name,
        stamp=None,
        fingerprint=fingerprint,
        reason="not a picture",
        next_step="look at it",
    )


def vanished(name: bytes, *, root: str = "titan") -> Vanished:
    return Vanished(root=root, relpath=name)


def inspected(model_id: str = "m1", report_json: bytes = b'{"findings":[]}') -> Inspected:
    return Inspected(
        report_json=report_json,
        model_id=model_id,
        decision="accept",
        findings=0,
        feature_set="f1",
        features=b"",
        contours=b"",
        preview=b"",
    )
