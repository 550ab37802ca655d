"""Who asks, and how that is known: by a key, or only by what they say of themselves."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["viewer", "labeller", "admin"]
Known = Literal["key", "declared"]
ROLES: tuple[Role, ...] = ("viewer", "labeller", "admin")  # each may do what those before it may
NOBODY = "nobody"  # who declares no name


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The sender of one command, as its handler meets them.

    Attributes
    ----------
    name : str
        Of the key's owner, or the declared one.
    role : {'viewer', 'labeller', 'admin'}
    known : {'key', 'declared'}
        Where keys are in use the name comes from the key alone. On loopback and ipc without keys it is what the
        sender declares, and worth no more than that.
    key : str
        The public key's fingerprint; empty where the name is only declared.
    cmd : str
        The command's name.
    cmd_id : str
        Of the command; the same one twice is the same order, sent again.
    request_sha256 : str
        Digest of the command's name and arguments: another content under an old `cmd_id` shows in it.
    """

    name: str
    role: Role
    known: Known
    key: str = ""
    cmd: str = ""
    cmd_id: str = ""
    request_sha256: str = ""

    def may(self, needed: Role) -> bool:
        """Whether the caller's role allows what needs the role `needed`."""
        return ROLES.index(self.role) >= ROLES.index(needed)
