"""Facts between the scanner process and the daemon: JSON objects and back. The root's name is the receiver's."""

from dataclasses import asdict
from typing import Any

from temwatch.model.sighting import (
    Held,
    Noticed,
    RootIdentified,
    RootState,
    ScannerFact,
    Sighted,
    Stamp,
    Unfit,
    Vanished,
)
from temwatch.wire.names import from_text, to_text
from temwatch.wire.pipes import PipeGarbage

_FACTS: dict[str, type[ScannerFact]] = {
    fact.__name__: fact for fact in (Noticed, Held, Sighted, Unfit, Vanished, RootState, RootIdentified)
}


def to_json(fact: ScannerFact) -> dict[str, Any]:
    """Return a fact JSON-ready."""
    body = asdict(fact)
    body.pop("root")
    if "relpath" in body:
        body["relpath"] = to_text(body["relpath"])
    if body.get("stamp") is not None:
        body["stamp"] = list(body["stamp"].values())
    return {"fact": type(fact).__name__, **body}


def from_json(body: dict[str, Any], *, root: str) -> ScannerFact:
    """Return the fact of `root` that `to_json` wrote.

    Raises
    ------
    PipeGarbage
        When it is none. A scanner parses files from anywhere, so it is not trusted to be sane.
    """
    try:
        kind = _FACTS[body["fact"]]
        fields = {key: value for key, value in body.items() if key != "fact"}
        if "relpath" in fields:
            fields["relpath"] = from_text(fields["relpath"])
        if fields.get("stamp") is not None:
            fields["stamp"] = stamp_from(fields["stamp"])
        if fields.get("sections") is not None:
            fields["sections"] = tuple(str(section) for section in fields["sections"])
        return kind(root=root, **fields)
    except (KeyError, TypeError, ValueError) as error:
        raise PipeGarbage(f"not a fact: {str(body)[:200]}") from error


def stamp_from(values: list[int]) -> Stamp:
    """Return the stamp of ``[size, mtime_ns, ctime_ns, inode]``."""
    size, mtime_ns, ctime_ns, inode = (int(value) for value in values)
    return Stamp(size=size, mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode)
