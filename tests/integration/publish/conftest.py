"""A store with a publisher and replies on loopback, in a thread of its own."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zmq.asyncio

from temwatch.clock import SystemClock
from temwatch.learn.queue import is_control
from temwatch.model.caller import ROLES, Caller
from temwatch.model.sighting import Sighted, Stamp
from temwatch.publish import keys
from temwatch.publish.admission import Admission
from temwatch.publish.audit import Audit
from temwatch.publish.callers import by_key
from temwatch.publish.keyring import Keyring
from temwatch.publish.keys import server_key
from temwatch.publish.labels import Labels
from temwatch.publish.publisher import Publisher
from temwatch.publish.queries import Queries
from temwatch.publish.replies import Answer, Handler, Refusal, Replies, declared
from temwatch.publish.review import Review
from temwatch.store.database import Database
from temwatch.store.store import Store
from temwatch.wiring.parts import review_rules


class Station:
    """The publishing half of a daemon."""

    def __init__(self, folder: Path, *, keys_in: Path | None = None, labels: bool = False) -> None:
        self.database = Database(folder)
        self.keys_in = keys_in
        self.with_labels = labels
        self.loop = asyncio.new_event_loop()
        self.events = ""
        self.commands = ""
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self, events: str = "tcp://127.0.0.1:*", commands: str = "tcp://127.0.0.1:*") -> None:
        self._thread.start()
        self.call(lambda: self._start(events, commands))

    def _start(self, events: str, commands: str) -> None:
        self.database.open()
        self.store = Store(self.database, instance="test")
        self.context = zmq.asyncio.Context()
        self.publisher = Publisher(self.database, clock=SystemClock(), state_word=lambda: "ready")
        audit = Audit(self.database, clock=SystemClock())
        self.calls: list[Caller] = []
        labels = Labels(
            self.database, clock=SystemClock(), committed=self.publisher.poke, may_be_blind=is_control
        )
        review = Review(self.database, review_rules())
        handlers = {
            **Queries(self.database).handlers(),
            **audit.handlers(),
            **self._orders(),
            **(labels.handlers() | review.handlers() if self.with_labels else {}),
        }
        self._tasks = []
        guard, identify = None, declared
        if self.keys_in is not None:
            self.admission = Admission(Keyring(self.keys_in), server_key(self.keys_in), clock=SystemClock())
            self.admission.open(self.context)
            guard, identify = self.admission.guard, by_key(self.admission.keyring)
            self._begin(self.admission.run())
            self._begin(self.admission.watch(self.publisher.shake_off, trouble=lambda said: None))
        self.replies = Replies(handlers, identify=identify, record=audit.record)
        self.events = self.publisher.bind(self.context, events, guard=guard)
        self.commands = self.replies.bind(self.context, commands, guard=guard)
        self._begin(self.publisher.run())
        self._begin(self.replies.run())

    def _begin(self, loop: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self.loop.create_task(loop))

    def _orders(self) -> dict[str, Handler]:
        """One order of each role; what was called is kept in `calls`."""

        async def done(args: dict[str, Any], caller: Caller) -> Answer:
            self.calls.append(caller)
            if args.get("refuse"):
                raise Refusal("not_found", "no such thing")
            return Answer(json.dumps(len(self.calls)).encode())

        return {"label.set": done, "drain": done, "root.pause": done}

    def call(self, work: Callable[[], Any]) -> Any:
        """Run `work` in the station's thread and return what it returns."""
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001  handed to the caller
                done.set_exception(error)

        self.loop.call_soon_threadsafe(run)
        return done.result(timeout=20)

    def accept(self, *names: str, root: str = "titan", poke: bool = True) -> None:
        """Accept files, which writes one message each."""

        def work() -> None:
            for name in names:
                stamp = Stamp(size=1, mtime_ns=1, ctime_ns=1, inode=1)
                self.store.accept(
                    Sighted(
                        root=root,
                        relpath=name.encode(),
                        stamp=stamp,
                        format="tif",
                        fingerprint=name,
                        sections=None,
                    ),
                    at=datetime.now(UTC),
                )
            if poke:
                self.publisher.poke()

        self.call(work)

    def lose_what_is_committed(self) -> None:
        """Skip what has not been sent yet, as a cut wire would."""
        from temwatch.store import outbox

        def work() -> None:
            self.publisher.cursor = outbox.head(self.database.connection())

        self.call(work)

    def stop(self) -> None:
        async def end() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.publisher.close()
            self.replies.close()
            if self.keys_in is not None:
                self.admission.close()
            self.context.term()
            self.database.close()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(timeout=20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=20)
        self.loop.close()


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    running = Station(tmp_path / "state")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def keys_folder(tmp_path: Path) -> Path:
    """A keys folder in which there is one key of each role, named after it."""
    for role in ROLES:
        keys.create(tmp_path / "keys", role, role, at=datetime.now(UTC))
    return tmp_path / "keys"


@pytest.fixture
def guarded(tmp_path: Path, keys_folder: Path) -> Iterator[Station]:
    """A station that lets only keys in."""
    running = Station(tmp_path / "state", keys_in=keys_folder)
    running.start()
    yield running
    running.stop()
