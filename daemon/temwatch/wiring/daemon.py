"""The whole daemon: every part, built from the settings, and the loops that keep it going."""

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import structlog
import zmq
import zmq.asyncio

from temwatch import __version__
from temwatch.clock import Clock, iso
from temwatch.config import RootSection, Settings
from temwatch.errors import TransientError
from temwatch.intake.reception import Reception
from temwatch.intake.roots import Roots
from temwatch.learn import queue
from temwatch.learn.champion import Champions
from temwatch.learn.rescoring import Rescoring
from temwatch.learn.retraining import Retraining
from temwatch.learn.shadowing import Shadowing
from temwatch.limits import WorkerLimits
from temwatch.model.events import StatusChanged
from temwatch.model.sighting import RootState
from temwatch.publish.audit import Audit
from temwatch.publish.callers import by_key
from temwatch.publish.labels import Labels
from temwatch.publish.models import Learning, Models
from temwatch.publish.notify import Notifier
from temwatch.publish.orders import Orders
from temwatch.publish.pixels import Pixels
from temwatch.publish.publisher import Publisher
from temwatch.publish.queries import Queries
from temwatch.publish.replies import Replies, declared
from temwatch.publish.review import Review
from temwatch.publish.self_test import prove_closed
from temwatch.publish.sensitivity import Sensitivity
from temwatch.store import outbox, results
from temwatch.store.database import Database
from temwatch.store.frames import FrameRow
from temwatch.store.shelf import load, starter
from temwatch.store.store import Store
from temwatch.wire import messages, topics
from temwatch.wire.keyfile import fingerprint
from temwatch.wiring.parts import (
    admission_of,
    job_body,
    retrain_settings,
    review_rules,
    root_health,
    root_settings,
    window,
)
from temwatch.wiring.told import Told
from temwatch.work.crew import Crew, CrewSettings
from temwatch.work.dispatch import Dispatch
from temwatch.work.drawn import Drawn
from temwatch.work.hand import HandSettings
from temwatch.work.task import rules_of

_log = structlog.get_logger("daemon")
_DRAIN_S = 20.0
_STATUS_S = 2.0
_LOW_DISK_BYTES = 200_000_000
TASK = "temwatch.work.task:Inspect"


