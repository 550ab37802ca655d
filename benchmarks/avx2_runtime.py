"""A copy of onnxruntime that takes the processor for one with AVX2 and nothing newer.

The runtime's kernels are chosen from what CPUID says, and no setting overrules that; a virtual machine of AMD can't
mask CPUID for one process either (``arch_prctl(ARCH_SET_CPUID)`` fails). So two comparisons in a copy of the library
are made to fail: AVX-VNNI and AVX512F. The processor stays what it is, with its clock and caches: older ones are slower.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

# mov eax, 7; mov ecx, 1; cpuid; test al, 0x10 (AVX-VNNI)
_VNNI = bytes.fromhex("b807000000b9010000000fa2a810")
# test r10d, 0x10000 (AVX512F), soon after it
_AVX512 = bytes.fromhex("41f7c200000100")
_NEAR_BYTES = 128


def blind_copy(folder: Path) -> Path | None:
    """Put the copy into a folder and return what to put on PYTHONPATH; None for builds that look different."""
    found = find_spec("onnxruntime")
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent
    libraries = list((package / "capi").glob("onnxruntime_pybind11_state*.so"))
    if len(libraries) != 1:
        return None
    code = bytearray(libraries[0].read_bytes())
    places = [at for at in _all(code, _VNNI) if code.find(_AVX512, at, at + _NEAR_BYTES) > 0]
    if len(places) != 1:
        return None
    code[places[0] + len(_VNNI) - 1] = 0
    avx512 = code.find(_AVX512, places[0], places[0] + _NEAR_BYTES)
    code[avx512 + 5] = 0
    copy = folder / "onnxruntime"
    shutil.copytree(package, copy)
    (copy / "capi" / libraries[0].name).write_bytes(code)
    return folder


def _all(code: bytearray, wanted: bytes) -> list[int]:
    places, at = [], code.find(wanted)
    while at >= 0:
        places.append(at)
        at = code.find(wanted, at + 1)
    return places
