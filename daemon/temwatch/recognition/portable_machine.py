"""The machines of a recognizer as numbers and plain arrays, and back."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import ModelRefused
from temwatch.recognition.cluster_machine import ClusterMachine
from temwatch.recognition.clusters import Clusters
from temwatch.recognition.kernel_machine import KernelMachine

Arrays = dict[str, NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]
_NEXT_STEP = "roll back to another model, or build it again"


def machine_to_arrays(machine: KernelMachine | ClusterMachine) -> tuple[dict[str, float], Arrays]:
    """Return the numbers of a machine for the manifest, and its arrays."""
    rows = machine.rows.astype(np.float32)
    if isinstance(machine, KernelMachine):
        return {"gamma": machine.gamma}, {"rows": rows, "weights": machine.weights}
    clusters = machine.clusters
    return {"tau": machine.tau}, {
        "rows": rows,
        "columns": machine.columns.astype(np.float64),
        "middle": machine.middle,
        "axes": machine.axes,
        "centres": clusters.centres,
        "votes": clusters.votes,
        "shares": clusters.shares,
        "cluster_radii": clusters.radii,
        "spread": np.array([clusters.spread]),
    }


def length_of(arrays: Mapping[str, NDArray[Any]], name: str) -> int:
    """Return how many entries an array has along its first axis; 0 where it is missing."""
    return len(arrays[name]) if name in arrays and np.ndim(arrays[name]) else 0


def _kernel_shapes(_arrays: Mapping[str, NDArray[Any]], n: int, _p: int, c: int) -> Shapes:
    return {"weights": (n, c)}


def _cluster_shapes(arrays: Mapping[str, NDArray[Any]], _n: int, _p: int, c: int) -> Shapes:
    s, d, k = (length_of(arrays, name) for name in ("columns", "axes", "centres"))
    return {
        "columns": (s,),
        "middle": (s,),
        "axes": (d, s),
        "centres": (k, d),
        "votes": (k, c),
        "shares": (k,),
        "cluster_radii": (k,),
        "spread": (1,),
    }


# By method: the shapes its arrays must have (beside `rows`), from what is there, n rows, p features and c classes.
SHAPES: dict[str, Callable[[Mapping[str, NDArray[Any]], int, int, int], Shapes]] = {
    "kernel_elm": _kernel_shapes,
    "seeded_kmeans": _cluster_shapes,
}


def machine_from_arrays(
    method: str, parts: Mapping[str, NDArray[np.float64]], number: Callable[[str], float]
) -> KernelMachine | ClusterMachine:
    """Return the machine of a method.

    Parameters
    ----------
    method : str
        A key of `SHAPES`.
    parts : mapping of str to ndarray of float64
        Finite and of the right shapes.
    number : callable
        Gives a number above zero of the manifest by its name.

    Raises
    ------
    ModelRefused
        Columns that do not exist; clusters without rows or without a vote.
    """
    if method == "kernel_elm":
        return KernelMachine(rows=parts["rows"], weights=parts["weights"], gamma=number("gamma"))
    p = parts["rows"].shape[1]
    columns = parts["columns"].astype(np.intp)
    if not len(columns) or (columns != parts["columns"]).any() or columns.min() < 0 or columns.max() >= p:
        _refuse(f"columns {parts['columns'].tolist()} are not among {p} features")
    if not len(parts["axes"]) or not len(parts["centres"]):
        _refuse(f"{len(parts['axes'])} axes and {len(parts['centres'])} clusters tell nothing")
    if parts["shares"].min() <= 0 or parts["votes"].min() < 0:
        _refuse("a cluster has no rows, or a vote below zero")
    return ClusterMachine(
        rows=parts["rows"],
        columns=columns,
        middle=parts["middle"],
        axes=parts["axes"],
        clusters=Clusters(
            centres=parts["centres"],
            votes=parts["votes"],
            shares=parts["shares"],
            radii=parts["cluster_radii"],
            spread=float(parts["spread"][0]),
        ),
        tau=number("tau"),
    )


def _refuse(fault: str) -> None:
    raise ModelRefused(f"recognizer: {fault}", next_step=_NEXT_STEP)
