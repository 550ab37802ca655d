"""Events to JSON bytes and back, typed both ways; pydantic checks what comes in against the nouns of `model`."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticSerializationError

from temwatch.errors import PermanentError
from temwatch.model.events import Event, FrameAccepted, FrameGone, FrameSetAside, StatusChanged
from temwatch.model.finding import Rectangle
from temwatch.model.label import Label
from temwatch.model.report import Report
from temwatch.model.training import Attempt, HistoryRescored, ModelFrozen, ModelPromoted, ModelShadowed

PROTOCOL = 1
MAX_JSON_BYTES = 64 * 1024 * 1024
_LONGEST_PLACE = 120  # of a place named in an error: a key may be as long as the message
_LONGEST_NAME = 64
_LONGEST_NOTE = 500
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"

EVENT_TYPES: Mapping[str, type[Any]] = {
    "frame.inspected": Report,
    "frame.accepted": FrameAccepted,
    "frame.set_aside": FrameSetAside,
    "frame.gone": FrameGone,
    "status.changed": StatusChanged,
    "label.set": Label,
    "label.undone": Label,
    "label.checked": Label,
    "label.moved": Label,
    "model.learned": Attempt,
    "model.promoted": ModelPromoted,
    "model.frozen": ModelFrozen,
    "model.shadowed": ModelShadowed,
    "model.rescored": HistoryRescored,
    "label.measured": Label,
}


class MessageRefused(PermanentError):
    """A message does not have the form the protocol gives it."""


def _only_numbers(value: JsonValue) -> JsonValue:
    place = next(_where_no_number(value), None)
    if place is not None:
        raise ValueError(f"NaN or infinity at {place or 'the top'}")
    return value


FiniteJson = Annotated[JsonValue, AfterValidator(_only_numbers)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, ser_json_inf_nan="constants")


def _of_this_age(value: datetime) -> datetime:
    if not 1970 < value.year < 9000:  # so that it can be told in any other time zone
        raise ValueError("a moment between the years 1971 and 8999")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_of_this_age)]
FindingId = Annotated[str, Field(min_length=3, max_length=64, pattern=r"^[0-9a-zA-Z_-]+\.d?[0-9]+$")]
ClassName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
OperatorName = Annotated[str, Field(max_length=_LONGEST_NAME, pattern=_PRINTABLE)]


class Header(_Strict):
    """Second part of every live message.

    `prev` is the seq of the message before it on the same topic class (``tw1/result/``, ``tw1/frame/`` …), 0 if
    there is none: a subscriber of one class sees a gap even though other classes use up numbers between.
    Heartbeats and status are not stored; they carry the head's seq and have ``stored`` false.
    """

    v: Literal[1] = 1
    epoch: str
    seq: int = Field(ge=0)
    prev: int = Field(ge=0)
    id: str
    type: str
    at: str
    stored: bool = True


class Heartbeat(_Strict):
    """Body of ``tw1/heartbeat/``, every two seconds: the newest seq, in all and for each topic class."""

    head: int
    heads: dict[str, int]
    state: str


class Command(_Strict):
    """A question or an order to the ROUTER. The same `cmd_id` twice has one effect.

    `operator` is who the sender says to be. It counts only where there are no keys; with keys the key says it.
    """

    v: Literal[1] = 1
    cmd_id: str = Field(min_length=8, max_length=64)
    cmd: str = Field(min_length=1, max_length=64)
    args: dict[str, FiniteJson] = Field(default_factory=dict)
    operator: str = Field(default="", max_length=_LONGEST_NAME, pattern=_PRINTABLE)


class CommandError(_Strict):
    """Why a command was not done. `retryable`: the same command may succeed later.

    `current` comes with the code ``conflict``: the label that stands, null where none does.
    """

    code: str
    message: str
    retryable: bool
    current: FiniteJson = None


class Reply(_Strict):
    """The answer to a command; `result` when ok, `error` when not."""

    v: Literal[1] = 1
    cmd_id: str
    ok: bool
    result: FiniteJson = None
    error: CommandError | None = None


class ReplayArgs(_Strict):
    """Arguments of ``replay``: stored messages with seq > since."""

    since: int = Field(ge=0, lt=1 << 62)
    limit: int = Field(default=1000, ge=1, le=1000)
    topic: str = ""


class FrameGetArgs(_Strict):
    """Arguments of ``frame.get``."""

    frame_id: str
    preview: bool = True


class FrameContoursArgs(_Strict):
    """Arguments of ``frame.contours``; the answer's second part is int32, see `temwatch.publish.queries`."""

    frame_id: str


