"""A store in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from temwatch.store.database import Database
from temwatch.store.store import Store
from unit.store import sound


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store; whatever a test did to it, its books balance in the end."""
    database = Database(tmp_path / "state", ballast_bytes=0)
    database.open()
    running = Store(database, instance="this run")
    yield running
    sound.check(running)
    database.close()
