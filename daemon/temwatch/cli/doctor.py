"""`temwatch doctor`: is everything as it must be? Each check says what it saw and what to do."""

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from temwatch.cli.main import OK, PROBLEMS
from temwatch.cli.options import config_option, key_of, key_option, settings_of
from temwatch.client import Commands
from temwatch.config import Settings
from temwatch.errors import DaemonUnreachable, KeyRefused, TemwatchError
from temwatch.model.caller import ROLES
from temwatch.mounts import filesystem_of
from temwatch.publish.keys import SERVER_FILE, grants, server_key
from temwatch.wire import keyfile
from temwatch.wire.keyfile import fingerprint

_WORTH_NAMING = (
    "numpy",
    "opencv-python-headless",
    "rosettasciio",
    "tifffile",
    "h5py",
    "pyzmq",
    "scikit-learn",
)
_LOW_DISK_BYTES = 1_000_000_000
_LOW_WATCHES = 65_536


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `mark` is ``ok``, ``note`` or ``problem``."""

    mark: str
    what: str
    seen: str
    next_step: str = ""


@click.command()
@key_option
@config_option()
@click.pass_context
def doctor(ctx: click.Context, config: str | None) -> int:
    """Look at configuration, folders, disk, database, recognizer, keys and sockets; exit 5 where something is wrong."""
    checks = list(examine(settings_of(ctx, config), key=key_of(ctx, config)))
    table = Table("", "what", "seen", "what to do", show_edge=False)
    colours = {"ok": "green", "note": "yellow", "problem": "bold red"}
    for check in checks:
        told = (escape(part) for part in (check.what, check.seen, check.next_step))
        table.add_row(f"[{colours[check.mark]}]{check.mark}", *told)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    return PROBLEMS if any(check.mark == "problem" for check in checks) else OK


def examine(settings: Settings, *, key: Path | None = None) -> Iterator[Check]:
    """Yield the result of every check; a check that fails to run is itself a problem."""
    yield Check("ok", "configuration", f"{len(settings.roots)} roots")
    parts: dict[str, Callable[[Settings], Iterator[Check]]] = {
        "software": _software,
        "state": _state,
        "roots": _roots,
        "finder": _finder,
        "recognizer": _recognizer,
        "keys": _keys,
        "your key": partial(_own_key, key=key),
        "daemon": partial(_daemon, key=key),
    }
    for what, part in parts.items():
        try:
            yield from part(settings)
        except (TemwatchError, OSError) as error:
            yield Check("problem", what, str(error))


def _software(_: Settings) -> Iterator[Check]:
    yield Check("ok", "python", sys.version.split()[0])
    yield Check("ok", "libraries", ", ".join(f"{name} {version(name)}" for name in _WORTH_NAMING))
    from temwatch.store.database import SQLITE_VERSION

    if SQLITE_VERSION < (3, 51, 3):
        yield Check(
            "note",
            "SQLite",
            f"{'.'.join(map(str, SQLITE_VERSION))}: two writers could damage its log; temwatch has one",
            "let nothing else write the database (read-only copies are fine)",
        )


def _state(settings: Settings) -> Iterator[Check]:
    folder = settings.state.dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    filesystem = filesystem_of(folder)
    if filesystem.is_network:
        yield Check(
            "problem", "state folder", f"{folder} on {filesystem.kind}", "put [state] dir on a local disk"
        )
    free = shutil.disk_usage(existing).free
    mark = "ok" if free > _LOW_DISK_BYTES else "problem"
    yield Check(
        mark, "state disk", f"{free / 1e9:.1f} GB free at {existing}", "" if mark == "ok" else "make room"
    )
    yield from _database(folder)


def _database(folder: Path) -> Iterator[Check]:
    from temwatch.store.database import FILE_NAME, examine_file

    path = folder / FILE_NAME
    if not path.exists():
        yield Check("note", "database", "none yet; the daemon makes it at its first start")
        return
    faults = examine_file(path)
    for fault in faults:
        yield Check(
            "problem", "database", fault, "stop the daemon and restore a backup; nothing is deleted by itself"
        )
    if not faults:
        yield Check("ok", "database", f"sound, ledger balances, {path.stat().st_size / 1e6:.1f} MB")


def _roots(settings: Settings) -> Iterator[Check]:
    for root in settings.roots:
        filesystem = filesystem_of(root.path)
        kind = f"{filesystem.kind}, {'polled' if filesystem.is_network else 'events and scans'}"
        # Only asked of local folders: a dead share would hang this command.
        if not filesystem.is_network and not root.path.is_dir():
            yield Check(
                "note", f"root {root.name}", f"{root.path} is not there", "it is watched as soon as it is"
            )
        else:
            yield Check("ok", f"root {root.name}", f"{root.path} ({kind})")
    watches = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text("ascii"))
    if watches < _LOW_WATCHES:
        yield Check(
            "note",
            "inotify",
            f"{watches} folders at most",
            "raise fs.inotify.max_user_watches; until then scans find all",
        )


def _finder(settings: Settings) -> Iterator[Check]:
    """Make the finder as a worker would: its weights are checked by digest, and its runtime is loaded."""
    from temwatch.work.task import finder_of
    from temwatch.work.task_settings import finder_settings

    said = finder_settings(settings.finder, settings.state.dir)
    finder = finder_of(said)
    own = f", weights {Path(said['weights']).name[:12]}" if said["weights"] else ""
    yield Check("ok", "finder", f"{finder.name}{own}")


def _recognizer(settings: Settings) -> Iterator[Check]:
    from temwatch.store.shelf import load, starter

    folder = starter(settings.finder.method, settings.recognizer.method)
    card = load(folder).card
    yield Check("ok", "recognizer", f"{folder.name[:12]} {card.method}: {card.provenance}")


def _keys(settings: Settings) -> Iterator[Check]:
    """Read every key file as its user would; what others can read is a problem."""
    folder = settings.security.keys
    if folder is None:
        yield Check(
            "ok", "keys", "none: only this machine reaches the daemon, and everybody on it may give orders"
        )
        return
    server = server_key(folder)
    valid = Counter(grant.role for grant in grants(folder) if grant.revoked_at is None)
    said = ", ".join(f"{valid[role]} {role}" for role in ROLES)
    yield Check("ok" if valid else "problem", "keys", f"daemon {fingerprint(server.public)}; {said}")
    for path in sorted(set(folder.glob("*.key")) - {folder / SERVER_FILE}):
        try:
            keyfile.read(path)
        except KeyRefused as error:
            yield Check("problem", "keys", error.message, error.next_step)
        else:
            yield Check(
                "note", "keys", f"{path} was not taken along", "move it to its owner, over a safe way"
            )


def _own_key(_: Settings, key: Path | None) -> Iterator[Check]:
    if key is not None:
        own = keyfile.read(key)
        said = f"{own.name}, {fingerprint(own.public)}, for daemon {fingerprint(own.server)}"
        yield Check("ok", "your key", said)


def _daemon(settings: Settings, key: Path | None) -> Iterator[Check]:
    try:
        with Commands(settings.publish.commands, timeout_s=1.0, keys=key) as daemon:
            state = daemon.ask("status").result
    except DaemonUnreachable:
        yield Check("note", "daemon", f"does not run at {settings.publish.commands}", "temwatch run")
        return
    mark = "ok" if state["state"] == "ready" else "problem"
    yield Check(
        mark,
        "daemon",
        f"{state['state']} {state['reason']}".strip(),
        "" if mark == "ok" else "temwatch status",
    )