class FramePixelsArgs(_Strict):
    """Arguments of ``frame.pixels``: a window of the frame; the answer's second part is a grey JPEG of it."""

    frame_id: str
    row: int = Field(ge=0, lt=1 << 31)
    col: int = Field(ge=0, lt=1 << 31)
    rows: int = Field(ge=1, le=2048)
    cols: int = Field(ge=1, le=2048)


class NoArgs(_Strict):
    """Arguments of commands that take none."""


class FrameArgs(_Strict):
    """Arguments of ``frame.reinject``."""

    frame_id: str


class RootArgs(_Strict):
    """Arguments of ``root.pause``, ``root.resume`` and ``root.remove``."""

    root: str


class SensitivityArgs(_Strict):
    """Arguments of ``finder.sensitivity``: 0 few false finds, 1 few missed ones; null for what the configuration says."""

    value: float | None = Field(ge=0, le=1, allow_inf_nan=False)


class RootAddArgs(_Strict):
    """Arguments of ``root.add``: a folder to watch until ``root.remove`` or the daemon's end."""

    root: str = Field(pattern=r"^replay-[a-z0-9_-]{1,32}$")
    path: str


class SnapshotArgs(_Strict):
    """Arguments of ``snapshot``: the newest report or end of each frame, newest first, in pages."""

    before: int | None = Field(default=None, ge=1, lt=1 << 62)
    limit: int = Field(default=200, ge=1, le=1000)


class ModelListArgs(_Strict):
    """Arguments of ``model.list``: all recognizers, or those that learned from a label."""

    label_id: int | None = Field(default=None, ge=1, lt=1 << 62)


class ModelArgs(_Strict):
    """Arguments of ``model.show`` and ``model.promote``: an id, or its first letters where they fit only one."""

    model_id: str = Field(min_length=4, max_length=64, pattern=r"^[0-9a-f]+$")


class ModelCompareArgs(_Strict):
    """Arguments of ``model.compare``."""

    first: str = Field(min_length=4, max_length=64, pattern=r"^[0-9a-f]+$")
    second: str = Field(min_length=4, max_length=64, pattern=r"^[0-9a-f]+$")


class ModelDiffArgs(_Strict):
    """Arguments of ``model.diff``: what a recognizer (absent: the one in use) changed in frames of before.

    `examples` is from how many frames of each kind of change findings are shown with both their names.
    """

    model_id: str | None = Field(default=None, min_length=4, max_length=64, pattern=r"^[0-9a-f]+$")
    limit: int = Field(default=200, ge=1, le=1000)
    examples: int = Field(default=0, ge=0, le=10)


class ModelFreezeArgs(_Strict):
    """Arguments of ``model.freeze``: why; it stands in every report until ``model.unfreeze``."""

    reason: str = Field(min_length=1, max_length=200, pattern=_PRINTABLE)


class RetrainArgs(_Strict):
    """Arguments of ``retrain``."""

    operator: OperatorName = ""


class RetrainStatusArgs(_Strict):
    """Arguments of ``retrain.status``: an attempt, the newest ones where absent."""

    attempt: int | None = Field(default=None, ge=1, lt=1 << 62)
    limit: int = Field(default=20, ge=1, le=200)


class AuditRecentArgs(_Strict):
    """Arguments of ``audit.recent``: what was ordered, newest first, in pages."""

    before: int | None = Field(default=None, ge=1, lt=1 << 62)
    limit: int = Field(default=200, ge=1, le=1000)


class LabelSetArgs(_Strict):
    """Arguments of ``label.set``.

    `state` is given only to say that the caller is in doubt. `expect_revision` 0 means: I know of no label. `blind`:
    the caller was not shown what the machine says.
    """

    finding_id: FindingId
    class_: ClassName = Field(alias="class")
    state: Literal["doubtful"] | None = None
    expect_revision: int | None = Field(default=None, ge=0, lt=1 << 62)
    operator: OperatorName = ""
    note: str = Field(default="", max_length=_LONGEST_NOTE)
    blind: bool = False


class LabelUndoArgs(_Strict):
    """Arguments of ``label.undo``."""

    label_id: int = Field(ge=1, lt=1 << 62)
    operator: OperatorName = ""


class LabelHistoryArgs(_Strict):
    """Arguments of ``label.history``."""

    finding_id: FindingId


class LabelListArgs(_Strict):
    """Arguments of ``label.list``: the labels that stand in a frame."""

    frame_id: str = Field(max_length=64)


class LabelPageArgs(_Strict):
    """Arguments of ``label.page``: every label ever given, in order, in pages."""

    after: int = Field(default=0, ge=0, lt=1 << 62)
    limit: int = Field(default=200, ge=1, le=1000)


