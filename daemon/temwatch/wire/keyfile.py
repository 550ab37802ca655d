"""One key file: who somebody is on the wire. Made for its owner alone, and refused where others can read it.

The form is ZeroMQ's own (ZPL, as `zmq.auth` and czmq read it), with the server's public key beside the owner's:
``name = "value"`` lines under ``metadata`` and ``curve``.
"""

import os
import re
import secrets
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import zmq

from temwatch.errors import KeyRefused

_MAX_BYTES = 4096
Z85 = r"^[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}$"  # rfc.zeromq.org/spec/32: 32 bytes as text
_PUBLIC, _SECRET, _SERVER, _NAME = "public-key", "secret-key", "server-key", "name"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret key. It shows nowhere by itself: not in a log line, a message or a traceback."""

    _text: str

    def reveal(self) -> bytes:
        """Return it, for ZeroMQ alone."""
        return self._text.encode("ascii")

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A pair of CURVE keys (Z85, 40 characters each) and the public key of the server they are for.

    Attributes
    ----------
    name : str
    public, server : str
        For the server's own file the two are the same.
    secret : Secret
    """

    name: str
    public: str
    secret: Secret
    server: str

    def identify(self, socket: "zmq.Socket[Any]") -> None:
        """Let a socket connect under this key, and only to that server. Before `connect`."""
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.public.encode("ascii"))
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.secret.reveal())
        socket.setsockopt(zmq.CURVE_SERVERKEY, self.server.encode("ascii"))


def new(name: str, *, server: str = "") -> KeyFile:
    """Return a fresh pair of keys for `name`; without `server` it is a server's own."""
    public, secret = (half.decode("ascii") for half in zmq.curve_keypair())
    return KeyFile(name=name, public=public, secret=Secret(secret), server=server or public)


def fingerprint(public: str) -> str:
    """Return how people and logs name a public key: 16 hexadecimal digits of its SHA-256."""
    return sha256(public.encode("ascii")).hexdigest()[:16]


def read(path: Path) -> KeyFile:
    """Return the keys of a file.

    Raises
    ------
    KeyRefused
        Where it is missing, no regular file, no key file, or can be read or written by others than its owner.
    """
    values: dict[str, str] = {}
    for line in read_private(path).splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#"):
            values[name.strip()] = value.strip().strip("\"'")
    public, secret = values.get(_PUBLIC, ""), values.get(_SECRET, "")
    server = values.get(_SERVER, public)
    if not (_is_key(secret) and _is_key(server) and _is_key(public) and _belong(public, secret)):
        raise KeyRefused(
            f"{path}: not a key file, or a damaged one",
            next_step="ask for a new one (`temwatch keys create`)",
        )
    return KeyFile(name=values.get(_NAME, path.stem), public=public, secret=Secret(secret), server=server)


def write(path: Path, key: KeyFile, *, remark: str) -> None:
    """Write a key file, mode 0600, whole or not at all; the folder's owner owns it.

    Raises
    ------
    KeyRefused
        Where `path` exists or can't be written.
    """
    lines = (
        f"# {remark}",
        "metadata",
        f'    {_NAME} = "{key.name}"',
        f'    {_SERVER} = "{key.server}"',
        "curve",
        f'    {_PUBLIC} = "{key.public}"',
        f'    {_SECRET} = "{key.secret.reveal().decode("ascii")}"',
    )
    write_private(path, "\n".join(lines) + "\n", replace=False)


def read_private(path: Path, *, max_bytes: int = _MAX_BYTES) -> str:
    """Return the text of a file (its first `max_bytes`) that only its owner can read and write.

    Raises
    ------
    KeyRefused
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            about = os.fstat(fd)
            if not stat.S_ISREG(about.st_mode):
                raise KeyRefused(f"{path}: not a regular file", next_step="put the key file itself there")
            if about.st_mode & 0o077:
                raise KeyRefused(
                    f"{path}: others can read it (mode {about.st_mode & 0o777:04o})",
                    next_step=f"chmod 600 {path}; if it lay open for long, revoke it and make a new one",
                )
            return file.read(max_bytes).decode("ascii")
    except OSError as error:
        raise KeyRefused(
            f"{path}: can't be read ({error.strerror})", next_step="look at its path and owner"
        ) from error
    except UnicodeDecodeError as error:
        raise KeyRefused(f"{path}: not a key file", next_step="ask for a new one") from error


def write_private(path: Path, text: str, *, replace: bool) -> None:
    """Write a file of mode 0600 whole or not at all, on the disk when this returns.

    Raises
    ------
    KeyRefused
        Where it exists already (unless `replace`), or can't be written.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                _give_to_owner_of(folder, fd)
                file.write(text.encode("ascii"))
                file.flush()
                os.fsync(fd)
            if replace:
                aside.replace(path)
            else:
                path.hardlink_to(aside)  # fails where the name is taken, unlike a rename
            os.fsync(folder)
        finally:
            aside.unlink(missing_ok=True)
            os.close(folder)
    except FileExistsError as error:
        raise KeyRefused(
            f"{path} is there already", next_step="move it away, or choose another name"
        ) from error
    except OSError as error:
        raise KeyRefused(
            f"{path}: can't be written ({error.strerror})", next_step="look at its folder"
        ) from error


def _give_to_owner_of(folder: int, file: int) -> None:
    """Let root make keys that the daemon's user can read."""
    if os.geteuid() == 0:
        owner = os.fstat(folder)
        os.fchown(file, owner.st_uid, owner.st_gid)


def _is_key(text: str) -> bool:
    return re.fullmatch(Z85, text) is not None


def _belong(public: str, secret: str) -> bool:
    """Whether the two are one pair; text that is no Z85 never is."""
    try:
        return zmq.curve_public(secret.encode("ascii")) == public.encode("ascii")
    except (zmq.ZMQError, ValueError):
        return False
