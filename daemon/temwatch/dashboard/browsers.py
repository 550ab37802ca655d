"""The browsers that look on, each with a short queue of its own: whoever does not keep up is sent away and comes back."""

import asyncio
from collections.abc import Iterator

from temwatch.dashboard.cards import Json

QUEUE = 64  # events; a browser further behind than this is better served by a fresh start


class Browser:
    """One connection's queue. `behind` once it could not take an event."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Json] = asyncio.Queue(QUEUE)
        self.behind = False

    def tell(self, event: Json) -> None:
        """Queue an event. From the first one lost none is taken: a hole is worse than an end."""
        if self.behind:
            return
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.behind = True

    async def next(self) -> Json | None:
        """Return the next event; None when the connection is to be ended."""
        if self.behind and self._queue.empty():
            return None
        return await self._queue.get()


class Browsers:
    """All of them."""

    def __init__(self) -> None:
        self._present: set[Browser] = set()

    def tell(self, event: Json) -> None:
        """Tell everybody."""
        for browser in self:
            browser.tell(event)

    def come(self) -> Browser:
        """Return the queue of a new one."""
        browser = Browser()
        self._present.add(browser)
        return browser

    def go(self, browser: Browser) -> None:
        """Forget one."""
        self._present.discard(browser)

    def __iter__(self) -> Iterator[Browser]:
        return iter(tuple(self._present))

    def __len__(self) -> int:
        return len(self._present)
