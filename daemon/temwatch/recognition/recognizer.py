"""A fitted recognizer: features in; probabilities, prediction sets and novelty out. numpy alone, for the workers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from temwatch.errors import ModelRefused
from temwatch.model.recognizer import RecognizerCard
from temwatch.recognition.calibration import prediction_sets, softmax, thresholds_at
from temwatch.recognition.cluster_machine import ClusterMachine
from temwatch.recognition.kernel_machine import KernelMachine
from temwatch.recognition.novelty import NoveltyRadii

Array = NDArray[np.float64]

# A standardised feature beyond six standard deviations says no more than one at six.
CLIP = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaler:
    """Fills gaps with the training median, standardises with the training mean and sd, and clips at `CLIP`.

    All arrays are float64 of shape (p,). `inverse_sd` is zero for a column that was constant in training: it
    then says nothing, whatever it holds.
    """

    median: Array
    mean: Array
    inverse_sd: Array

    def standardise(self, features: Array) -> Array:
        """Return `features`, shape (n, p), standardised; whatever is not finite counts as missing."""
        return np.clip((self.fill(features) - self.mean) * self.inverse_sd, -CLIP, CLIP)

    def fill(self, features: Array) -> Array:
        """Return `features`, shape (n, p), with the training median where they are not finite."""
        return np.where(np.isfinite(features), features, self.median)


def fit_scaler(features: Array) -> Scaler:
    """Learn a scaler from training features, shape (n, p); a constant or empty column becomes all zeros."""
    known = np.where(np.isfinite(features), features, np.nan)
    empty = np.isnan(known).all(axis=0)
    median = np.nanmedian(np.where(empty, 0.0, known), axis=0)
    filled = np.where(np.isnan(known), median, known)
    mean, sd = filled.mean(axis=0), filled.std(axis=0)
    # Rounding leaves a constant column a tiny sd, which would blow up any other value.
    constant = sd <= 1e-12 * np.maximum(np.abs(mean), 1.0)
    inverse_sd = np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, sd))
    return Scaler(median=median, mean=mean, inverse_sd=inverse_sd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What the recognizer makes of n objects.

    Attributes
    ----------
    classes : tuple of str
        Names of the C columns.
    probability : ndarray of float64, shape (n, C)
        Rows sum to 1.
    prediction_sets : tuple of tuple of str
        For each object the classes that can't be ruled out, most probable first; may be empty.
    novelty : ndarray of float64, shape (n,)
        In [0, 1]; 1 is farther from what was learned than any training object was.
    """

    classes: tuple[str, ...]
    probability: Array
    prediction_sets: tuple[tuple[str, ...], ...]
    novelty: Array

    def only(self, chosen: NDArray[np.bool_]) -> "Recognition":
        """Return what it makes of some of them."""
        where = np.flatnonzero(chosen)
        return Recognition(
            classes=self.classes,
            probability=self.probability[where],
            prediction_sets=tuple(self.prediction_sets[k] for k in where),
            novelty=self.novelty[where],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A few inputs, and what they must give: float64 features (k, p), probability (k, C), novelty (k,)."""

    features: Array
    probability: Array
    novelty: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognizer:
    """Everything that recognition needs, and the card that says where it comes from.

    Attributes
    ----------
    card : RecognizerCard
    scaler : Scaler
    machine : KernelMachine or ClusterMachine
    temperature : float
        Of the softmax over the machine's scores.
    thresholds : ndarray of float64, shape (C,)
        Of the conformal prediction sets.
    nonconformity : tuple of ndarray of float64, or None
        For each class, ascending, how improbable it was to its own rows held out: what thresholds for another
        confidence are taken from. None in recognizers of before this was kept.
    radii : NoveltyRadii
    golden : Golden
        Checked whenever the recognizer is loaded.
    """

    card: RecognizerCard
    scaler: Scaler
    machine: KernelMachine | ClusterMachine
    temperature: float
    thresholds: Array
    nonconformity: tuple[Array, ...] | None
    radii: NoveltyRadii
    golden: Golden

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the probability columns."""
        return self.card.classes

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features it takes, in order."""
        return self.card.feature_names

    def at_confidence(self, confidence: float) -> "Recognizer":
        """Return it with prediction sets that are to hold the true class in another share of cases.

        Raises
        ------
        ModelRefused
            When it was saved without what that takes.
        """
        if confidence == self.card.confidence:
            return self
        if self.nonconformity is None:
            raise ModelRefused(
                f"this recognizer knows prediction sets of {self.card.confidence:.0%} only, {confidence:.0%} is asked",
                next_step=f"set [recognizer] confidence = {self.card.confidence}, or build the recognizer again",
            )
        return replace(
            self,
            thresholds=thresholds_at(self.nonconformity, confidence),
            card=replace(self.card, confidence=confidence),
        )

    def recognise(self, features: ArrayLike, feature_names: Sequence[str]) -> Recognition:
        """Return what the recognizer makes of objects.

        Parameters
        ----------
        features : array-like of float, shape (n, p)
            n may be 0. What is not finite counts as missing and is filled with the training median.
        feature_names : sequence of str
            Names of the p columns: exactly those learned, in their order.

        Raises
        ------
        ModelRefused
            When the names or the number of columns differ from those learned.
        """
        self._check_names(feature_names)
        table = np.asarray(features, dtype=np.float64)
        if table.size == 0:
            table = table.reshape(0, len(self.feature_names))
        if table.ndim != 2 or table.shape[1] != len(self.feature_names):
            raise ModelRefused(
                f"features of shape {table.shape} given, (n, {len(self.feature_names)}) expected",
                next_step="give one column for every feature name",
            )
        return self._recognise(table)

    def _recognise(self, features: Array) -> Recognition:
        rows = self.scaler.standardise(features)
        distances = self.machine.distances(rows)
        novelty = self.radii.novelty(rows, distances)
        probability = softmax(self.machine.scores(rows, distances), self.temperature)
        return Recognition(
            classes=self.classes,
            probability=probability,
            prediction_sets=prediction_sets(probability, self.thresholds, self.classes),
            novelty=novelty,
        )

    def _check_names(self, given: Sequence[str]) -> None:
        learned = self.feature_names
        if tuple(given) == learned:
            return
        missing = [name for name in learned if name not in given]
        unknown = [name for name in given if name not in learned]
        if missing or unknown:
            difference = "; ".join(
                f"{word} {', '.join(names)}"
                for word, names in (("missing:", missing), ("unknown:", unknown))
                if names
            )
        else:
            first = next(i for i, name in enumerate(learned) if i >= len(given) or given[i] != name)
            difference = f"the order differs from column {first} ({learned[first]}) on"
        raise ModelRefused(
            f"this recognizer learned other features ({self.card.feature_set or 'unnamed set'}): {difference}",
            next_step="retrain it on features of this version, or roll back to a recognizer that knows them",
        )
