"""The keys as they are now. The list is looked at anew for every message, so a revoked key is worthless at once."""

import os
from pathlib import Path

import structlog

from temwatch.errors import KeyRefused
from temwatch.publish import keys
from temwatch.publish.keys import Grant

_log = structlog.get_logger("keys")


class Keyring:
    """Who may do what.

    Parameters
    ----------
    folder : Path
        The keys folder.

    Attributes
    ----------
    fault : str
        Why no key is accepted at the moment; empty where all is well.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: tuple[int, ...] | None = None
        self._grants: dict[str, Grant] = {}
        self.fault = ""

    def grant_of(self, public: str) -> Grant | None:
        """Return what a public key allows or once allowed, as of this moment; None for a stranger's."""
        self.look()
        return self._grants.get(public)

    def is_valid(self, public: str) -> bool:
        """Whether a key is accepted at this moment."""
        grant = self.grant_of(public)
        return grant is not None and grant.revoked_at is None

    def look(self) -> None:
        """Take up the list if it is another one. What can't be read allows nothing."""
        stamp = self._stamp_now()
        # A list that could not be read is tried again each time: mending its mode does not change its stamp.
        if stamp == self._stamp and not self.fault:
            return
        self._stamp = stamp
        before = self.fault
        try:
            self._grants = {grant.public: grant for grant in keys.grants(self._folder)}
            self.fault = ""
        except KeyRefused as error:
            self._grants, self.fault = {}, str(error)
        if self.fault != before:
            _log.error("no key is accepted", reason=self.fault) if self.fault else _log.info(
                "keys accepted again"
            )

    def _stamp_now(self) -> tuple[int, ...] | None:
        try:
            about = os.stat(self._folder / keys.ROLES_FILE)  # noqa: PTH116  a microsecond, for each message
        except OSError:
            return None
        return about.st_ino, about.st_mtime_ns, about.st_size, about.st_ctime_ns, about.st_mode