class LabelBulkArgs(_Strict):
    """Arguments of ``label.bulk``: call many findings alike, all or none."""

    finding_ids: list[FindingId] = Field(min_length=1, max_length=1000)
    class_: ClassName = Field(alias="class")
    dry_run: bool
    operator: OperatorName = ""


class LabelRevertArgs(_Strict):
    """Arguments of ``label.revert``: take back what a person said, from `since` on and before `until` (ISO-8601)."""

    by: OperatorName = Field(min_length=1)
    since: Moment | None = None
    until: Moment | None = None
    dry_run: bool
    operator: OperatorName = ""


class LabelAddArgs(_Strict):
    """Arguments of ``label.add``: an object that the machine missed."""

    frame_id: str = Field(max_length=64)
    rectangle: Rectangle
    class_: ClassName = Field(alias="class")
    operator: OperatorName = ""
    note: str = Field(default="", max_length=_LONGEST_NOTE)


class ReviewNextArgs(_Strict):
    """Arguments of ``review.next``: findings most worth a label, of one verdict or root where that is said."""

    limit: int = Field(default=20, ge=1, le=200)
    operator: OperatorName = ""
    class_: ClassName | None = Field(default=None, alias="class")
    root: str | None = Field(default=None, max_length=64)


_adapters: dict[Any, TypeAdapter[Any]] = {}


def adapter(type_: Any) -> TypeAdapter[Any]:
    """Return the pydantic adapter of a noun; building one is slow, so each is kept."""
    if type_ not in _adapters:
        _adapters[type_] = TypeAdapter(type_)
    return _adapters[type_]


def event_type(event: Event) -> str:
    """Return the wire's name of an event, e.g. ``frame.inspected``."""
    return next(name for name, type_ in EVENT_TYPES.items() if type(event) is type_)


def to_json(noun: Any) -> bytes:
    """Return a noun as compact UTF-8 JSON.

    Raises
    ------
    MessageRefused
        When a number in it is NaN or infinite, for which JSON has no word (with its place), or a text is no
        Unicode.
    """
    try:
        data = adapter(type(noun)).dump_json(noun, by_alias=True)
    except PydanticSerializationError as error:
        raise MessageRefused(f"{type(noun).__name__}: {error}") from error
    # The words may also stand in a text; only then a second look is worth its time.
    if b"NaN" in data or b"Infinity" in data:
        place = next(_where_no_number(json.loads(data)), None)
        if place is not None:
            raise MessageRefused(f"{type(noun).__name__}: {place}: NaN or infinity, which JSON can't say")
    return data


def from_json(type_: type[Any], data: bytes) -> Any:
    """Return the noun of `type_` that `data` spells.

    Raises
    ------
    MessageRefused
        With what was wrong and where: not JSON, too long or too deep, a field that is missing, unknown or of
        another type, a number that is NaN or infinite.
    """
    if len(data) > MAX_JSON_BYTES:
        raise MessageRefused(f"{type_.__name__}: {len(data)} bytes (at most {MAX_JSON_BYTES})")
    try:
        return adapter(type_).validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MessageRefused(
            f"{type_.__name__}: {where[:_LONGEST_PLACE] or 'message'}: {first['msg']}"
        ) from error


def is_name(text: str) -> bool:
    """Whether a text can be somebody's name: one short line."""
    return len(text) <= _LONGEST_NAME and re.fullmatch(_PRINTABLE, text) is not None


def command_from_json(data: bytes) -> Command:
    """Return the command that `data` spells.

    Raises
    ------
    MessageRefused
        As `from_json`; also where a key stands twice, since programs differ in which of the two they believe.
    """
    command: Command = from_json(Command, data)
    json.loads(data, object_pairs_hook=_each_once)
    return command


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise MessageRefused(f"Command: the key {twice[:_LONGEST_PLACE]!r} stands twice")


def request_sha256(command: Command) -> str:
    """Return the digest of a command's name and arguments, whatever their order and spelling in JSON."""
    said = json.dumps([command.cmd, command.args], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def body_from_json(type_name: str, data: bytes) -> Event:
    """Return the event of the wire's name `type_name` from its JSON body."""
    if type_name not in EVENT_TYPES:
        raise MessageRefused(f"unknown event type {type_name!r}")
    event: Event = from_json(EVENT_TYPES[type_name], data)
    return event


def _where_no_number(value: Any, place: str = "") -> Iterator[str]:
    """Yield the places of numbers that are none in a parsed JSON value."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _where_no_number(inner, f"{place}.{key}".lstrip(".")[:_LONGEST_PLACE])
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _where_no_number(inner, f"{place}.{number}".lstrip(".")[:_LONGEST_PLACE])
