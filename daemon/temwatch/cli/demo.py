"""`temwatch demo`: the whole thing in one go, on frames whose truth is known."""

import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
from rich.console import Console

from temwatch.cli.demo_operator import Choice, Operator, learning_summary, until_learned
from temwatch.cli.demo_tally import Tally, live_view, quiet_view, summary
from temwatch.cli.main import FAILED, OK
from temwatch.client import Commands, Subscription
from temwatch.client.command import DEFAULT_COMMANDS
from temwatch.client.subscription import DEFAULT_EVENTS
from temwatch.errors import PermanentError, TransientError
from temwatch.sim.microscope import Microscope, Session, steady_wait
from temwatch.sim.writing import WriteStyle
from temwatch.wire import topics

_START_S = 60.0
_PAGE_PORT = 8560
_PATIENCE_S = 60.0  # without any report, after the last frame was written
_CONFIG = """\
[state]
dir = "state"
[[roots]]
name = "demo"
path = "incoming"
quiet_s = 0.3
[publish]
events = "{events}"
commands = "{commands}"
"""
_LEARNING = """\
[retrain]
cron = ""
min_new_labels = 100
"""
_LEARN_S = 600.0  # for the last attempt, and for naming history anew


class DemoFailed(PermanentError):
    """The demo could not be run."""


@click.command()
@click.option("--frames", type=click.IntRange(min=1), help="Stop after so many; default: go on until Ctrl-C.")
@click.option(
    "--headless", is_flag=True, help="No live view: a summary table at the end, exit 0 if all came back."
)
@click.option(
    "--rate", "rate_hz", type=click.FloatRange(min=0, min_open=True), default=1.0, help="Frames a second."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep everything in this folder."
)
@click.option(
    "--learn",
    type=click.Choice(["review", "random"]),
    is_flag=False,
    flag_value="review",
    help="A simulated operator labels what the review queue offers (or at random), and temwatch learns from it.",
)
@click.option("--labels-per-frame", type=click.IntRange(min=1), default=3, show_default=True)
def demo(
    frames: int | None,
    headless: bool,
    rate_hz: float,
    seed: int,
    keep: Path | None,
    learn: Choice | None,
    labels_per_frame: int,
) -> int:
    """Run a simulated microscope, the daemon, its web page and a subscriber, and show what comes back."""
    if headless and frames is None:
        raise click.UsageError("--headless needs --frames")
    console = Console(stderr=not headless, width=None if sys.stdout.isatty() else 120)
    with (
        _site(keep) as site,
        _daemon(site, console, learn=learn is not None) as (events, commands),
        nullcontext("") if headless else _page(site) as url,
    ):
        tally = Tally(expected=frames)
        operator = Operator(commands, tally, seed, learn or "random", labels_per_frame)
        if learn:
            threading.Thread(target=operator.run, daemon=True).start()
        microscope = threading.Thread(
            target=_expose, args=(site / "incoming", frames, rate_hz, seed, tally), daemon=True
        )
        microscope.start()
        with (
            Subscription(events, commands, since=0, topic=topics.RESULT, timeout_s=1.0) as subscription,
            quiet_view() if headless else live_view(console, tally, events, url) as refresh,
        ):
            try:
                _follow(subscription, tally, refresh)
            except KeyboardInterrupt:
                if frames is not None:
                    raise
                tally.expected = len(tally.exposures)  # that is how a demo without end ends
        console.print(summary(tally))
        if learn:
            operator.finish()
            console.print(learning_summary(tally, operator, *until_learned(commands, timeout_s=_LEARN_S)))
    return OK if tally.complete or frames is None else FAILED


def _follow(subscription: Subscription, tally: Tally, refresh: Callable[[], None]) -> None:
    """Take reports until all have come, or none has come for long after the last frame was written."""
    last = time.monotonic()
    while not (tally.all_written and time.monotonic() - last > _PATIENCE_S):
        for received in subscription.messages():
            last = time.monotonic()
            tally.received(received.report(), last)
            refresh()
            if tally.complete:
                return
        refresh()


def _expose(folder: Path, frames: int | None, rate_hz: float, seed: int, tally: Tally) -> None:
    session = Session(seed=seed, style=WriteStyle.PIECES, rate_hz=rate_hz)
    microscope = Microscope(folder, session, wait=steady_wait(time.monotonic, time.sleep))
    for exposure in microscope.frames(frames or sys.maxsize):
        # The microscope pauses after a file; what counts for the latency is when its last byte was written.
        age_s = time.time() - exposure.path.stat().st_mtime
        tally.written(exposure, time.monotonic() - age_s)


@contextmanager
def _site(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / "incoming").mkdir(exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="temwatch-demo-") as folder:
        (Path(folder) / "incoming").mkdir()
        yield Path(folder)


@contextmanager
def _daemon(site: Path, console: Console, *, learn: bool = False) -> Iterator[tuple[str, str]]:
    """Run a daemon on a demo site; give its addresses once it is ready."""
    events, commands = _addresses(site)
    said = _CONFIG.format(events=events, commands=commands) + (_LEARNING if learn else "")
    (site / "config.toml").write_text(said, "utf-8")
    with (site / "daemon.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "temwatch", "-c", str(site / "config.toml"), "run"], stdout=log, stderr=log
        )
    try:
        _await_ready(process, commands, site)
        yield events, commands
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            console.print("the daemon did not stop by itself and was killed", style="red")


@contextmanager
def _page(site: Path) -> Iterator[str]:
    """Serve the web page of a demo site; give its URL."""
    port = _PAGE_PORT if _free(f"tcp://127.0.0.1:{_PAGE_PORT}") else _some_port()
    with (site / "dashboard.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  our own program
            [
                sys.executable,
                "-m",
                "temwatch",
                "-c",
                str(site / "config.toml"),
                "dashboard",
                "--port",
                str(port),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def _some_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await_ready(process: "subprocess.Popen[bytes]", commands: str, site: Path) -> None:
    deadline = time.monotonic() + _START_S
    with Commands(commands, timeout_s=1.0) as daemon:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                if daemon.ask("status").result["state"] == "ready":
                    return
            except TransientError:
                continue
            time.sleep(0.1)
    tail = (site / "daemon.log").read_text("utf-8", "replace")[-2000:]
    raise DemoFailed(f"the daemon did not get ready; the end of its log:\n{tail}")


def _addresses(site: Path) -> tuple[str, str]:
    """Return the default addresses where nobody has them (so that the README's examples work), else private ones."""
    if all(_free(address) for address in (DEFAULT_EVENTS, DEFAULT_COMMANDS)):
        return DEFAULT_EVENTS, DEFAULT_COMMANDS
    return f"ipc://{site}/events.sock", f"ipc://{site}/commands.sock"


def _free(address: str) -> bool:
    host, port = address.removeprefix("tcp://").split(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            return False
    return True
