"""The live stream without holes: late start, lost messages and restarts of the daemon are mended by replay."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import zmq

from temwatch.client import follow
from temwatch.client.command import DEFAULT_COMMANDS, CommandDelayed, CommandRefused, Commands
from temwatch.client.follow import Deliver, Drop, Missed, OtherEpoch, Position, Step
from temwatch.client.handshake import Handshake, Keys, taken
from temwatch.errors import DaemonUnreachable
from temwatch.model.report import Report
from temwatch.wire import messages, topics
from temwatch.wire.messages import Header, MessageRefused

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_EVENTS = "tcp://127.0.0.1:5560"
STORED_CLASSES = (topics.RESULT, topics.FRAME, topics.LABEL, topics.MODEL, topics.SERIES)
_RETRY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message of the stream. `body` is its JSON as a dict, `report()` the typed report."""

    topic: str
    header: Header
    body: dict[str, Any]
    blobs: tuple[bytes, ...] = field(default=(), repr=False)

    def report(self) -> Report:
        """Return the body of ``frame.inspected`` as a `Report`."""
        report: Report = messages.from_json(Report, json.dumps(self.body).encode())
        return report


class Subscription:
    """A subscriber that ends up with the same messages as everybody else. Use as a context manager.

    Parameters
    ----------
    events, commands : str
        Addresses of the daemon's XPUB and ROUTER.
    since : int, optional
        Deliver stored messages after this seq first (0: everything kept). None: only what comes from now on.
    topic : str
        Prefix of the topics wanted, e.g. ``"tw1/result/titan/"``; empty for all.
    timeout_s : float, optional
        End the iteration when nothing wanted came for so long. None: go on for ever.
    keys : KeyFile or Path or str, optional
        The key, or its file, where the daemon uses keys.
    """

    def __init__(
        self,
        events: str = DEFAULT_EVENTS,
        commands: str = DEFAULT_COMMANDS,
        *,
        since: int | None = None,
        topic: str = "",
        timeout_s: float | None = None,
        keys: Keys = None,
    ) -> None:
        self.events = events
        self.since = since
        self.topic = topic
        self.timeout_s = timeout_s
        self.position = Position(epoch="")
        self.repairs = 0
        self._keys = keys
        self._commands = Commands(commands, keys=keys)
        self._handshake: Handshake | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._try_repair_at = 0.0

    def __enter__(self) -> Self:
        keys = taken(self._keys)
        self._context = zmq.Context()
        socket = self._context.socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVHWM, 10_000)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6000)
        # Whole classes, filtered here: `prev` counts within a class, so a part of one would look full of holes.
        for wanted in {*self._classes(), topics.HEARTBEAT, *self._unstored()}:
            socket.setsockopt_string(zmq.SUBSCRIBE, wanted)
        if keys is not None:
            keys.identify(socket)
        if self.events.startswith("tcp://["):
            socket.setsockopt(zmq.IPV6, 1)
        self._handshake = Handshake(socket, self.events, keys)
        socket.connect(self.events)
        self._socket = socket
        self._commands.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._commands.__exit__(kind, error, trace)
        if self._handshake is not None:
            self._handshake.close()
        if self._socket is not None:
            self._socket.close()
        if self._context is not None:
            self._context.term()

    def messages(self) -> Iterator[Received]:
        """Yield every wanted message once; called again after it ended, go on where it was.

        Raises
        ------
        DaemonUnreachable
            When no daemon answers at the start. Later silences are waited out (up to `timeout_s`).
        KeyNotAccepted
            When the daemon does not accept the key, or not any more.
        """
        if not self.position.epoch:
            yield from self._begin()
        heard = time.monotonic()
        while True:
            for received in self._next():
                heard = time.monotonic()
                yield received
            if self.timeout_s is not None and time.monotonic() - heard > self.timeout_s:
                return

    def __iter__(self) -> Iterator[Report]:
        for received in self.messages():
            if received.header.type == "frame.inspected":
                yield received.report()

    def to_pandas(self) -> "pd.DataFrame":
        """Return the findings of all reports until the stream ends (give `timeout_s`), one row a finding."""
        import pandas as pd

        rows = [finding_row(report, k) for report in self for k in range(len(report.findings))]
        return pd.DataFrame(rows)

    def _classes(self) -> list[str]:
        return [name for name in STORED_CLASSES if name.startswith(self.topic) or self.topic.startswith(name)]

    def _unstored(self) -> list[str]:
        return [
            name for name in (topics.STATUS,) if name.startswith(self.topic) or self.topic.startswith(name)
        ]

    def _begin(self) -> Iterator[Received]:
        hello = self._commands.ask("hello").result
        if self.since is None:
            start = {name: int(hello["heads"].get(name, 0)) for name in self._classes()}
        else:
            start = dict.fromkeys(self._classes(), self.since)
        self.position = Position(epoch=hello["epoch"], last=start)
        if self.since is not None:
            # In one go over all classes, so that history comes in the order in which it happened.
            yield from self._replay_all(self.since)

    def _next(self) -> Iterator[Received]:
        assert self._socket is not None, "use it as a context manager"
        assert self._handshake is not None
        if not self._socket.poll(200):
            self._handshake.look()
            return
        topic, header_json, body, *blobs = self._socket.recv_multipart()
        try:
            header = messages.from_json(Header, header_json)
            received = Received(
                topic=topic.decode(), header=header, body=json.loads(body), blobs=tuple(blobs)
            )
        except (MessageRefused, ValueError):
            return  # not temwatch, or a protocol this client does not know
        if received.topic.startswith(topics.HEARTBEAT):
            step = follow.on_heartbeat(self.position, header.epoch, received.body.get("heads", {}))
            if step is not None:
                yield from self._mend(step)
            if received.topic.startswith(self.topic):
                yield received
        elif not header.stored:
            if received.topic.startswith(self.topic):
                yield received
        else:
            yield from self._take(received)

    def _take(self, received: Received) -> Iterator[Received]:
        step = follow.on_message(self.position, topics.topic_class(received.topic), received.header)
        match step:
            case Deliver(position=position):
                self.position = position
                if received.topic.startswith(self.topic):
                    yield received
            case Drop():
                return
            case _:
                yield from self._mend(step)

    def _mend(self, step: Step) -> Iterator[Received]:
        """Fetch what was missed. While the daemon does not answer, the next heartbeat brings us back here."""
        if time.monotonic() < self._try_repair_at:
            return
        try:
            if isinstance(step, OtherEpoch):
                self.position = Position(epoch=step.epoch, last=dict.fromkeys(self._classes(), 0))
                yield from self._replay_all(0)
            elif isinstance(step, Missed):
                self.repairs += 1
                yield from self._replay(step.since, step.topic_class)
        except (DaemonUnreachable, CommandDelayed):
            self._try_repair_at = time.monotonic() + _RETRY_S

    def _replay_all(self, since: int) -> Iterator[Received]:
        yield from self._replay(since, "")

    def _replay(self, since: int, topic: str) -> Iterator[Received]:
        while True:
            page = self._page(since, topic)
            for item in page["messages"]:
                header = Header.model_validate(item["header"])
                since = header.seq
                topic_class = topics.topic_class(item["topic"])
                if topic_class not in self.position.last or header.seq <= self.position.at(topic_class):
                    continue
                self.position = self.position.moved(topic_class, header.seq)
                if item["topic"].startswith(self.topic):
                    yield Received(topic=item["topic"], header=header, body=item["body"])
            if not page["more"]:
                return

    def _page(self, since: int, topic: str) -> dict[str, Any]:
        try:
            answer = self._commands.ask("replay", since=since, topic=topic, timeout_s=30.0)
        except CommandRefused as refusal:
            if refusal.code != "too_old":
                raise
            # What is older is in the snapshot; the stream goes on from the oldest message kept.
            oldest = int(self._commands.ask("hello").result["oldest"])
            answer = self._commands.ask("replay", since=max(0, oldest - 1), topic=topic, timeout_s=30.0)
        page: dict[str, Any] = answer.result
        return page


