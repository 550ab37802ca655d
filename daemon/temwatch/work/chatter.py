"""What a worker writes to standard error, cut down to what a log can take."""


class Chatter:
    """Bytes in, at most so many lines of at most so many bytes out.

    Parameters
    ----------
    max_line_bytes : int
        The rest of a longer line is dropped.
    burst : int
        Lines let through at once (a traceback must fit).
    lines_per_s : float
        Lines let through in the long run.
    """

    def __init__(self, *, max_line_bytes: int = 1000, burst: int = 60, lines_per_s: float = 1.0) -> None:
        self._max_line_bytes = max_line_bytes
        self._burst = burst
        self._lines_per_s = lines_per_s
        self._partial = b""
        self._allowance = float(burst)
        self._last_s: float | None = None
        self._dropped = 0

    @property
    def flooding(self) -> bool:
        """Whether lines are being dropped now."""
        return self._dropped > 0

    def feed(self, data: bytes, *, now_s: float) -> list[str]:
        """Return the lines that `data` completes and that may pass at monotonic time `now_s`."""
        self._refill(now_s)
        *whole, rest = (self._partial + data).split(b"\n")
        self._partial = rest[: self._max_line_bytes + 1]  # one more, to know that it was cut
        return [shown for line in whole if line.strip() for shown in self._let_through(line)]

    def rest(self) -> list[str]:
        """Return what is left at the end: an unfinished line, and how many were dropped."""
        last = [self._shown(self._partial)] if self._partial.strip() else []
        self._partial = b""
        return self._confession() + last

    def _refill(self, now_s: float) -> None:
        passed_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        self._allowance = min(self._allowance + passed_s * self._lines_per_s, float(self._burst))

    def _let_through(self, line: bytes) -> list[str]:
        if self._allowance < 1.0:
            self._dropped += 1
            return []
        self._allowance -= 1.0
        return [*self._confession(), self._shown(line)]

    def _confession(self) -> list[str]:
        dropped, self._dropped = self._dropped, 0
        return [f"({dropped} lines left out)"] if dropped else []

    def _shown(self, line: bytes) -> str:
        cut = line[: self._max_line_bytes]
        return cut.decode("utf-8", "backslashreplace").rstrip() + (" …" if len(line) > len(cut) else "")
