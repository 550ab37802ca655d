"""An exported network made trainable again, and changed numbers written back into the same graph."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from temwatch.errors import ModelRefused

Numbers = dict[str, NDArray[np.float32]]


class GraphNetwork(nn.Module):
    """The 32-bit ONNX file of a finder as a PyTorch module; what it has learned are its parameters.

    The export has folded every normalisation into the convolution before it, so there is nothing left that follows
    the statistics of a batch: tuning sees the network exactly as the finder runs it.

    Parameters
    ----------
    weights : bytes
        ``fp32.onnx`` of a shelf folder.

    Raises
    ------
    ModelRefused
        The graph holds an operation that is not known here.
    """

    def __init__(self, weights: bytes) -> None:
        super().__init__()
        graph = onnx.load_from_string(weights).graph
        self._nodes = list(graph.node)
        self._input, self._output = graph.input[0].name, graph.output[0].name
        self._fixed: dict[str, Tensor] = {}
        unknown = sorted({node.op_type for node in self._nodes} - set(_OPERATIONS) - {"Constant"})
        if unknown:
            raise ModelRefused(
                f"the network holds operations that tuning does not know: {', '.join(unknown)}",
                next_step="tune weights that `temwatch finder train` made",
            )
        for node in self._nodes:
            if node.op_type == "Constant":
                self._fixed[node.output[0]] = _tensor(node.attribute[0].t)
        self._names = {item.name: item.name.replace(".", "/") for item in graph.initializer}
        self.learned = nn.ParameterDict(
            {self._names[item.name]: nn.Parameter(_tensor(item)) for item in graph.initializer}
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the planes (batch, planes, row / 2, col / 2) of normalised images (batch, 1, row, col)."""
        known: dict[str, Any] = {**self._fixed, self._input: image, "": None}
        known.update({name: self.learned[own] for name, own in self._names.items()})
        for node in self._nodes:
            if node.op_type != "Constant":
                said = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
                known[node.output[0]] = _OPERATIONS[node.op_type]([known[name] for name in node.input], said)
        planes: Tensor = known[self._output]
        return planes

    def numbers(self) -> Numbers:
        """Return what it has learned, by the names of the graph."""
        return {
            name: self.learned[own].detach().contiguous().numpy().copy() for name, own in self._names.items()
        }


def numbers_of(weights: bytes) -> Numbers:
    """Return the learned numbers of an exported network, by name."""
    return {
        item.name: numpy_helper.to_array(item).copy()
        for item in onnx.load_from_string(weights).graph.initializer
    }


def with_numbers(weights: bytes, numbers: Numbers) -> bytes:
    """Return an exported network with other numbers in the same graph."""
    model = onnx.load_from_string(weights)
    for item in model.graph.initializer:
        item.CopyFrom(numpy_helper.from_array(numbers[item.name].astype(np.float32), item.name))
    return bytes(model.SerializeToString())


def between(old: Numbers, new: Numbers, share: float) -> Numbers:
    """Return the numbers at a share of the way from old (0) to new (1)."""
    return {name: (old[name] + share * (new[name] - old[name])).astype(np.float32) for name in old}


def _tensor(said: Any) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(said).copy())


def _convolved(given: Sequence[Any], said: dict[str, Any]) -> Tensor:
    top, left, bottom, right = said["pads"]
    if (top, left) != (bottom, right) or set(said["dilations"]) != {1} or said["group"] != 1:
        raise ModelRefused(
            f"a convolution with {said}", next_step="tune weights that `temwatch finder train` made"
        )
    return functional.conv2d(given[0], given[1], given[2], tuple(said["strides"]), (top, left))


def _resized(given: Sequence[Any], said: dict[str, Any]) -> Tensor:
    scales = [float(value) for value in given[2]]
    if said["mode"] != b"nearest" or scales[:2] != [1.0, 1.0]:
        raise ModelRefused(
            f"a resizing with {said}", next_step="tune weights that `temwatch finder train` made"
        )
    return functional.interpolate(given[0], scale_factor=(scales[2], scales[3]), mode="nearest")


def _reshaped(given: Sequence[Any], _: dict[str, Any]) -> Tensor:
    image, wanted = given
    shape = [image.shape[i] if size == 0 else size for i, size in enumerate(wanted.tolist())]
    reshaped: Tensor = image.reshape(shape)
    return reshaped


def _unsqueezed(given: Sequence[Any], _: dict[str, Any]) -> Tensor:
    image = given[0]
    for axis in sorted(given[1].tolist()):
        image = image.unsqueeze(axis)
    return image


def _squeezed(given: Sequence[Any], _: dict[str, Any]) -> Tensor:
    image = given[0]
    for axis in sorted(given[1].tolist(), reverse=True):
        image = image.squeeze(axis)
    return image


# What the exporter makes of `Network`.
_OPERATIONS: dict[str, Callable[[Sequence[Any], dict[str, Any]], Tensor]] = {
    "Add": lambda given, _: given[0] + given[1],
    "Concat": lambda given, said: torch.cat(list(given), said["axis"]),
    "Conv": _convolved,
    "Mul": lambda given, _: given[0] * given[1],
    "Relu": lambda given, _: functional.relu(given[0]),
    "Reshape": _reshaped,
    "Resize": _resized,
    "Sigmoid": lambda given, _: torch.sigmoid(given[0]),
    "Squeeze": _squeezed,
    "Transpose": lambda given, said: given[0].permute(*said["perm"]),
    "Unsqueeze": _unsqueezed,
}
