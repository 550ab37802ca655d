"""Which folder is believed to be the root."""

from dataclasses import replace

import pytest

from temwatch.intake.guard import Identity, distrust, from_json, to_json

SHARE = Identity(kind="cifs", source="//titan/raw", device=50, inode=1)
DISK = Identity(kind="ext4", source="/dev/sda1", device=8, inode=2)
MEMORY = Identity(kind="tmpfs", source="tmpfs", device=60, inode=1)


def is_trusted(
    recorded: Identity | None,
    now: Identity,
    *,
    known: int = 5,
    empty: bool = False,
    network: bool = False,
    recognised: bool = False,
) -> bool:
    said = distrust(
        recorded, now, known_files=known, is_empty=empty, is_network=network, recognised=lambda: recognised
    )
    return not said


def test_an_unmounted_share_is_not_the_root() -> None:
    assert not is_trusted(SHARE, DISK)
    assert not is_trusted(SHARE, DISK, empty=True)


def test_a_share_mounted_again_is_the_root_though_its_device_number_is_new() -> None:
    assert is_trusted(SHARE, replace(SHARE, device=51), network=True)


def test_a_share_that_lists_nothing_is_not_believed_to_be_emptied() -> None:
    assert not is_trusted(SHARE, SHARE, empty=True, network=True)


def test_a_local_folder_may_be_emptied() -> None:
    assert is_trusted(DISK, DISK, empty=True)


def test_an_empty_folder_in_place_of_the_local_root_is_not_believed() -> None:
    assert not is_trusted(DISK, replace(DISK, inode=99), empty=True)


def test_a_local_root_made_anew_is_taken_as_soon_as_it_holds_something() -> None:
    assert is_trusted(DISK, replace(DISK, inode=99))


def test_one_memory_file_system_is_not_another() -> None:
    assert not is_trusted(MEMORY, replace(MEMORY, device=61))


def test_a_disk_that_changed_its_name_is_known_by_its_files() -> None:
    assert is_trusted(DISK, replace(DISK, source="/dev/sdb1", device=9), recognised=True)


@pytest.mark.parametrize("recorded", [None, SHARE])
def test_a_root_of_which_no_file_is_known_may_be_anything(recorded: Identity | None) -> None:
    assert is_trusted(recorded, DISK, known=0, empty=True)


def test_an_identity_survives_being_written_down() -> None:
    assert from_json(to_json(SHARE)) == SHARE


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"kind": "x"}', '{"surplus": 1}'])
def test_a_damaged_record_means_nothing_is_known(text: str | None) -> None:
    assert from_json(text) is None
