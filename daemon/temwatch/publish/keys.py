"""The keys folder: the server's own key, and the list of which key allows what. Revoked keys stay listed.

``server.key`` and ``roles.json`` are the daemon's. ``NAME.key`` is made here for its owner, who takes it along;
the daemon never reads it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from temwatch.clock import iso
from temwatch.errors import KeyRefused
from temwatch.model.caller import Role
from temwatch.wire import keyfile
from temwatch.wire.keyfile import KeyFile

ROLES_FILE = "roles.json"
SERVER_FILE = "server.key"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
_MAX_BYTES = 4 * 1024 * 1024  # of the list: some ten thousand keys


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grant(_Strict):
    """One key and what it allows. Once revoked it is never valid again."""

    name: str = Field(pattern=NAME)
    role: Role
    public: str = Field(pattern=keyfile.Z85)
    created_at: str
    revoked_at: str | None = None


class _Roles(_Strict):
    v: Literal[1] = 1
    keys: tuple[Grant, ...] = ()


def server_key(folder: Path) -> KeyFile:
    """Return the server's key.

    Raises
    ------
    KeyRefused
        Where there is none yet, or others can read it or write into the folder.
    """
    refuse_open_folder(folder)
    if not (folder / SERVER_FILE).exists():
        raise KeyRefused(
            f"{folder}: no server key yet",
            next_step="`temwatch keys create NAME --role admin` makes it, and the first key",
        )
    return keyfile.read(folder / SERVER_FILE)


def grants(folder: Path) -> tuple[Grant, ...]:
    """Return every grant, revoked ones too, oldest first; none where no key was ever made.

    Raises
    ------
    KeyRefused
        Where the list is damaged, or others could have changed it.
    """
    refuse_open_folder(folder)
    path = folder / ROLES_FILE
    if not path.exists():
        return ()
    try:
        found = _Roles.model_validate_json(keyfile.read_private(path, max_bytes=_MAX_BYTES)).keys
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise KeyRefused(
            f"{path}: {where or 'file'}: {first['msg']}", next_step="mend it; until then no key is accepted"
        ) from error
    for what in ("public", "name"):
        valid = [getattr(grant, what) for grant in found if what == "public" or grant.revoked_at is None]
        if len(set(valid)) < len(valid):
            raise KeyRefused(f"{path}: one {what} stands there twice", next_step="leave one of the two")
    return found


def create(folder: Path, name: str, role: Role, *, at: datetime, out: Path | None = None) -> Path:
    """Make a key for `name` and grant it `role`; the folder and the server's key too where they are missing.

    Parameters
    ----------
    out : Path, optional
        Where the owner's key file goes; ``NAME.key`` in the keys folder where it is not given.

    Returns
    -------
    Path
        The key file, to be given to its owner over a safe way.

    Raises
    ------
    KeyRefused
        Where the name is taken, or a file can't be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = out or folder / f"{name}.key"
    with _alone(folder):
        known = grants(folder)
        if any(grant.name == name and grant.revoked_at is None for grant in known):
            raise KeyRefused(f"{name} has a key already", next_step=f"`temwatch keys revoke {name}` first")
        server = _server_key_made(folder)
        key = keyfile.new(name, server=server.public)
        grant = _checked(name, role, key.public, at)
        # The file first: a key that is listed but that nobody has would look like a stolen one.
        keyfile.write(
            target, key, remark=f"temwatch key of {name}: whoever has it may do what the role {role} may"
        )
        _put(folder, (*known, grant))
    return target


def revoke(folder: Path, name: str, *, at: datetime) -> Grant:
    """Take a key back, for good. A running daemon knows at the next message; nobody need tell it.

    Raises
    ------
    KeyRefused
        Where nobody of that name has a key.
    """
    with _alone(folder):
        known = grants(folder)
        valid = [grant for grant in known if grant.name == name and grant.revoked_at is None]
        if not valid:
            raise KeyRefused(f"{name} has no valid key", next_step="`temwatch keys list` shows who has")
        revoked = valid[0].model_copy(update={"revoked_at": iso(at)})
        _put(folder, tuple(revoked if grant is valid[0] else grant for grant in known))
        _remove_file_of(folder, revoked)
    return revoked


def refuse_open_folder(folder: Path) -> None:
    """Refuse a folder into which others could put a list of their own.

    Raises
    ------
    KeyRefused
    """
    try:
        mode = folder.stat().st_mode
    except OSError as error:
        raise KeyRefused(
            f"{folder}: can't be looked into ({error.strerror})",
            next_step="`temwatch keys create NAME --role admin` makes it",
        ) from error
    if mode & 0o022:
        raise KeyRefused(
            f"{folder}: others can write into it (mode {mode & 0o777:04o})", next_step=f"chmod 700 {folder}"
        )


def _checked(name: str, role: Role, public: str, at: datetime) -> Grant:
    try:
        return Grant(name=name, role=role, public=public, created_at=iso(at))
    except ValidationError as error:
        raise KeyRefused(
            f"{name!r} is no name for a key", next_step="up to 32 letters, digits, dots, _ and -"
        ) from error


def _server_key_made(folder: Path) -> KeyFile:
    path = folder / SERVER_FILE
    if not path.exists():
        keyfile.write(path, keyfile.new("server"), remark="temwatch server key: it stays on this machine")
    return keyfile.read(path)


def _put(folder: Path, keys: tuple[Grant, ...]) -> None:
    text = _Roles(keys=keys).model_dump_json(indent=2)
    keyfile.write_private(folder / ROLES_FILE, text + "\n", replace=True)


def _remove_file_of(folder: Path, revoked: Grant) -> None:
    """Remove the key's file if it was never taken along, so that a new key of that name finds its place free."""
    path = folder / f"{revoked.name}.key"
    with suppress(KeyRefused):
        if keyfile.read(path).public == revoked.public:
            path.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two changes at once can't undo each other."""
    refuse_open_folder(folder)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
