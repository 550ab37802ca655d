"""The daemon's transactions: what must be true together is written together, or not at all.

``accept`` = frames + jobs + messages. ``finish`` = result + measurement + message + labels moved + job done, only under
a lease that is still in force. Everything published comes out of here, after its commit.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime

from temwatch.model.events import FrameAccepted, FrameGone, FrameSetAside, Ledger
from temwatch.model.sighting import Held, Noticed, Sighted, Stamp, Unfit, Vanished
from temwatch.store import anchors, files, frames, jobs, ledger, outbox, results
from temwatch.store.database import Database
from temwatch.store.files import KnownFile
from temwatch.store.frames import FrameRow
from temwatch.store.jobs import JobRow
from temwatch.store.results import Inspected
from temwatch.wire import messages, topics
from temwatch.wire.names import sayable

MAX_SECTIONS = 100_000
_NO_STAMP = Stamp(size=0, mtime_ns=0, ctime_ns=0, inode=0)


class Store:
    """Writes and reads the daemon's state.

    Parameters
    ----------
    database : Database
        Open.
    instance : str
        This run of the daemon; owner of its leases.
    """

    def __init__(self, database: Database, *, instance: str) -> None:
        self.database = database
        self.instance = instance

    # --- what scanners say -------------------------------------------------------------------------------------

    def notice(self, facts: Iterable[Noticed]) -> None:
        """Hold newly seen or changed files."""
        with self.database.transaction() as tx:
            for fact in facts:
                files.put(tx, files.root_id(tx, fact.root), fact.relpath, fact.stamp, held=True)

    def hold(self, fact: Held) -> None:
        """Write down why a noticed file still waits."""
        with self.database.transaction() as tx:
            files.hold(tx, files.root_id(tx, fact.root), fact.relpath, sayable(fact.reason))

    def accept(self, fact: Sighted, *, at: datetime) -> list[FrameRow]:
        """Queue what is new in a settled file; return the new frames (none where the content is known).

        A section is new when it has no frame yet, another fingerprint than its newest frame, or when that
        frame's file had gone before it could be inspected.
        """
        with self.database.transaction() as tx:
            file_id = files.put(tx, files.root_id(tx, fact.root), fact.relpath, fact.stamp, held=False)
            prints, count = self._prints(tx, file_id, fact)
            self._drop_overwritten(tx, file_id, fact, at)
            new = [
                self._queue(tx, file_id, section, count, fingerprint, at)
                for section, fingerprint in enumerate(prints)
                if self._is_new(tx, file_id, section, fingerprint)
            ]
            return self._announce(tx, new, at)

    def unfit(self, fact: Unfit, *, at: datetime) -> FrameRow | None:
        """Set aside a file that will not become a frame as it is; None where that was said already."""
        with self.database.transaction() as tx:
            stamp = fact.stamp or _NO_STAMP
            file_id = files.put(tx, files.root_id(tx, fact.root), fact.relpath, stamp, held=False)
            before = frames.latest(tx, file_id, 0)
            if before and before.fingerprint == fact.fingerprint and before.state in ("set_aside", "done"):
                return None
            for queued in frames.queued_of_file(tx, file_id):
                self._end_gone(tx, queued, at)
            frame = frames.insert(
                tx,
                file_id=file_id,
                section=0,
                sections=None,
                fingerprint=fact.fingerprint,
                state="queued",
                at=at,
            )
            return self._end_aside(tx, frame, sayable(fact.reason), sayable(fact.next_step), at)

    def vanish(self, fact: Vanished, *, at: datetime) -> list[FrameRow]:
        """Let go of a file that is no longer there; frames nobody had inspected are gone, and it is said."""
        with self.database.transaction() as tx:
            root = files.root_id(tx, fact.root)
            file = files.find(tx, root, fact.relpath)
            if file is None:
                return []
            gone = frames.queued_of_file(tx, file["id"], leased=False)
            files.depart(tx, file["id"])
            if file["held"]:
                stamp = f"held:{file['size']}:{file['mtime_ns']}"
                gone.append(
                    frames.insert(
                        tx,
                        file_id=file["id"],
                        section=0,
                        sections=None,
                        fingerprint=stamp,
                        state="queued",
                        at=at,
                    )
                )
            return [self._end_gone(tx, frame, at) for frame in gone]

    # --- what workers do ---------------------------------------------------------------------------------------

    def start_instance(self) -> None:
        """Void every lease of earlier runs."""
        with self.database.transaction() as tx:
            jobs.release_all(tx)

    def lease(self, *, until_s: float) -> tuple[JobRow, FrameRow] | None:
        """Claim the newest frame that is ready, until monotonic `until_s`; None where there is none."""
        with self.database.transaction() as tx:
            job = jobs.lease(tx, owner=self.instance, until_s=until_s)
            return (job, frames.by_pk(tx, job.frame_pk)) if job else None

    def finish(self, job_id: int, attempt: int, inspected: Inspected, *, at: datetime) -> FrameRow | None:
        """Write a report and its message, only under a lease still in force; None where it was lost."""
        with self.database.transaction() as tx:
            job = jobs.held_by(tx, job_id, attempt, self.instance)
            if job is None:
                return None
            known = results.of_model(tx, job.frame_pk, inspected.model_id)
            result_id = known or results.insert(tx, job.frame_pk, inspected, at=at)
            jobs.remove(tx, job.frame_pk)
            frame = frames.end(tx, job.frame_pk, "done", at=at)
            outbox.append(
                tx,
                id=f"{frame.frame_id}:end:{frame.ends}",
                topic=topics.result(frame.root),
                type="frame.inspected",
                at=at,
                result_id=result_id,
            )
            anchors.follow(tx, frame, at=at)
            return frame

    def unfold(self, job_id: int, attempt: int, *, sections: int, at: datetime) -> list[FrameRow]:
        """Turn the job of a file that holds several images into one job an image; return the new frames.

        None are new if the lease was lost. A number of images nobody would believe sets the file aside.
        """
        with self.database.transaction() as tx:
            job = jobs.held_by(tx, job_id, attempt, self.instance)
            if job is None:
                return []
            first = frames.by_pk(tx, job.frame_pk)
            if not 1 <= sections <= MAX_SECTIONS:
                reason = f"the file says that it holds {sections} images (1 to {MAX_SECTIONS} are believed)"
                self._end_aside(tx, first, reason, "look whether the file is damaged", at)
                return []
            frames.set_sections(tx, first.file_id, first.fingerprint, sections)
            jobs.remove(tx, first.pk)
            jobs.add(tx, first.pk, rank=job.rank)
            new = [
                self._queue(tx, first.file_id, section, sections, first.fingerprint, at, rank=job.rank)
                for section in range(1, sections)
                if self._is_new(tx, first.file_id, section, first.fingerprint)
            ]
            return self._announce(tx, new, at)

    def try_again(self, job: JobRow, *, until_s: float, error: str) -> bool:
        """Put a leased job back until monotonic `until_s`, with its counters as given; False if not held."""
        with self.database.transaction() as tx:
            if jobs.held_by(tx, job.job_id, job.attempt, self.instance) is None:
                return False
            jobs.wait(tx, job, until_s=until_s, error=sayable(error))
            return True

    def set_aside(self, job: JobRow, *, reason: str, next_step: str, at: datetime) -> FrameRow | None:
        """End a leased job without a report, and say why; None if it is not held."""
        with self.database.transaction() as tx:
            if jobs.held_by(tx, job.job_id, job.attempt, self.instance) is None:
                return None
            frame = frames.by_pk(tx, job.frame_pk)
            return self._end_aside(tx, frame, sayable(reason), sayable(next_step), at)

    def gone(self, job: JobRow, *, at: datetime) -> FrameRow | None:
        """End a leased job whose file vanished; None if it is not held."""
        with self.database.transaction() as tx:
            if jobs.held_by(tx, job.job_id, job.attempt, self.instance) is None:
                return None
            return self._end_gone(tx, frames.by_pk(tx, job.frame_pk), at)

    def reinject(self, frame_id: str) -> FrameRow | None:
        """Queue a set-aside frame again; None where none is, or where its file was overwritten since."""
        with self.database.transaction() as tx:
            frame = frames.by_frame_id(tx, frame_id)
            if frame is None or frame.state != "set_aside" or not frames.is_newest(tx, frame):
                return None
            frames.reopen(tx, frame.pk)
            jobs.add(tx, frame.pk, rank=jobs.next_rank(tx))
            return frames.by_pk(tx, frame.pk)

    def wake(self, *, now_s: float) -> int:
        """Make ready what is due at monotonic `now_s`; return how many."""
        if not self.database.read(
            "SELECT 1 FROM job WHERE state IN ('waiting', 'leased') AND due_s <= ? LIMIT 1", now_s
        ):
            return 0
        with self.database.transaction() as tx:
            return jobs.wake(tx, now_s=now_s)

    def next_due_s(self) -> float | None:
        """Return the monotonic time at which the next waiting or leased job is due; None where there is none."""
        with self.database.reading() as connection:
            return jobs.next_due_s(connection)

    def has_ready(self) -> bool:
        """Whether a job could be leased now."""
        return bool(self.database.read("SELECT 1 FROM job WHERE state = 'ready' LIMIT 1"))

    # --- what people ask ---------------------------------------------------------------------------------------

    def ledgers(self) -> dict[str, Ledger]:
        """Return the ledger of every root, as the triggers keep it."""
        with self.database.reading() as connection:
            return ledger.kept(connection)

    def recount(self) -> dict[str, Ledger]:
        """Return the ledger of every root counted afresh from the rows (slow; for checks)."""
        with self.database.reading() as connection:
            return ledger.recounted(connection)

    def guard(self, root: str) -> str | None:
        """Return what was recorded of a root's file system, as JSON; None where nothing was."""
        rows = self.database.read("SELECT guard FROM root WHERE name = ?", root)
        return rows[0]["guard"] if rows else None

    def record_guard(self, root: str, guard: str) -> None:
        """Write down which file system a root is."""
        with self.database.transaction() as tx:
            tx.execute("UPDATE root SET guard = ? WHERE id = ?", (guard, files.root_id(tx, root)))

    def known(self, root: str) -> Iterator[KnownFile]:
        """Yield every path of a root that was there when last seen."""
        return files.known(self.database.connection(), root)

    def open_root(self, root: str) -> None:
        """Make a root known, so that its ledger is published from the start."""
        with self.database.transaction() as tx:
            files.root_id(tx, root)

    # --- inside a transaction ----------------------------------------------------------------------------------

    def _prints(
        self, tx: sqlite3.Connection, file_id: int, fact: Sighted
    ) -> tuple[tuple[str, ...], int | None]:
        """Return the fingerprint of every section a settled file is known to hold, and how many, if known."""
        if fact.sections is not None:
            return fact.sections, len(fact.sections)
        # Only a decoder can tell; where it did for this very content, its later sections count too: they may
        # have vanished before they were inspected, and be back now.
        before = frames.latest(tx, file_id, 0)
        count = before.sections if before and before.fingerprint == fact.fingerprint else None
        return (fact.fingerprint,) * (count or 1), count

    def _is_new(self, tx: sqlite3.Connection, file_id: int, section: int, fingerprint: str) -> bool:
        before = frames.latest(tx, file_id, section)
        return before is None or before.fingerprint != fingerprint or before.state == "gone"

    def _queue(
        self,
        tx: sqlite3.Connection,
        file_id: int,
        section: int,
        sections: int | None,
        fingerprint: str,
        at: datetime,
        rank: int | None = None,
    ) -> FrameRow:
        self._supersede(tx, file_id, section, at)
        frame = frames.insert(
            tx,
            file_id=file_id,
            section=section,
            sections=sections,
            fingerprint=fingerprint,
            state="queued",
            at=at,
        )
        jobs.add(tx, frame.pk, rank=jobs.next_rank(tx) if rank is None else rank)
        return frame

    def _supersede(self, tx: sqlite3.Connection, file_id: int, section: int, at: datetime) -> None:
        """Content that was overwritten before anyone inspected it is gone; a worker's late answer is fenced off."""
        for before in frames.queued_of_file(tx, file_id, section=section):
            self._end_gone(tx, before, at)

    def _drop_overwritten(self, tx: sqlite3.Connection, file_id: int, fact: Sighted, at: datetime) -> None:
        """Let go of queued sections that the file no longer has: it was overwritten by a shorter one."""
        for before in frames.queued_of_file(tx, file_id):
            if fact.sections is None:
                still_there = before.fingerprint == fact.fingerprint
            else:
                still_there = before.section < len(fact.sections)
            if not still_there:
                self._end_gone(tx, before, at)

    def _announce(self, tx: sqlite3.Connection, new: list[FrameRow], at: datetime) -> list[FrameRow]:
        for frame in new:
            self._say(
                tx,
                frame,
                "accepted",
                FrameAccepted(
                    frame_id=frame.frame_id,
                    root=frame.root,
                    path=frame.path,
                    z=frame.z,
                    revision=frame.revision,
                    size_bytes=frame.size_bytes,
                ),
                at,
            )
        return new

    def _end_aside(
        self, tx: sqlite3.Connection, frame: FrameRow, reason: str, next_step: str, at: datetime
    ) -> FrameRow:
        jobs.remove(tx, frame.pk)
        ended = frames.end(tx, frame.pk, "set_aside", at=at, reason=reason, next_step=next_step)
        event = FrameSetAside(
            frame_id=ended.frame_id,
            root=ended.root,
            path=ended.path,
            z=ended.z,
            revision=ended.revision,
            reason=reason,
            next_step=next_step,
        )
        self._say(tx, ended, f"end:{ended.ends}", event, at)
        return ended

    def _end_gone(self, tx: sqlite3.Connection, frame: FrameRow, at: datetime) -> FrameRow:
        jobs.remove(tx, frame.pk)
        ended = frames.end(tx, frame.pk, "gone", at=at)
        event = FrameGone(
            frame_id=ended.frame_id, root=ended.root, path=ended.path, z=ended.z, revision=ended.revision
        )
        self._say(tx, ended, f"end:{ended.ends}", event, at)
        return ended

    def _say(
        self,
        tx: sqlite3.Connection,
        frame: FrameRow,
        what: str,
        event: FrameAccepted | FrameSetAside | FrameGone,
        at: datetime,
    ) -> None:
        outbox.append(
            tx,
            id=f"{frame.frame_id}:{what}",
            topic=topics.frame(frame.root),
            type=messages.event_type(event),
            at=at,
            body=messages.to_json(event),
        )
