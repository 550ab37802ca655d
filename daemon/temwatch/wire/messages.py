"""Events to JSON bytes and back, typed both ways; pydantic checks what comes in against the nouns of `model`."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from temwatch.errors import PermanentError
from temwatch.model.events import Event, FrameAccepted, FrameGone, FrameSetAside, StatusChanged
from temwatch.model.report import Report

PROTOCOL = 1

EVENT_TYPES: Mapping[str, type[Any]] = {
    "frame.inspected": Report,
    "frame.accepted": FrameAccepted,
    "frame.set_aside": FrameSetAside,
    "frame.gone": FrameGone,
    "status.changed": StatusChanged,
}


class MessageRefused(PermanentError):
    """A message does not have the form the protocol gives it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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
    """A question or an order to the ROUTER. The same `cmd_id` twice has one effect."""

    v: Literal[1] = 1
    cmd_id: str = Field(min_length=8, max_length=64)
    cmd: str = Field(min_length=1, max_length=64)
    args: dict[str, JsonValue] = Field(default_factory=dict)


class CommandError(_Strict):
    """Why a command was not done. `retryable`: the same command may succeed later."""

    code: str
    message: str
    retryable: bool


class Reply(_Strict):
    """The answer to a command; `result` when ok, `error` when not."""

    v: Literal[1] = 1
    cmd_id: str
    ok: bool
    result: JsonValue = None
    error: CommandError | None = None


class ReplayArgs(_Strict):
    """Arguments of ``replay``: stored messages with seq > since."""

    since: int = Field(ge=0)
    limit: int = Field(default=1000, ge=1, le=1000)
    topic: str = ""


class FrameGetArgs(_Strict):
    """Arguments of ``frame.get``."""

    frame_id: str
    preview: bool = True


class RootArgs(_Strict):
    """Arguments of ``root.pause`` and ``root.resume``."""

    root: str


class SnapshotArgs(_Strict):
    """Arguments of ``snapshot``: the newest report or end of each frame, newest first, in pages."""

    before: int | None = Field(default=None, ge=1)
    limit: int = Field(default=200, ge=1, le=1000)


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
    """Return a noun as compact UTF-8 JSON."""
    return adapter(type(noun)).dump_json(noun, by_alias=True)


def from_json(type_: type[Any], data: bytes) -> Any:
    """Return the noun of `type_` that `data` spells.

    Raises
    ------
    MessageRefused
        With what was wrong and where.
    """
    try:
        return adapter(type_).validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MessageRefused(f"{type_.__name__}: {where or 'message'}: {first['msg']}") from error


def body_from_json(type_name: str, data: bytes) -> Event:
    """Return the event of the wire's name `type_name` from its JSON body."""
    if type_name not in EVENT_TYPES:
        raise MessageRefused(f"unknown event type {type_name!r}")
    event: Event = from_json(EVENT_TYPES[type_name], data)
    return event
