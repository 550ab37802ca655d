"""The weights of the learned finder on disk: a folder named by the digest of its card, which names its files by theirs."""

import hashlib
import json
import re
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from temwatch.errors import ModelRefused

CARD = "card.json"
IN_USE = "in_use"
Precision = Literal["int8", "fp32"]
_CARD_BYTES = 1 << 20
_WEIGHTS_BYTES = 64 << 20
_NEXT_STEP = 'install temwatch again, or set [finder] method = "threshold", which finds about half as much'
_WAY_BACK = "`temwatch finder use shipped` takes the weights of the package"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def shipped_finder() -> Path:
    """Return the folder of the weights that come with the package.

    Raises
    ------
    ModelRefused
        When there is not exactly one.
    """
    shelf = Path(str(resources.files("temwatch").joinpath("shipped", "finder")))
    found = [folder for folder in shelf.glob("*") if (folder / CARD).is_file()]
    if len(found) != 1:
        raise ModelRefused(
            f"{len(found)} sets of finder weights in {shelf}, one is expected", next_step=_NEXT_STEP
        )
    return found[0]


def card_of(folder: Path) -> dict[str, Any]:
    """Return what weights say about themselves: data, seeds, versions, scores, files by digest.

    Raises
    ------
    ModelRefused
        Missing, unreadable, or not what the folder is named by.
    """
    content = _read(folder / CARD, _CARD_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    if digest != folder.name:
        raise ModelRefused(f"{folder / CARD}: its digest is {digest[:12]}…", next_step=_NEXT_STEP)
    card = json.loads(content)
    if not isinstance(card, dict) or not isinstance(card.get("files"), dict):
        raise ModelRefused(f"{folder / CARD}: names no files", next_step=_NEXT_STEP)
    return card


def load_weights(folder: Path, precision: Precision = "int8") -> bytes:
    """Return a network as bytes, after checking that they are the ones that were put there.

    Parameters
    ----------
    folder : Path
    precision : "int8" or "fp32"
        8-bit integers, or 32-bit floats at twice the cost.

    Raises
    ------
    ModelRefused
    """
    name = f"{precision}.onnx"
    expected = card_of(folder)["files"].get(name)
    content = _read(folder / name, _WEIGHTS_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise ModelRefused(
            f"{folder / name}: its digest is {digest[:12]}…, the card says {str(expected)[:12]}…",
            next_step=_NEXT_STEP,
        )
    return content


def save_weights(shelf: Path, files: dict[str, bytes], card: dict[str, Any]) -> Path:
    """Write weights and their card into a folder of their own; return it.

    Parameters
    ----------
    shelf : Path
    files : dict of str to bytes
        ``"int8.onnx"`` and ``"fp32.onnx"``.
    card : dict
        JSON-ready; the digests of the files are added.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    said = json.dumps({**card, "files": digests}, sort_keys=True, indent=1).encode() + b"\n"
    folder = shelf / hashlib.sha256(said).hexdigest()
    shelf.mkdir(parents=True, exist_ok=True)
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(prefix=".new-", dir=shelf) as temporary:
        made = Path(temporary) / folder.name
        made.mkdir(mode=0o755)
        for name, content in {**files, CARD: said}.items():
            (made / name).write_bytes(content)
        made.rename(folder)
    return folder


def chosen_finder(shelf: Path) -> Path:
    """Return the folder of the weights in use: what `choose_finder` named, else those that come with the package.

    Parameters
    ----------
    shelf : Path
        ``finder`` in the state folder; may be missing.

    Raises
    ------
    ModelRefused
        What was named is not there any more.
    """
    try:
        name = (shelf / IN_USE).read_text("ascii").strip()
    except FileNotFoundError:
        return shipped_finder()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelRefused(f"{shelf / IN_USE}: can't be read ({error})", next_step=_WAY_BACK) from error
    folder = shelf / name
    if not _DIGEST.fullmatch(name) or not (folder / CARD).is_file():
        raise ModelRefused(
            f"{shelf / IN_USE} names {name[:80]!r}, which is not on the shelf", next_step=_WAY_BACK
        )
    return folder


def choose_finder(shelf: Path, name: str | None) -> Path:
    """Make weights of a shelf the ones in use, those of the package for None; return their folder.

    Parameters
    ----------
    shelf : Path
    name : str or None
        The digest, or its first letters where they fit only one.

    Raises
    ------
    ModelRefused
        No such weights, several, or damaged ones; then nothing changes.
    """
    if name is None:
        (shelf / IN_USE).unlink(missing_ok=True)
        return shipped_finder()
    fitting = [folder for folder in shelved(shelf) if folder.name.startswith(name)]
    if len(fitting) != 1:
        raise ModelRefused(
            f"{len(fitting)} weights in {shelf} are called {name!r}…",
            next_step="`temwatch finder list` names them",
        )
    for precision in ("int8", "fp32"):
        load_weights(fitting[0], precision)
    written = shelf / f"{IN_USE}.new"
    written.write_text(fitting[0].name + "\n", "ascii")
    written.replace(shelf / IN_USE)
    return fitting[0]


def shelved(shelf: Path) -> list[Path]:
    """Return the folders of weights on a shelf, by name; none where there is no shelf."""
    return sorted(folder for folder in shelf.glob("*") if _DIGEST.fullmatch(folder.name))


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ModelRefused(f"{path}: can't be read ({error.strerror})", next_step=_NEXT_STEP) from error
    if len(content) > limit:
        raise ModelRefused(f"{path}: larger than {limit >> 20} MB", next_step=_NEXT_STEP)
    return content
