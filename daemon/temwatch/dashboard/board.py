"""What the page shows, as the server knows it: the newest frames, the status, and since when the daemon is silent.

Every change is an event with the seq of the message it came from, so a browser that was away asks for what came
after the last one it saw. What the board no longer holds, it says so, and the browser begins anew.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from temwatch.client import Received
from temwatch.dashboard.cards import Json, card_of, card_of_end, end_of

CARDS = 300  # frames the page shows without asking the daemon
ASIDES = 50  # frames set aside that are kept beside them, so that newer ones do not hide them
EVENTS = 2000  # changes a browser may have missed and still be brought up to date by
SILENT_S = 7.0  # three heartbeats
RATE_S = 300.0  # over which a folder's rate is counted
_LEAST_S = 10.0  # less says nothing of a rate
_ENDS = {"frame.set_aside": "set_aside", "frame.gone": "gone"}


class Board:
    """The state behind the page; changed by one feed, read by every browser's connection."""

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.status: Json | None = None
        self._cards: OrderedDict[str, Json] = OrderedDict()
        self._events: deque[Json] = deque(maxlen=EVENTS)
        self._from = 0  # events after this seq are all held
        self._ahead: set[int] = set()  # taken although one before is still missing
        self._heard_s: float | None = None
        self._ended: deque[tuple[float, dict[str, int]]] = deque()  # by folder, at every status of late

    def begin(self, epoch: str, as_of: int, ends: Iterable[Mapping[str, Any]]) -> None:
        """Start from a snapshot as of a seq: inspected frames, newest first, then those set aside, newest first."""
        self.epoch, self.seq, self._from = epoch, as_of, as_of
        self._ahead.clear()
        self._events.clear()
        self._cards.clear()
        for body in reversed(list(ends)):
            self._keep(card_of_end(body))

    def take(self, received: Received, now_s: float) -> Json | None:
        """Return what a message changes for the page, None where it changes nothing.

        Parameters
        ----------
        received : Received
        now_s : float
            Monotonic time.
        """
        self._heard_s = now_s
        header, body = received.header, received.body
        if not header.stored:
            if header.type != "status.changed":
                return None
            self.status = {**body, "per_minute": self._per_minute(body["ledger"], now_s)}
            return {"type": "status", "status": self.status}
        if header.epoch != self.epoch:
            self.begin(header.epoch, 0, [])
        self._advance(header.seq)
        event = _event(received)
        if event is None:
            return None
        if event["type"] == "card":
            self._keep(event["card"])
        if len(self._events) == EVENTS:
            self._from = max(self._from, self._events[0]["seq"])
        event["whole"] = self.seq
        self._events.append(event)
        return event

    def _advance(self, seq: int) -> None:
        """Move `seq` on to the last message before which none is missing.

        Between topic classes the order is not certain: while a report is being fetched again, a label after it may
        come. A browser that only remembered the label's seq would never get the report.
        """
        self._ahead.add(seq)
        while self.seq + 1 in self._ahead:
            self.seq += 1
            self._ahead.remove(self.seq)

    def _per_minute(self, ledger: Mapping[str, Mapping[str, int]], now_s: float) -> dict[str, float | None]:
        """Return how many frames of each folder came to an end a minute; None where it is too early to say."""
        ended = {root: one["done"] + one["set_aside"] + one["gone"] for root, one in ledger.items()}
        self._ended.append((now_s, ended))
        while now_s - self._ended[0][0] > RATE_S:
            self._ended.popleft()
        since_s, before = self._ended[0]
        took_s = now_s - since_s
        # A frame put back is ended no more: what comes out negative is no rate.
        return {
            root: max(0.0, 60.0 * (count - before.get(root, 0)) / took_s) if took_s >= _LEAST_S else None
            for root, count in ended.items()
        }

    def silent(self, now_s: float) -> bool:
        """Whether the daemon was not heard of for three heartbeats."""
        return self._heard_s is None or now_s - self._heard_s > SILENT_S

    def since(self, epoch: str, seq: int) -> list[Json] | None:
        """Return the events after `seq`, None where some of them are not held any more."""
        if epoch != self.epoch or seq < self._from:
            return None
        return [event for event in self._events if event["seq"] > seq]

    def cards(self) -> list[Json]:
        """Return the newest frames, oldest first."""
        return list(self._cards.values())

    def _keep(self, card: Json) -> None:
        self._cards.pop(card["frame_id"], None)
        self._cards[card["frame_id"]] = card
        aside = card["kind"] == "set_aside"
        alike = [key for key, one in self._cards.items() if (one["kind"] == "set_aside") is aside]
        if len(alike) > (ASIDES if aside else CARDS):
            del self._cards[alike[0]]


def _event(received: Received) -> Json | None:
    header, body = received.header, received.body
    about = {"seq": header.seq, "at": header.at}
    if header.type == "frame.inspected":
        return {"type": "card", **about, "card": card_of(body, seq=header.seq, at=header.at)}
    if header.type in _ENDS:
        card = end_of(body, kind=_ENDS[header.type], seq=header.seq, at=header.at)
        return {"type": "card", **about, "card": card}
    if header.type.startswith("label."):
        return {"type": "label", **about, "label": body}
    if header.type.startswith("model.") or header.type.startswith("retrain"):
        return {"type": "model", **about, "what": header.type}
    return None
