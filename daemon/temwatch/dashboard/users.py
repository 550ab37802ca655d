"""Who may sign in: one JSON file of names, roles and scrypt digests, looked at anew when it changes."""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from temwatch.errors import ConfigError

SHORTEST_PASSWORD = 10
# scrypt, RFC 7914: 32 MB and about 0.1 s for each attempt.
_N, _R, _P = 2**15, 8, 1
_MEMORY_BYTES = 64 * 1024 * 1024
ROLES = ("viewer", "labeller", "admin")


class Users:
    """The people of a page.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at_ns = -1
        self._known: dict[str, dict[str, Any]] = {}

    def role(self, name: str) -> str | None:
        """Return somebody's role today; None for who is not (any more) in the file."""
        known = self._all().get(name)
        return known["role"] if known else None

    def knows(self, name: str, password: str) -> bool:
        """Whether it is the password of that name. Takes as long for names that do not exist."""
        known = self._all().get(name)
        salt = bytes.fromhex(known["salt"]) if known else b"nobody of this name here"
        digest = _digest(password, salt)
        return known is not None and hmac.compare_digest(digest, bytes.fromhex(known["digest"]))

    def add(self, name: str, role: str, password: str) -> None:
        """Write somebody into the file, in place of who had the name.

        Raises
        ------
        ConfigError
            For a password that is too short, or a role that does not exist.
        """
        if len(password) < SHORTEST_PASSWORD or role not in ROLES:
            raise ConfigError(
                f"{name}: a password has at least {SHORTEST_PASSWORD} characters, a role is one of {ROLES}"
            )
        salt = secrets.token_bytes(16)
        entry = {"role": role, "salt": salt.hex(), "digest": _digest(password, salt).hex()}
        known = {**(self._all() if self._path.exists() else {}), name: entry}
        temporary = self._path.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(known, file, indent=1)
        temporary.replace(self._path)
        self.secret()  # made now, by who may write here; a service may be allowed to read alone

    def secret(self) -> bytes:
        """Return the secret that signs sessions, made at the first call, kept beside the file."""
        path = self._path.with_suffix(".secret")
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
        return path.read_bytes()

    def _all(self) -> dict[str, dict[str, Any]]:
        try:
            about = self._path.stat()
            if about.st_mode & 0o077:
                raise ConfigError(f"{self._path} can be read by others", next_step=f"chmod 600 {self._path}")
            if about.st_mtime_ns != self._read_at_ns:
                self._known = json.loads(self._path.read_text("utf-8"))
                self._read_at_ns = about.st_mtime_ns
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{self._path}: no list of users ({error})",
                next_step="`temwatch dashboard --add-user NAME --role admin` makes one",
            ) from error
        return self._known


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY_BYTES)
