"""From a proven key to a caller: the name and role are the keyring's at this moment, never the message's."""

from temwatch.model.caller import Caller
from temwatch.publish.keyring import Keyring
from temwatch.publish.replies import Identify, Refusal
from temwatch.wire import messages
from temwatch.wire.keyfile import fingerprint
from temwatch.wire.messages import Command


def by_key(keyring: Keyring) -> Identify:
    """Return what tells who sent a command by the key of its connection."""

    def caller(command: Command, key: str) -> Caller:
        grant = keyring.grant_of(key)
        if grant is None and keyring.fault:
            raise Refusal("keys_unreadable", "the daemon can't read who may do what", retryable=True)
        if grant is None:
            raise Refusal("unauthorised", "the daemon does not know this key")
        if grant.revoked_at is not None:
            raise Refusal("revoked", f"the key of {grant.name} was taken back on {grant.revoked_at}")
        return Caller(
            name=grant.name,
            role=grant.role,
            known="key",
            key=fingerprint(key),
            cmd=command.cmd,
            cmd_id=command.cmd_id,
            request_sha256=messages.request_sha256(command),
        )

    return caller
