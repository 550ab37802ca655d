"""What every test may use."""

import os
from pathlib import Path

import pytest


def _data_dir() -> Path:
    override = os.environ.get("TEMWATCH_DATA")
    if override:
        return Path(override)
    return Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with real instrument files and labelled images; tests that need it skip where it is absent."""
    folder = _data_dir()
    if not folder.is_dir():
        pytest.skip("real files absent: ../shared/data is not beside the project")
    return folder
