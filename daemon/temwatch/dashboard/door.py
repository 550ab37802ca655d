"""Who may come in: where only this machine reaches the page everybody there, elsewhere whoever signed in, by role."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from temwatch.clock import Clock
from temwatch.dashboard import access
from temwatch.dashboard.sessions import SESSION_S, Patience, Seal, Session
from temwatch.dashboard.users import Users

COOKIE = "temwatch"
Role = Literal["viewer", "labeller", "admin"]
_RANK: Mapping[str, int] = {"viewer": 0, "labeller": 1, "admin": 2}
_LABELLER = ("label.set", "label.undo", "label.bulk", "label.add", "review.next")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks. `name` is empty where nobody signs in."""

    name: str
    role: str
    cookie: str

    def may(self, cmd: str, *, changes: bool) -> bool:
        """Whether the role is enough for a question or an order; the daemon asks the same of keys."""
        needed = "labeller" if cmd in _LABELLER else "admin" if changes else "viewer"
        return _RANK.get(self.role, -1) >= _RANK[needed]


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    Attributes
    ----------
    users : Users or None
        None: nobody signs in, and requests are answered under this machine's own names only.
    secure : bool
        Cookies travel over TLS only.
    """

    clock: Clock
    users: Users | None = None
    secure: bool = False
    seal: Seal = field(default_factory=lambda: Seal(secrets.token_bytes(32)))
    patience: Patience = field(default_factory=Patience)

    def host_fits(self, host: str) -> bool:
        """Whether a request's ``Host`` is one of ours; where people sign in, a stranger's name gets nothing anyway."""
        return self.users is not None or access.host_is_ours(host)

    def visitor(self, cookies: Mapping[str, str]) -> Visitor | None:
        """Return who asks; None for who has to sign in first. A name struck from the list is out at once."""
        if self.users is None:
            return Visitor(name="", role="admin", cookie="")
        cookie = cookies.get(COOKIE, "")
        session = self.seal.opened(cookie, self.now_s())
        role = self.users.role(session.name) if session else None
        return Visitor(name=session.name, role=role, cookie=cookie) if session and role else None

    def session_for(self, name: str) -> str:
        """Return the cookie of somebody who just proved who they are."""
        return self.seal.session(Session(name=name, until_s=self.now_s() + SESSION_S))

    def now_s(self) -> float:
        """Return the seconds since 1970: sessions outlive the process."""
        return self.clock.now().timestamp()
