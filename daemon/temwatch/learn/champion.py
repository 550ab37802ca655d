"""Which recognizer is in use: the one promoted last if it fits the configuration and is whole, else the starter."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from temwatch.errors import ModelRefused
from temwatch.store import models
from temwatch.store.database import Connection
from temwatch.store.shelf import load

BY_ITSELF = "temwatch"  # whose name stands where nobody gave the order


def promote_by_itself(
    tx: Connection,
    model_id: str,
    *,
    before_id: str,
    why: Literal["gate", "rollback"],
    sentence: str,
    at: datetime,
) -> None:
    """Make a recognizer the one in use without anybody's order."""
    models.promote(
        tx, model_id, before_id=before_id, by=BY_ITSELF, known="gate", why=why, sentence=sentence, at=at
    )


class Champions:
    """Finds the folder of the recognizer in use.

    Parameters
    ----------
    shelf : Path
        The recognizers learned here.
    starter : Path
        The one that came with temwatch for this finder and method.
    method, finder : str
        Of the configuration: a recognizer made for others stays on the shelf.
    """

    def __init__(self, shelf: Path, starter: Path, *, method: str, finder: str) -> None:
        self.shelf = shelf
        self.starter = starter
        self._method = method
        self._finder = finder

    def present(self, connection: Connection) -> Path:
        """Return the folder of the recognizer in use, unchecked."""
        name = models.in_use(connection)
        return self.folder(name) if name and not self.objection(connection, name) else self.starter

    def checked(self, connection: Connection) -> tuple[Path, str]:
        """Return the folder of a whole recognizer, and what is wrong where it is not the one promoted last.

        One that is missing or damaged gives way to the one before it, at last to the starter.
        """
        wrong = []
        for name in self._line_of(connection):
            if objection := self.objection(connection, name):
                wrong.append(objection)
                continue
            try:
                load(self.folder(name))
            except ModelRefused as refusal:
                wrong.append(refusal.message)
                continue
            return self.folder(name), "; ".join(wrong)
        return self.starter, "; ".join(wrong)

    def folder(self, name: str) -> Path:
        """Return the folder of a recognizer by its id."""
        return self.starter if name == self.starter.name else self.shelf / name

    def objection(self, connection: Connection, name: str) -> str:
        """Return why a recognizer does not fit the configuration; empty where it does."""
        row = models.one_model(connection, name)
        if row is None:
            return "" if name == self.starter.name else f"recognizer {name[:12]}… is not known here"
        made_for = row.training.get("method"), row.training.get("finder")
        if made_for != (self._method, self._finder):
            return (
                f"recognizer {name[:12]}… was made by {made_for[0]} for the {made_for[1]} finder,"
                f" the configuration says {self._method} and {self._finder}"
            )
        return ""

    def _line_of(self, connection: Connection) -> list[str]:
        """Return the recognizer in use and those it followed, newest first."""
        name, line = models.in_use(connection), list[str]()
        while name and name not in line:
            line.append(name)
            row = models.one_model(connection, name)
            name = row.parent_id if row else None
        return line
