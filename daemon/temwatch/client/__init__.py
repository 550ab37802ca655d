"""What others import: follow the stream (`subscribe`) and ask the daemon (`Commands`), over the wire alone."""

from temwatch.client.command import Answer, CommandDelayed, CommandForbidden, CommandRefused, Commands
from temwatch.client.handshake import KeyNotAccepted
from temwatch.client.subscription import Received, Subscription, subscribe

__all__ = [
    "Answer",
    "CommandDelayed",
    "CommandForbidden",
    "CommandRefused",
    "Commands",
    "KeyNotAccepted",
    "Received",
    "Subscription",
    "subscribe",
]
