"""Which role a command needs. What nobody listed needs the highest."""

from collections.abc import Mapping

from temwatch.model.caller import Role

# What only reads is for everyone who has a key.
_BY_NAME: Mapping[str, Role] = {
    "hello": "viewer",
    "replay": "viewer",
    "snapshot": "viewer",
    "status": "viewer",
    "frame.get": "viewer",
    "label.history": "viewer",
    "label.list": "viewer",
    "model.list": "viewer",
    "model.show": "viewer",
    "model.compare": "viewer",
    "model.diff": "viewer",
}
_BY_GROUP: Mapping[str, Role] = {"label": "labeller", "review": "labeller"}


def role_needed(cmd: str) -> Role:
    """Return the lowest role that may send a command, by its name, then by what stands before its dot."""
    return _BY_NAME.get(cmd) or _BY_GROUP.get(cmd.partition(".")[0], "admin")
