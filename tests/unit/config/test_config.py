"""A configuration is checked whole, and every fault is named by file, line and key."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.config import key_lines, load
from temwatch.errors import ConfigError

ROOT = '[[roots]]\nname = "titan"\npath = "incoming"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, "utf-8")
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.removeprefix(f"{path}:") for line in caught.value.message.splitlines()]


def test_the_shipped_file_works_as_it_is() -> None:
    settings = load(Path(__file__).parents[3] / "config.toml")
    assert [root.name for root in settings.roots] == ["microscope"]


def test_one_root_is_enough_and_paths_are_taken_from_the_files_folder(tmp_path: Path) -> None:
    settings = load(written(tmp_path, ROOT))
    assert settings.roots[0].path == tmp_path / "incoming"
    assert settings.state.dir == tmp_path / "state"


def test_systemd_says_where_the_state_is(tmp_path: Path) -> None:
    assert load(written(tmp_path, ROOT), state_dir=tmp_path / "var").state.dir == tmp_path / "var"


def test_all_faults_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    text = ROOT + 'quiet_s = -1\n[workers]\ncount = "many"\nspeed = 3\n[publish]\nevents = "udp://x"\n'
    lines = faults(written(tmp_path, text))
    assert [line.split(": ")[0:2] for line in lines] == [
        ["4", "roots.0.quiet_s"],
        ["6", "workers.count"],
        ["7", "workers.speed"],
        ["9", "publish.events"],
    ]


def test_an_unknown_key_is_a_fault(tmp_path: Path) -> None:
    assert faults(written(tmp_path, ROOT + 'colour = "red"\n')) == ["4: roots.0.colour: unknown key"]


def test_a_missing_key_is_reported_at_its_table(tmp_path: Path) -> None:
    assert faults(written(tmp_path, '[[roots]]\nname = "a"\n')) == ["1: roots.0.path: missing"]


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:5560", "tcp://192.168.1.5:5560", "tcp://*:5560"])
def test_an_address_others_can_reach_is_refused(tmp_path: Path, address: str) -> None:
    (line,) = faults(written(tmp_path, f'{ROOT}[publish]\nevents = "{address}"\n'))
    assert "other machines" in line


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:5560", "tcp://localhost:1", "tcp://[::1]:5560", "ipc:///run/t"]
)
def test_loopback_and_ipc_addresses_are_accepted(tmp_path: Path, address: str) -> None:
    assert load(written(tmp_path, f'{ROOT}[publish]\nevents = "{address}"\n')).publish.events == address


def test_a_state_folder_inside_a_watched_folder_is_refused(tmp_path: Path) -> None:
    (line,) = faults(written(tmp_path, ROOT + '[state]\ndir = "incoming/state"\n'))
    assert "never written" in line


def test_two_roots_of_one_name_are_refused(tmp_path: Path) -> None:
    (line,) = faults(written(tmp_path, ROOT + ROOT))
    assert "different names" in line


def test_no_root_at_all_is_refused(tmp_path: Path) -> None:
    assert "roots" in faults(written(tmp_path, "[workers]\ncount = 1\n"))[0]


def test_what_is_no_toml_is_refused_with_the_place(tmp_path: Path) -> None:
    assert "line 1" in faults(written(tmp_path, "roots = = 3"))[0]


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="temwatch init"):
        load(tmp_path / "absent.toml")


def test_sections_without_effect_yet_are_named(tmp_path: Path) -> None:
    assert load(written(tmp_path, ROOT + "[metrics]\nport = 9000\n")).without_effect() == ("metrics",)


KEY = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)


@given(
    tables=st.lists(
        st.tuples(KEY, st.booleans(), st.dictionaries(KEY, st.integers(), max_size=3)),
        max_size=5,
        unique_by=lambda t: t[0],
    )
)
def test_every_key_of_a_file_has_its_line(tables: list[tuple[str, bool, dict[str, int]]]) -> None:
    text = "".join(
        (f"[[{name}]]\n" if array else f"[{name}]\n")
        + "".join(f"{key} = {value}\n" for key, value in keys.items())
        for name, array, keys in tables
    )
    tomllib.loads(text)
    lines = key_lines(text)
    for name, array, keys in tables:
        where = (name, "0") if array else (name,)
        for key, value in keys.items():
            assert text.splitlines()[lines[(*where, key)] - 1] == f"{key} = {value}"


@pytest.mark.parametrize(
    "address", ["tcp://0.0.0.0:5560", "tcp://[::]:5560", "tcp://*:5560", "tcp://em-pc:5560"]
)
def test_with_keys_an_address_others_can_reach_is_accepted(tmp_path: Path, address: str) -> None:
    text = f'{ROOT}[publish]\nevents = "{address}"\n[security]\nkeys = "keys"\n'
    settings = load(written(tmp_path, text))
    assert settings.publish.events == address
    assert settings.security.keys == tmp_path / "keys"


@pytest.mark.parametrize(
    "security", ["", "[security]\n", '[security]\nkey = "anna.key"\n', '[security]\nkeys = ""\n']
)
def test_without_a_keys_folder_it_is_refused_at_its_line(tmp_path: Path, security: str) -> None:
    lines = faults(written(tmp_path, f'{ROOT}[publish]\ncommands = "tcp://0.0.0.0:1"\n{security}'))
    assert lines[0].startswith("5: publish.commands: tcp://0.0.0.0:1 can be reached from other machines")
    assert "temwatch keys create" in lines[0]


@pytest.mark.parametrize("host", ["127.evil.example", "127.0.0.1.example", "localhost.example", "1270.0.0.1"])
def test_a_name_that_looks_like_loopback_is_not(tmp_path: Path, host: str) -> None:
    (line,) = faults(written(tmp_path, f'{ROOT}[publish]\nevents = "tcp://{host}:5560"\n'))
    assert "other machines" in line


def test_a_key_file_is_taken_from_the_configurations_folder(tmp_path: Path) -> None:
    settings = load(written(tmp_path, ROOT + '[security]\nkey = "anna.key"\n'))
    assert settings.security.key == tmp_path / "anna.key"
    assert "security" not in settings.without_effect()


def test_the_page_is_not_served_to_other_machines_in_the_clear(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="passwords would travel in the clear"):
        load(written(tmp_path, ROOT + '[dashboard]\nhost = "0.0.0.0"\nusers = "users.json"\n'))


def test_the_page_is_not_served_to_other_machines_without_sign_in(tmp_path: Path) -> None:
    tls = 'certificate = "page.crt"\ncertificate_key = "page.key"\n'
    for how in (f'host = "0.0.0.0"\n{tls}', "behind_proxy = true\n"):
        with pytest.raises(ConfigError, match="name a file in users"):
            load(written(tmp_path, ROOT + f"[dashboard]\n{how}"))


def test_the_page_is_served_to_other_machines_with_sign_in_and_tls(tmp_path: Path) -> None:
    how = 'host = "0.0.0.0"\nusers = "users.json"\ncertificate = "page.crt"\ncertificate_key = "page.key"\n'
    settings = load(written(tmp_path, ROOT + f"[dashboard]\n{how}"))
    assert settings.dashboard.users == tmp_path / "users.json"
    assert settings.dashboard.certificate == tmp_path / "page.crt"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "microscope.example"])
def test_a_page_that_other_machines_reach_is_refused(tmp_path: Path, host: str) -> None:
    found = faults(written(tmp_path, ROOT + f'[dashboard]\nhost = "{host}"\n'))
    assert len(found) == 1
    assert f"{host} can be reached from other machines" in found[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_page_for_this_machine_alone_is_taken(tmp_path: Path, host: str) -> None:
    assert load(written(tmp_path, ROOT + f'[dashboard]\nhost = "{host}"\n')).dashboard.host == host
