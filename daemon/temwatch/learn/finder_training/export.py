"""From a trained network to the files that are shipped: ONNX in 32-bit floats, and in 8-bit integers."""

import io
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from temwatch.learn.finder_training.network import Network
from temwatch.sim.crops import crop
from temwatch.vision.finder.normalise import normalised

_OPSET = 17
_CALIBRATION_CROPS = 64
# Crops to calibrate on have numbers the pool of a training run never reaches.
_CALIBRATION_START = 10_000_000


def exported(network: Network) -> bytes:
    """Return a network as ONNX, input ``image`` and output ``planes``, any batch and any multiple of 32 px."""
    plain = network.to(memory_format=torch.contiguous_format).eval()
    target = io.BytesIO()
    torch.onnx.export(
        plain,
        (torch.zeros(1, 1, 256, 256),),
        target,
        input_names=["image"],
        output_names=["planes"],
        dynamic_axes={
            "image": {0: "batch", 2: "height", 3: "width"},
            "planes": {0: "batch", 2: "half_height", 3: "half_width"},
        },
        opset_version=_OPSET,
        dynamo=False,
    )
    return target.getvalue()


class CalibrationCrops:
    """The crops by which the ranges of the 8-bit network are set; answers as onnxruntime asks."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._given = 0

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next input, None after the last."""
        if self._given == _CALIBRATION_CROPS:
            return None
        image = crop(self._seed, _CALIBRATION_START + self._given).image
        self._given += 1
        return {"image": normalised(image)[None, None]}


def quantised(network: bytes, *, seed: int) -> bytes:
    """Return an exported network in 8-bit integers, but for the first and last layer.

    Static, a scale for each channel, QDQ form.

    Parameters
    ----------
    network : bytes
        What `exported` returned.
    seed : int
        Of the crops to calibrate on.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, small = (
            Path(folder) / name for name in ("plain.onnx", "prepared.onnx", "small.onnx")
        )
        plain.write_bytes(network)
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        convolutions = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
        quantize_static(
            str(prepared),
            str(small),
            CalibrationCrops(seed),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # The first sees the faintest contrasts and the last gives the answer: in 8 bits they cost recall.
            nodes_to_exclude=[convolutions[0], convolutions[-1]],
            calibrate_method=CalibrationMethod.MinMax,
        )
        return small.read_bytes()
