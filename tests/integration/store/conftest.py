"""A store on a disk, and disks that misbehave."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from temwatch.store.database import Database
from temwatch.store.store import Store


def opened(folder: Path, **options: object) -> Store:
    """Return a store whose database is open; the caller closes it."""
    database = Database(folder, **options)
    database.open()
    store = Store(database, instance="test")
    store.start_instance()
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    running = opened(tmp_path / "state", ballast_bytes=0)
    yield running
    running.database.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 3 MB; tests that need it are skipped where nobody may mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root: a small disk can't be mounted")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def strace() -> str:
    """The path of strace; tests that need it are skipped where it is absent or may not trace."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is absent: no fault can be injected into system calls")
    if subprocess.run([found, "-qq", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        pytest.skip("strace may not trace here: no fault can be injected into system calls")
    return found
