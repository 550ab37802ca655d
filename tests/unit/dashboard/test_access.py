"""Who may talk to the page's server."""

import pytest
from pydantic import ValidationError

from temwatch.config import DashboardSection
from temwatch.dashboard import access


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_addresses_of_this_machine_alone_are_served(host: str) -> None:
    DashboardSection(host=host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "microscope.example"])
def test_addresses_that_others_reach_are_refused_with_a_way_out(host: str) -> None:
    with pytest.raises(ValidationError, match="in the clear") as refused:
        DashboardSection(host=host)
    assert "ssh -L" in str(refused.value)


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("127.0.0.1:8560", True),
        ("localhost", True),
        ("[::1]:8560", True),
        ("evil.example:8560", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        (None, False),
    ],
)
def test_a_strangers_name_for_this_machine_is_not_served(header: str | None, ours: bool) -> None:
    assert access.host_is_ours(header) is ours


@pytest.mark.parametrize(
    ("origin", "ours"),
    [
        ("http://127.0.0.1:8560", True),
        ("http://127.0.0.1:8561", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
        (None, False),
        ("file://127.0.0.1:8560", False),
    ],
)
def test_only_the_servers_own_page_may_connect(origin: str | None, ours: bool) -> None:
    assert access.origin_is_ours(origin, "127.0.0.1:8560") is ours
