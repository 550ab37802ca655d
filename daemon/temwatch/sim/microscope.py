"""A microscope that writes frames with known truth into a folder, the way real ones do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temwatch.model.frame import ImagingMode
from temwatch.sim.mrc import mdoc_text, mrc_bytes, mrc_header, mrc_opening, section_bytes
from temwatch.sim.render import render
from temwatch.sim.specimen import CannotSimulate, Specimen, draw_specimen
from temwatch.sim.tiff import tiff_bytes
from temwatch.sim.truth import FrameTruth, Scene
from temwatch.sim.writing import Create, Step, WriteAt, WriteStyle, grown_by, perform, steps

FORMATS = ("tif", "mrc")

_FIRST_SESSION = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_EXPOSURE_EVERY = timedelta(seconds=2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A frame that has been written completely.

    Attributes
    ----------
    path : Path
        Of its file.
    section : int or None
        Its number in a stack, from 0; None where the file holds one image.
    scene : Scene
        With the truth.
    acquired_at : datetime
        As it stands in the file.
    """

    path: Path
    section: int | None
    scene: Scene
    acquired_at: datetime

    @property
    def truth(self) -> FrameTruth:
        """What is in it, without the pixels."""
        return FrameTruth(
            file=self.path.name,
            section=self.section,
            specimen_id=self.scene.specimen_id,
            mode=self.scene.mode,
            nm_per_px=self.scene.nm_per_px,
            shape=(self.scene.image.shape[0], self.scene.image.shape[1]),
            objects=self.scene.truth,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a simulated microscope does; equal sessions write equal bytes.

    Attributes
    ----------
    seed : int
        Not negative.
    format : str
        ``"tif"`` (FEI tags) or ``"mrc"`` (with a .mdoc beside each file).
    style : WriteStyle
    shape : tuple of int
        (row, col) of a frame.
    objects : int, or (lowest, highest), or None
        As for `temwatch.sim.render.render`.
    rate_hz : float
        Frames a second that the pauses aim at (rendering comes on top; see `steady_wait`).
    specimens : int
        How many are looked at in turn.
    frames_per_specimen : int
        Frames in a row of one specimen; also the sections of a growing stack.
    burst : int
        Frames that a burst writes at once; they are kept in memory until then.
    mode : ImagingMode or None
        Forces a mode on every specimen.
    hard : bool
        As for `temwatch.sim.specimen.draw_specimen`.
    """

    seed: int = 1
    format: str = "tif"
    style: WriteStyle = WriteStyle.WHOLE
    shape: tuple[int, int] = (1024, 1024)
    objects: int | tuple[int, int] | None = None
    rate_hz: float = 1.0
    specimens: int = 30
    frames_per_specimen: int = 5
    burst: int = 20
    mode: ImagingMode | None = None
    hard: bool = True


class Microscope:
    """Writes the frames of a session into a folder.

    Parameters
    ----------
    folder : Path
        Has to exist.
    session : Session
    wait : callable
        Called with seconds wherever a real instrument would take its time; may do nothing.

    Raises
    ------
    CannotSimulate
        For an unknown format, or a growing stack in a format that has none.
    """

    def __init__(self, folder: Path, session: Session, *, wait: Callable[[float], None]) -> None:
        if session.format not in FORMATS:
            raise CannotSimulate(
                f"no simulation of {session.format!r} files", next_step=f"Choose from {', '.join(FORMATS)}."
            )
        if session.style is WriteStyle.GROWING_STACK and session.format != "mrc":
            raise CannotSimulate("a growing stack of TIFF files", next_step="Choose the format mrc.")
        self._folder = folder
        self._session = session
        self._wait = wait

    def frames(self, count: int) -> Iterator[Exposure]:
        """Write `count` frames and yield each as soon as its file (or section) is complete."""
        match self._session.style:
            case WriteStyle.GROWING_STACK:
                return self._stacks(count)
            case WriteStyle.BURST:
                return self._bursts(count)
            case _:
                return self._files(count)

    def _specimen(self, number: int) -> Specimen:
        turn = number // self._session.frames_per_specimen % self._session.specimens
        seed = self._session.seed * 1000 + turn
        return draw_specimen(seed, mode=self._session.mode, hard=self._session.hard)

    def _take(self, number: int) -> tuple[Scene, datetime]:
        scene = render(
            self._specimen(number), number, shape=self._session.shape, objects=self._session.objects
        )
        began = _FIRST_SESSION + timedelta(days=self._session.seed % 365)
        return scene, began + number * _EXPOSURE_EVERY

    def _perform(self, planned: list[Step]) -> None:
        for step in planned:
            perform(step, self._folder, interval_s=1 / self._session.rate_hz, wait=self._wait)

    def _plan(self, number: int) -> tuple[Exposure, list[Step]]:
        scene, at = self._take(number)
        name = f"{scene.specimen_id}_{number:04d}.{self._session.format}"
        data = tiff_bytes(scene, at) if self._session.format == "tif" else mrc_bytes(scene, at)
        sidecar = None
        if self._session.format == "mrc" or self._session.style is WriteStyle.SIDECAR_LATE:
            sidecar = (f"{name}.mdoc", mdoc_text(name, [(scene, at)]).encode())
        exposure = Exposure(path=self._folder / name, section=None, scene=scene, acquired_at=at)
        return exposure, steps(self._session.style, name, data, sidecar=sidecar)

    def _files(self, count: int) -> Iterator[Exposure]:
        for number in range(count):
            exposure, planned = self._plan(number)
            self._perform(planned)
            yield exposure

    def _bursts(self, count: int) -> Iterator[Exposure]:
        for first in range(0, count, self._session.burst):
            ready = [self._plan(n) for n in range(first, min(first + self._session.burst, count))]
            for _, planned in ready:
                self._perform(planned)
            yield from (exposure for exposure, _ in ready)
            self._wait(len(ready) / self._session.rate_hz)

    def _stacks(self, count: int) -> Iterator[Exposure]:
        size = self._session.frames_per_specimen
        for first in range(0, count, size):
            taken: list[tuple[Scene, datetime]] = []
            for number in range(min(size, count - first)):
                scene, at = self._take(first + number)
                taken.append((scene, at))
                name = f"{scene.specimen_id}_{first:04d}.mrc"
                header = mrc_header([scene for scene, _ in taken], taken[0][1])
                opening = mrc_opening(scene, at)
                self._perform(_sidecar_grows(f"{name}.mdoc", mdoc_text(name, taken), number=number))
                self._perform(grown_by(name, header, section_bytes(scene), number=number, opening=opening))
                yield Exposure(path=self._folder / name, section=number, scene=scene, acquired_at=at)


def _sidecar_grows(name: str, text: str, *, number: int) -> list[Step]:
    """Return how the sidecar of a stack gets the block of section `number`; what was there stays the same."""
    begin: list[Step] = [Create(name=name)] if number == 0 else []
    return [*begin, WriteAt(name=name, offset=0, data=text.encode())]


def steady_wait(monotonic_s: Callable[[], float], sleep: Callable[[float], None]) -> Callable[[float], None]:
    """Return a `wait` that keeps the rate: time spent rendering counts as time waited.

    Parameters
    ----------
    monotonic_s : callable
        The clock.
    sleep : callable
        Called with seconds, never negative, and not at all when the microscope is behind.
    """
    due_s = monotonic_s()

    def wait(seconds: float) -> None:
        nonlocal due_s
        due_s += seconds
        left = due_s - monotonic_s()
        if left > 0:
            sleep(left)

    return wait
