"""A mounted file system that never answers: whoever looks into it hangs in the kernel, deaf to SIGKILL."""

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_HEADER = struct.Struct("<IIQQIIIHH")  # linux/fuse.h: len, opcode, unique, nodeid, uid, gid, pid, ...
_INIT = 26
_MNT_DETACH = 2


class CanNotMount(Exception):
    """This machine, or this user, has no FUSE."""


@contextmanager
def frozen_share(folder: Path) -> Iterator[threading.Event]:
    """Mount it; yields what is set once somebody hangs in it. Everybody is let go at the end.

    It speaks just enough of the FUSE protocol to be mounted (the answer to INIT), then takes every request
    and answers none: a request that the server has taken can't be interrupted.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        raise CanNotMount(f"/dev/fuse: {error.strerror}") from error
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}".encode()
    if libc.mount(b"frozen", os.fsencode(folder), b"fuse", 0, options) != 0:
        os.close(device)
        raise CanNotMount(f"mount: {os.strerror(ctypes.get_errno())}")
    hanging = threading.Event()
    thread = threading.Thread(target=_take_and_keep, args=(device, hanging), daemon=True)
    thread.start()
    try:
        yield hanging
    finally:
        _abort(folder)
        libc.umount2(os.fsencode(folder), _MNT_DETACH)
        thread.join(5)
        os.close(device)


def _take_and_keep(device: int, hanging: threading.Event) -> None:
    while True:
        try:
            request = os.read(device, 1 << 17)
        except OSError:
            return  # aborted
        _, opcode, unique, *_ = _IN_HEADER.unpack_from(request)
        if opcode == _INIT:
            body = struct.pack("<IIIIHHI", 7, 31, 0, 0, 12, 10, 4096).ljust(64, b"\0")
            os.write(device, struct.pack("<IiQ", 16 + len(body), 0, unique) + body)
        else:
            hanging.set()


def _abort(folder: Path) -> None:
    """Have the kernel fail every request of this mount, which lets everybody go."""
    minor = next(
        line.split()[2].split(":")[1]
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if line.split()[4] == str(folder)
    )
    connections = Path("/sys/fs/fuse/connections")
    if not (connections / minor).exists():
        ctypes.CDLL(None).mount(b"none", os.fsencode(connections), b"fusectl", 0, None)
    (connections / minor / "abort").write_text("1")
