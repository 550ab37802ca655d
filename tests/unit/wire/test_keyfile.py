"""A key file is made for its owner alone, and refused where others can read it."""

import os
from pathlib import Path

import pytest
import zmq.auth

from temwatch.errors import KeyRefused
from temwatch.wire import keyfile
from temwatch.wire.keyfile import KeyFile


@pytest.fixture
def key() -> KeyFile:
    return keyfile.new("anna", server=keyfile.new("server").public)


@pytest.fixture
def path(tmp_path: Path, key: KeyFile) -> Path:
    keyfile.write(tmp_path / "anna.key", key, remark="a key")
    return tmp_path / "anna.key"


def test_what_was_written_is_read_again(path: Path, key: KeyFile) -> None:
    assert keyfile.read(path) == key


def test_other_zeromq_programs_read_it_too(path: Path, key: KeyFile) -> None:
    assert zmq.auth.load_certificate(path) == (key.public.encode(), key.secret.reveal())


def test_only_its_owner_can_read_it_whatever_the_umask(tmp_path: Path, key: KeyFile) -> None:
    before = os.umask(0)
    try:
        keyfile.write(tmp_path / "open.key", key, remark="")
    finally:
        os.umask(before)
    assert (tmp_path / "open.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o602])
def test_a_file_that_others_can_use_is_refused_with_what_to_do(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(KeyRefused, match=rf"{path}.*{mode:04o}.*chmod 600"):
        keyfile.read(path)


def test_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link.key").symlink_to(path)
    with pytest.raises(KeyRefused, match=r"link\.key"):
        keyfile.read(tmp_path / "link.key")


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.key", 0o600)
    with pytest.raises(KeyRefused, match="regular"):
        keyfile.read(tmp_path / "fifo.key")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match=r"absent\.key.*No such file"):
        keyfile.read(tmp_path / "absent.key")


def test_a_pair_that_does_not_belong_together_is_refused(path: Path, key: KeyFile) -> None:
    path.write_text(path.read_text().replace(key.public, keyfile.new("other").public))
    with pytest.raises(KeyRefused, match="damaged"):
        keyfile.read(path)


@pytest.mark.parametrize(
    "text", ["", "curve\n", "public-key = \nsecret-key = \n", 'secret-key = "' + "~" * 40 + '"']
)
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.key").write_text(text)
    (tmp_path / "x.key").chmod(0o600)
    with pytest.raises(KeyRefused, match="not a key file"):
        keyfile.read(tmp_path / "x.key")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.key").write_bytes(b"\xff\x00" * 50)
    (tmp_path / "x.key").chmod(0o600)
    with pytest.raises(KeyRefused, match="not a key file"):
        keyfile.read(tmp_path / "x.key")


def test_nothing_that_is_there_is_overwritten(path: Path, key: KeyFile) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyRefused, match="already"):
        keyfile.write(path, keyfile.new("other"), remark="")
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["anna.key"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, key: KeyFile) -> None:
    with pytest.raises(KeyRefused, match="can't be written"):
        keyfile.write(tmp_path / "absent" / "anna.key", key, remark="")


def test_the_secret_shows_in_no_text_that_is_made_of_a_key(key: KeyFile) -> None:
    secret = key.secret.reveal().decode()
    shown = f"{key} {key!r} {key.secret} {[key.secret]!r}" + "%s" % (key,)  # noqa: UP031  as old log lines do
    assert secret not in shown
    assert key.public in shown


def test_a_fingerprint_tells_keys_apart_and_is_no_key() -> None:
    publics = [keyfile.new("x").public for _ in range(20)]
    prints = {keyfile.fingerprint(public) for public in publics}
    assert len(prints) == 20
    assert all(len(print_) == 16 and int(print_, 16) >= 0 for print_ in prints)
