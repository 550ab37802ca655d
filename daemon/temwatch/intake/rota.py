"""Whose turn it is: goes through the files of many folders some at a time, and begins again when through."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """Some names of a folder; `begins` for the first of them."""

    folder: str
    names: list[str]
    begins: bool


class Rota:
    """Takes turns of bounded size."""

    def __init__(self) -> None:
        self._folders: deque[str] = deque()
        self._names: list[str] = []
        self._current = ""

    def take(
        self, quota: int, everyone: Iterable[str], names_in: Callable[[str], list[str]]
    ) -> Iterator[Turn]:
        """Yield turns of up to `quota` names together, at most once through `everyone`."""
        if not self._folders and not self._names:
            self._folders.extend(everyone)
        while quota > 0 and (self._names or self._folders):
            begins = not self._names
            if begins:
                self._current = self._folders.popleft()
                self._names = names_in(self._current)
            share, self._names = self._names[:quota], self._names[quota:]
            quota -= max(1, len(share))  # an empty folder costs a look, too
            yield Turn(self._current, share, begins)
