"""A store, where its recognizers are, and frames with findings of known classes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from temwatch.learn.champion import Champions
from temwatch.store.database import Database
from temwatch.store.shelf import starter
from temwatch.store.store import Store
from unit.learn.history import History


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database(tmp_path / "state", ballast_bytes=0)
    database.open()
    yield Store(database, instance="this run")
    database.close()


@pytest.fixture
def champions(store: Store) -> Champions:
    shelf = store.database.folder / "models"
    return Champions(shelf, starter("learned"), method="kernel_elm", finder="learned")


@pytest.fixture
def history(store: Store, champions: Champions) -> History:
    return History(store, champions.starter.name)
