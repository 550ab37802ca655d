"""What a command does not need, it does not load: `temwatch listen` must not wait for scikit-learn."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("sklearn", "scipy", "cv2", "skimage", "h5py", "onnxruntime", "apscheduler", "starlette")
_WHICH = """
import importlib, sys
sys.path.insert(0, {source!r})
importlib.import_module({module!r})
print([name for name in {heavy!r} if name in sys.modules])
"""


@pytest.mark.parametrize(
    "module", ["temwatch.cli.main", "temwatch.cli.listen", "temwatch.cli.status", "temwatch.cli.label"]
)
def test_a_light_command_loads_nothing_heavy(module: str) -> None:
    source = str(Path(__file__).resolve().parents[3] / "daemon")
    code = _WHICH.format(source=source, module=module, heavy=HEAVY)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
