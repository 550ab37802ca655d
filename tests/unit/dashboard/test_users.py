"""The list of who may sign in: digests only, for its owner's eyes only, struck names are out."""

import json
from pathlib import Path

import pytest

from temwatch.dashboard.users import Users
from temwatch.errors import ConfigError

PASSWORD = "correct horse battery"


def test_only_the_right_password_opens(tmp_path: Path) -> None:
    users = Users(tmp_path / "users.json")
    users.add("anna", "labeller", PASSWORD)
    assert users.knows("anna", PASSWORD)
    assert not users.knows("anna", PASSWORD + "!")
    assert not users.knows("ben", PASSWORD)
    assert users.role("anna") == "labeller"
    assert users.role("ben") is None


def test_the_file_holds_no_password_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    Users(path).add("anna", "labeller", PASSWORD)
    assert PASSWORD not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_two_with_the_same_password_have_different_digests(tmp_path: Path) -> None:
    users = Users(tmp_path / "users.json")
    users.add("anna", "viewer", PASSWORD)
    users.add("ben", "viewer", PASSWORD)
    known = json.loads((tmp_path / "users.json").read_text())
    assert known["anna"]["digest"] != known["ben"]["digest"]


def test_a_name_struck_from_the_file_is_out_at_once(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    users = Users(path)
    users.add("anna", "viewer", PASSWORD)
    assert users.role("anna") == "viewer"
    path.write_text("{}")
    assert users.role("anna") is None


def test_a_list_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    users = Users(path)
    users.add("anna", "viewer", PASSWORD)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="can be read by others"):
        users.role("anna")


def test_a_missing_list_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--add-user"):
        Users(tmp_path / "users.json").role("anna")


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 10"):
        Users(tmp_path / "users.json").add("anna", "viewer", "short")


def test_the_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = Users(tmp_path / "users.json").secret()
    assert len(first) == 32
    assert Users(tmp_path / "users.json").secret() == first
    assert (tmp_path / "users.secret").stat().st_mode & 0o077 == 0