def subscribe(
    events: str = DEFAULT_EVENTS,
    commands: str = DEFAULT_COMMANDS,
    *,
    since: int | None = None,
    topic: str = topics.RESULT,
    timeout_s: float | None = None,
    keys: Keys = None,
) -> Iterator[Report]:
    """Yield the report of every inspected frame, each once; see `Subscription` for the parameters."""
    with Subscription(
        events, commands, since=since, topic=topic, timeout_s=timeout_s, keys=keys
    ) as subscription:
        yield from subscription


def finding_row(report: Report, k: int) -> dict[str, Any]:
    """Return finding `k` of a report as one flat row."""
    finding = report.findings[k]
    return {
        "frame_id": report.frame_id,
        "root": report.root,
        "path": report.path,
        "z": report.z,
        "finding_id": finding.finding_id,
        "class": finding.class_,
        "probability": finding.probability[finding.class_],
        "row": finding.rectangle.row,
        "col": finding.rectangle.col,
        "length_px": finding.rectangle.length_px,
        "width_px": finding.rectangle.width_px,
        "angle_deg": finding.rectangle.angle_deg,
        "area_nm2": finding.area_nm2,
        "equivalent_diameter_nm": finding.equivalent_diameter_nm,
        "grade": finding.grade,
        "touches_edge": finding.touches_edge,
        "nm_per_px": report.calibration.nm_per_px,
        "model": report.model.id,
    }
