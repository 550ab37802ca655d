"""What others import: follow the stream (`subscribe`) and ask the daemon (`Commands`), over the wire alone."""

from temwatch.client.command import Answer, CommandDelayed, CommandRefused, Commands
from temwatch.client.subscription import Received, Subscription, subscribe

__all__ = ["Answer", "CommandDelayed", "CommandRefused", "Commands", "Received", "Subscription", "subscribe"]
