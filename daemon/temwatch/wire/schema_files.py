"""One JSON Schema file for each message, made from the nouns; ``python -m temwatch.wire.schema_files`` writes them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from temwatch.model.review import AccuracyReport, AgreementReport, ReviewNext
from temwatch.wire import messages

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path(__file__).with_name("schemas")
_PARTS: Mapping[str, type[Any]] = {
    "header": messages.Header,
    "heartbeat": messages.Heartbeat,
    "command": messages.Command,
    "reply": messages.Reply,
    "answer.review.next": ReviewNext,
    "answer.review.agreement": AgreementReport,
    "answer.review.accuracy": AccuracyReport,
}
# Arguments by the command they belong to; a form that several commands share is written for each.
ARGUMENTS: Mapping[str, type[Any]] = {
    "hello": messages.NoArgs,
    "status": messages.NoArgs,
    "drain": messages.NoArgs,
    "replay": messages.ReplayArgs,
    "snapshot": messages.SnapshotArgs,
    "frame.get": messages.FrameGetArgs,
    "frame.pixels": messages.FramePixelsArgs,
    "frame.contours": messages.FrameContoursArgs,
    "frame.reinject": messages.FrameArgs,
    "audit.recent": messages.AuditRecentArgs,
    "finder.sensitivity": messages.SensitivityArgs,
    "root.pause": messages.RootArgs,
    "root.resume": messages.RootArgs,
    "root.remove": messages.RootArgs,
    "root.add": messages.RootAddArgs,
    "label.set": messages.LabelSetArgs,
    "label.undo": messages.LabelUndoArgs,
    "label.history": messages.LabelHistoryArgs,
    "label.list": messages.LabelListArgs,
    "label.page": messages.LabelPageArgs,
    "label.bulk": messages.LabelBulkArgs,
    "label.revert": messages.LabelRevertArgs,
    "label.add": messages.LabelAddArgs,
    "retrain": messages.RetrainArgs,
    "retrain.cancel": messages.NoArgs,
    "retrain.status": messages.RetrainStatusArgs,
    "model.list": messages.ModelListArgs,
    "model.show": messages.ModelArgs,
    "model.compare": messages.ModelCompareArgs,
    "model.diff": messages.ModelDiffArgs,
    "model.promote": messages.ModelArgs,
    "model.rollback": messages.NoArgs,
    "model.freeze": messages.ModelFreezeArgs,
    "model.unfreeze": messages.NoArgs,
    "review.next": messages.ReviewNextArgs,
    "review.agreement": messages.NoArgs,
    "review.accuracy": messages.NoArgs,
}


def schemas() -> dict[str, str]:
    """Return the text of every schema by its file name; the same nouns always give the same bytes."""
    nouns: dict[str, type[Any]] = {
        **_PARTS,
        **messages.EVENT_TYPES,
        **{f"args.{command}": type_ for command, type_ in ARGUMENTS.items()},
    }
    return {f"{name}.json": _text(name, type_) for name, type_ in sorted(nouns.items())}


def write(folder: Path) -> None:
    """Write every schema, and remove those of messages that are no more."""
    folder.mkdir(exist_ok=True)
    texts = schemas()
    for old in folder.glob("*.json"):
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")


def _text(name: str, type_: type[Any]) -> str:
    # As received: a field with a default may be left out by an older sender.
    schema = messages.adapter(type_).json_schema(by_alias=True, mode="validation")
    whole = {"$schema": DIALECT, "$id": f"urn:temwatch:{messages.PROTOCOL}:{name}", **schema}
    return json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write(FOLDER)
