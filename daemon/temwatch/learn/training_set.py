"""What a recognizer learns from: measured objects with their class, who said so, and which frame shows them."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import AtlasRefused

FORMAT = "temwatch training set 1"
_TEXTS = ("classes", "groups", "objects", "operators")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """Labelled rows.

    Attributes
    ----------
    features : ndarray of float32, shape (n, p)
        As they were measured and stored; gaps are not finite.
    classes : tuple of str, length n
    groups : tuple of str, length n
        What is held out together: the specimen, else the frame.
    objects : tuple of str, length n
        Which object each row measures; the same one may have several rows.
    operators : tuple of str, length n
        Whose label it is; empty for simulated rows.
    label_ids : ndarray of int64, shape (n,)
        0 for simulated rows.
    feature_names : tuple of str, length p
    feature_set : str
    nm_per_px_range : (lowest, highest) or None
        Pixel sizes of the frames, where known.
    """

    features: NDArray[np.float32]
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    objects: tuple[str, ...]
    operators: tuple[str, ...]
    label_ids: NDArray[np.int64]
    feature_names: tuple[str, ...]
    feature_set: str
    nm_per_px_range: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def rows_by_class(self) -> Mapping[str, int]:
        """How many rows each class has."""
        return dict(sorted(Counter(self.classes).items()))

    @property
    def digest(self) -> str:
        """SHA-256 of everything in it: what a recognizer says it learned from."""
        return hashlib.sha256(packed(self)).hexdigest()

    def only(self, chosen: NDArray[np.bool_]) -> "TrainingSet":
        """Return the chosen rows."""
        kept = np.flatnonzero(chosen)
        texts = {name: tuple(getattr(self, name)[k] for k in kept) for name in _TEXTS}
        return TrainingSet(
            features=self.features[kept],
            label_ids=self.label_ids[kept],
            feature_names=self.feature_names,
            feature_set=self.feature_set,
            nm_per_px_range=self.nm_per_px_range,
            **texts,
        )

    def with_rows_of(self, other: "TrainingSet") -> "TrainingSet":
        """Return these rows and those of another set, which must have the same features.

        Raises
        ------
        AtlasRefused
            It has not.
        """
        if (other.feature_names, other.feature_set) != (self.feature_names, self.feature_set):
            raise AtlasRefused(
                f"rows of feature set {other.feature_set!r} don't join rows of {self.feature_set!r}",
                next_step="measure them again with this version",
            )
        scales = [r for r in (self.nm_per_px_range, other.nm_per_px_range) if r is not None]
        texts = {name: getattr(self, name) + getattr(other, name) for name in _TEXTS}
        return TrainingSet(
            features=np.vstack([self.features, other.features]),
            label_ids=np.concatenate([self.label_ids, other.label_ids]),
            feature_names=self.feature_names,
            feature_set=self.feature_set,
            nm_per_px_range=(min(r[0] for r in scales), max(r[1] for r in scales)) if scales else None,
            **texts,
        )


def packed(rows: TrainingSet) -> bytes:
    """Return a training set as bytes, the same for the same rows; `unpacked` is the way back."""
    said = {
        "format": FORMAT,
        "n": len(rows),
        "feature_names": list(rows.feature_names),
        "feature_set": rows.feature_set,
        "nm_per_px_range": list(rows.nm_per_px_range) if rows.nm_per_px_range else None,
        **{name: list(getattr(rows, name)) for name in _TEXTS},
    }
    head = json.dumps(said, sort_keys=True, ensure_ascii=True).encode()
    out = io.BytesIO()
    out.write(len(head).to_bytes(8, "little"))
    out.write(head)
    out.write(np.ascontiguousarray(rows.label_ids, "<i8").tobytes())
    out.write(np.ascontiguousarray(rows.features, "<f4").tobytes())
    return out.getvalue()


def unpacked(content: bytes) -> TrainingSet:
    """Return the training set that `packed` made into bytes.

    Raises
    ------
    AtlasRefused
        It is not one, or not whole.
    """
    try:
        length = int.from_bytes(content[:8], "little")
        said = json.loads(content[8 : 8 + length])
        if said["format"] != FORMAT:
            raise ValueError(f"format {said['format']!r}")
        n, p = int(said["n"]), len(said["feature_names"])
        ids_at, features_at = 8 + length, 8 + length + 8 * n
        if len(content) != features_at + 4 * n * p or any(len(said[name]) != n for name in _TEXTS):
            raise ValueError(f"{len(content)} bytes don't hold {n} rows of {p} features")
        scales = said["nm_per_px_range"]
        return TrainingSet(
            features=np.frombuffer(content, "<f4", n * p, features_at).reshape(n, p),
            label_ids=np.frombuffer(content, "<i8", n, ids_at),
            feature_names=tuple(said["feature_names"]),
            feature_set=str(said["feature_set"]),
            nm_per_px_range=(float(scales[0]), float(scales[1])) if scales else None,
            **{name: tuple(map(str, said[name])) for name in _TEXTS},
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise AtlasRefused(
            f"not a training set ({error})", next_step="build it again; nothing was learned from it"
        ) from error


def read_training_set(path: Path) -> TrainingSet:
    """Return the training set of a file.

    Raises
    ------
    AtlasRefused
        Missing, unreadable or not one.
    """
    try:
        return unpacked(path.read_bytes())
    except OSError as error:
        raise AtlasRefused(
            f"{path}: can't be read ({error.strerror})", next_step="install temwatch again"
        ) from error
    except AtlasRefused as refusal:
        raise AtlasRefused(f"{path}: {refusal.message}", next_step=refusal.next_step) from refusal


def joined(parts: Sequence[TrainingSet]) -> TrainingSet:
    """Return the rows of several sets, in order; there must be at least one."""
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.with_rows_of(part)
    return whole
