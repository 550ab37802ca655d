"""What a subscriber must do with the next message: deliver, drop, or ask for what it missed. Pure.

Within a topic class nothing is lost, doubled or out of order. Between classes order holds except around a gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from temwatch.wire.messages import Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """It is the next one."""

    position: "Position"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """It was delivered before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Something is missing on a topic class: ask for what came after `since`."""

    topic_class: str
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEpoch:
    """The daemon's history is another one (restored or new state): begin again."""

    epoch: str


Step = Deliver | Drop | Missed | OtherEpoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a subscriber is: the last seq delivered on each topic class it follows."""

    epoch: str
    last: Mapping[str, int] = field(default_factory=dict)

    def at(self, topic_class: str) -> int:
        """Return the last seq delivered on a topic class, 0 for none."""
        return self.last.get(topic_class, 0)

    def moved(self, topic_class: str, seq: int) -> "Position":
        """Return the position after delivering `seq`."""
        return replace(self, last={**self.last, topic_class: seq})


def on_message(position: Position, topic_class: str, header: Header) -> Step:
    """Return what to do with a stored message."""
    if header.epoch != position.epoch:
        return OtherEpoch(epoch=header.epoch)
    last = position.at(topic_class)
    if header.seq <= last:
        return Drop()
    if header.prev > last:
        return Missed(topic_class=topic_class, since=last)
    return Deliver(position=position.moved(topic_class, header.seq))


def on_heartbeat(position: Position, epoch: str, heads: Mapping[str, int]) -> Step | None:
    """Return what a heartbeat reveals: a gap at the end of a quiet topic, another epoch, or nothing."""
    if epoch != position.epoch:
        return OtherEpoch(epoch=epoch)
    for topic_class in position.last:
        if heads.get(topic_class, 0) > position.at(topic_class):
            return Missed(topic_class=topic_class, since=position.at(topic_class))
    return None
