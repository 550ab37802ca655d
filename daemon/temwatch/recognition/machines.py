"""The fitted machines a recognizer can hold, each with what it said of rows held out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import ModelRefused
from temwatch.recognition.cluster_machine import ClusterMachine
from temwatch.recognition.kernel_elm import KernelELM, stratified
from temwatch.recognition.kernel_machine import KernelMachine
from temwatch.recognition.methods import paper_chain
from temwatch.recognition.recognizer import Scaler
from temwatch.recognition.seeded_kmeans import SeededKMeans
from temwatch.recognition.tempered import Tempered

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# Memory and time of the search for neighbours go with the square of the rows kept.
_MOST_ROWS = 6000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A machine and what its probabilities are worth.

    Attributes
    ----------
    machine : KernelMachine or ClusterMachine
    temperature : float
    kept : ndarray of int
        Training rows the machine keeps.
    held_out : ndarray of int
        Training rows that were held out once.
    probability : ndarray of float64, shape (len(held_out), C)
        What was then said of them.
    settings : mapping of str to float
        What was chosen, for the card.
    """

    machine: KernelMachine | ClusterMachine
    temperature: float
    kept: Codes
    held_out: Codes
    probability: Array
    settings: Mapping[str, float]


def kernel_elm(filled: Array, scaler: Scaler, codes: Codes, groups: Codes, weight: str | None) -> Fitted:
    """Fit the kernel ELM on standardised rows; see `MACHINES` for the parameters."""
    # Rows are kept in single precision: half the file, and the machine is solved for exactly those numbers.
    rows = scaler.standardise(filled).astype(np.float32).astype(np.float64)
    fitted = KernelELM(class_weight=weight).fit(rows, codes, groups=groups)
    machine: KernelMachine = fitted.machine_
    return Fitted(
        machine=machine,
        temperature=float(fitted.temperature_),
        kept=fitted.kept_rows_,
        held_out=np.arange(len(codes)),
        probability=fitted.loo_proba_,
        settings={"gamma": float(machine.gamma), "regularisation": float(fitted.regularisation_)},
    )


def seeded_kmeans(filled: Array, scaler: Scaler, codes: Codes, groups: Codes, weight: str | None) -> Fitted:
    """Fit the paper's chain; the search for (s, d) is repeated for every fold that is held out.

    Raises
    ------
    ModelRefused
        Class weights are given: clusters know none. No row can be held out.
    """
    if weight is not None:
        raise ModelRefused(f"seeded_kmeans knows no class weights ({weight})", next_step="give none")
    # The chain learns its own scaler, in every fold anew; on all rows it comes out as the one given.
    fitted = Tempered(paper_chain(0)).fit(filled, codes, groups=groups)
    if not len(fitted.held_out_rows_):
        raise ModelRefused(
            f"{len(codes)} rows are too few to hold any out", next_step="label more objects of every class"
        )
    chain = fitted.classifier_
    recogniser: SeededKMeans = chain.recogniser_
    kept = stratified(codes, _MOST_ROWS, np.random.RandomState(0))
    machine = ClusterMachine(
        rows=scaler.standardise(filled[kept]).astype(np.float32).astype(np.float64),
        columns=chain.relieff_.ranking_[: chain.n_selected_],
        middle=chain.pca_.mean_,
        axes=chain.pca_.components_,
        clusters=recogniser.clusters_,
        tau=float(recogniser.tau_),
    )
    return Fitted(
        machine=machine,
        temperature=float(fitted.temperature_),
        kept=kept,
        held_out=fitted.held_out_rows_,
        probability=fitted.held_out_proba_,
        settings={
            "selected": float(len(machine.columns)),
            "dimensions": float(len(machine.axes)),
            "clusters": float(len(machine.clusters.centres)),
        },
    )


# By the words of `[recognizer] method`. Each takes features (n, p) without gaps, their scaler, class codes (n,), a
# code for what is held out together (n,), and class weights as in `KernelELM`.
MACHINES: dict[str, Callable[[Array, Scaler, Codes, Codes, str | None], Fitted]] = {
    "kernel_elm": kernel_elm,
    "seeded_kmeans": seeded_kmeans,
}
