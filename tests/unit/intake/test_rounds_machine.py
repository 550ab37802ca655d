"""Any order of writing, renaming, deleting, crashing and waiting: nothing lost, nothing twice, nothing too early."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from temwatch.model.sighting import Held, Noticed, ScannerFact, Sighted, Unfit, Vanished
from unit.intake.bench import QUIET_S, Bench
from unit.intake.frames import mrc

WHOLE, CUT, EMPTY, OTHER = "whole", "cut", "empty", "other"
FOLDERS = st.sampled_from(["", "a", "a/b", "c"])
FILES = st.sampled_from(["1.mrc", "2.MRC", "\udcff3.mrc", "x.mrc.part", "notes.txt"])
CONTENTS = st.sampled_from([WHOLE, WHOLE, CUT, EMPTY, OTHER])


class Lab(RuleBasedStateMachine):
    """A folder that people write into, and a scanner that must keep up."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="temwatch-lab-"))
        self.bench = Bench(self.root, give_up_s=60.0)
        self.revision = 0
        self.there: dict[str, tuple[str, int, float]] = {}  # what, revision, when
        self.sighted: set[tuple[str, int]] = set()

    # --- what people do --------------------------------------------------------------------------------------------

    @rule(folder=FOLDERS, name=FILES, content=CONTENTS)
    def write(self, folder: str, name: str, content: str) -> None:
        """Make a file, or overwrite it in place."""
        relpath = f"{folder}/{name}".lstrip("/")
        path = self.root / relpath
        if path.is_dir():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self.revision += 1
        path.write_bytes(self._bytes(content))
        self._stamp(path)
        self.there[relpath] = (content, self.revision, self.bench.now_s)

    @rule(folder=FOLDERS, name=FILES, content=CONTENTS)
    def rename_over(self, folder: str, name: str, content: str) -> None:
        """Write aside, then rename to the final name."""
        relpath = f"{folder}/{name}".lstrip("/")
        path = self.root / relpath
        path.parent.mkdir(parents=True, exist_ok=True)
        self.revision += 1
        aside = self.root / "aside.tmp"
        aside.write_bytes(self._bytes(content))
        self._stamp(aside)
        aside.rename(path)
        self.there[relpath] = (content, self.revision, self.bench.now_s)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def append(self, data: st.DataObject) -> None:
        """Complete a file that was cut short."""
        relpath = data.draw(st.sampled_from(sorted(self.there)))
        content, revision, _ = self.there[relpath]
        if content == CUT:
            self.revision += 1
            (self.root / relpath).write_bytes(mrc(seed=revision))
            self._stamp(self.root / relpath)
            self.there[relpath] = (WHOLE, self.revision, self.bench.now_s)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        relpath = data.draw(st.sampled_from(sorted(self.there)))
        (self.root / relpath).unlink()
        del self.there[relpath]

    @precondition(lambda self: (self.root / "a").is_dir())
    @rule(to=st.sampled_from(["d", "c/d"]))
    def move_folder(self, to: str) -> None:
        """Move a tree within the root."""
        target = self.root / to
        if target.exists():
            return
        target.parent.mkdir(exist_ok=True)
        (self.root / "a").rename(target)
        for relpath in [path for path in self.there if path.startswith("a/")]:
            content, _, _ = self.there.pop(relpath)
            self.revision += 1
            self.there[to + relpath[1:]] = (content, self.revision, self.bench.now_s)

    @rule()
    def remove_tree(self) -> None:
        shutil.rmtree(self.root / "c", ignore_errors=True)
        self.there = {path: entry for path, entry in self.there.items() if not path.startswith("c/")}

    # --- what happens ----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, QUIET_S / 2, QUIET_S, 3 * QUIET_S, 70.0]))
    def wait(self, seconds: float) -> None:
        self._check(lambda: self.bench.wait(seconds, step_s=max(seconds / 8, 0.5)))

    @rule(data=st.data())
    def hint(self, data: st.DataObject) -> None:
        """Events about anything at all, true or not."""
        paths = data.draw(st.lists(st.sampled_from([*sorted(self.there), "a", "c/d", "", "no/such.mrc"])))
        self._check(lambda: self.bench.go(paths))

    @rule()
    def crash(self) -> None:
        self.bench.restart()

    @rule()
    def lose_the_root(self) -> None:
        """The root is away for a while: nothing may vanish."""
        away = self.root.with_name(self.root.name + "-away")
        self.root.rename(away)
        assert self.bench.wait(10.0) == []
        away.rename(self.root)

    # --- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def known_files_are_in_the_tree(self) -> None:
        if hasattr(self, "bench"):
            assert self.bench.rounds.tree.count() == len(self.bench.known)

    def teardown(self) -> None:
        """After all that, everything comes to rest; then the books must balance."""
        if not hasattr(self, "bench"):
            return
        self._check(lambda: self.bench.wait(1500.0, step_s=10.0))
        frames = {path: entry for path, entry in self.there.items() if path.lower().endswith(".mrc")}
        whole = {path for path, (content, _, _) in frames.items() if content == WHOLE}
        assert {(path, frames[path][1]) for path in whole} <= self.sighted, "a finished file was not sighted"
        assert {os.fsdecode(path) for path in self.bench.known} == set(frames), "the books do not balance"
        held = {os.fsdecode(path) for path, (_, is_held) in self.bench.known.items() if is_held}
        assert held == {path for path, (content, _, _) in frames.items() if content == EMPTY}
        shutil.rmtree(self.root)

    def _check(self, go: Callable[[], list[ScannerFact]]) -> None:
        for fact in go():
            assert isinstance(fact, Noticed | Held | Sighted | Unfit | Vanished)
            relpath = os.fsdecode(fact.relpath)
            if isinstance(fact, Sighted):
                content, revision, written_s = self.there[relpath]
                assert content == WHOLE, "an unfinished file was sighted"
                assert self.bench.now_s >= written_s + QUIET_S, "sighted while it was being written"
                assert (relpath, revision) not in self.sighted, "sighted twice"
                self.sighted.add((relpath, revision))
            if isinstance(fact, Vanished):
                assert relpath not in self.there, "a file that is there vanished"

    def _bytes(self, content: str) -> bytes:
        whole = mrc(seed=self.revision)
        return {WHOLE: whole, CUT: whole[:-7], EMPTY: b"", OTHER: b"no image at all, just words " * 3}[
            content
        ]

    def _stamp(self, path: Path) -> None:
        """Give each state of a file another time, on a clock that runs backwards: the instrument's is no guide."""
        os.utime(path, ns=(10**18 - self.revision, 10**18 - self.revision))


TestLab = Lab.TestCase
TestLab.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
