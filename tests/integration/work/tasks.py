"""Tasks that do to a worker what decoders do, on purpose. Each is named after what it does."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from temwatch import errors
from temwatch.wire import pipes

Answer = tuple[dict[str, Any], list[bytes]]


def _forever() -> None:
    while True:
        signal.pause()


def _touch(path: str) -> None:
    Path(path).touch()


def _open_files() -> list[int]:
    return [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]


def _kind(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").split(":")[0]  # noqa: PTH115  Path can't hold "pipe:[7]"
    except FileNotFoundError:
        return "closed"


def _speak(message: dict[str, Any]) -> None:
    """Send a well-formed message to the daemon, through every pipe there is."""
    for fd in _open_files():
        if fd > 2 and _kind(fd) == "pipe":
            with contextlib.suppress(OSError):  # the one it reads from
                os.write(fd, pipes.pack(message))


class Echo:
    """Give back the body, its settings and its process; optionally a blob of `blob_bytes`."""

    def __init__(self, settings: dict[str, Any]) -> None:
        if settings.get("refuse"):
            raise errors.ModelRefused("model abc is damaged", next_step="fetch it again")
        if settings.get("exit_at_start"):
            os._exit(9)
        if settings.get("hang_at_start"):
            _forever()
        if "threads" in settings:
            self.take_threads(settings["threads"])
        self.settings = settings

    def __call__(self, body: dict[str, Any]) -> Answer:
        blobs = [b"x" * body["blob_bytes"]] if "blob_bytes" in body else []
        return {"echo": body, "settings": self.settings, "pid": os.getpid()}, blobs

    def take_threads(self, number: int) -> None:
        import cv2
        import numpy as np
        import threadpoolctl

        np.ones((2, 2)) @ np.ones((2, 2))
        threadpoolctl.threadpool_limits(limits=number)
        cv2.setNumThreads(number)


class Misbehave(Echo):
    """Do what `body["do"]` says; without it, echo."""

    def __call__(self, body: dict[str, Any]) -> Answer:
        if "do" in body:
            getattr(self, body["do"])(body)
        return super().__call__(body)

    def hang(self, body: dict[str, Any]) -> None:
        if "started" in body:
            _touch(body["started"])
        _forever()

    def wait_for(self, body: dict[str, Any]) -> None:
        """Finish once a file is there."""
        _touch(body["started"])
        while not Path(body["file"]).exists():
            time.sleep(0.01)

    def ignore_sigterm(self, body: dict[str, Any]) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _forever()

    def look_into(self, body: dict[str, Any]) -> None:
        Path(body["folder"]).exists()

    def leave(self, body: dict[str, Any]) -> None:
        os._exit(3)

    def sys_exit(self, body: dict[str, Any]) -> None:
        sys.exit(4)

    def segfault(self, body: dict[str, Any]) -> None:
        ctypes.string_at(0)

    def abort(self, body: dict[str, Any]) -> None:
        os.abort()

    def raise_error(self, body: dict[str, Any]) -> None:
        raise getattr(errors, body["error"])("frame a.dm4: a reason", next_step="a next step")

    def raise_child(self, body: dict[str, Any]) -> None:
        class FrameUnreadableByUs(errors.FrameUnreadable):
            pass

        raise FrameUnreadableByUs("frame a.dm4: a reason")

    def raise_value_error(self, body: dict[str, Any]) -> None:
        raise ValueError("nobody thought of this")

    def exhaust_memory(self, body: dict[str, Any]) -> None:
        hoard = []
        while True:
            hoard.append(bytearray(16 << 20))

    def grow(self, body: dict[str, Any]) -> None:
        self.kept = bytearray(os.urandom(1 << 20) * body["mb"])

    def flood(self, body: dict[str, Any]) -> None:
        for stream in (sys.stdout, sys.stderr):
            for number in range(body["lines"]):
                stream.write(f"line {number} {'-' * 80}\n")
            stream.flush()
        os.write(1, b"raw bytes on fd 1\n" * 1000)
        subprocess.run(["echo", "a child's output"], check=True)

    def garbage(self, body: dict[str, Any]) -> None:
        """Write nonsense into every pipe this process has."""
        for fd in _open_files():
            if fd > 2 and _kind(fd) == "pipe":
                with contextlib.suppress(OSError):  # the one it reads from
                    os.write(fd, b"\xff" * 64)

    def forge_an_answer(self, body: dict[str, Any]) -> None:
        """Answer for another job."""
        _speak({"answer": "finished", "job_id": 99, "attempt": 1, "body": {}, "worn": ""})
        _forever()

    def speak_later(self, body: dict[str, Any]) -> None:
        """Answer properly, and speak again when a file is there."""

        def speak() -> None:
            while not Path(body["file"]).exists():
                time.sleep(0.01)
            _speak({"answer": "ready"})

        threading.Thread(target=speak, daemon=True).start()

    def fork_a_hanging_child(self, body: dict[str, Any]) -> None:
        child = os.fork()
        if child == 0:
            if body.get("escape"):
                os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _forever()
        Path(body["pid_file"]).write_text(str(child))
        if body.get("then") == "leave":
            os._exit(5)
        if body.get("then") == "hang":
            _forever()

    def leak_files(self, body: dict[str, Any]) -> None:
        self.leaked = [os.open("/dev/null", os.O_RDONLY) for _ in range(body["files"])]

    def leak_all_files(self, body: dict[str, Any]) -> None:
        self.leaked = []
        while True:
            self.leaked.append(os.open("/dev/null", os.O_RDONLY))

    def answer_nan(self, body: dict[str, Any]) -> None:
        body["nan"] = float("nan")

    def look_at_itself(self, body: dict[str, Any]) -> None:
        import cv2
        import numpy as np
        import threadpoolctl

        np.ones((2, 2)) @ np.ones((2, 2))
        body["threads"] = [library["num_threads"] for library in threadpoolctl.threadpool_info()]
        body["cv2_threads"] = cv2.getNumThreads()
        body["environ"] = dict(os.environ)
        body["memory"] = resource.getrlimit(resource.RLIMIT_AS)[1]
        body["core"] = resource.getrlimit(resource.RLIMIT_CORE)[1]
        body["files"] = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        body["oom_score_adj"] = int(Path("/proc/self/oom_score_adj").read_text())
        body["nice"] = os.nice(0)
        body["session"] = os.getsid(0)
        body["group"] = os.getpgid(0)
        body["stdin"] = os.read(0, 10).decode()
        body["open"] = sorted(_kind(fd) for fd in _open_files() if fd > 2)
