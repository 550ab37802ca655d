"""What a worker's task is built from, as JSON: said by the configuration, read by `temwatch.work.task`."""

from pathlib import Path
from typing import Any

from temwatch.config import AcceptanceSection, FinderSection, RecognizerSection
from temwatch.store.weights import chosen_finder


def task_settings(
    finder: FinderSection,
    acceptance: AcceptanceSection,
    recognizer: RecognizerSection | None = None,
    *,
    model: Path,
    state: Path | None = None,
    remarks: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the settings of a worker's task, JSON-ready.

    Parameters
    ----------
    finder, acceptance, recognizer
        Sections of the configuration. Without the last, prediction sets are as the model was made.
    model : Path
        Folder of the recognizer.
    state : Path, optional
        The state folder, where `temwatch finder use` says which weights the learned finder takes, unless the
        configuration does.
    remarks : tuple of str
        Said in every report.

    Raises
    ------
    ModelRefused
        The weights in use are not there any more.
    """
    return {
        "model": str(model),
        "confidence": recognizer.confidence if recognizer else None,
        "finder": finder_settings(finder, state),
        "acceptance": acceptance.model_dump(mode="json"),
        "remarks": list(remarks),
    }


def finder_settings(finder: FinderSection, state: Path | None) -> dict[str, Any]:
    """Return what `task.finder_of` makes a finder from, JSON-ready: with the weights in use, whoever said which."""
    weights = finder.weights
    if weights is None and state is not None and finder.method == "learned":
        weights = chosen_finder(state / "finder")
    return {**finder.model_dump(mode="json"), "weights": str(weights) if weights else None}
