"""Any order of writing, overwriting, inspecting, failing, waiting and restarting: the store does what a page of Python does."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from temwatch.store import outbox
from temwatch.store.database import Database
from temwatch.store.frames import FrameRow
from temwatch.store.jobs import JobRow
from temwatch.store.store import Store
from unit.store import facts, sound

STACKS = (b"s.mrc", b"sub/\xff.mrc")
FOLDED = (b"a.dm4", b"b.dm4")
NAMES = st.sampled_from(STACKS + FOLDED)
PRINTS = st.sampled_from(["x", "y", "z"])
ANSWERS = st.sampled_from(["finish", "again", "set_aside", "gone", "unfold"])


@dataclass(eq=False)
class Shot:
    """One content of one section, and its job as long as it is queued."""

    name: bytes
    section: int
    revision: int
    print_: str
    state: str = "queued"
    ends: int = 0
    job: str = "ready"
    due_s: float = 0.0
    rank: int = 0
    lease: JobRow | None = None


@dataclass
class Books:
    """The store in a page: lists and dictionaries."""

    shots: list[Shot] = field(default_factory=list)
    held: set[bytes] = field(default_factory=set)
    known: set[bytes] = field(default_factory=set)

    def newest(self, name: bytes, section: int) -> Shot | None:
        own = [shot for shot in self.shots if (shot.name, shot.section) == (name, section)]
        return own[-1] if own else None

    def queued(self, name: bytes | None = None) -> list[Shot]:
        return [shot for shot in self.shots if shot.state == "queued" and name in (None, shot.name)]

    def end(self, shot: Shot, state: str) -> Shot:
        shot.state, shot.ends, shot.lease = state, shot.ends + 1, None
        return shot

    def add(self, name: bytes, section: int, print_: str, rank: int | None = None) -> Shot:
        for old in self.queued(name):
            if old.section == section:
                self.end(old, "gone")
        return self.insert(name, section, print_, rank)

    def insert(self, name: bytes, section: int, print_: str, rank: int | None = None) -> Shot:
        before = self.newest(name, section)
        top = max((shot.rank for shot in self.queued()), default=0) + 1
        shot = Shot(name, section, before.revision + 1 if before else 1, print_, rank=rank or top)
        self.shots.append(shot)
        return shot

    def is_new(self, name: bytes, section: int, print_: str) -> bool:
        before = self.newest(name, section)
        return before is None or before.print_ != print_ or before.state == "gone"

    def of(self, row: FrameRow) -> Shot:
        key = (row.relpath, row.section, row.revision)
        return next(shot for shot in self.shots if (shot.name, shot.section, shot.revision) == key)


class Station(RuleBasedStateMachine):
    """A store, the books beside it, and workers of which some answer late."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="temwatch-store-"))
        self.books = Books()
        self.now_s = 0.0
        self.runs = 0
        self.leases: list[tuple[JobRow, Shot]] = []
        self._start()

    def _start(self) -> None:
        self.runs += 1
        self.store = Store(Database(self.folder, ballast_bytes=0), instance=f"run {self.runs}")
        self.store.database.open()
        self.store.start_instance()

    # --- what scanners say -----------------------------------------------------------------------------------------

    @rule(name=NAMES)
    def notice(self, name: bytes) -> None:
        self.store.notice([facts.noticed(name)])
        self.books.held.add(name)
        self.books.known.add(name)

    @rule(name=NAMES)
    def hold(self, name: bytes) -> None:
        self.store.hold(facts.held(name, "empty"))

    @rule(name=st.sampled_from(FOLDED), print_=PRINTS)
    def accept_whole(self, name: bytes, print_: str) -> None:
        self._accept(name, print_, (print_,), whole=True)

    @rule(name=st.sampled_from(STACKS), prints=st.lists(PRINTS, min_size=1, max_size=4))
    def accept_sections(self, name: bytes, prints: list[str]) -> None:
        self._accept(name, "".join(prints), tuple(prints), whole=False)

    @precondition(lambda self: self.books.shots)
    @rule(name=st.sampled_from(STACKS), more=st.lists(PRINTS, max_size=3))
    def grow(self, name: bytes, more: list[str]) -> None:
        """A tilt series gets more sections; those that were there stay as they are."""
        now: list[str] = []
        while (shot := self.books.newest(name, len(now))) is not None:
            now.append(shot.print_)
        if now:
            self._accept(name, "grown", tuple(now + more), whole=False)

    def _accept(self, name: bytes, print_: str, prints: tuple[str, ...], *, whole: bool) -> None:
        said = facts.sighted(name, print_, sections=None if whole else prints)
        rows = self.store.accept(said, at=facts.at(self.now_s))
        for old in self.books.queued(name):
            if (old.print_ != print_) if whole else (old.section >= len(prints)):
                self.books.end(old, "gone")
        expected = [
            self.books.add(name, section, p)
            for section, p in enumerate(prints)
            if self.books.is_new(name, section, p)
        ]
        assert [self.books.of(row) for row in rows] == expected
        self.books.held.discard(name)
        self.books.known.add(name)

    @rule(name=NAMES, print_=PRINTS)
    def unfit(self, name: bytes, print_: str) -> None:
        row = self.store.unfit(facts.unfit(name, print_), at=facts.at(self.now_s))
        self.books.held.discard(name)
        self.books.known.add(name)
        before = self.books.newest(name, 0)
        if before and before.print_ == print_ and before.state in ("set_aside", "done"):
            assert row is None
            return
        for old in self.books.queued(name):
            self.books.end(old, "gone")
        shot = self.books.end(self.books.insert(name, 0, print_), "set_aside")
        assert row is not None
        assert self.books.of(row) is shot

    @rule(name=NAMES)
    def vanish(self, name: bytes) -> None:
        rows = self.store.vanish(facts.vanished(name), at=facts.at(self.now_s))
        expected = [self.books.end(shot, "gone") for shot in self.books.queued(name) if shot.job != "leased"]
        if name in self.books.held:
            expected.append(self.books.end(self.books.insert(name, 0, "held:1:1"), "gone"))
        assert [self.books.of(row) for row in rows] == expected
        self.books.held.discard(name)
        self.books.known.discard(name)

    # --- what workers do -------------------------------------------------------------------------------------------

    @rule(for_s=st.sampled_from([1.0, 10.0]))
    def lease(self, for_s: float) -> None:
        ready = [shot for shot in self.books.queued() if shot.job == "ready"]
        assert self.store.has_ready() == bool(ready)
        claimed = self.store.lease(until_s=self.now_s + for_s)
        if claimed is None:
            assert not ready
            return
        job, row = claimed
        shot = self.books.of(row)
        assert shot in ready
        assert shot.rank == max(other.rank for other in ready), "not the newest"
        assert (job.job_id, job.attempt) not in {(j.job_id, j.attempt) for j, _ in self.leases}, (
            "a number again"
        )
        shot.job, shot.due_s, shot.lease = "leased", self.now_s + for_s, job
        self.leases.append((job, shot))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), what=ANSWERS, model=st.sampled_from(["m1", "m2"]))
    def answer(self, data: st.DataObject, what: str, model: str) -> None:
        """A worker answers: in time, late, or a second time."""
        job, shot = data.draw(st.sampled_from(self.leases))
        in_force = shot.state == "queued" and shot.lease == job
        head = outbox.head(self.store.database.connection())
        effect = getattr(self, f"_{what}")(job, shot, model, in_force=in_force)
        if not in_force:
            assert not effect, "an answer of a lost lease had an effect"
            assert outbox.head(self.store.database.connection()) == head

    def _finish(self, job: JobRow, shot: Shot, model: str, *, in_force: bool) -> bool:
        row = self.store.finish(job.job_id, job.attempt, facts.inspected(model), at=facts.at(self.now_s))
        if in_force:
            assert row is not None
            assert self.books.of(row) is shot
            self.books.end(shot, "done")
        return row is not None

    def _set_aside(self, job: JobRow, shot: Shot, _model: str, *, in_force: bool) -> bool:
        row = self.store.set_aside(job, reason="r", next_step="n", at=facts.at(self.now_s))
        if in_force:
            self.books.end(shot, "set_aside")
        return row is not None

    def _gone(self, job: JobRow, shot: Shot, _model: str, *, in_force: bool) -> bool:
        row = self.store.gone(job, at=facts.at(self.now_s))
        if in_force:
            self.books.end(shot, "gone")
        return row is not None

    def _again(self, job: JobRow, shot: Shot, _model: str, *, in_force: bool) -> bool:
        done = self.store.try_again(job, until_s=self.now_s + 5.0, error="e")
        if in_force:
            assert done
            shot.job, shot.due_s, shot.lease = "waiting", self.now_s + 5.0, None
        return done

    def _unfold(self, job: JobRow, shot: Shot, _model: str, *, in_force: bool) -> bool:
        rows = self.store.unfold(job.job_id, job.attempt, sections=3, at=facts.at(self.now_s))
        if in_force:
            shot.job, shot.lease = "ready", None
            expected = [
                self.books.add(shot.name, section, shot.print_, shot.rank)
                for section in (1, 2)
                if self.books.is_new(shot.name, section, shot.print_)
            ]
            assert [self.books.of(row) for row in rows] == expected
        return bool(rows)

    # --- what happens ----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 2.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        due = [shot for shot in self.books.queued() if shot.job != "ready" and shot.due_s <= self.now_s]
        assert self.store.wake(now_s=self.now_s) == len(due)
        for shot in due:
            shot.job, shot.lease = "ready", None

    @precondition(lambda self: any(shot.state == "set_aside" for shot in self.books.shots))
    @rule(data=st.data())
    def reinject(self, data: st.DataObject) -> None:
        shot = data.draw(st.sampled_from([shot for shot in self.books.shots if shot.state == "set_aside"]))
        row = self.store.reinject(self._id(shot))
        overwritten = self.books.newest(shot.name, shot.section) is not shot
        assert (row is None) == overwritten
        if not overwritten:
            top = max((other.rank for other in self.books.queued()), default=0) + 1
            shot.state, shot.job, shot.rank = "queued", "ready", top

    @rule()
    def restart(self) -> None:
        """The daemon dies and comes back: what was leased is ready again, and no old answer counts."""
        epoch = self.store.database.epoch
        self.store.database.close()
        self._start()
        assert self.store.database.epoch == epoch
        for shot in self.books.queued():
            shot.job, shot.lease = "ready", None

    def _id(self, shot: Shot) -> str:
        rows = self.store.database.read(
            "SELECT frame_id FROM frame AS f JOIN file ON file.id = f.file_id"
            " WHERE relpath = ? AND section = ? AND revision = ?",
            shot.name,
            shot.section,
            shot.revision,
        )
        return str(rows[0][0])

    # --- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        rows = self.store.database.read(
            "SELECT relpath, section, revision, fingerprint, f.state, ends, j.state AS job, j.due_s"
            " FROM frame AS f JOIN file ON file.id = f.file_id LEFT JOIN job AS j ON j.frame_pk = f.id"
            " ORDER BY f.id"
        )
        assert [tuple(row)[:7] for row in rows] == [
            (s.name, s.section, s.revision, s.print_, s.state, s.ends, s.job if s.state == "queued" else None)
            for s in self.books.shots
        ]
        due = [s.due_s for s in self.books.queued() if s.job != "ready"]
        assert self.store.next_due_s() == (min(due) if due else None)
        known = {file.relpath: file.held for file in self.store.known("titan")}
        assert known == {name: name in self.books.held for name in self.books.known}

    @invariant()
    def the_store_is_sound(self) -> None:
        if hasattr(self, "store"):
            sound.check(self.store)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.database.close()
            shutil.rmtree(self.folder)


TestStation = Station.TestCase
TestStation.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
