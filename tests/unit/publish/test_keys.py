"""The keys folder: what is granted, what is taken back, and what is refused as it lies there."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from temwatch.errors import KeyRefused
from temwatch.publish import keys
from temwatch.publish.keyring import Keyring
from temwatch.wire import keyfile

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys.create(tmp_path / "keys", "anna", "labeller", at=AT)
    return tmp_path / "keys"


def public_of(path: Path) -> str:
    return keyfile.read(path).public


def test_the_first_key_brings_the_folder_and_the_servers_key_with_it(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["anna.key", "roles.json", "server.key"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_key_knows_the_server_it_is_for(folder: Path) -> None:
    assert keyfile.read(folder / "anna.key").server == keys.server_key(folder).public


def test_the_list_says_who_may_what_and_holds_no_secret(folder: Path) -> None:
    (grant,) = keys.grants(folder)
    assert (grant.name, grant.role, grant.revoked_at) == ("anna", "labeller", None)
    assert (
        keyfile.read(folder / "anna.key").secret.reveal().decode() not in (folder / "roles.json").read_text()
    )


def test_the_servers_key_stays_when_more_are_made(folder: Path) -> None:
    before = keys.server_key(folder).public
    keys.create(folder, "bert", "viewer", at=AT)
    assert keys.server_key(folder).public == before


def test_a_name_with_a_valid_key_is_taken(folder: Path) -> None:
    with pytest.raises(KeyRefused, match="anna has a key already"):
        keys.create(folder, "anna", "admin", at=AT)
    assert [grant.role for grant in keys.grants(folder)] == ["labeller"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "ä", "x" * 33, "a\n", "server"])
def test_a_name_that_is_none_leaves_nothing_behind(folder: Path, name: str) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(KeyRefused):
        keys.create(folder, name, "viewer", at=AT)
    assert sorted(folder.iterdir()) == before
    assert len(keys.grants(folder)) == 1


def test_a_key_taken_back_stays_listed_and_its_name_is_free_again(folder: Path) -> None:
    old = public_of(folder / "anna.key")
    assert keys.revoke(folder, "anna", at=AT).public == old
    keys.create(folder, "anna", "viewer", at=AT)
    assert [(grant.public == old, grant.revoked_at is None) for grant in keys.grants(folder)] == [
        (True, False),
        (False, True),
    ]


def test_nobody_can_be_revoked_twice_or_without_a_key(folder: Path) -> None:
    keys.revoke(folder, "anna", at=AT)
    for name in ("anna", "nobody"):
        with pytest.raises(KeyRefused, match="no valid key"):
            keys.revoke(folder, name, at=AT)


def test_two_who_make_keys_at_once_lose_none(folder: Path) -> None:
    def make(k: int) -> None:
        for j in range(5):
            keys.create(folder, f"user-{k}-{j}", "viewer", at=AT)

    threads = [threading.Thread(target=make, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys.grants(folder)) == 21


def test_a_folder_without_keys_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    assert keys.grants(tmp_path / "keys") == ()
    with pytest.raises(KeyRefused, match="temwatch keys create"):
        keys.server_key(tmp_path / "keys")
    with pytest.raises(KeyRefused, match="temwatch keys create"):
        keys.server_key(tmp_path / "absent")


def test_a_folder_others_can_write_into_is_refused(folder: Path) -> None:
    folder.chmod(0o770)
    for asked in (keys.server_key, keys.grants):
        with pytest.raises(KeyRefused, match="chmod 700"):
            asked(folder)


def test_a_list_others_can_write_is_refused(folder: Path) -> None:
    (folder / "roles.json").chmod(0o620)
    with pytest.raises(KeyRefused, match="0620"):
        keys.grants(folder)


def entry(**other: object) -> dict[str, object]:
    sound = {"name": "eve", "role": "admin", "public": keyfile.new("eve").public, "created_at": "2026"}
    return {**sound, **other}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"v": 2, "keys": []}',
        json.dumps({"keys": [entry(role="root")]}),
        json.dumps({"keys": [entry(public="short")]}),
        json.dumps({"keys": [entry(may="everything")]}),
        json.dumps({"keys": [entry(), entry()]}),
        json.dumps({"keys": [entry(public=keyfile.new("x").public), entry(public=keyfile.new("x").public)]}),
    ],
)
def test_a_damaged_list_lets_nobody_in_and_is_taken_up_again_when_mended(folder: Path, text: str) -> None:
    ring, anna = Keyring(folder), public_of(folder / "anna.key")
    sound = (folder / "roles.json").read_text()
    assert ring.is_valid(anna)
    (folder / "roles.json").write_text(text)
    assert not ring.is_valid(anna)
    assert "roles.json" in ring.fault
    (folder / "roles.json").write_text(sound)
    assert ring.is_valid(anna)
    assert ring.fault == ""


def test_a_key_taken_back_is_worthless_at_the_next_look(folder: Path) -> None:
    ring, anna = Keyring(folder), public_of(folder / "anna.key")
    assert ring.is_valid(anna)
    keys.revoke(folder, "anna", at=AT)
    assert not ring.is_valid(anna)
    grant = ring.grant_of(anna)
    assert grant is not None
    assert grant.revoked_at is not None


def test_a_new_key_is_known_at_the_next_look(folder: Path) -> None:
    ring = Keyring(folder)
    ring.look()
    keys.create(folder, "bert", "viewer", at=AT)
    assert ring.is_valid(public_of(folder / "bert.key"))


def test_a_list_that_is_gone_lets_nobody_in(folder: Path) -> None:
    ring, anna = Keyring(folder), public_of(folder / "anna.key")
    assert ring.is_valid(anna)
    (folder / "roles.json").unlink()
    assert not ring.is_valid(anna)


def test_mending_the_mode_of_the_folder_is_noticed(folder: Path) -> None:
    ring, anna = Keyring(folder), public_of(folder / "anna.key")
    folder.chmod(0o777)
    assert not ring.is_valid(anna)
    folder.chmod(0o700)
    assert ring.is_valid(anna)
