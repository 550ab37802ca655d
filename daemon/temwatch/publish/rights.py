"""Which role a command needs, and whether it changes anything. What nobody listed needs the highest, and does."""

from collections.abc import Mapping

from temwatch.model.caller import Role

# What only reads.
_READS: Mapping[str, Role] = {
    "hello": "viewer",
    "replay": "viewer",
    "snapshot": "viewer",
    "status": "viewer",
    "frame.get": "viewer",
    "frame.pixels": "viewer",
    "frame.contours": "viewer",
    "label.history": "viewer",
    "label.list": "viewer",
    "label.page": "viewer",
    "model.list": "viewer",
    "model.show": "viewer",
    "model.compare": "viewer",
    "model.diff": "viewer",
    "retrain.status": "viewer",
    "review.next": "labeller",
    "review.agreement": "viewer",
    "review.accuracy": "viewer",
    "audit.recent": "admin",
}
_BY_GROUP: Mapping[str, Role] = {"label": "labeller", "review": "labeller"}
# These write what they did into the audit themselves, in the transaction that does it.
_OWN_BOOKS = frozenset({"label"})


def role_needed(cmd: str) -> Role:
    """Return the lowest role that may send a command, by its name, then by what stands before its dot."""
    return _READS.get(cmd) or _BY_GROUP.get(_group(cmd), "admin")


def only_reads(cmd: str) -> bool:
    """Whether a command leaves everything as it is, so that nobody need know later who sent it."""
    return cmd in _READS


def keeps_own_books(cmd: str) -> bool:
    """Whether a command's handler writes the audit itself."""
    return _group(cmd) in _OWN_BOOKS


def _group(cmd: str) -> str:
    return cmd.partition(".")[0] if "." in cmd else ""
