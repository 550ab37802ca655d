"""Sessions can't be forged or outlive their time, tokens belong to one session, and guessing is slow."""

from hypothesis import given
from hypothesis import strategies as st

from temwatch.dashboard.sessions import Patience, Seal, Session

SEAL = Seal(b"a secret of thirty-two bytes, yes")


def test_a_session_is_read_back_until_it_is_over() -> None:
    cookie = SEAL.session(Session(name="anna", until_s=100.0))
    assert SEAL.opened(cookie, 99.0) == Session(name="anna", until_s=100.0)
    assert SEAL.opened(cookie, 100.0) is None


def test_a_session_under_another_secret_is_none() -> None:
    cookie = SEAL.session(Session(name="anna", until_s=100.0))
    assert Seal(b"another secret of thirty-two byte").opened(cookie, 0.0) is None


@given(st.text())
def test_no_text_of_a_stranger_is_a_session(cookie: str) -> None:
    assert SEAL.opened(cookie, 0.0) is None


@given(st.data())
def test_a_session_changed_anywhere_is_none(data: st.DataObject) -> None:
    cookie = SEAL.session(Session(name="anna", until_s=100.0))
    at = data.draw(st.integers(0, len(cookie) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019=._-").filter(lambda one: one != cookie[at]))
    assert SEAL.opened(cookie[:at] + letter + cookie[at + 1 :], 0.0) is None


def test_a_token_belongs_to_one_session() -> None:
    mine, other = (SEAL.session(Session(name=name, until_s=1.0)) for name in ("anna", "ben"))
    assert SEAL.token_fits(SEAL.token(mine), mine)
    assert not SEAL.token_fits(SEAL.token(mine), other)
    assert not SEAL.token_fits("", mine)


def test_a_session_is_no_token() -> None:
    cookie = SEAL.session(Session(name="anna", until_s=1.0))
    said, _, signature = cookie.partition(".")
    assert not SEAL.token_fits(signature, said)


def test_a_name_that_fails_too_often_waits_and_others_do_not() -> None:
    patience = Patience(per_name=3, window_s=60)
    for at_s in range(3):
        patience.failed("anna", at_s)
    assert patience.is_out("anna", 10.0)
    assert not patience.is_out("ben", 10.0)
    assert not patience.is_out("anna", 61.5)


def test_many_names_that_fail_make_everybody_wait() -> None:
    patience = Patience(per_name=3, in_all=10, window_s=60)
    for k in range(10):
        patience.failed(f"guess{k}", 0.0)
    assert patience.is_out("anna", 1.0)


def test_who_knew_the_password_starts_afresh() -> None:
    patience = Patience(per_name=2)
    patience.failed("anna", 0.0)
    patience.failed("anna", 0.0)
    patience.forgive("anna")
    assert not patience.is_out("anna", 0.0)
