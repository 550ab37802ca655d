"""A worker is given no more than it needs."""

from temwatch import limits


def test_secrets_of_the_service_are_not_passed_on() -> None:
    given = {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "WATCHDOG_USEC": "60000000",
        "CREDENTIALS_DIRECTORY": "/run/credentials/temwatch",
        "SOME_TOKEN": "secret",
    }
    passed = limits.environment(given)
    assert {"PATH", "LC_ALL"} <= passed.keys()
    assert not passed.keys() & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY", "SOME_TOKEN"}


def test_every_library_is_told_to_use_one_thread_whatever_the_site_says() -> None:
    passed = limits.environment({"OMP_NUM_THREADS": "32"})
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    assert [passed[name] for name in names] == ["1", "1", "1"]


def test_no_hdf5_plugin_can_be_loaded() -> None:
    assert limits.environment({"HDF5_PLUGIN_PATH": "/tmp/evil"})["HDF5_PLUGIN_PATH"] == "::"


def test_the_memory_of_a_process_that_is_gone_is_nothing() -> None:
    assert limits.rss_bytes(2**22 + 1) == 0