class Daemon:
    """The whole of it, in one process with its scanners and workers around it.

    Parameters
    ----------
    settings : Settings
    clock : Clock
    notify : Notifier
        To whoever started the daemon (systemd), or to nobody.
    """

    def __init__(self, settings: Settings, *, clock: Clock, notify: Notifier) -> None:
        self._settings = settings
        self._clock = clock
        self._notify = notify
        self._started_at = iso(clock.now())
        self._sections = {section.name: section for section in settings.roots}
        self._visited: set[str] = set()  # roots watched for a while, by order
        self._root_states: dict[str, RootState] = {}
        self._troubles: dict[str, str] = {}
        self._word = "starting"
        self.database = Database(settings.state.dir)
        self.store = Store(self.database, instance=str(uuid.uuid4()))
        self.champions = Champions(
            settings.state.dir / "models",
            starter(settings.finder.method, settings.recognizer.method),
            method=settings.recognizer.method,
            finder=settings.finder.method,
        )
        self.told = Told(settings, self.database, self.champions)
        self.publisher = Publisher(self.database, clock=clock, state_word=lambda: self.state()[0])
        self.engine = self._crew()
        self.dispatch = Dispatch(
            self.store,
            self.engine,
            clock=clock,
            job_body=lambda frame: job_body(frame, self._sections[frame.root]),
            committed=self.publisher.poke,
            timeout_s=settings.workers.timeout_s,
            trouble=lambda said: self._trouble("store", said),
            drawn=Drawn(self.database, clock=clock, job_body=self._drawn_body),
        )
        self.roots = Roots(
            [root_settings(section) for section in settings.roots],
            known=self.store.known,
            guard=self.store.guard,
            clock=clock,
        )
        self.reception = Reception(
            self.store,
            clock=clock,
            queued=self.dispatch.poke,
            committed=self.publisher.poke,
            root_state=self._root_state,
            trouble=lambda said: self._trouble("store", said),
        )
        self.rescoring = Rescoring(
            self.database,
            self.champions,
            rules=rules_of(settings.acceptance.model_dump(mode="json")),
            clock=clock,
            committed=self.publisher.poke,
        )
        self.retraining = Retraining(
            self.database,
            self.champions,
            retrain_settings(settings),
            clock=clock,
            adopt=self._adopt,
            committed=self.publisher.poke,
            trouble=lambda said: self._trouble("retraining", said),
        )
        self.shadowing = Shadowing(
            self.database,
            self.champions,
            floors=settings.retrain.recall_floor,
            promote=settings.retrain.promote,
            clock=clock,
            adopt=self.retraining.adopt_or_go_back,
            committed=self.publisher.poke,
        )
        self.admission = admission_of(settings.security.keys, clock)
        self.replies = self._answering()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then finish what is under way."""
        self.database.open()
        context = zmq.asyncio.Context()
        try:
            self._open()
            listening = self._listen(context)
            async with self._serving():
                await self._prove_closed(context, listening)
                await self.engine.start()
                self._word = "ready"
                self._notify.ready("ready")
                _log.info("ready", roots=[section.name for section in self._settings.roots])
                await stop.wait()
                await self._wind_down()
        finally:
            self.publisher.close()
            self.replies.close()
            if self.admission:
                self.admission.close()
            context.term()
            self.database.close()
            _log.info("stopped")

    def state(self) -> tuple[str, str]:
        """Return the state word and its reason."""
        if self._word != "ready":
            return self._word, ""
        if self._troubles:
            full = any("full" in said for said in self._troubles.values())
            return ("full" if full else "degraded"), "; ".join(self._troubles.values())
        unwell = [
            f"root {s.root} {s.state}: {s.reason}" for s in self._root_states.values() if s.state not in _WELL
        ]
        if unwell:
            return "degraded", "; ".join(unwell)
        health = self.engine.health()
        return ("degraded", health.reason) if health.state == "degraded" else ("ready", "")

    def status(self) -> StatusChanged:
        """Return everything a person or dashboard wants to know of the daemon."""
        word, reason = self.state()
        newest = self.database.ask(results.last_frame_at)
        sensitivity, by = self.told.sensitivity()
        return StatusChanged(
            state=word,
            reason=reason,
            version=__version__,
            pid=os.getpid(),
            started_at=self._started_at,
            roots={name: root_health(state, newest.get(name)) for name, state in self._root_states.items()},
            ledger=self.store.ledgers(),
            workers=self.dispatch.workers(),
            model=self.told.model.name,
            finder=self._settings.finder.method,
            sensitivity=sensitivity,
            sensitivity_by=by,
            head=self.database.ask(outbox.head),
            disk_free_bytes=shutil.disk_usage(self._settings.state.dir).free,
            notes=tuple(
                f"[{name}] is understood, but has no effect in this version"
                for name in self._settings.without_effect()
            ),
        )

    # --- parts -------------------------------------------------------------------------------------------------

    def _crew(self) -> Crew:
        workers = self._settings.workers
        hands = HandSettings(
            task=TASK,
            environ=os.environ,
            limits=WorkerLimits(memory_mb=workers.memory_mb),
            timeout_s=workers.timeout_s,
        )
        return Crew(
            CrewSettings(count=workers.count or len(os.sched_getaffinity(0)), hands=hands),
            self.told.as_configured(),
            clock=self._clock,
            log_line=lambda name, line: _log.info("worker says", worker=name, line=line),
            noted=lambda event, fields: _log.info(event, **fields),
        )

    async def _adopt(self) -> None:
        await self.told.adopt(self.engine)
        self.rescoring.poke()

    def _learning(self) -> Learning:
        async def whole(model_id: str) -> None:
            await asyncio.to_thread(load, self.champions.folder(model_id))

        def next_at() -> str | None:
            at = self.retraining.next_at()
            return iso(at) if at else None

        return Learning(
            begin=lambda by: self.retraining.request("order", by),
            cancel=self.retraining.cancel,
            next_at=next_at,
            adopt=self.retraining.adopt_or_go_back,
            in_use=lambda connection: self.champions.present(connection).name,
            objection=self.champions.objection,
            starter=self.champions.starter.name,
            whole=whole,
        )

    def _answering(self) -> Replies:
        audit = Audit(self.database, clock=self._clock)
        identify = by_key(self.admission.keyring) if self.admission else declared
        labels = Labels(
            self.database,
            clock=self._clock,
            committed=self.publisher.poke,
            drawn=self.dispatch.poke,
            may_be_blind=queue.is_control,
        )
        review = Review(self.database, review_rules())
        handlers = {
            **Queries(self.database).handlers(),
            **Pixels(self.database, self._root_path, window).handlers(),
            **self._orders().handlers(),
            **labels.handlers(),
            **Models(self.database, self._learning(), clock=self._clock).handlers(),
            **review.handlers(),
            **Sensitivity(self.database, lambda: self.told.tune(self.engine), clock=self._clock).handlers(),
            **audit.handlers(),
        }
        return Replies(handlers, identify=identify, record=audit.record)

    def _drawn_body(self, frame: FrameRow) -> dict[str, Any] | None:
        section = self._sections.get(frame.root)
        return None if section is None else job_body(frame, section)

    def _root_path(self, name: str) -> Path | None:
        section = self._sections.get(name)
        return section.path if section else None

    def _listen(self, context: zmq.asyncio.Context) -> tuple[str, str]:
        """Bind both sockets, behind the keys where there are any, and return where they really are."""
        publish, guard = self._settings.publish, None
        if self.admission:
            self.admission.open(context)
            guard = self.admission.guard
        events = self.publisher.bind(context, publish.events, guard=guard)
        commands = self.replies.bind(context, publish.commands, guard=guard)
        _log.info(
            "listening",
            events=events,
            commands=commands,
            keys=fingerprint(self.admission.server.public) if self.admission else "none",
            state=str(self._settings.state.dir),
        )
        return events, commands

    async def _prove_closed(self, context: zmq.asyncio.Context, listening: tuple[str, str]) -> None:
        """Become ready only after a stranger's key was seen refused at each socket."""
        if self.admission:
            server = self.admission.server.public
            for address, kind in zip(listening, (zmq.SUB, zmq.DEALER), strict=True):
                await prove_closed(context, address, kind=kind, server=server)
            _log.info("a random key was refused at both sockets")

    def _orders(self) -> Orders:
        return Orders(
            status=self.status,
            pause=self.roots.pause,
            resume=self.roots.resume,
            add_root=self._add_root,
            remove_root=self._remove_root,
            reinject=self._reinject,
            drain=self._drain,
        )

    def _open(self) -> None:
        self.store.start_instance()
        for section in self._settings.roots:
            self.store.open_root(section.name)
        self._trouble("recognizer", self.told.open())
        self.engine.prepare(self.told.now())

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        """Run every loop while the body runs; the end of any of them ends the daemon."""
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(loop, name=name)
                for name, loop in (
                    *self._doors(),
                    ("publisher", self.publisher.run()),
                    ("replies", self.replies.run()),
                    ("dispatch", self.dispatch.run()),
                    ("reception", self.reception.run(self.roots.facts())),
                    ("status", self._say_status()),
                    ("watchdog", self._feed_watchdog()),
                    ("housekeeping", self._keep_house()),
                    ("retraining", self.retraining.run()),
                    ("rescoring", self.rescoring.run()),
                    ("shadowing", self.shadowing.run()),
                )
            ]
            try:
                yield
            finally:
                await self.roots.close()
                for task in running:
                    task.cancel()

    def _doors(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        if self.admission:
            yield "admission", self.admission.run()
            yield "keys", self.admission.watch(self.publisher.shake_off, trouble=self._keys_trouble)

    async def _wind_down(self) -> None:
        self._word = "stopping"
        self._notify.stopping("finishing what is under way")
        _log.info("stopping", under_way=self.dispatch.under_way)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await self.dispatch.drained()
        await self.engine.close(grace_s=2.0)
        await self.publisher.flush()

    # --- loops -------------------------------------------------------------------------------------------------

    async def _say_status(self) -> None:
        while True:
            status = self.status()
            self._trouble(
                "disk", "state disk is nearly full" if status.disk_free_bytes < _LOW_DISK_BYTES else ""
            )
            await self.publisher.say(topics.STATUS, "status.changed", messages.to_json(status))
            self._notify.status(f"{status.state} {status.reason}".strip())
            await asyncio.sleep(_STATUS_S)

    async def _feed_watchdog(self) -> None:
        """Feed systemd's watchdog from the loop that does the work, and only while the store answers."""
        while (every_s := self._notify.watchdog_s) is not None:
            # A store in trouble is reported, not cured by a restart: only a loop that hangs starves the watchdog.
            with contextlib.suppress(TransientError):
                self.database.read("SELECT 1")
            self._notify.alive()
            await asyncio.sleep(every_s)

    async def _keep_house(self) -> None:
        while True:
            try:
                with self.database.transaction() as tx:
                    pruned = outbox.prune(
                        tx, now=self._clock.now(), keep_days=self._settings.publish.keep_days
                    )
                await asyncio.sleep(1.0 if pruned else 3600.0)
            except TransientError as error:
                self._trouble("store", str(error))
                await asyncio.sleep(10.0)

    # --- what others tell us -----------------------------------------------------------------------------------

    def _root_state(self, state: RootState) -> None:
        before = self._root_states.get(state.root)
        self._root_states[state.root] = state
        if before is None or (before.state, before.reason) != (state.state, state.reason):
            _log.info(
                "root", root=state.root, state=state.state, reason=state.reason, discovery=state.discovery
            )

    def _trouble(self, where: str, said: str) -> None:
        if said:
            self._troubles[where] = said
        else:
            self._troubles.pop(where, None)

    def _keys_trouble(self, said: str) -> None:
        self._trouble("keys", said)

    async def _add_root(self, name: str, path: Path) -> None:
        section = RootSection(name=name, path=path, quiet_s=0.2)
        self._sections[name] = section
        self._visited.add(name)
        self.store.open_root(name)
        await self.roots.add(root_settings(section))

    async def _remove_root(self, name: str) -> bool:
        if name not in self._visited:
            return False
        # The section stays: frames of this root may still be queued.
        self._visited.remove(name)
        await self.roots.remove(name)
        self._root_states.pop(name, None)
        return True

    def _reinject(self, frame_id: str) -> bool:
        frame = self.store.reinject(frame_id)
        self.dispatch.poke()
        return frame is not None

    def _drain(self) -> None:
        self._word = "draining"
        self.dispatch.draining = True


_WELL = ("online", "paused")
