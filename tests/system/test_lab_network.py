"""A daemon that other computers reach: only with keys, and never without the proof that strangers stay out."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from system.site import Site, cli
from temwatch.client import CommandForbidden, Commands, KeyNotAccepted
from temwatch.publish import keys
from temwatch.wire import keyfile

MakeSite = Callable[..., Site]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def open_to_the_network(site: Site, security: str) -> None:
    """Let a site listen everywhere instead of on its own ipc sockets; any free port will do."""
    text = site.config.read_text()
    for address in (site.events, site.commands):
        text = text.replace(address, "tcp://0.0.0.0:*")
    site.config.write_text(text + security)


def test_without_keys_a_daemon_others_could_reach_does_not_start(make_site: MakeSite) -> None:
    site = make_site()
    open_to_the_network(site, "")
    site.start(wait=False)
    assert site.process is not None
    assert site.process.wait(timeout=60) == 78
    said = site.log.read_text()
    assert "config.toml:9: publish.events:" in said
    assert "temwatch keys create" in said


@pytest.fixture
def lab(make_site: MakeSite) -> Site:
    """A running site with one key of each role, each named after it."""
    site = make_site()
    open_to_the_network(site, '[security]\nkeys = "keys"\n')
    for role in ("viewer", "admin"):
        assert cli(site, "keys", "create", role, "--role", role).returncode == 0
    site.start(wait=False)
    site.until(lambda: '"listening"' in site.log.read_text())
    (line,) = [line for line in site.log.read_text().splitlines() if '"listening"' in line]
    for name in ("events", "commands"):
        address = line.split(f'"{name}": "')[1].split('"')[0]
        setattr(site, name, address.replace("0.0.0.0", "127.0.0.1"))
    site.key = site.folder / "keys" / "admin.key"
    site.until(lambda: site.status()["state"] == "ready")
    return site


def asked(site: Site, *args: str) -> "subprocess.CompletedProcess[str]":
    return cli(site, *args, "--events", site.events, "--commands", site.commands)


def test_keys_decide_over_a_running_daemon_and_no_secret_is_ever_logged(lab: Site) -> None:
    folder = lab.folder / "keys"
    viewer = folder / "viewer.key"
    secrets = [keyfile.read(path).secret.reveal().decode() for path in folder.glob("*.key")]
    log = lab.log.read_text()
    assert log.index("a random key was refused") < log.index('"event": "ready"')

    outcomes = {
        "no key": asked(lab, "status"),
        "viewer": asked(lab, "status", "--key", str(viewer)),
        "viewer's order": asked(lab, "replay", str(lab.folder / "titan"), "--key", str(viewer)),
    }
    assert {who: done.returncode for who, done in outcomes.items()} == {
        "no key": 77,
        "viewer": 0,
        "viewer's order": 77,
    }
    with Commands(lab.commands, keys=viewer) as watching:
        watching.ask("status")
        assert cli(lab, "keys", "revoke", "viewer").returncode == 0
        with pytest.raises(CommandForbidden, match="taken back"):
            watching.ask("status")
    assert not viewer.exists()
    keys.create(folder, "late", "viewer", at=NOW)
    with Commands(lab.commands, keys=folder / "late.key") as late:
        assert late.ask("status").result["state"] == "ready"
    eve = keyfile.new("eve", server=keys.server_key(folder).public)
    with Commands(lab.commands, keys=eve) as stranger, pytest.raises(KeyNotAccepted):
        stranger.ask("status")

    with Commands(lab.commands, keys=lab.key) as admin:
        admin.ask("root.pause", root="titan")
    exported = asked(lab, "export", "audit", "--key", str(lab.key), "--format", "csv")
    header, row = exported.stdout.splitlines()
    assert header.startswith("id,at,name,known,role,key,cmd,args,outcome")
    assert ",admin,key,admin," in row
    assert ",root.pause," in row
    assert lab.stop() == 0
    said = lab.log.read_text() + "".join(done.stdout + done.stderr for done in outcomes.values())
    assert not any(secret in said for secret in secrets)
