"""What a worker's task is built from, as JSON: said by the configuration, read by `temwatch.work.task`."""

from pathlib import Path
from typing import Any

from temwatch.config import AcceptanceSection, FinderSection


def task_settings(finder: FinderSection, acceptance: AcceptanceSection, *, model: Path) -> dict[str, Any]:
    """Return the settings of a worker's task, JSON-ready.

    Parameters
    ----------
    finder, acceptance
        Sections of the configuration.
    model : Path
        Folder of the recognizer.
    """
    return {
        "model": str(model),
        "finder": finder.model_dump(),
        "acceptance": acceptance.model_dump(mode="json"),
    }
