"""What a recognizer says about itself."""

from collections.abc import Mapping
from dataclasses import dataclass

# Names in `RecognizerCard.settings`: the pixel sizes of the frames learned from, in nm.
LOWEST_SCALE, HIGHEST_SCALE = "nm_per_px_lowest", "nm_per_px_highest"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerCard:
    """Where a saved recognizer comes from, and how it did on rows it had not seen.

    Attributes
    ----------
    method : str
        ``"kernel_elm"``, ...
    provenance : str
        What it was made from, in a few words a reader of a report understands.
    feature_set : str
        Version of the features it takes; regions measured with another version can't be recognised by it.
    classes : tuple of str
        In the order of the probability columns.
    feature_names : tuple of str
        In the order of the feature columns.
    confidence : float
        Share of prediction sets that are to hold the true class, per class.
    rows_by_class : mapping of str to int
        Training rows.
    groups : int
        Groups (specimens) the rows come from; 0 where none were given.
    held_out : str
        What was left out to judge and calibrate: ``"group"`` (whole specimens) or ``"object"`` (each alone).
    settings : mapping of str to float
        What the search chose: gamma, regularisation, temperature.
    scores : mapping of str to float
        On held-out rows: accuracy, macro_f1, log_loss, ece; of the prediction sets mean_set_size,
        single_class_share and empty_set_share.
    notes : tuple of str
        Fallbacks taken in making it, in sentences.
    software : str
        Name and version of the program that made it.
    """

    method: str
    provenance: str
    feature_set: str
    classes: tuple[str, ...]
    feature_names: tuple[str, ...]
    confidence: float
    rows_by_class: Mapping[str, int]
    groups: int
    held_out: str
    settings: Mapping[str, float]
    scores: Mapping[str, float]
    notes: tuple[str, ...]
    software: str

    def knows_scale(self, nm_per_px: float) -> bool:
        """Whether a pixel size is like those learned from, give or take a factor of two."""
        lowest, highest = self.settings.get(LOWEST_SCALE), self.settings.get(HIGHEST_SCALE)
        return lowest is None or highest is None or lowest / 2 <= nm_per_px <= highest * 2

    def reservations(self, nm_per_px: float | None) -> tuple[str, ...]:
        """Return why what it says of a frame with this pixel size can't be relied on; mostly nothing."""
        if nm_per_px is None or self.knows_scale(nm_per_px):
            return ()
        return (
            f"pixels of {nm_per_px:.4g} nm are unlike those the recognizer learned from: nothing is graded",
        )
