"""Labels of an atlas that its other groups contradict, the most doubtful first: what to look at again."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from temwatch.errors import AtlasRefused
from temwatch.learn.atlas import Atlas
from temwatch.recognition.kernel_elm import KernelELM
from temwatch.recognition.label_noise import confident_class, doubtful_labels, label_confidence
from temwatch.recognition.recognizer import fit_scaler

# With fewer groups, rows are held out one by one: of a single group nothing would be left to learn from.
_FEWEST_GROUPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One label that looks wrong.

    Attributes
    ----------
    row : int
        Of the atlas, 0 the first.
    group : str
        The specimen or image it is from.
    label : str
    rather : str
        What the object looks like to a recognizer that learned from the other groups.
    confidence : float
        The probability that recognizer gives the label.
    """

    row: int
    group: str
    label: str
    rather: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """The doubts about an atlas, the greatest first, and what was held out to find them."""

    atlas: str
    digest: str
    rows: int
    held_out: str
    doubts: tuple[Doubt, ...]


def doubts_about(atlas: Atlas) -> Doubts:
    """Return the labels that the rest of the atlas contradicts (`label_noise.doubtful_labels`).

    Every row is judged by a kernel ELM fitted without its group, exactly; without its row alone where there are
    fewer than three groups.

    Raises
    ------
    AtlasRefused
        For a single class.
    """
    classes, codes = np.unique(np.array(atlas.classes), return_inverse=True)
    if len(classes) < 2:
        raise AtlasRefused(
            f"{atlas.name}: one class only ({classes[0]}), so no label can be doubted",
            next_step="add labelled objects of another class",
        )
    groups = np.unique(np.array(atlas.groups), return_inverse=True)[1]
    by_group = groups.max() + 1 >= _FEWEST_GROUPS
    # Scaled by all rows, labels unseen: that gives no label away.
    rows = fit_scaler(atlas.features).standardise(atlas.features)
    fitted = KernelELM().fit(rows, codes, groups=groups if by_group else None)
    kept, probability = fitted.kept_rows_, fitted.loo_proba_
    surely = confident_class(probability, codes[kept])
    own = label_confidence(probability, codes[kept])
    return Doubts(
        atlas=atlas.name,
        digest=atlas.digest,
        rows=len(codes),
        held_out="group" if by_group else "row",
        doubts=tuple(
            Doubt(
                row=int(kept[number]),
                group=atlas.groups[kept[number]],
                label=atlas.classes[kept[number]],
                rather=str(classes[surely[number]]),
                confidence=float(own[number]),
            )
            for number in doubtful_labels(probability, codes[kept]).tolist()
        ),
    )


def as_text(found: Doubts, most: int) -> str:
    """Return the `most` greatest doubts as text."""
    heading = (
        f"{found.atlas}: {len(found.doubts)} of {found.rows} labels look wrong to a recognizer that has not seen their "
        f"{found.held_out}; atlas {found.digest[:16]}. Look again before changing any."
    )
    said = [
        f"  row {doubt.row:>5}  {doubt.label} ({100 * doubt.confidence:.1f} %), rather {doubt.rather}; {doubt.group}"
        for doubt in found.doubts[:most]
    ]
    return "\n".join((heading, *said))


def as_values(found: Doubts, most: int) -> dict[str, Any]:
    """Return the same as values JSON knows."""
    values = asdict(found)
    return {**values, "found": len(found.doubts), "doubts": values["doubts"][:most]}
