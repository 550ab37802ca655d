"""Each command has a role it needs; what nobody thought of needs the highest."""

import pytest

from temwatch.model.caller import ROLES, Caller, Role
from temwatch.publish.rights import role_needed


@pytest.mark.parametrize(
    ("cmd", "role"),
    [
        ("hello", "viewer"),
        ("frame.get", "viewer"),
        ("frame.pixels", "viewer"),
        ("frame.contours", "viewer"),
        ("label.history", "viewer"),
        ("label.set", "labeller"),
        ("review.next", "labeller"),
        ("frame.reinject", "admin"),
        ("root.pause", "admin"),
        ("drain", "admin"),
        ("model.promote", "admin"),
        ("retrain", "admin"),
    ],
)
def test_a_command_needs_the_role_of_its_kind(cmd: str, role: Role) -> None:
    assert role_needed(cmd) == role


@pytest.mark.parametrize("cmd", ["", "labels", "hello.all", "LABEL.set", "labelset", "statusx", "."])
def test_a_command_nobody_listed_needs_an_admin(cmd: str) -> None:
    assert role_needed(cmd) == "admin"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_roles_before_it_may_and_no_more(role: Role) -> None:
    caller = Caller(name="anna", role=role, known="key")
    assert [caller.may(needed) for needed in ROLES] == [ROLES.index(n) <= ROLES.index(role) for n in ROLES]
