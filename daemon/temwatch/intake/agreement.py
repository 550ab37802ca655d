"""How much of what scans find events had told of: the only honest sign that inotify still works."""

from collections import OrderedDict, deque

_GRACE_S = 2.0  # an event may come later than a scan's find
_REMEMBERED = 20_000
_WINDOW = 200
_ENOUGH = 20
SHARE = 0.9  # below this, events are lost often enough that polling serves better


class Agreement:
    """Counts, over the last 200 files, how many had an event."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, None] = OrderedDict()
        self._open: deque[tuple[float, str]] = deque()
        self._outcomes: deque[bool] = deque(maxlen=_WINDOW)

    def told(self, relpath: str) -> None:
        """Note an event about a path."""
        self._told[relpath] = None
        self._told.move_to_end(relpath)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    def found(self, relpath: str, now_s: float) -> None:
        """Note a file that is new or changed; whether an event told of it is judged 2 s later."""
        if len(self._open) < _REMEMBERED:
            self._open.append((now_s, relpath))

    def disagreement(self, now_s: float) -> str:
        """Return what is wrong with the events; empty while enough of them come, or too little happened."""
        while self._open and self._open[0][0] + _GRACE_S <= now_s:
            self._outcomes.append(self._open.popleft()[1] in self._told)
        agreed = sum(self._outcomes)
        if len(self._outcomes) < _ENOUGH or agreed >= SHARE * len(self._outcomes):
            return ""
        return f"file events told of {agreed} of the last {len(self._outcomes)} files only"
