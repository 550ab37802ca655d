"""The systemd files say what systemd understands, and give the daemon no more than it needs."""

import shutil
import subprocess
from pathlib import Path

import pytest

_SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
_UNITS = sorted(_SYSTEMD.glob("*.service"))
_EXPOSURE_LIMIT = 25  # tenths, as systemd-analyze takes it: 2.5 of 10


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _installed_copy(unit: Path, folder: Path) -> Path:
    """Return a copy of the unit whose program exists, as it will where temwatch is installed."""
    program = folder / "bin" / "temwatch"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = folder / unit.name
    copy.write_text(unit.read_text().replace("/opt/temwatch/bin/temwatch", str(program)))
    return copy


def test_there_are_units() -> None:
    assert "temwatch.service" in [unit.name for unit in _UNITS]


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    said = _run("systemd-analyze", "verify", "--man=no", str(_installed_copy(unit, tmp_path)))
    assert (said.returncode, said.stderr) == (0, "")


def test_a_misspelt_line_would_be_noticed(tmp_path: Path) -> None:
    copy = _installed_copy(_SYSTEMD / "temwatch.service", tmp_path)
    copy.write_text(copy.read_text().replace("WatchdogSec=", "WatchDogSeconds="))
    said = _run("systemd-analyze", "verify", "--man=no", str(copy))
    assert "WatchDogSeconds" in said.stderr


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_exposed_little(unit: Path) -> None:
    said = _run("systemd-analyze", "security", "--offline=true", f"--threshold={_EXPOSURE_LIMIT}", str(unit))
    assert said.returncode == 0, said.stdout[-200:]


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "WatchdogSec=60",
        "Restart=on-failure",
        "RestartPreventExitStatus=78",
        "OOMPolicy=continue",
        "User=temwatch",
        "StateDirectory=temwatch",
        "ExecStart=/opt/temwatch/bin/temwatch -c /etc/temwatch/config.toml run",
    ],
)
def test_the_daemons_unit_keeps_its_promises(line: str) -> None:
    assert line in (_SYSTEMD / "temwatch.service").read_text().splitlines()


def test_a_share_that_is_away_does_not_stop_the_unit() -> None:
    lines = (_SYSTEMD / "temwatch.service").read_text().splitlines()
    assert not [line for line in lines if line.startswith(("RequiresMountsFor", "BindsTo", "Requires="))]


def test_the_user_is_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    said = _run("systemd-sysusers", f"--root={tmp_path}", str(_SYSTEMD / "temwatch.sysusers.conf"))
    assert said.returncode == 0, said.stderr
    (entry,) = [
        e for e in (tmp_path / "etc" / "passwd").read_text().splitlines() if e.startswith("temwatch:")
    ]
    assert entry.endswith(":/var/lib/temwatch:/usr/sbin/nologin")


def test_nobody_else_may_look_at_the_keys(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    _run("systemd-sysusers", f"--root={tmp_path}", str(_SYSTEMD / "temwatch.sysusers.conf"))
    said = _run(
        "systemd-tmpfiles", "--create", f"--root={tmp_path}", str(_SYSTEMD / "temwatch.tmpfiles.conf")
    )
    if "Operation not permitted" in said.stderr:
        pytest.skip("only root can give folders to another user")
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "etc/temwatch/keys").stat().st_mode & 0o777 == 0o700
