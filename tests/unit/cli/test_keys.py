"""`temwatch keys`, and what other commands say of keys."""

from pathlib import Path

import pytest

from temwatch.cli import main
from temwatch.cli.doctor import examine
from temwatch.config import Settings, load
from temwatch.wire import keyfile

CONFIG = """\
[state]
dir = "state"
[[roots]]
name = "titan"
path = "incoming"
[publish]
events = "ipc:///nowhere/events"
commands = "ipc:///nowhere/commands"
[security]
keys = "keys"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path / "config.toml"


def temwatch(config: Path, *args: str) -> int:
    return main.run(["-c", str(config), *args])


def test_a_key_is_made_listed_and_taken_back(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert temwatch(config, "keys", "create", "anna", "--role", "labeller") == 0
    made = capsys.readouterr().out.strip()
    assert made == str(config.parent / "keys" / "anna.key")
    print_of_it = keyfile.fingerprint(keyfile.read(Path(made)).public)
    assert temwatch(config, "keys", "list") == 0
    listed = capsys.readouterr().out
    assert "anna" in listed
    assert print_of_it in listed
    assert temwatch(config, "keys", "revoke", "anna") == 0
    assert print_of_it in capsys.readouterr().out
    assert temwatch(config, "keys", "revoke", "anna") == main.BAD_CONFIG


def test_the_owners_file_goes_where_it_was_asked_for(config: Path, tmp_path: Path) -> None:
    assert (
        temwatch(config, "keys", "create", "anna", "--role", "viewer", "--out", str(tmp_path / "a.key")) == 0
    )
    assert keyfile.read(tmp_path / "a.key").name == "anna"
    assert not (tmp_path / "keys" / "anna.key").exists()


def test_no_command_prints_a_secret(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    temwatch(config, "keys", "create", "anna", "--role", "admin")
    anna = config.parent / "keys" / "anna.key"
    secrets = [keyfile.read(path).secret.reveal().decode() for path in (anna, anna.with_name("server.key"))]
    for args in (
        ("keys", "list"),
        ("check-config",),
        ("doctor", "--key", str(anna)),
        ("keys", "revoke", "anna"),
    ):
        temwatch(config, "-v", *args)
    said = capfd.readouterr()
    assert "anna" in said.out
    assert not any(secret in said.out + said.err for secret in secrets)


def test_without_a_folder_in_the_configuration_there_are_no_keys_to_make(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(CONFIG.replace('[security]\nkeys = "keys"\n', ""))
    assert temwatch(config, "keys", "list") == main.BAD_CONFIG
    assert "[security] keys" in capsys.readouterr().err


def test_a_daemon_without_a_usable_key_does_not_start(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert temwatch(config, "run") == main.BAD_CONFIG
    assert "temwatch keys create" in capsys.readouterr().err
    temwatch(config, "keys", "create", "anna", "--role", "admin")
    (config.parent / "keys" / "server.key").chmod(0o640)
    assert temwatch(config, "run") == main.BAD_CONFIG
    assert "chmod 600" in capsys.readouterr().err


def problems(settings: Settings, key: Path | None = None) -> list[str]:
    return [f"{c.what}: {c.seen}" for c in examine(settings, key=key) if c.mark == "problem"]


def test_doctor_finds_every_key_that_others_can_read(config: Path) -> None:
    for name in ("anna", "bert"):
        temwatch(config, "keys", "create", name, "--role", "viewer")
    assert problems(load(config)) == []
    folder = config.parent / "keys"
    (folder / "anna.key").chmod(0o644)
    (folder / "bert.key").chmod(0o640)
    found = problems(load(config))
    assert len(found) == 2
    assert "anna.key" in found[0]
    assert "bert.key" in found[1]


def test_doctor_looks_at_the_folder_the_servers_key_and_your_own(config: Path, tmp_path: Path) -> None:
    assert problems(load(config)) != []
    temwatch(config, "keys", "create", "anna", "--role", "viewer", "--out", str(tmp_path / "anna.key"))
    (tmp_path / "anna.key").chmod(0o604)
    assert problems(load(config)) == []
    assert [found.split(":")[0] for found in problems(load(config), tmp_path / "anna.key")] == [
        "your key",
        "daemon",
    ]
    (config.parent / "keys").chmod(0o777)
    assert any("chmod" in c.seen for c in examine(load(config)) if c.what == "keys")


def test_a_key_may_be_named_before_or_after_the_command_or_in_the_configuration(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = str(tmp_path / "missing.key")
    for args in (("--key", missing, "status"), ("status", "--key", missing)):
        assert temwatch(config, *args) == main.BAD_CONFIG
        assert "missing.key" in capsys.readouterr().err
    monkeypatch.setenv("TEMWATCH_KEY", missing)
    assert temwatch(config, "status") == main.BAD_CONFIG
    monkeypatch.delenv("TEMWATCH_KEY")
    config.write_text(CONFIG + 'key = "missing.key"\n')
    assert temwatch(config, "status") == main.BAD_CONFIG
