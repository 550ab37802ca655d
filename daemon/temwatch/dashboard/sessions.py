"""Signed sessions, tokens against forged orders, and patience with who guesses passwords. Pure; time is passed in."""

import base64
import binascii
import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass

SESSION_S = 12 * 3600
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody signed in, until when (s since 1970)."""

    name: str
    until_s: float


class Seal:
    """Signs sessions and tokens with a secret (HMAC-SHA256, RFC 2104).

    Parameters
    ----------
    secret : bytes
        At least 32.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def session(self, session: Session) -> str:
        """Return a session as the text of a cookie."""
        said = base64.urlsafe_b64encode(json.dumps([session.name, session.until_s]).encode()).decode()
        return f"{said}.{self._sign('session', said)}"

    def opened(self, cookie: str, now_s: float) -> Session | None:
        """Return the session of a cookie; None where it is forged, damaged or over."""
        said, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("session", said).encode()):
            return None
        try:
            name, until_s = json.loads(base64.urlsafe_b64decode(said))
        except (ValueError, binascii.Error):
            return None
        return Session(name=str(name), until_s=float(until_s)) if now_s < until_s else None

    def token(self, cookie: str) -> str:
        """Return the token that a write under this cookie must show (an empty cookie: nobody is signed in)."""
        return self._sign("token", cookie)

    def token_fits(self, token: str, cookie: str) -> bool:
        """Whether a token belongs to a cookie."""
        return hmac.compare_digest(token.encode(), self.token(cookie).encode())

    def _sign(self, what: str, said: str) -> str:
        return hmac.new(self._secret, f"{what}:{said}".encode(), hashlib.sha256).hexdigest()


class Patience:
    """Counts failed attempts to sign in, over all and for each name, and says when there were too many.

    Parameters
    ----------
    per_name, in_all : int
        How many may fail within `window_s`.
    window_s : float
    """

    def __init__(self, *, per_name: int = 5, in_all: int = 50, window_s: float = 60.0) -> None:
        self._per_name = per_name
        self._in_all = in_all
        self._window_s = window_s
        self._failed: deque[tuple[float, str]] = deque(maxlen=_REMEMBERED)

    def failed(self, name: str, now_s: float) -> None:
        """Remember a failure."""
        self._failed.append((now_s, name))

    def forgive(self, name: str) -> None:
        """Forget the failures of somebody who then knew the password."""
        self._failed = deque(
            ((at, failed) for at, failed in self._failed if failed != name), maxlen=_REMEMBERED
        )

    def is_out(self, name: str, now_s: float) -> bool:
        """Whether a further attempt has to wait."""
        while self._failed and self._failed[0][0] < now_s - self._window_s:
            self._failed.popleft()
        of_name = sum(1 for _, failed in self._failed if failed == name)
        return of_name >= self._per_name or len(self._failed) >= self._in_all
